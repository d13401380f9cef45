/*
 * worklist.c
 *		The work list of a run: see worklist.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "compat.h"
#include "worklist.h"

/* Pauses before a schema is tried again: the first, and the longest, in ms */
#define FIRST_PAUSE 100
#define LONGEST_PAUSE 5000

/*
 * What may be picked now that the public schema is where it is: tenant
 * migrations refer to its tables, so it comes first.
 */
static Pick
public_first(SharedItem *items, bool *try_it)
{
	*try_it = false;
	if (items[0].tenant)
		return PICK_ITEM;
	switch (items[0].state)
	{
		case ITEM_TODO:
		case ITEM_RETRY:
			*try_it = true;
			return PICK_WAIT;
		case ITEM_RUNNING:
			return PICK_WAIT;
		case ITEM_DONE:
		case ITEM_OUTSIDE:
			return PICK_ITEM;
		case ITEM_FAILED:
			return PICK_NONE;
	}
	return PICK_NONE;
}

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
 * The position of an item that can be taken, or -1.  New ones come before
 * those that failed once, as what blocks these may need time to go away.
 */
static int
find_due(SharedRun *run, SharedItem *items, TimestampTz now, long *wait)
{
	while (run->next < run->nitems && items[run->next].state != ITEM_TODO)
		run->next++;
	if (run->next < run->nitems)
		return run->next;
	for (int i = 0; i < run->nitems; i++)
	{
		if (is_due(&items[i], now, wait))
			return i;
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
	int			found = -1;
	bool		try_public;
	Pick		pick;

	*wait = -1;
	SpinLockAcquire(&run->mutex);
	if (run->stop || run->cancel || run->nitems == 0)
		pick = PICK_NONE;
	else
	{
		pick = public_first(items, &try_public);
		if (try_public && is_due(&items[0], now, wait))
			found = 0;
		else if (pick == PICK_ITEM)
		{
			found = find_due(run, items, now, wait);
			pick = *wait >= 0 ? PICK_WAIT : PICK_NONE;
		}
	}
	if (found >= 0)
	{
		items[found].state = ITEM_RUNNING;
		items[found].attempts++;
		worker->item = found;
		*item = found;
		pick = PICK_ITEM;
	}
	SpinLockRelease(&run->mutex);
	if (*wait < 0 || *wait > 1000)
		*wait = 1000;
	return pick;
}

/*
 * The worker is through with its schema.
 */
void
worklist_finish(SharedRun *run, SharedItem *items, SharedWorker *worker, ItemState state)
{
	SpinLockAcquire(&run->mutex);
	items[worker->item].state = state;
	worker->item = -1;
	run->finished++;
	if (state == ITEM_OUTSIDE)
		run->outside++;
	if (state == ITEM_FAILED)
		run->failed++;
	SpinLockRelease(&run->mutex);
	ConditionVariableBroadcast(&run->changed);
}

/*
 * Try it again after a pause: each is twice as long as the last, give or take
 * a half, so that runs that block each other do not go on doing so.
 */
void
worklist_retry(SharedRun *run, SharedItem *items, SharedWorker *worker)
{
	SharedItem *item = &items[worker->item];
	double		pause = FIRST_PAUSE * (1 << Min(item->attempts - 1, 10));
	double		jitter = random_fraction();

	pause = Min(pause, LONGEST_PAUSE) * (0.5 + jitter);
	SpinLockAcquire(&run->mutex);
	item->state = ITEM_RETRY;
	item->not_before = GetCurrentTimestamp() + (int64) (pause * 1000);
	worker->item = -1;
	SpinLockRelease(&run->mutex);
	ConditionVariableBroadcast(&run->changed);
}

/* Is there anything left to be done?  Under the lock. */
static bool
is_open(const SharedRun *run, const SharedItem *items)
{
	return !run->stop && !run->cancel && run->finished < run->nitems &&
		(items[0].tenant || items[0].state != ITEM_FAILED);
}

/*
 * A worker leaves.
 */
bool
worklist_leave(SharedRun *run, SharedItem *items)
{
	bool		last;

	SpinLockAcquire(&run->mutex);
	run->active--;
	last = run->active == 0 && !is_open(run, items);
	SpinLockRelease(&run->mutex);
	return last;
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
