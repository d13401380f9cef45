/*
 * serial.c
 *		A run in the caller's session: see serial.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/resowner.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/elapsed.h"
#include "migrate/migrate.h"
#include "run/backend_memory.h"
#include "run/journal.h"
#include "run/public_first.h"
#include "run/retry.h"
#include "run/rollout.h"
#include "run/serial.h"
#include "run/stages.h"
#include "run/targets.h"
#include "run/throttle.h"
#include "run/worklist.h"

/* One schema, and what comes of it */
typedef struct Trial
{
	const RunOptions *options;
	const Target *target;
	RunResult  *result;
} Trial;

static void
run_trial(void *arg)
{
	Trial	   *trial = arg;

	trial->result = migrate_schema(trial->options, trial->target->scope, trial->target->schema, true);
}

/*
 * Try one schema in a subtransaction.  A failure is a result as well.
 */
static RunResult *
try_target(const RunOptions *options, const Target *target, int attempts)
{
	Trial		trial = {.options = options, .target = target};
	instr_time	start = elapsed_start();
	ErrorData  *error = attempt_any(run_trial, &trial, true);

	if (error && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	if (error)
		trial.result = migrate_failed(target->scope, target->schema, error, start);
	trial.result->attempts = attempts;
	return trial.result;
}

/*
 * One schema, with retries where a lock is not available, in transactions of
 * its own.  What a tenant lacks may be in public migrations that are pending.
 */
static RunResult *
run_target(const RunOptions *options, const Target *target, int64 run, bool public_pending)
{
	MemoryContext context = CurrentMemoryContext;
	RunResult  *result;

	for (int attempts = 1;; attempts++)
	{
		result = try_target(options, target, attempts);
		if (result->status != RUN_FAILED || !retry_may_help(result->error) ||
			attempts > options->lock_retries)
			break;
		SPI_commit();
		MemoryContextSwitchTo(context);
		retry_sleep(attempts);
	}
	if (result->status == RUN_BACKGROUND ||
		(result->status == RUN_FAILED && target->scope == SCOPE_TENANT && public_pending))
		result->status = RUN_PENDING;
	if (result->status != RUN_NOTHING)
		journal_try_schema(run, result);
	SPI_commit();
	MemoryContextSwitchTo(context);
	return result;
}

/* Tell others of a pause. */
static void
tell_pause(int64 run, const char *reason)
{
	MemoryContext context = CurrentMemoryContext;

	journal_pause(run, reason);
	SPI_commit();
	MemoryContextSwitchTo(context);
}

/*
 * Before a schema is begun: wait where others need a pause, and see that there
 * is time.
 */
static StopReason
wait_for_turn(const RunOptions *options, Throttle *throttle, int64 run)
{
	throttle_wait(throttle, options->run_until, tell_pause, run);
	return rollout_time_is_over(options) ? STOP_RUN_UNTIL : STOP_NONE;
}

/* Count a schema that had a turn, the "tenants"th tenant if it is one. */
static void
count_result(const RunOptions *options, const RunResult *result, int tenants, JournalEnd *end)
{
	bool		canary = result->scope == SCOPE_TENANT && tenants <= options->canary;

	end->schemas++;
	if (result->status != RUN_FAILED)
		return;
	end->failed++;
	end->stop = rollout_after_failure(options, canary, end->failed);
}

/*
 * Run the targets, in turn.
 */
static List *
run_targets(const RunOptions *options, List *targets, int64 run)
{
	List	   *results = NIL;
	Throttle   *throttle = throttle_create();
	JournalEnd	end = {0};
	TenantsTurn turn = TENANTS_RUN;
	int			tenants = 0;	/* that had a turn */
	bool		canary_left = false;

	foreach_ptr(const Target, target, targets)
	{
		bool		usable = target_is_usable(target);
		RunResult  *result;

		CHECK_FOR_INTERRUPTS();
		if (usable && end.stop == STOP_NONE && turn < TENANTS_FOLLOW)
			end.stop = wait_for_turn(options, throttle, run);
		if (end.stop != STOP_NONE)
			result = results_stopped(target->scope, target->schema, end.stop);
		else if (turn == TENANTS_SKIPPED)
			result = results_without_run(target->scope, target->schema, RUN_SKIPPED);
		else if (!usable)
			result = target_unusable(target);
		else if (turn == TENANTS_FOLLOW || turn == TENANTS_PENDING ||
				 (canary_left && tenants >= options->canary))
			result = results_without_run(target->scope, target->schema, RUN_PENDING);
		else
		{
			result = run_target(options, target, run, turn == TENANTS_TRY);
			tenants += target->scope == SCOPE_TENANT;
			count_result(options, result, tenants, &end);
			canary_left |= target->scope == SCOPE_TENANT && tenants <= options->canary &&
				result->status == RUN_PENDING;
		}
		if (target->scope == SCOPE_PUBLIC)
			turn = public_first_turn(worklist_state(result), result->blocks_tenants);
		if (result->status != RUN_NOTHING)
			results = lappend(results, result);
		backend_memory_trim();
	}
	end.left = list_length(targets) - end.schemas;
	journal_end(run, &end);
	return results;
}

/*
 * Run what the options ask for, public and then the tenants.
 */
static List *
run_phases(const RunOptions *options)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *targets = targets_find(options);
	List	   *results;
	int64		run;

	if (targets == NIL)
		return NIL;
	PreventCommandIfReadOnly("migrations");
	run = journal_begin("migrate", options, list_length(targets), 0);
	journal_hold(run, JOURNAL_CALL);
	SPI_commit();
	MemoryContextSwitchTo(context);
	results = run_targets(options, targets, run);
	journal_release(run);
	SPI_commit();
	MemoryContextSwitchTo(context);
	return results;
}

/*
 * Run what the options ask for, one transaction per schema.
 */
List *
serial_run(const RunOptions *options)
{
	return stages_run(options, run_phases);
}
