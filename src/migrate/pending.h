/*
 * pending.h
 *		Which migrations a schema still needs, or has to roll back.
 */
#ifndef ASHMIG_PENDING_H
#define ASHMIG_PENDING_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "migrate/options.h"

/*
 * What is to be done in a schema, in order: List of const Migration *, of the
 * cache.  Raises where it must not be done (version order, no way back).
 */
extern List *pending_migrations(const RunOptions *options, Scope scope, const char *schema);

/*
 * Copies of migrations in the current memory context.  DDL may empty the cache;
 * it cannot take these away.
 */
extern List *pending_copy(List *migrations);

#endif							/* ASHMIG_PENDING_H */
