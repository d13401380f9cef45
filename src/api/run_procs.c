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

	foreach_ptr(const RunResult, result, results)
	{
		if (result->status == RUN_APPLIED)
			done++;
		else if (result->status == RUN_PENDING)
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
 * Is the run over?  Raises an error if it failed or was interrupted.
 */
static bool
is_over(int64 run)
{
	bool		alive = journal_is_alive(run);	/* before its status */
	char	   *error = NULL;
	char	   *status = journal_status(run, &error);

	if (status == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("run " INT64_FORMAT " does not exist", run)));
	if (strcmp(status, "failed") == 0 || strcmp(status, "canceled") == 0)
	{
		char	   *failures = journal_failures(run);

		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_RUN_FAILED),
				 errmsg("run " INT64_FORMAT " %s%s%s", run,
						strcmp(status, "failed") == 0 ? "failed" : "was canceled",
						error ? ": " : "", error ? error : ""),
				 failures ? errdetail_internal("%s", failures) : 0,
				 errhint("Completed schemas are unaffected; run again to resume. ashmig.run_schemas shows the outcome of each schema.")));
	}
	if (strcmp(status, "done") == 0)
		return true;
	if (!alive)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_RUN_FAILED),
				 errmsg("run " INT64_FORMAT " was interrupted", run),
				 errhint("Run again to resume.")));
	return false;
}

/*
 * Wait for what a run left in the background, with a commit between checks: a
 * concurrent index build waits for every snapshot, ours included.
 */
Datum
ashmig_wait(PG_FUNCTION_ARGS)
{
	int64		run;

	call_check_not_atomic(fcinfo, "ashmig_wait");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	run = PG_ARGISNULL(0) ? journal_last() : PG_GETARG_INT64(0);
	while (run != 0 && !is_over(run))
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
