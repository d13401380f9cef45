/*
 * runs.h
 *		Running migrations, as migrate, rollback and regen do.
 */
#ifndef ASHMIG_RUNS_H
#define ASHMIG_RUNS_H

#include "session.h"

/*
 * Call a function that runs migrations, with its progress shown; wait for what
 * it leaves to the background, and report.  The status to exit with.
 */
extern int	runs_call(Call *call, bool rows_of_failures);

/*
 * The same, where an error with this SQLSTATE is none: nothing is said of it, what
 * is pending stays so, and the report has RUNS_EXPECTED.
 */
#define RUNS_EXPECTED "expected"
extern int	runs_expect(Call *call, bool rows_of_failures, const char *sqlstate);

/* What a schema's status in the rows of a run says about the whole */
extern int	runs_exit_status(const char *status);

#endif							/* ASHMIG_RUNS_H */
