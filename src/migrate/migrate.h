/*
 * migrate.h
 *		Running the migrations that are pending in one schema.
 *
 * A schema is before or after, never between: the transactional migrations of
 * a series and their version rows belong to the transaction of the caller.  A
 * non-transactional one ends it; what comes after waits for that one.
 */
#ifndef ASHMIG_MIGRATE_H
#define ASHMIG_MIGRATE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "portability/instr_time.h"

#include "base/scope.h"
#include "metadata/catalog_migrations.h"
#include "migrate/options.h"
#include "migrate/results.h"

/*
 * Do what is pending in a schema, in the current transaction, as far as "outside"
 * says: non-transactional migrations are left for later (RUN_BACKGROUND) where
 * it is true, and run here as far as possible where it is false.  The result is
 * in the current memory context; its status is RUN_NOTHING where there was
 * nothing to do.
 */
extern RunResult *migrate_schema(const RunOptions *options, Scope scope,
								 const char *schema, bool outside);

/*
 * The result of a schema whose transaction failed with this error, which gets
 * who blocked it as its detail where it waited for a lock in vain.  To be called
 * in a transaction after that one; "start" is when the try began.
 */
extern RunResult *migrate_failed(Scope scope, const char *schema, ErrorData *error,
								 instr_time start);

/*
 * Add the foreign keys that a tenant which public had left behind still lacks
 * when nothing is pending any more (see catch_up.h); in the current transaction.
 */
extern void migrate_complete(const RunOptions *options, const char *schema);

#endif							/* ASHMIG_MIGRATE_H */
