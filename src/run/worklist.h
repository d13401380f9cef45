/*
 * worklist.h
 *		The work list of a run: who does which schema next.
 */
#ifndef ASHMIG_WORKLIST_H
#define ASHMIG_WORKLIST_H

#include "postgres.h"

#include "migrate/options.h"
#include "migrate/results.h"
#include "run/shared.h"

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

/* Where a result leaves its schema */
extern ItemState worklist_state(const RunResult *result);

/*
 * The worker has finished its schema; wakes those who wait.  "result"
 * says what ITEM_OUTSIDE leaves.  After a failure, the options may say that no
 * further schema is begun.
 */
extern void worklist_finish(SharedRun *run, SharedItem *items, SharedWorker *worker,
							ItemState state, const RunResult *result,
							const RunOptions *options);

/* The worker will try it again (or another will) after a pause. */
extern void worklist_retry(SharedRun *run, SharedItem *items, SharedWorker *worker);

/* A worker begins. */
extern void worklist_join(SharedRun *run, SharedWorker *worker);

/* A worker leaves; true where it was the last and nothing is left to be done. */
extern bool worklist_leave(SharedRun *run, SharedItem *items, SharedWorker *worker);

/*
 * A worker is gone that has not left: it does not count any more, and another
 * may write the row of ashmig.runs.  Its schema is for the caller to finish.
 */
extern void worklist_abandon(SharedRun *run, SharedWorker *worker);

/*
 * Leave the tenants to OUTSIDE_WORKER too, where public, or a canary, has to
 * finish what it does.  To be called when the workers are done; "remaining" is how
 * many migrations each may get.
 */
extern void worklist_leave_tenants(SharedRun *run, SharedItem *items, int remaining);

/*
 * Begin a pause, in which no schema is begun, or change its reason; NULL ends
 * it.  Wakes those who wait.
 */
extern void worklist_pause(SharedRun *run, const char *reason);

/*
 * Is it for this worker to write down what has become of the pause?  Then
 * "reason" gets it, empty where it has ended, and worklist_pause_written has to
 * follow with the number returned.  0: it is not.
 */
extern int	worklist_write_pause(SharedRun *run, SharedWorker *worker,
								 char reason[SHARED_PAUSE_SIZE]);
extern void worklist_pause_written(SharedRun *run, SharedWorker *worker, int change);

/* Is there anything left to be done? */
extern bool worklist_is_open(SharedRun *run, SharedItem *items);

#endif							/* ASHMIG_WORKLIST_H */
