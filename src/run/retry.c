/*
 * retry.c
 *		Trying a schema again after a lock was not available: see retry.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"

#include "base/compat.h"
#include "run/retry.h"

/* Pauses before a schema is tried again: the first, and the longest, in ms */
#define FIRST_PAUSE		100
#define LONGEST_PAUSE	5000

/* Doublings after which the longest is reached for certain */
#define MOST_DOUBLINGS	10

/*
 * Is this an error that may be gone when the schema is tried again?
 */
bool
retry_may_help(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

/*
 * How long to wait after so many tries.
 */
long
retry_pause(int tries)
{
	long		pause = FIRST_PAUSE * (1L << Min(tries - 1, MOST_DOUBLINGS));

	return Min(pause, LONGEST_PAUSE) * (0.5 + random_fraction());
}

/*
 * Wait that long.
 */
void
retry_sleep(int tries)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 retry_pause(tries), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}
