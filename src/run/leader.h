/*
 * leader.h
 *		The leader of a run: starts the workers, waits for them, and brings
 *		together what they did.
 */
#ifndef ASHMIG_LEADER_H
#define ASHMIG_LEADER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/options.h"

/*
 * Run the targets (List of Target *) in background workers.  Returns List of
 * RunResult *, in the order of the targets, with failures among them.  Raises
 * where workers are not available or the call is canceled; what is committed
 * then stays.
 */
extern List *leader_run(const RunOptions *options, List *targets);

/*
 * Run one SQL statement with parameters in a worker, as the calling role and
 * with its settings, and commit it.  Messages are relayed, errors raised here.
 * Returns the first column of its first row as text, or NULL.
 */
extern char *leader_execute(const char *sql, int nargs, Oid *types, Datum *values, bool *nulls);

#endif							/* ASHMIG_LEADER_H */
