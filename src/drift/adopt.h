/*
 * adopt.h
 *		Taking over a database that Ecto has migrated so far.
 *
 * The snapshots become the recorded structure, with one base migration per scope
 * whose up builds it in an empty database and which cannot be rolled back.  A
 * schema that has this structure counts as having the base; no other one does.
 */
#ifndef ASHMIG_ADOPT_H
#define ASHMIG_ADOPT_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "drift/difference.h"
#include "migrate/options.h"

/* What becomes of schemas that differ from the snapshots */
typedef enum OnDrift
{
	ON_DRIFT_ERROR,				/* nothing is adopted at all */
	ON_DRIFT_RECORD,			/* their differences are known from now on */
	ON_DRIFT_REPAIR,			/* they are repaired */
	ON_DRIFT_PLAN				/* their repairs are recorded, and not run */
} OnDrift;

typedef struct AdoptOptions
{
	Datum		snapshots;		/* jsonb, as code generation takes it */
	List	   *tenants;		/* of char * */
	bool		has_tenants;	/* else they are looked for (candidates.h) */
	OnDrift		on_drift;
	bool		dry_run;		/* change nothing, show the differences */
	const char *repo;			/* only this one of the snapshots; NULL: all */
	RunOptions *run;
	/* the call itself, to be made once more in a worker with ON_DRIFT_PLAN */
	void		(*plan_in_worker) (void *arg);
	void	   *arg;
} AdoptOptions;

/* A row: a schema and what became of it, or with dry_run one of its differences */
typedef struct AdoptRow
{
	Scope		scope;
	const char *schema;
	const char *status;
	const Difference *difference;	/* or NULL */
	const char *object_kind;	/* without a difference: what expected and
								 * actual are about, or NULL */
	const char *object;
	const char *expected;
	const char *actual;
	char	   *error;			/* or NULL */
} AdoptRow;

/* Adopt; List of AdoptRow *.  Raises as adopt.c says. */
extern List *adopt_database(const AdoptOptions *options);

#endif							/* ASHMIG_ADOPT_H */
