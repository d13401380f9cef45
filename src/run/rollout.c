/*
 * rollout.c
 *		What keeps a run from beginning schemas: see rollout.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "run/rollout.h"

/*
 * Does a schema that failed end the run?
 */
StopReason
rollout_after_failure(const RunOptions *options, bool canary, int failed)
{
	if (options->on_error == ON_ERROR_STOP)
		return STOP_ON_ERROR;
	if (canary)
		return STOP_CANARY;
	if (options->max_failures > 0 && failed >= options->max_failures)
		return STOP_MAX_FAILURES;
	return STOP_NONE;
}

/*
 * Is the time over?
 */
bool
rollout_time_is_over(const RunOptions *options)
{
	return options->run_until != DT_NOEND && GetCurrentTimestamp() >= options->run_until;
}

/*
 * What the state of the canaries means for the tenants after them.  They are
 * few, so they are looked at one by one.
 */
TenantsTurn
rollout_turn(const SharedRun *run, const SharedItem *items)
{
	TenantsTurn turn = TENANTS_RUN;

	for (int i = 0; i < run->canaries; i++)
	{
		if (items[i].scope == SCOPE_PUBLIC)
			continue;			/* see public_first.h */
		switch (items[i].state)
		{
			case ITEM_TODO:
			case ITEM_RUNNING:
			case ITEM_RETRY:
				return TENANTS_WAIT;
			case ITEM_DONE:
				break;
			case ITEM_OUTSIDE:
				turn = Max(turn, TENANTS_FOLLOW);
				break;
			case ITEM_ELSEWHERE:
				turn = Max(turn, TENANTS_PENDING);
				break;
			case ITEM_FAILED:
				return TENANTS_SKIPPED;
		}
	}
	return turn;
}

/*
 * May items still get a turn?
 */
bool
rollout_allows(const SharedRun *run, const SharedItem *items)
{
	return rollout_turn(run, items) < TENANTS_FOLLOW;
}
