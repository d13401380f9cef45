/*
 * run_procs.c
 *		Procedures that run migrations, wait for a run in the background, and
 *		cancel an active run.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "api/args.h"
#include "api/run_args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "migrate/options.h"
#include "migrate/results.h"
#include "run/journal.h"
#include "run/serial.h"
#include "run/targets.h"

/* How often ashmig_wait checks, in ms */
#define WAIT_INTERVAL 100

PG_FUNCTION_INFO_V1(ashmig_migrate_all_serial);
PG_FUNCTION_INFO_V1(ashmig_wait);
PG_FUNCTION_INFO_V1(ashmig_cancel);

/*
 * Report what a run did, as a procedure returns no rows.
 */
static void
tell_results(const RunOptions *options, List *results)
{
	int			done = 0;
	int			pending = 0;
	int			left = 0;
	const char *stopped = NULL;

	foreach_ptr(const RunResult, result, results)
	{
		if (results_stop_reason(result->stop) != NULL)
		{
			left++;
			stopped = results_stop_reason(result->stop);
		}
		if (result->status == RUN_APPLIED)
			done++;
		else if (result->status == RUN_PENDING && result->stop == STOP_NONE)
			pending++;
		else if (result->status == RUN_FAILED && options->on_error == ON_ERROR_REPORT)
			ereport(WARNING,
					(errcode(result->error->sqlerrcode),
					 errmsg("schema \"%s\" failed: %s", result->schema, result->error->message)));
		else if (result->status == RUN_MISSING)
			ereport(WARNING,
					(errcode(ERRCODE_ASHMIG_NO_TENANT),
					 errmsg("schema \"%s\" does not exist", result->schema)));
		else if (result->reason)
			ereport(WARNING,
					(errcode(ERRCODE_ASHMIG_INVALID_TENANT),
					 errmsg_internal("%.*s", (int) strcspn(result->reason, "\n"), result->reason),
					 errhint("SELECT * FROM ashmig_all_tenants() shows why.")));
	}
	if (!options->quiet && results != NIL)
		ereport(NOTICE,
				(errmsg_plural("%d of %d schema migrated", "%d of %d schemas migrated",
							   list_length(results), done, list_length(results))));
	if (left > 0)
		ereport(WARNING,
				(errcode(ERRCODE_ASHMIG_RUN_FAILED),
				 errmsg_plural("%d schema was not attempted: %s",
							   "%d schemas were not attempted: %s", left, left, stopped),
				 errhint("Run again to resume.")));
	if (pending > 0)
		ereport(WARNING,
				(errcode(ERRCODE_ASHMIG_NO_WORKER),
				 errmsg_plural("non-transactional migrations remain pending in %d schema",
							   "non-transactional migrations remain pending in %d schemas",
							   pending, pending),
				 errhint("They need a background worker: SELECT * FROM ashmig_migrate_all().")));
}

/*
 * Public, then tenants, in this session, with a commit after each schema.
 */
Datum
ashmig_migrate_all_serial(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	RunOptions	options;
	List	   *results;

	call_check_not_atomic(fcinfo, "ashmig_migrate_all_serial");
	context = AllocSetContextCreate(PortalContext, "ashmig run", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	options = run_options_default();
	run_args_read(fcinfo, &options);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	results = serial_run(&options);
	tell_results(&options, results);
	if (options.on_error != ON_ERROR_REPORT)
		results_raise_failure(results);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * Does a run up, called now, find nothing to do?  Tenants without a schema do
 * not count.
 */
static bool
nothing_is_pending(void)
{
	RunOptions	options = run_options_default();

	foreach_ptr(const Target, target, targets_find(&options))
	{
		if (target_is_usable(target))
			return false;
	}
	return true;
}

/*
 * A run did not do all it was to do.  Where the newest run is waited for,
 * whichever it is, and what it left undone has been done since, that is of no
 * interest any more: a deployment that has nothing to do must not fail for ever.
 */
static bool
is_made_up_for(const JournalState *state, bool newest)
{
	return newest && strcmp(state->operation, "migrate") == 0 && nothing_is_pending();
}

/* Raise for a run that failed, or that was canceled. */
static void
raise_ended(int64 run, const JournalState *state)
{
	char	   *failures = journal_failures(run);

	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_RUN_FAILED),
			 errmsg("run " INT64_FORMAT " %s%s%s", run,
					strcmp(state->status, "failed") == 0 ? "failed" : "was canceled",
					state->error ? ": " : "", state->error ? state->error : ""),
			 failures ? errdetail_internal("%s", failures) : 0,
			 errhint("Completed schemas are unaffected; run again to resume. ashmig.run_schemas shows the outcome of each schema.")));
}

/*
 * Is the run over, and what it left to another one as well?  Raises an error
 * if it failed or was interrupted, unless that is made up for.
 */
static bool
is_over(int64 run, bool newest)
{
	bool		alive = journal_is_alive(run);	/* before its status */
	JournalState state;
	char	   *failures;

	if (!journal_read(run, &state))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("run " INT64_FORMAT " does not exist", run)));
	if (strcmp(state.status, "done") == 0 || strcmp(state.status, "stopped") == 0)
	{
		if (journal_left_goes_on(run, &failures))
			return false;
		if (failures != NULL && !is_made_up_for(&state, newest))
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_RUN_FAILED),
					 errmsg("run " INT64_FORMAT " left schemas to another run, which did not finish them", run),
					 errdetail_internal("%s", failures),
					 errhint("Run again to resume.")));
		return true;
	}
	if (strcmp(state.status, "failed") == 0 || strcmp(state.status, "canceled") == 0)
	{
		if (!is_made_up_for(&state, newest))
			raise_ended(run, &state);
		return true;
	}
	if (alive)
		return false;
	if (!is_made_up_for(&state, newest))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_RUN_FAILED),
				 errmsg("run " INT64_FORMAT " was interrupted", run),
				 errhint("Run again to resume.")));
	return true;
}

/*
 * Wait for what a run left in the background, with a commit between checks: a
 * concurrent index build waits for every snapshot, ours included.
 */
Datum
ashmig_wait(PG_FUNCTION_ARGS)
{
	bool		newest = PG_ARGISNULL(0);
	int64		run;

	call_check_not_atomic(fcinfo, "ashmig_wait");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	run = newest ? journal_last() : PG_GETARG_INT64(0);
	while (run != 0 && !is_over(run, newest))
	{
		SPI_commit();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 WAIT_INTERVAL, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * Cancel a run; false if it is not active.
 */
Datum
ashmig_cancel(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(journal_cancel(PG_GETARG_INT64(0)));
}
