/*
 * stages.h
 *		The order between public and tenant migrations.
 *
 * History is one sequence over both scopes.  Most of it can run in two phases,
 * public first and then every tenant in a transaction of its own, as new things
 * in public disturb nobody.  A public migration that takes something away which
 * older tenant migrations refer to (see withdrawal.h) has to wait until every
 * tenant has those: there the run is cut into stages.  Rolling back mirrors it.
 */
#ifndef ASHMIG_STAGES_H
#define ASHMIG_STAGES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/options.h"

/* Runs what the options ask for: public, then tenants.  Returns List of RunResult *. */
typedef List *(*StageRunner) (const RunOptions *options);

/*
 * Migrate up as the options ask, in as many stages as it needs; nearly always
 * that is one.  Raises, before the public schema is changed, where a stage has
 * to wait for tenants that the run does not touch.  Where some of those that it
 * migrates first fail, or go on in the background, the rest stays pending and a
 * NOTICE says so.  Returns List of RunResult *, one for each schema.
 */
extern List *stages_run(const RunOptions *options, StageRunner run);

/*
 * Raise where public migrations are to be rolled back that newer tenant
 * migrations rest on.
 */
extern void stages_check_rollback(const RunOptions *options);

#endif							/* ASHMIG_STAGES_H */
