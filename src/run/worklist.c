/*
 * worklist.c
 *		The work list of a run: see worklist.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "run/public_first.h"
#include "run/retry.h"
#include "run/rollout.h"
#include "run/worklist.h"

/* How long a worker sleeps at most before it looks again, in ms */
#define LONGEST_WAIT 1000

/*
 * Is the item there to be taken at this time?  If only later, *wait is brought
 * down to that.
 */
static bool
is_due(const SharedItem *item, TimestampTz now, long *wait)
{
	long		left;

	if (item->state == ITEM_TODO)
		return true;
	if (item->state != ITEM_RETRY)
		return false;
	left = (item->not_before - now) / 1000 + 1;
	if (item->not_before <= now)
		return true;
	*wait = *wait < 0 ? left : Min(*wait, left);
	return false;
}

/*
 * The position of an item, of the first "end", that seems to be there to be
 * taken, or -1; *wait says when one may be, or is -1 where there is none at all.
 * New ones come before those that failed once, as what blocks these may need
 * time to go away.
 *
 * Without the lock, as the list may be long: what is found must be looked at
 * again under it.
 */
static int
find_due(SharedRun *run, SharedItem *items, int end, TimestampTz now, long *wait)
{
	int			next = run->next;

	while (next < end && items[next].state != ITEM_TODO)
		next++;
	run->next = next;			/* may go back a little; that does no harm */
	if (next < end)
		return next;
	for (int i = 0; i < end; i++)
	{
		if (is_due(&items[i], now, wait))
			return i;
	}
	return -1;
}

/*
 * The same, now that the canaries are where they are.
 */
static int
find_tenant(SharedRun *run, SharedItem *items, TimestampTz now, long *wait)
{
	TenantsTurn turn = rollout_turn(run, items);
	int			found;

	if (turn == TENANTS_RUN)
		return find_due(run, items, run->nitems, now, wait);
	found = find_due(run, items, run->canaries, now, wait);
	if (found < 0 && *wait < 0 && turn == TENANTS_WAIT)
		*wait = LONGEST_WAIT;	/* somebody is at work in one */
	return found;
}

/*
 * The same, now that the public schema is where it is.
 */
static int
find_item(SharedRun *run, SharedItem *items, TimestampTz now, long *wait)
{
	*wait = -1;
	switch (public_first_of_items(items))
	{
		case TENANTS_WAIT:
			if (is_due(&items[0], now, wait))
				return 0;
			if (*wait < 0)
				*wait = LONGEST_WAIT;	/* somebody is doing it */
			return -1;
		case TENANTS_RUN:
		case TENANTS_TRY:
			return find_tenant(run, items, now, wait);
		case TENANTS_FOLLOW:
		case TENANTS_PENDING:
		case TENANTS_SKIPPED:
			return -1;
	}
	return -1;
}

/*
 * Take the next schema.
 */
Pick
worklist_pick(SharedRun *run, SharedItem *items, SharedWorker *worker,
			  int *item, long *wait)
{
	TimestampTz now = GetCurrentTimestamp();

	if (run->nitems == 0)
		return PICK_NONE;
	for (;;)
	{
		int			found = find_item(run, items, now, wait);
		bool		due;
		bool		over;
		bool		paused;
		bool		taken = false;

		SpinLockAcquire(&run->mutex);
		paused = run->pause[0] != '\0';
		due = found >= 0 && is_due(&items[found], now, wait);
		if (due && run->stop == STOP_NONE && now >= run->run_until)
			run->stop = STOP_RUN_UNTIL;
		over = run->stop != STOP_NONE || run->cancel;
		if (due && !over && !paused)
		{
			items[found].state = ITEM_RUNNING;
			items[found].attempts++;
			worker->item = found;
			taken = true;
		}
		SpinLockRelease(&run->mutex);

		*item = found;
		if (taken)
			return PICK_ITEM;
		if (over || (found < 0 && *wait < 0))
			return PICK_NONE;
		*wait = *wait < 0 ? LONGEST_WAIT : Min(*wait, LONGEST_WAIT);
		if (found < 0 || paused)
			return PICK_WAIT;
		/* somebody was quicker */
	}
}

/*
 * Where a result leaves its schema.
 */
ItemState
worklist_state(const RunResult *result)
{
	switch (result->status)
	{
		case RUN_FAILED:
			return ITEM_FAILED;
		case RUN_BACKGROUND:
		case RUN_PENDING:
			return result->remaining > 0 ? ITEM_OUTSIDE : ITEM_ELSEWHERE;
		default:
			return ITEM_DONE;
	}
}

/*
 * The worker has finished its schema.
 */
void
worklist_finish(SharedRun *run, SharedItem *items, SharedWorker *worker, ItemState state,
				const RunResult *result, const RunOptions *options)
{
	bool		canary = worker->item < run->canaries && items[worker->item].scope == SCOPE_TENANT;

	SpinLockAcquire(&run->mutex);
	items[worker->item].remaining = result->remaining;
	items[worker->item].blocks_tenants = result->blocks_tenants;
	items[worker->item].state = state;
	worker->item = -1;
	run->finished++;
	if (state == ITEM_OUTSIDE)
		run->outside++;
	if (state == ITEM_FAILED)
	{
		run->failed++;
		if (run->stop == STOP_NONE)
			run->stop = rollout_after_failure(options, canary, run->failed);
	}
	SpinLockRelease(&run->mutex);
	ConditionVariableBroadcast(&run->changed);
}

/*
 * Try it again after a pause.
 */
void
worklist_retry(SharedRun *run, SharedItem *items, SharedWorker *worker)
{
	SharedItem *item = &items[worker->item];
	TimestampTz not_before = GetCurrentTimestamp() + retry_pause(item->attempts) * INT64CONST(1000);

	SpinLockAcquire(&run->mutex);
	item->not_before = not_before;
	item->state = ITEM_RETRY;
	worker->item = -1;
	SpinLockRelease(&run->mutex);
	ConditionVariableBroadcast(&run->changed);
}

/* Is there anything left to be done?  Under the lock. */
static bool
is_open(const SharedRun *run, const SharedItem *items)
{
	return run->stop == STOP_NONE && !run->cancel && run->finished < run->nitems &&
		public_first_allows(items) && rollout_allows(run, items);
}

/*
 * A worker begins.
 */
void
worklist_join(SharedRun *run, SharedWorker *worker)
{
	SpinLockAcquire(&run->mutex);
	run->active++;
	worker->stage = WORKER_JOINED;
	SpinLockRelease(&run->mutex);
}

/*
 * A worker is gone that has not left.
 */
void
worklist_abandon(SharedRun *run, SharedWorker *worker)
{
	SpinLockAcquire(&run->mutex);
	if (worker->stage == WORKER_JOINED)
		run->active--;
	if (worker->writes_row && run->row == ROW_BEING_WRITTEN)
		run->row = ROW_NONE;
	if (worker->writes_pause)
		run->pause_being_written = false;
	SpinLockRelease(&run->mutex);
	ConditionVariableBroadcast(&run->changed);
}

/*
 * A worker leaves.
 */
bool
worklist_leave(SharedRun *run, SharedItem *items, SharedWorker *worker)
{
	bool		last;

	SpinLockAcquire(&run->mutex);
	run->active--;
	worker->stage = WORKER_LEFT;
	last = run->active == 0 && !is_open(run, items);
	SpinLockRelease(&run->mutex);
	return last;
}

/*
 * Leave the tenants to OUTSIDE_WORKER, behind public or the canaries.
 */
void
worklist_leave_tenants(SharedRun *run, SharedItem *items, int remaining)
{
	if (run->stop != STOP_NONE ||
		(public_first_of_items(items) != TENANTS_FOLLOW && rollout_turn(run, items) != TENANTS_FOLLOW))
		return;
	for (int i = 0; i < run->nitems; i++)
	{
		if (items[i].state != ITEM_TODO)
			continue;
		items[i].remaining = remaining;
		items[i].state = ITEM_OUTSIDE;
		run->outside++;
	}
}

/* ----------
 * Pauses
 * ----------
 */

/*
 * Begin a pause, or change its reason, or end it.
 */
void
worklist_pause(SharedRun *run, const char *reason)
{
	SpinLockAcquire(&run->mutex);
	strlcpy(run->pause, reason ? reason : "", SHARED_PAUSE_SIZE);
	run->pause_changes++;
	SpinLockRelease(&run->mutex);
	ConditionVariableBroadcast(&run->changed);
}

/*
 * Is it for this worker to write down the pause?  One writes at a time, so that
 * what is written last is what is true.
 */
int
worklist_write_pause(SharedRun *run, SharedWorker *worker, char reason[SHARED_PAUSE_SIZE])
{
	int			change = 0;

	if (run->pause_written == run->pause_changes)
		return 0;				/* the usual case, without the lock */
	SpinLockAcquire(&run->mutex);
	if (run->pause_written != run->pause_changes && !run->pause_being_written)
	{
		change = run->pause_changes;
		memcpy(reason, run->pause, SHARED_PAUSE_SIZE);
		run->pause_being_written = true;
		worker->writes_pause = true;
	}
	SpinLockRelease(&run->mutex);
	return change;
}

void
worklist_pause_written(SharedRun *run, SharedWorker *worker, int change)
{
	SpinLockAcquire(&run->mutex);
	run->pause_written = change;
	run->pause_being_written = false;
	worker->writes_pause = false;
	SpinLockRelease(&run->mutex);
}

/*
 * Is there anything left to be done?
 */
bool
worklist_is_open(SharedRun *run, SharedItem *items)
{
	bool		open;

	SpinLockAcquire(&run->mutex);
	open = is_open(run, items);
	SpinLockRelease(&run->mutex);
	return open;
}
