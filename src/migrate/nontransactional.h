/*
 * nontransactional.h
 *		Migrations that do not run in a transaction: concurrent index builds,
 *		new values of enums.
 *
 * Each statement is committed by itself, and ashmig.partial_migrations says
 * how far a schema has come, so that a run that was cut short resumes at the
 * statement that had not run.  What such a statement left behind (an INVALID
 * index) is removed first.
 *
 * A migration that a schema has in part, as a run was cut short while it was
 * being applied or rolled back, can go either way.  To apply it, a rollback that
 * was begun is completed first.  To roll back what was begun to be applied, all
 * of its down statements run, but for indexes that are not there.
 */
#ifndef ASHMIG_NONTRANSACTIONAL_H
#define ASHMIG_NONTRANSACTIONAL_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"
#include "migrate/execute.h"
#include "migrate/options.h"

/*
 * Run a migration in a schema, from where it stopped, and write (or delete)
 * its version row.  To be called outside a transaction, in a process that runs
 * nothing else, with the schema held (schema_lock_hold).
 */
extern void nontransactional_run(const RunOptions *options, const Migration *migration,
								 const char *schema);

/*
 * The same for a run inside a transaction, with the schema locked and its
 * environment entered (execute_enter): of the statements of a migration, which
 * is a copy, those that an earlier run has completed are replaced by empty ones,
 * and the removal of what the interrupted one left comes before it; so do the
 * down statements where a rollback was interrupted.  True where
 * there was such a run; then the caller has to forget its row
 * (catalog_partial_forget).
 */
extern bool nontransactional_resume(Migration *migration, const ExecuteEnvironment *environment,
									const char *schema, bool down);

#endif							/* ASHMIG_NONTRANSACTIONAL_H */
