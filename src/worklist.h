/*
 * worklist.h
 *		The work list of a run: who does which schema next.
 */
#ifndef ASHMIG_WORKLIST_H
#define ASHMIG_WORKLIST_H

#include "postgres.h"

#include "shared.h"

typedef enum Pick
{
	PICK_ITEM,
	PICK_WAIT,					/* nothing now, perhaps later */
	PICK_NONE					/* nothing any more */
} Pick;

/*
 * Take the next schema for a worker.  With PICK_WAIT *wait is the time, in
 * milliseconds, after which it is worth asking again; waiting on run->changed
 * tells earlier.
 */
extern Pick worklist_pick(SharedRun *run, SharedItem *items, SharedWorker *worker,
						  int *item, long *wait);

/*
 * The worker is through with its schema; wakes those who wait.  "left" is for
 * ITEM_OUTSIDE; with "stop" no further schema is begun.
 */
extern void worklist_finish(SharedRun *run, SharedItem *items, SharedWorker *worker,
							ItemState state, int left, bool stop);

/* The worker will try it again (or another will) after a pause. */
extern void worklist_retry(SharedRun *run, SharedItem *items, SharedWorker *worker);

/* A worker leaves; true where it was the last and nothing is left to be done. */
extern bool worklist_leave(SharedRun *run, SharedItem *items);

/* Is there anything left to be done? */
extern bool worklist_is_open(SharedRun *run, SharedItem *items);

#endif							/* ASHMIG_WORKLIST_H */
