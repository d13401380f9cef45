/*
 * rehearsal.h
 *		Running what is pending in one schema and rolling it back: what it
 *		takes, locks, rewrites and logs there.
 */
#ifndef ASHMIG_REHEARSAL_H
#define ASHMIG_REHEARSAL_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "migrate/options.h"

typedef enum RehearsalStatus
{
	REHEARSAL_DONE,				/* run and rolled back */
	REHEARSAL_FAILED,
	REHEARSAL_NOT_TRIED			/* it cannot run in a transaction, or comes
								 * after such a one or a failure */
} RehearsalStatus;

/* One statement; of what is not tried, one migration */
typedef struct RehearsedStatement
{
	Scope		scope;
	char	   *schema;
	int64		version;		/* 0: it failed before the first */
	int			statement;		/* from 1; 0: the migration as a whole */
	char	   *sql;			/* or NULL */
	RehearsalStatus status;
	int64		elapsed;		/* microseconds */
	List	   *locks;			/* of char *: on relations, stronger than what
								 * the statements before it hold */
	List	   *rewritten;		/* of char *: tables and indexes with a new
								 * file */
	int64		wal;			/* bytes that this process wrote */
	const char *error;			/* or NULL */
} RehearsedStatement;

/*
 * Run what is pending in a schema in a subtransaction, and roll it back.  Until
 * then its locks are held.  Returns List of RehearsedStatement *, in order.  With
 * "with_public", of a tenant, what is pending in public runs before.
 */
extern List *rehearsal_run(const RunOptions *options, Scope scope, const char *schema,
						   bool with_public);

/* As the column "status" has it */
extern const char *rehearsal_status_name(RehearsalStatus status);

#endif							/* ASHMIG_REHEARSAL_H */
