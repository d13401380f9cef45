/*
 * throttle.h
 *		When a run has to pause for the sake of others: standbys that are too
 *		far behind, or too many sessions at work.
 *
 * A run pauses between schemas, while it holds no lock that others wait for.
 */
#ifndef ASHMIG_THROTTLE_H
#define ASHMIG_THROTTLE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* How often it is worth looking, in ms */
#define THROTTLE_INTERVAL 250

typedef struct Throttle Throttle;

/*
 * For one run, in the current memory context.  NULL where neither
 * ashmig.max_replica_lag nor ashmig.max_load is set: then nothing pauses it.
 */
extern Throttle *throttle_create(void);

/*
 * Look, unless the last look was just now.  True where something has changed:
 * then *reason says why the run has to pause now, until the next look, or is
 * NULL where it may go on.
 */
extern bool throttle_look(Throttle *throttle, const char **reason);

/* Tells others of a pause and its reason; NULL: of its end */
typedef void (*ThrottleTell) (int64 run, const char *reason);

/*
 * Wait until the run may go on, or the time is over in which it may begin
 * schemas.  For a run that works in this process; interruptible.
 */
extern void throttle_wait(Throttle *throttle, TimestampTz run_until, ThrottleTell tell, int64 run);

#endif							/* ASHMIG_THROTTLE_H */
