/*
 * rollout.h
 *		What keeps a run from beginning schemas: canaries that are not through,
 *		failures, and the time.
 */
#ifndef ASHMIG_ROLLOUT_H
#define ASHMIG_ROLLOUT_H

#include "postgres.h"

#include "migrate/options.h"
#include "migrate/results.h"
#include "run/public_first.h"
#include "run/shared.h"

/*
 * Does a schema that failed, the "failed"th of the run, end it?  To be asked
 * under the spinlock of the run, so it does nothing but compare.
 */
extern StopReason rollout_after_failure(const RunOptions *options, bool canary, int failed);

/* Is the time over in which schemas are begun? */
extern bool rollout_time_is_over(const RunOptions *options);

/*
 * What the state of the canaries means for the tenants after them: TENANTS_WAIT,
 * TENANTS_RUN, TENANTS_FOLLOW (a canary is left to OUTSIDE_WORKER), or
 * TENANTS_PENDING (another run is at work in one).  One that failed is a reason
 * to stop, as rollout_after_failure says.
 */
extern TenantsTurn rollout_turn(const SharedRun *run, const SharedItem *items);

/* May items of the work list still get a turn? */
extern bool rollout_allows(const SharedRun *run, const SharedItem *items);

#endif							/* ASHMIG_ROLLOUT_H */
