/*
 * run.h
 *		Running migrations over schemas: public first, then the tenants.
 */
#ifndef ASHMIG_RUN_H
#define ASHMIG_RUN_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "options.h"
#include "results.h"

/*
 * Run what the options ask for.  Returns List of RunResult *, one for each
 * schema that had something to do; raises as on_error says.
 */
extern List *run_migrations(const RunOptions *options);

#endif							/* ASHMIG_RUN_H */
