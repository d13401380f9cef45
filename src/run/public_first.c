/*
 * public_first.c
 *		The rule that tenants wait for public: see public_first.h.
 */
#include "postgres.h"

#include "run/public_first.h"

/*
 * What the state of the public schema means for the tenants.
 *
 * While another run builds indexes in public, tenants would wait for these in
 * vain.  What our own run leaves there they need not wait for, as long as it is
 * indexes and values of enums; anything else may change what they refer to.
 */
TenantsTurn
public_first_turn(ItemState public, bool blocks_tenants)
{
	switch (public)
	{
		case ITEM_TODO:
		case ITEM_RUNNING:
		case ITEM_RETRY:
			return TENANTS_WAIT;
		case ITEM_DONE:
			return TENANTS_RUN;
		case ITEM_OUTSIDE:
			return blocks_tenants ? TENANTS_FOLLOW : TENANTS_TRY;
		case ITEM_ELSEWHERE:
			return TENANTS_PENDING;
		case ITEM_FAILED:
			return TENANTS_SKIPPED;
	}
	return TENANTS_WAIT;		/* keep compiler quiet */
}

/*
 * The same, by the first item of a work list.
 */
TenantsTurn
public_first_of_items(const SharedItem *items)
{
	if (items[0].scope == SCOPE_TENANT)
		return TENANTS_RUN;
	return public_first_turn(items[0].state, items[0].blocks_tenants);
}

/*
 * May tenants still get a turn?
 */
bool
public_first_allows(const SharedItem *items)
{
	return public_first_of_items(items) < TENANTS_FOLLOW;
}
