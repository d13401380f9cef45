/*
 * batch.h
 *		Statements that change many rows, batch by batch.
 *
 * An UPDATE of a large table in one transaction holds the locks of all its
 * rows until the end, keeps vacuum from cleaning up behind it, and begins anew
 * if it is interrupted.  So a statement that is marked (syntax/directive.h)
 * commits after each batch, together with the note how far it has come; the
 * size of a batch follows from the time that the last one took
 * (ashmig.batch_time), and a pause follows each (ashmig.batch_pause).  Whoever
has set RunOptions.pause is asked before each batch.
 *
 * The table is gone through by blocks.  A row that others update meanwhile may
 * move to a block that has been passed, so there is another pass as long as
 * much is found, and in the end the statement runs once as it is written: that
 * finds every row that it is for.
 */
#ifndef ASHMIG_BATCH_H
#define ASHMIG_BATCH_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"
#include "migrate/execute.h"
#include "migrate/options.h"

/*
 * Run a statement, which has its placeholders filled in, from where an earlier
 * run has stopped.  To be called outside a transaction.  "done" notes in the
 * end that it is complete.
 */
extern void batch_run(const RunOptions *options, const Migration *migration, const char *sql,
					  const char *default_schema, const ExecutePlace *place);

/* Run it to its end in the current transaction, in an environment that is entered. */
extern void batch_run_inside(const ExecuteEnvironment *environment, const char *sql,
							 const ExecutePlace *place);

#endif							/* ASHMIG_BATCH_H */
