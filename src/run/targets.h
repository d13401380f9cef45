/*
 * targets.h
 *		Which schemas a run has something to do in.
 */
#ifndef ASHMIG_TARGETS_H
#define ASHMIG_TARGETS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "migrate/options.h"
#include "migrate/results.h"

typedef struct Target
{
	Scope		scope;
	bool		exists;
	char	   *schema;
	const char *fault;			/* see catalog_tenants.h; not to be run */
} Target;

/* Can it be run? */
#define target_is_usable(target) ((target)->exists && (target)->fault == NULL)

/*
 * The schemas that (may) have something to do, public first, then by name:
 * List of Target *.  Known from a few rows however many migrations there are.
 * Raises for a tenant of "only" that there is not.
 */
extern List *targets_find(const RunOptions *options);

/* The result of a target that is not usable */
extern RunResult *target_unusable(const Target *target);

/* Raise where a migration that these would roll back is irreversible. */
extern void targets_check_reversible(const RunOptions *options, List *targets);

/*
 * The newest versions, so many at most, that any of these targets (of one
 * scope) has: List of int64 *, newest first.
 */
extern List *targets_newest_versions(const RunOptions *options, Scope scope, List *targets,
									 int count);

#endif							/* ASHMIG_TARGETS_H */
