/*
 * results.h
 *		What a run did, as rows.
 */
#ifndef ASHMIG_RESULTS_H
#define ASHMIG_RESULTS_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

typedef enum RunStatus
{
	RUN_NOTHING,				/* there was nothing to do: gives no row */
	RUN_APPLIED,
	RUN_ROLLED_BACK,
	RUN_BACKGROUND,				/* non-transactional migrations go on after the call */
	RUN_PENDING,				/* they wait for a run outside a transaction */
	RUN_MISSING,				/* the schema does not exist */
	RUN_SKIPPED,				/* stopped before its turn */
	RUN_FAILED
} RunStatus;

/* One schema that had something to do */
typedef struct RunResult
{
	bool		tenant;
	char	   *schema;
	RunStatus	status;
	int			applied;		/* migrations applied, or taken back */
	int			left;			/* of RUN_BACKGROUND: migrations still to be done;
								 * 0: another run does them */
	bool		first;			/* of these: they change what others may read */
	int64		version;		/* newest afterwards; 0: none */
	int64		elapsed;		/* microseconds */
	int			attempts;
	ErrorData  *error;			/* of a failure, or NULL */
} RunResult;

extern const char *run_status_name(RunStatus status);

/* The result of a schema that is not run: it had no turn, or is not there */
extern RunResult *results_without_run(bool tenant, const char *schema, RunStatus status);

/*
 * One list of results out of those of two stages, a row for each schema still;
 * "later" wins.  Uses up both lists.
 */
extern List *results_merge(List *earlier, List *later);

/* Is anything left to the background, or to another run? */
extern bool results_are_left(const List *results);

/*
 * Why a schema was not done: the message of its error and, in lines of their
 * own that begin with two spaces, its detail, hint and context.  NULL: it was.
 */
extern char *results_error(const RunResult *result);

/* Those lines alone; each comes after a newline. */
extern void results_append_details(StringInfo buf, const ErrorData *error);

/* The columns scope, schema, applied, version, status, elapsed, error */
#define RESULT_COLUMNS 7

/* Return the results (List of RunResult *) as the rows of this function. */
extern void results_return(FunctionCallInfo fcinfo, List *results);

#endif							/* ASHMIG_RESULTS_H */
