/*
 * run.h
 *		Running migrations over schemas: public first, then the tenants.
 */
#ifndef ASHMIG_RUN_H
#define ASHMIG_RUN_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/options.h"
#include "migrate/results.h"

/*
 * Does a run with these options, called now, commit schema by schema (in
 * workers)?  Otherwise it is part of the current transaction.
 */
extern bool run_outside_transaction(const RunOptions *options);

/*
 * Run what the options ask for.  Returns List of RunResult *, one for each
 * schema that had something to do; raises as on_error says.
 */
extern List *run_migrations(const RunOptions *options);

/*
 * Run the repairs that are recorded for some schemas (of Target *), with
 * options->repair; "outside" is what run_outside_transaction said when the call
 * began.  Raises as run_migrations does.
 */
extern List *run_repairs(const RunOptions *options, List *targets, bool outside);

#endif							/* ASHMIG_RUN_H */
