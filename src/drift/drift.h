/*
 * drift.h
 *		Drift: where schemas differ from what is recorded for them.
 */
#ifndef ASHMIG_DRIFT_H
#define ASHMIG_DRIFT_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "drift/fleet.h"

/* Which schemas, and what of them */
typedef struct DriftOptions
{
	List	   *only;			/* tenants, of char *; NIL with has_only: none */
	bool		has_only;
	List	   *except;			/* of char * */
	bool		public;			/* the public schema as well */
	const char *repo;			/* only tables of this repo; NULL: all */
	bool		with_known;		/* differences that were accepted as well */
} DriftOptions;

/* One schema that differs */
typedef struct DriftSchema
{
	Scope		scope;
	const char *schema;
	const FleetGroup *group;	/* NULL: the schema is missing */
	List	   *differences;	/* of Difference * */
} DriftSchema;

/*
 * The schemas that differ (of DriftSchema *), public first, then by what they
 * look like.  Locks of reading are released.  Raises for a tenant of "only" or
 * "except" that there is not.
 */
extern List *drift_find(const DriftOptions *options);

/* All schemas in groups: List of FleetGroup * */
extern List *drift_groups(const DriftOptions *options);

/* The name of the schema that a difference lies in, of one that differs */
extern const char *drift_schema_name(const DriftSchema *drift, const Difference *difference);

/* Record differences as known, so that drift_find does not find them again. */
extern void drift_accept(const DriftSchema *drift, List *differences);

#endif							/* ASHMIG_DRIFT_H */
