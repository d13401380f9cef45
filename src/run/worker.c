/*
 * worker.c
 *		The background worker of a run: see worker.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/elapsed.h"
#include "base/errors.h"
#include "base/transaction.h"
#include "metadata/acting_role.h"
#include "metadata/catalog_versions.h"
#include "metadata/citus.h"
#include "migrate/migrate.h"
#include "run/backend_memory.h"
#include "run/background.h"
#include "run/journal.h"
#include "run/message.h"
#include "run/public_first.h"
#include "run/retry.h"
#include "run/shared.h"
#include "run/worker.h"
#include "run/worklist.h"

/* Schemas after which a worker looks whether its memory has grown too much */
#define SCHEMAS_PER_LOOK 8

/* How long it sleeps at most before it looks at the journal's row again, in ms */
#define LONGEST_SLEEP 1000

/* Everything that the worker works with */
typedef struct Worker
{
	SharedRun  *run;
	SharedItem *items;
	SharedWorker *slot;			/* NULL: OUTSIDE_WORKER */
	RunOptions	options;
	char	   *synchronous_commit; /* as the caller has it */
	MemoryContext context;		/* emptied after each schema */
} Worker;

/* ------------------------------------------------------------------------
 * Taking over the caller's state
 * ------------------------------------------------------------------------
 */

static void
set_setting(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_USERSET, PGC_S_SESSION);
}

/*
 * Take the caller's role.  To be called outside a transaction, so that the end
 * of none undoes it; and before each, as one in which a SET ROLE failed
 * leaves us the session's.
 */
static void
take_role(const SharedRun *run)
{
	SetUserIdAndSecContext(run->current_user, 0);
}

/*
 * Connect as the caller, with its libraries, settings and role.
 */
static void
take_over(shm_toc *toc, SharedRun *run)
{
	BackgroundWorkerInitializeConnectionByOid(run->database, run->authenticated_user, 0);

	transaction_begin();
	RestoreLibraryState(shm_toc_lookup(toc, SHARED_KEY_LIBRARIES, false));
	RestoreGUCState(shm_toc_lookup(toc, SHARED_KEY_SETTINGS, false));
	transaction_commit();

	/* The leader reads messages in the database's encoding. */
	if (SetClientEncoding(GetDatabaseEncoding()) < 0)
		elog(ERROR, "could not set the client encoding");

	/* Last, as settings are checked against the session's role. */
	take_role(run);
}

/*
 * What is decided while a lock is held must be seen as it is, so each
 * statement reads anew; and a schema's DDL and its version rows commit
 * together, so the disk can be waited for once, at the end.
 */
static void
set_up_run(Worker *worker)
{
	worker->synchronous_commit =
		MemoryContextStrdup(TopMemoryContext, GetConfigOption("synchronous_commit", false, false));
	set_setting("default_transaction_isolation", "read committed");
	set_setting("default_transaction_read_only", "off");	/* the leader has looked */
	if (!citus_is_loaded())
		set_setting("synchronous_commit", "off");	/* the other nodes' halves
													 * of a commit must not
													 * outlive ours */
}

/* ------------------------------------------------------------------------
 * One SQL statement
 * ------------------------------------------------------------------------
 */

/* Tell the leader the value of its statement. */
static void
send_value(const char *value)
{
	StringInfoData message;

	pq_beginmessage(&message, MESSAGE_VALUE);
	message_put_string(&message, value);
	pq_endmessage(&message);
}

/*
 * Run the statement of the task and commit.  What is committed is told, even
 * if somebody terminates us just then.
 */
static void
run_statement(SharedRun *run, StringInfo task)
{
	MessageStatement statement = message_get_statement(task);
	MemoryContext context = CurrentMemoryContext;
	char	   *value = NULL;
	int			code;

	debug_query_string = statement.sql;
	pgstat_report_activity(STATE_RUNNING, statement.sql);
	SetCurrentStatementStartTimestamp();
	transaction_begin();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	code = SPI_execute_with_args(statement.sql, statement.nargs, statement.types,
								 statement.values, statement.nulls, false, 0);
	if (code < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not execute statement: %s", SPI_result_code_string(code))));
	if (SPI_tuptable != NULL && SPI_processed > 0)
		value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (value != NULL)
		value = MemoryContextStrdup(context, value);
	PopActiveSnapshot();
	SPI_finish();
	transaction_commit();
	HOLD_INTERRUPTS();
	send_value(value);
	run->finished = 1;
	RESUME_INTERRUPTS();
}

/* ------------------------------------------------------------------------
 * The run's row in the journal
 * ------------------------------------------------------------------------
 */

/*
 * Write the row of ashmig.runs.  Between its commit and the word of it nothing
 * may terminate us: another worker would write a second one.
 */
static void
write_row(Worker *worker)
{
	SharedRun  *run = worker->run;
	int64		id;

	transaction_begin();
	id = journal_begin(worker->options.down ? "rollback" : worker->options.repair ? "repair" : "migrate",
					   &worker->options, run->nitems, run->nworkers);
	transaction_commit();
	HOLD_INTERRUPTS();
	SpinLockAcquire(&run->mutex);
	run->run = id;
	run->row = ROW_WRITTEN;
	worker->slot->writes_row = false;
	SpinLockRelease(&run->mutex);
	RESUME_INTERRUPTS();
	ConditionVariableBroadcast(&run->changed);
}

/*
 * See that the row is written, by us or by another worker; if that one is
 * terminated meanwhile, it is our turn.
 */
static void
open_journal(Worker *worker)
{
	SharedRun  *run = worker->run;
	RunRow		row;

	for (;;)
	{
		ConditionVariablePrepareToSleep(&run->changed);
		SpinLockAcquire(&run->mutex);
		row = run->cancel ? ROW_CLOSED : run->row;
		if (row == ROW_NONE)
		{
			run->row = ROW_BEING_WRITTEN;
			worker->slot->writes_row = true;
		}
		SpinLockRelease(&run->mutex);
		if (row != ROW_BEING_WRITTEN)
			break;
		ConditionVariableTimedSleep(&run->changed, LONGEST_SLEEP, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	if (row == ROW_NONE)
		write_row(worker);
}

/* The rows of schemas whose workers could not write them */
static void
journal_dead_workers(Worker *worker)
{
	for (int i = 0; i < worker->run->nitems; i++)
	{
		const SharedItem *item = &worker->items[i];
		ErrorData	error = {.elevel = ERROR, .sqlerrcode = ERRCODE_ADMIN_SHUTDOWN,
		.message = WORKER_DIED};
		RunResult	result = {.scope = item->scope, .status = RUN_FAILED,
		.attempts = item->attempts, .error = &error};

		if (!item->worker_died)
			continue;
		result.schema = pstrdup(item->schema);
		result.version = catalog_newest_version(item->scope, item->schema);
		journal_try_schema(worker->run->run, &result);
	}
}

/*
 * Leave the run; the last worker, when there is nothing left to do, says in
 * the journal how it ended.  That commit waits for the disk, if the caller's
 * commits do, and with it for all the others before.
 */
static void
close_journal(Worker *worker)
{
	SharedRun  *run = worker->run;
	bool		mine = worklist_leave(run, worker->items, worker->slot);
	JournalEnd	end = {0};

	SpinLockAcquire(&run->mutex);
	mine = mine && run->row == ROW_WRITTEN;
	if (mine)
		run->row = ROW_CLOSED;
	end.canceled = run->cancel;
	end.background = run->outside > 0;
	end.stop = run->stop;
	end.failed = run->failed;
	end.schemas = run->finished;
	end.left = run->nitems - run->finished;
	SpinLockRelease(&run->mutex);
	if (!mine)
		return;

	HOLD_INTERRUPTS();			/* a second cancel is not to cut this short */
	set_setting("synchronous_commit", worker->synchronous_commit);
	transaction_begin();
	journal_dead_workers(worker);
	journal_end(run->run, &end);
	transaction_commit();
	XLogFlush(XactLastCommitEnd);
	RESUME_INTERRUPTS();
}

/* ------------------------------------------------------------------------
 * Schemas
 * ------------------------------------------------------------------------
 */

/* Show in pg_stat_activity, and in the log, what is done. */
static void
report_activity(Worker *worker, const SharedItem *item)
{
	char	   *text = psprintf("ashmig run " INT64_FORMAT ": %s %s \"%s\"", worker->run->run,
								worker->options.down ? "rollback" : worker->options.repair ? "repair" : "migrate",
								item->scope == SCOPE_TENANT ? "tenant" : "schema", item->schema);

	debug_query_string = text;
	pgstat_report_activity(STATE_RUNNING, text);
}

/*
 * Run what a schema needs in one transaction.  NULL where that failed: then
 * the transaction is rolled back, and *error says why.
 */
static RunResult *
try_schema(Worker *worker, const SharedItem *item, ErrorData **error)
{
	volatile int attempts = item->attempts;
	RunResult  *volatile result = NULL;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		take_role(worker->run);
		transaction_begin();
		result = migrate_schema(&worker->options, item->scope, item->schema, true);
		result->attempts = attempts;
		if (result->status != RUN_NOTHING)
			journal_schema(worker->run->run, result);
		/* For the next schema, it is as in a new session. */
		PushActiveSnapshot(GetTransactionSnapshot());
		ResetTempTableNamespace();
		PopActiveSnapshot();
		transaction_commit();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(worker->context);
		*error = CopyErrorData();
		FlushErrorState();
		transaction_abort();
		MemoryContextSwitchTo(worker->context);
		result = NULL;
	}
	PG_END_TRY();
	return result;
}

/*
 * Record what became of a schema whose transaction failed.
 */
static RunResult *
failed_result(Worker *worker, const SharedItem *item, ErrorData *error, instr_time start)
{
	RunResult  *result;

	take_role(worker->run);
	transaction_begin();
	result = migrate_failed(item->scope, item->schema, error, start);
	result->attempts = item->attempts;
	if (item->scope == SCOPE_TENANT && public_first_of_items(worker->items) == TENANTS_TRY)
	{
		result->status = RUN_BACKGROUND;
		result->error = NULL;	/* of no interest if it is done in the end */
		result->remaining = worker->options.step > 0 ? worker->options.step : INT_MAX;
	}
	journal_try_schema(worker->run->run, result);
	transaction_commit();
	return result;
}

/*
 * Tell the leader.  If it is gone, nobody needs to know.  By the way of errors,
 * which notices where one comes in the middle.
 */
static void
send_result(int item, const RunResult *result)
{
	StringInfoData message;

	pq_beginmessage(&message, MESSAGE_RESULT);
	message_put_result(&message, item, result);
	pq_endmessage(&message);
}

/*
 * Do one schema of the work list.  What is committed is told, even if somebody
 * terminates us just then.
 */
static void
do_item(Worker *worker, int position)
{
	SharedItem *item = &worker->items[position];
	ErrorData  *error = NULL;
	RunResult  *result;
	ItemState	state;
	instr_time	start = elapsed_start();

	report_activity(worker, item);
	result = try_schema(worker, item, &error);
	if (result == NULL)
	{
		if (worker->run->cancel)
			return;				/* the leader knows */
		if (retry_may_help(error) && item->attempts <= worker->options.lock_retries)
		{
			worklist_retry(worker->run, worker->items, worker->slot);
			return;
		}
		result = failed_result(worker, item, error, start);
	}
	HOLD_INTERRUPTS();
	state = worklist_state(result);
	send_result(position, result);
	worklist_finish(worker->run, worker->items, worker->slot, state, result, &worker->options);
	RESUME_INTERRUPTS();
}

/*
 * Write down what the leader says of a pause, if no other worker does; the
 * leader itself writes nothing.
 */
static void
write_pause(Worker *worker)
{
	char		reason[SHARED_PAUSE_SIZE];
	int			change = worklist_write_pause(worker->run, worker->slot, reason);

	if (change == 0)
		return;
	take_role(worker->run);
	transaction_begin();
	journal_pause(worker->run->run, reason[0] != '\0' ? reason : NULL);
	transaction_commit();
	worklist_pause_written(worker->run, worker->slot, change);
}

/*
 * Do schemas until there are none left.
 */
static void
do_items(Worker *worker)
{
	SharedRun  *run = worker->run;
	int			done = 0;

	for (;;)
	{
		int			item;
		long		wait;
		Pick		pick;

		CHECK_FOR_INTERRUPTS();
		write_pause(worker);
		ConditionVariablePrepareToSleep(&run->changed);
		pick = worklist_pick(run, worker->items, worker->slot, &item, &wait);
		if (pick == PICK_WAIT)
		{
			pgstat_report_activity(STATE_IDLE, NULL);
			(void) ConditionVariableTimedSleep(&run->changed, wait, PG_WAIT_EXTENSION);
		}
		ConditionVariableCancelSleep();
		if (pick == PICK_NONE)
			break;
		if (pick == PICK_WAIT)
			continue;

		MemoryContextSwitchTo(worker->context);
		do_item(worker, item);
		debug_query_string = NULL;
		MemoryContextReset(worker->context);
		if (++done % SCHEMAS_PER_LOOK == 0 && backend_memory_is_large())
		{
			worker->slot->renew = true;
			break;
		}
	}
}

/* ------------------------------------------------------------------------
 * Entry
 * ------------------------------------------------------------------------
 */

/*
 * Attach the queue to the leader; from here on, messages and errors go there.
 */
static void
attach_queue(dsm_segment *segment, shm_toc *toc, int index)
{
	char	   *queues = shm_toc_lookup(toc, SHARED_KEY_QUEUES, false);
	shm_mq	   *queue = (shm_mq *) (queues + (Size) index * SHARED_QUEUE_SIZE);

	shm_mq_set_sender(queue, MyProc);
	pq_redirect_to_shm_mq(segment, shm_mq_attach(queue, segment, NULL));
}

/*
 * A worker of the run proper.
 */
static void
run_items(Worker *worker)
{
	worklist_join(worker->run, worker->slot);
	set_up_run(worker);
	open_journal(worker);
	if (!worker->run->cancel)
		do_items(worker);
	MemoryContextSwitchTo(worker->context);
	close_journal(worker);
}

/*
 * The worker that goes on after the call.  It signs on, so that the leader can
 * leave, only when others can see that the run is alive.
 */
static void
run_outside(Worker *worker)
{
	SharedRun  *run = worker->run;

	set_up_run(worker);
	transaction_begin();
	journal_hold(run->run, JOURNAL_PROCESS);
	transaction_commit();
	SpinLockAcquire(&run->mutex);
	run->outside_attached = true;
	SpinLockRelease(&run->mutex);
	ConditionVariableBroadcast(&run->changed);

	set_setting("synchronous_commit", worker->synchronous_commit);
	MemoryContextSwitchTo(worker->context);
	background_run_items(&worker->options, run, worker->items);
}

/*
 * An error ends the process, perhaps out of a wait on the condition variable of
 * the run: leave its queue before the shared memory that it lies in is gone.
 */
static void
stop_waiting(int code, Datum arg)
{
	ConditionVariableCancelSleep();
}

/*
 * Entry point.
 */
void
ashmig_worker_main(Datum main_arg)
{
	Worker		worker = {0};
	dsm_segment *segment;
	shm_toc    *toc;
	int			index;
	StringInfoData task;

	pqsignal(SIGTERM, die);
	before_shmem_exit(stop_waiting, (Datum) 0);
	BackgroundWorkerUnblockSignals();
	memcpy(&index, MyBgworkerEntry->bgw_extra, sizeof(index));
	worker.context = AllocSetContextCreate(TopMemoryContext, "ashmig worker",
										   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(TopMemoryContext);

	/* There is no resource owner, so the mapping lasts as long as we do. */
	segment = dsm_attach(DatumGetUInt32(main_arg));
	if (segment == NULL)
		return;					/* the leader is gone */
	toc = shm_toc_attach(SHARED_MAGIC, dsm_segment_address(segment));
	if (toc == NULL)
		return;
	worker.run = shm_toc_lookup(toc, SHARED_KEY_RUN, false);
	worker.items = shm_toc_lookup(toc, SHARED_KEY_ITEMS, false);
	if (index != OUTSIDE_WORKER)
	{
		worker.slot = (SharedWorker *) shm_toc_lookup(toc, SHARED_KEY_WORKERS, false) + index;
		attach_queue(segment, toc, index);
	}
	take_over(toc, worker.run);
	acting_role_in_own_process();

	MemoryContextSwitchTo(TopMemoryContext);	/* the ends of transactions
												 * left it */
	initStringInfo(&task);
	appendBinaryStringInfo(&task, shm_toc_lookup(toc, SHARED_KEY_TASK, false),
						   worker.run->task_size);
	if (worker.run->task == TASK_STATEMENT)
		run_statement(worker.run, &task);
	else
	{
		message_get_options(&task, &worker.options);
		if (index == OUTSIDE_WORKER)
			run_outside(&worker);
		else
			run_items(&worker);
	}
}
