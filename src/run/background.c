/*
 * background.c
 *		What a run leaves to the background: see background.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/elapsed.h"
#include "base/transaction.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_versions.h"
#include "migrate/lock_watch.h"
#include "migrate/migrate.h"
#include "migrate/nontransactional.h"
#include "migrate/pending.h"
#include "migrate/schema_lock.h"
#include "run/backend_memory.h"
#include "run/background.h"
#include "run/journal.h"
#include "run/retry.h"
#include "run/rollout.h"
#include "run/targets.h"
#include "run/throttle.h"

/*
 * The next migration that is pending, or NULL.
 */
static Migration *
next_pending(const RunOptions *options, const SharedItem *item)
{
	List	   *pending;

	transaction_begin();
	catalog_lock_versions(RowExclusiveLock);
	pending = pending_migrations(options, item->scope, item->schema);
	if (pending != NIL)
		pending = pending_copy(list_make1(linitial(pending)));
	transaction_commit();
	return pending == NIL ? NULL : linitial(pending);
}

/* In a transaction of its own */
static bool
schema_exists(const char *schema)
{
	bool		exists;

	transaction_begin();
	exists = OidIsValid(get_namespace_oid(schema, true));
	transaction_commit();
	return exists;
}

/*
 * Do what is left in a schema, each migration inside or outside a transaction.
 */
static void
run_left(const RunOptions *options, SharedItem *item, int64 run, RunResult *result)
{
	RunOptions	rest = *options;
	Migration  *migration;

	if (!schema_exists(item->schema))
		return;					/* dropped or renamed meanwhile */
	while ((rest.step = item->remaining) > 0 &&
		   (migration = next_pending(&rest, item)) != NULL)
	{
		int			done = 1;

		if (!migration->transactional)
			nontransactional_run(&rest, migration, item->schema);
		else
		{
			transaction_begin();
			done = migrate_schema(&rest, item->scope, item->schema, true)->applied;
			transaction_commit();
		}
		if (done == 0)
			break;
		result->applied += done;
		item->remaining -= done;
	}
	if (item->scope == SCOPE_TENANT)
	{
		transaction_begin();
		migrate_complete(options, item->schema);
		transaction_commit();
	}
}

/*
 * The newest version that the schema has now, and its outcome, for the journal.
 */
static void
write_outcome(int64 run, RunResult *result)
{
	transaction_begin();
	if (result->error && result->error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		result->error->detail = lock_watch_describe();
	result->version = catalog_newest_version(result->scope, result->schema);
	journal_try_schema(run, result);
	transaction_commit();
}

/*
 * Finish one schema; true where that succeeded.
 */
static bool
try_left(const RunOptions *options, SharedItem *item, int64 run, RunResult *result)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool succeeded = true;
	Oid			user;
	int			security_context;

	GetUserIdAndSecContext(&user, &security_context);

	PG_TRY();
	{
		if (result->attempts > 1)
			retry_sleep(result->attempts - 1);
		transaction_begin();
		schema_lock_hold(item->schema);
		transaction_commit();
		run_left(options, item, run, result);
		schema_lock_release();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		result->error = CopyErrorData();
		FlushErrorState();
		transaction_abort();
		SetUserIdAndSecContext(user, security_context); /* a SET ROLE may have
														 * failed */
		MemoryContextSwitchTo(context);
		succeeded = false;
	}
	PG_END_TRY();
	if (!succeeded)
	{
		transaction_begin();
		journal_hold(run, JOURNAL_PROCESS); /* the abort has released half of
											 * it */
		transaction_commit();
	}
	return succeeded;
}

/*
 * Finish one schema, with retries where a lock is not available.  The error
 * that was in the way, or NULL.
 */
static ErrorData *
finish_item(const RunOptions *options, SharedItem *item, int64 run)
{
	RunResult	result = {.scope = item->scope, .schema = pstrdup(item->schema)};
	instr_time	start = elapsed_start();
	bool		succeeded;

	for (result.attempts = 1;; result.attempts++)
	{
		succeeded = try_left(options, item, run, &result);
		if (succeeded || !retry_may_help(result.error) ||
			result.attempts > options->lock_retries)
			break;
		result.error = NULL;
	}
	result.elapsed = elapsed_since(start);
	if (!succeeded)
		result.status = RUN_FAILED;
	else if (result.applied == 0 && !schema_exists(item->schema))
		result.status = RUN_MISSING;
	else
		result.status = options->down ? RUN_ROLLED_BACK : RUN_APPLIED;
	write_outcome(run, &result);
	if (!succeeded)
		ereport(LOG,
				(errcode(result.error->sqlerrcode),
				 errmsg("ashmig run " INT64_FORMAT ": schema \"%s\" failed: %s",
						run, item->schema, result.error->message)));
	return result.error;
}

/* Show in pg_stat_activity, and in the log, what is done. */
static void
report_activity(int64 run, const SharedItem *item)
{
	debug_query_string = psprintf("ashmig run " INT64_FORMAT ": %s \"%s\" outside a transaction",
								  run, item->scope == SCOPE_TENANT ? "tenant" : "schema", item->schema);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
}

/* The run as it goes on here, and what has become of its schemas */
typedef struct Rest
{
	BatchPause	pause;			/* first, as the callback gets it */
	RunOptions	options;		/* those of the run, with our pause */
	int64		run;
	Throttle   *throttle;
	JournalEnd	end;
} Rest;

/* For the next schema, it is as in a new session. */
static void
forget_temporary(void)
{
	transaction_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	ResetTempTableNamespace();
	PopActiveSnapshot();
	transaction_commit();
}

/* Tell others of a pause. */
static void
tell_pause(int64 run, const char *reason)
{
	transaction_begin();
	journal_pause(run, reason);
	transaction_commit();
}

/* Wait between two batches of a statement.  A schema that has begun goes on after run_until. */
static void
wait_between_batches(BatchPause *pause)
{
	Rest	   *rest = (Rest *) pause;

	throttle_wait(rest->throttle, DT_NOEND, tell_pause, rest->run);
}

/*
 * Before a schema is begun: wait where others need a pause, and see that there
 * is time.  False: no further schema is to be begun.
 */
static bool
may_begin(Rest *rest)
{
	if (rest->end.canceled || rest->end.stop != STOP_NONE)
		return false;
	throttle_wait(rest->throttle, rest->options.run_until, tell_pause, rest->run);
	if (rollout_time_is_over(&rest->options))
		rest->end.stop = STOP_RUN_UNTIL;
	return rest->end.stop == STOP_NONE;
}

/*
 * Finish one schema, and count its outcome.
 */
static void
count_item(Rest *rest, SharedItem *item, bool canary)
{
	ErrorData  *error;

	report_activity(rest->run, item);
	error = finish_item(&rest->options, item, rest->run);
	rest->end.schemas++;
	if (error && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		rest->end.canceled = true;
	if (error)
	{
		rest->end.failed++;
		rest->end.stop = rollout_after_failure(&rest->options, canary, rest->end.failed);
	}
	debug_query_string = NULL;
	forget_temporary();
	backend_memory_trim();
}

/* Is it a schema of the work list? */
static bool
is_listed(const SharedItem *items, int nitems, const char *schema)
{
	for (int i = 0; i < nitems; i++)
	{
		if (items[i].scope == SCOPE_TENANT && strcmp(items[i].schema, schema) == 0)
			return true;
	}
	return false;
}

/*
 * Tenants that were created or renamed since the work list was made, and still
 * have something to do.
 */
static List *
newcomers(const RunOptions *options, const SharedItem *items, int nitems)
{
	List	   *result = NIL;

	if (!options->run_tenants)
		return NIL;
	transaction_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach_ptr(const Target, target, targets_find(options))
	{
		SharedItem *item;

		if (!target_is_usable(target) || is_listed(items, nitems, target->schema))
			continue;
		item = palloc0(sizeof(SharedItem));
		item->scope = SCOPE_TENANT;
		item->remaining = INT_MAX;
		strlcpy(item->schema, target->schema, NAMEDATALEN);
		result = lappend(result, item);
	}
	PopActiveSnapshot();
	transaction_commit();
	return result;
}

/* Count what the run has done, and what it has not begun. */
static void
count_before(Rest *rest, const SharedRun *run, const SharedItem *items)
{
	for (int i = 0; i < run->nitems; i++)
	{
		if (items[i].state == ITEM_TODO || items[i].state == ITEM_RETRY)
			rest->end.left++;
		else if (items[i].state != ITEM_OUTSIDE)
			rest->end.schemas++;
		if (items[i].state == ITEM_FAILED)
			rest->end.failed++;
	}
}

/*
 * The same of the schemas that are left to us.  A stop of the run does not
 * concern them, as they had begun by then.
 */
static void
run_left_items(Rest *rest, const SharedRun *run, SharedItem *items)
{
	MemoryContext context = CurrentMemoryContext;

	for (int i = 0; i < run->nitems; i++)
	{
		if (items[i].state != ITEM_OUTSIDE)
			continue;
		if (!may_begin(rest))
		{
			rest->end.left++;
			continue;
		}
		count_item(rest, &items[i], items[i].scope == SCOPE_TENANT && i < run->canaries);
		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
	}
}

/*
 * Finish the schemas that a run left for us.  A cancel stops it at the
 * statement where it is; the next run resumes there.
 */
void
background_run_items(const RunOptions *options, const SharedRun *run, SharedItem *items)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ashmig outside",
												  ALLOCSET_DEFAULT_SIZES);
	Rest		rest = {.options = *options, .pause.wait = wait_between_batches, .run = run->run,
	.throttle = throttle_create()};
	MemoryContext old = MemoryContextSwitchTo(context);
	ListCell   *lc;

	rest.options.pause = &rest.pause;
	count_before(&rest, run, items);
	run_left_items(&rest, run, items);
	if (rest.end.stop == STOP_NONE)
		rest.end.stop = run->stop;
	if (!rest.end.canceled && rest.end.stop == STOP_NONE)
	{
		foreach(lc, newcomers(options, items, run->nitems))
		{
			if (!may_begin(&rest))
				break;
			count_item(&rest, lfirst(lc), false);
			MemoryContextSwitchTo(context);
		}
	}

	transaction_begin();
	journal_end(run->run, &rest.end);
	transaction_commit();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
