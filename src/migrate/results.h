/*
 * results.h
 *		What a run did in each schema.
 */
#ifndef ASHMIG_RESULTS_H
#define ASHMIG_RESULTS_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "base/scope.h"

typedef enum RunStatus
{
	RUN_NOTHING,				/* there was nothing to do: gives no row */
	RUN_APPLIED,
	RUN_ROLLED_BACK,
	RUN_REPAIRED,
	RUN_BACKGROUND,				/* non-transactional migrations go on after
								 * the call */
	RUN_PENDING,				/* they wait for a run outside a transaction,
								 * or the run had no time left */
	RUN_MISSING,				/* the schema does not exist */
	RUN_NOT_APPLIED,			/* it does not have what is rolled back */
	RUN_SKIPPED,				/* stopped before its turn */
	RUN_FAILED
} RunStatus;

/* Why a run began no further schema */
typedef enum StopReason
{
	STOP_NONE,					/* it went on to its end */
	STOP_ON_ERROR,				/* on_error is 'stop', and a schema failed */
	STOP_CANARY,				/* a canary failed */
	STOP_MAX_FAILURES,			/* as many as max_failures failed */
	STOP_RUN_UNTIL				/* the time is over */
} StopReason;

/* One schema that had something to do */
typedef struct RunResult
{
	Scope		scope;
	char	   *schema;
	RunStatus	status;
	int			applied;		/* migrations applied, or rolled back */
	int			remaining;		/* of RUN_BACKGROUND: migrations still to be
								 * done; 0: another run does them */
	bool		blocks_tenants; /* of these, public: tenants come after them */
	int64		version;		/* newest afterwards; 0: none */
	int64		elapsed;		/* microseconds */
	int			attempts;
	ErrorData  *error;			/* of a failure, or NULL */
	const char *reason;			/* why it cannot have a turn at all, or NULL */
	StopReason	stop;			/* why it had none, of RUN_SKIPPED and
								 * RUN_PENDING */
} RunResult;

extern const char *run_status_name(RunStatus status);

/* The result of a schema that is not run: it was not attempted, or does not exist */
extern RunResult *results_without_run(Scope scope, const char *schema, RunStatus status);

/* The same for one that the end of the run came before */
extern RunResult *results_stopped(Scope scope, const char *schema, StopReason stop);

/* Why no further schema was begun, for a reader; NULL: STOP_NONE, or the errors say it */
extern const char *results_stop_reason(StopReason stop);

/* Is there a failure among the results (List of RunResult *)? */
extern bool results_have_failure(List *results);

/*
 * Raise the error at the end of a run in which schemas failed, with the first
 * of them and what failed there.  Returns where none did.
 */
extern void results_raise_failure(List *results);

/* The same with another HINT; NULL: as above */
extern void results_raise_failure_with(List *results, const char *hint);

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

#endif							/* ASHMIG_RESULTS_H */
