/*
 * precheck.h
 *		Before a run: which schemas have data that would break what is pending.
 *
 * Nothing is changed, and no lock is taken but ACCESS SHARE, which is released
 * after each schema.
 */
#ifndef ASHMIG_PRECHECK_H
#define ASHMIG_PRECHECK_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "migrate/options.h"

/* Something that would fail in a schema, or could not be looked at in time */
typedef struct DataProblem
{
	Scope		scope;
	char	   *schema;
	int64		version;		/* 0: none, of "error" */
	char	   *table;			/* or NULL */
	const char *kind;			/* "not_null", "check", "unique",
								 * "foreign_key", "type"; "error": it cannot
								 * be looked at */
	char	   *object;			/* column, constraint or index; or NULL */
	char	   *sample;			/* jsonb of the first row or key found; or
								 * NULL */
	char	   *error;			/* of what cannot be evaluated; or NULL */
	char	   *query;			/* shows all of them */
} DataProblem;

/*
 * Look at every schema that the options name (public, then the tenants).
 * Returns List of DataProblem *, in that order.
 */
extern List *precheck_find(const RunOptions *options);

#endif							/* ASHMIG_PRECHECK_H */
