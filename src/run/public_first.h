/*
 * public_first.h
 *		The rule that tenants wait for public.
 *
 * Tenants' migrations refer to tables of the public schema, so it comes first
 * where a run has something to do there; how it ends decides what becomes of
 * the tenants.  This is the one place that says so, for workers as for a run
 * in the caller's session.
 */
#ifndef ASHMIG_PUBLIC_FIRST_H
#define ASHMIG_PUBLIC_FIRST_H

#include "postgres.h"

#include "run/shared.h"

typedef enum TenantsTurn
{
	TENANTS_WAIT,				/* public is not finished */
	TENANTS_RUN,				/* it is, or takes no part */
	TENANTS_TRY,				/* likewise, but for a rest outside a
								 * transaction: a tenant that fails may lack
								 * just that, so it is left for later rather
								 * than failed */

	/* From here on: none has a turn in this run */
	TENANTS_FOLLOW,				/* they come after what public leaves for
								 * later */
	TENANTS_PENDING,			/* another run is at work in public */
	TENANTS_SKIPPED				/* public failed */
} TenantsTurn;

/*
 * What the state of the public schema means for the tenants; "blocks_tenants"
 * says of what it leaves (ITEM_OUTSIDE) that tenants come after it.
 */
extern TenantsTurn public_first_turn(ItemState public, bool blocks_tenants);

/* The same, by the first item of a work list that is not empty */
extern TenantsTurn public_first_of_items(const SharedItem *items);

/* May tenants of the work list still get a turn? */
extern bool public_first_allows(const SharedItem *items);

#endif							/* ASHMIG_PUBLIC_FIRST_H */
