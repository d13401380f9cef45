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

#endif							/* ASHMIG_RUNS_H */
