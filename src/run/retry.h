/*
 * retry.h
 *		Trying a schema again after a lock was not available.
 */
#ifndef ASHMIG_RETRY_H
#define ASHMIG_RETRY_H

#include "postgres.h"

/* Is this an error that may be gone when the schema is tried again? */
extern bool retry_may_help(const ErrorData *error);

/*
 * How long to wait after so many tries, in ms: each pause is twice as long as
 * the last, give or take a half, so that runs that block each other do not go on
 * doing so.
 */
extern long retry_pause(int tries);

/* Wait that long; interruptible. */
extern void retry_sleep(int tries);

#endif							/* ASHMIG_RETRY_H */
