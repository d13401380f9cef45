/*
 * options.h
 *		What a run is asked to do: the settings ashmig.*, which the arguments
 *		of a call override (api/run_args.h).
 */
#ifndef ASHMIG_OPTIONS_H
#define ASHMIG_OPTIONS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "base/scope.h"

typedef enum OnError
{
	ON_ERROR_ERROR,				/* others go on; an error at the end */
	ON_ERROR_REPORT,			/* others go on; failures are rows */
	ON_ERROR_STOP				/* no new schema is begun; an error at the end */
} OnError;

/* Somebody who looks at each statement of a run, before and after it */
typedef struct StatementWatch
{
	void		(*before) (struct StatementWatch *watch, Scope scope, int64 version, int statement,
						   const char *sql);
	void		(*after) (struct StatementWatch *watch);
} StatementWatch;

/*
 * Somebody who is asked before each batch of a statement (migrate/batch.h),
 * outside a transaction, and returns when it may begin
 */
typedef struct BatchPause
{
	void		(*wait) (struct BatchPause *pause);
} BatchPause;

typedef struct RunOptions
{
	bool		down;			/* roll back */
	bool		repair;			/* run what ashmig.repairs says, instead of
								 * migrations */
	bool		run_public;
	bool		run_tenants;
	const char *repo;			/* NULL: all */
	const char *prefix;			/* public migrations run here; NULL: default
								 * schema */
	int64		to;				/* included; 0: none */
	int			step;			/* 0: none */
	bool		all;			/* roll back everything */
	List	   *only;			/* tenants, of char *; NIL with has_only: none
								 * at all */
	bool		has_only;
	List	   *except;			/* of char * */
	List	   *versions;		/* of int64 *: exactly these; NIL: by the
								 * rules above.  With step: they are the
								 * newest, newest first */
	OnError		on_error;
	int			canary;			/* tenants that go first; the others only if
								 * all of these succeed.  0: none */
	int			max_failures;	/* begin no schema after so many; 0: no limit */
	TimestampTz run_until;		/* begin no schema after that; DT_NOEND: no
								 * limit */
	int			workers;
	bool		atomic;
	bool		nested;			/* called from a function or a DO block */
	bool		new_tenant;		/* the tenant is being created */
	bool		keep_failures;	/* for run_migrations: the caller raises them */
	bool		strict_version_order;
	bool		log_sql;
	bool		quiet;
	int			lock_timeout;	/* ms */
	int			lock_retries;
	StatementWatch *watch;		/* or NULL; not in workers */
	BatchPause *pause;			/* or NULL; in the background alone */
} RunOptions;

/* Migrate everything up, by the settings of the session. */
extern RunOptions run_options_default(void);

/* The schema that public migrations run in */
extern const char *run_options_public_schema(const RunOptions *options);

#endif							/* ASHMIG_OPTIONS_H */
