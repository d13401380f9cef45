/*
 * nontransactional.h
 *		Migrations that do not run in a transaction: concurrent index builds,
 *		new values of enums.
 *
 * Each statement is committed by itself, and ashmig.partial_migrations says
 * how far a schema has come, so that a run that was cut short resumes at the
 * statement that had not run.  What such a statement left behind (an INVALID
 * index) is removed first.
 */
#ifndef ASHMIG_NONTRANSACTIONAL_H
#define ASHMIG_NONTRANSACTIONAL_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"
#include "migrate/options.h"

/*
 * Run a migration in a schema, from where it stopped, and write (or delete)
 * its version row.  To be called outside a transaction, in a process that runs
 * nothing else, with the schema held (schema_lock_hold).
 */
extern void nontransactional_run(const RunOptions *options, const Migration *migration,
								 const char *schema);

#endif							/* ASHMIG_NONTRANSACTIONAL_H */
