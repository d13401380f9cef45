/*
 * leader.c
 *		The leader of a run: see leader.h.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "run/journal.h"
#include "run/leader.h"
#include "run/message.h"
#include "run/public_first.h"
#include "run/rollout.h"
#include "run/shared.h"
#include "run/targets.h"
#include "run/throttle.h"
#include "run/worker.h"
#include "run/worklist.h"

/* How often a leader looks, where nothing wakes it, in ms */
#define LOOK_INTERVAL 250

/* How often it looks whether OUTSIDE_WORKER has signed on, in ms */
#define ATTACH_INTERVAL 50

/*
 * How long workers may take to notice that they are canceled, before they are
 * terminated; how often they are told, and looked at.  In ms.
 */
#define CANCEL_PATIENCE	10000
#define CANCEL_REPEAT	100
#define CANCEL_LOOK		10

/*
 * How often a worker is replaced that was terminated at no schema; there may be
 * a reason that lasts.
 */
#define MAX_IDLE_DEATHS 20

typedef struct PoolWorker
{
	BackgroundWorkerHandle *handle; /* NULL: not running */
	shm_mq_handle *queue;
	int			idle_deaths;
} PoolWorker;

typedef struct Pool
{
	dsm_segment *segment;
	SharedRun  *run;
	SharedItem *items;
	SharedWorker *slots;
	char	   *queues;
	int			nworkers;
	PoolWorker *workers;
	RunResult **results;		/* of each item, or NULL */
	char	   *value;			/* of TASK_STATEMENT, or NULL */
	const RunOptions *options;	/* NULL: TASK_STATEMENT */
	Throttle   *throttle;		/* likewise */
	bool		quiet;
	bool		held;			/* journal_hold is done */
	bool		no_background;	/* nobody continues what was left */
	TimestampTz started;
	TimestampTz last_notice;
} Pool;

/* ------------------------------------------------------------------------
 * The segment
 * ------------------------------------------------------------------------
 */

/* Room for everything */
static Size
estimate_segment(shm_toc_estimator *estimator, int nitems, int nworkers, Size task_size,
				 Size *libraries, Size *settings)
{
	*libraries = EstimateLibraryStateSpace();
	*settings = EstimateGUCStateSpace();
	shm_toc_initialize_estimator(estimator);
	shm_toc_estimate_chunk(estimator, sizeof(SharedRun));
	shm_toc_estimate_chunk(estimator, mul_size(sizeof(SharedItem), Max(nitems, 1)));
	shm_toc_estimate_chunk(estimator, mul_size(sizeof(SharedWorker), nworkers));
	shm_toc_estimate_chunk(estimator, task_size);
	shm_toc_estimate_chunk(estimator, *libraries);
	shm_toc_estimate_chunk(estimator, *settings);
	shm_toc_estimate_chunk(estimator, mul_size(SHARED_QUEUE_SIZE, nworkers));
	shm_toc_estimate_keys(estimator, SHARED_KEYS);
	return shm_toc_estimate(estimator);
}

/* A piece of the segment, entered into its table of contents */
static void *
allocate(shm_toc *toc, uint64 key, Size size)
{
	void	   *piece = shm_toc_allocate(toc, size);

	shm_toc_insert(toc, key, piece);
	return piece;
}

/* Who we are and what is to be done */
static void
fill_run(SharedRun *run, SharedTask task, int nitems, int nworkers, Size task_size)
{
	memset(run, 0, sizeof(SharedRun));
	run->task = task;
	run->database = MyDatabaseId;
	run->authenticated_user = GetAuthenticatedUserId();
	run->current_user = GetUserId();
	run->nitems = nitems;
	run->nworkers = nworkers;
	run->task_size = task_size;
	ConditionVariableInit(&run->changed);
	SpinLockInit(&run->mutex);
}

/*
 * Make the segment of a task, with the caller's libraries and settings.  It
 * belongs to the current transaction.
 */
static Pool *
make_pool(SharedTask task_kind, StringInfo task, List *targets, int nworkers)
{
	Pool	   *pool = palloc0(sizeof(Pool));
	int			nitems = list_length(targets);
	shm_toc_estimator estimator;
	shm_toc    *toc;
	Size		libraries;
	Size		settings;
	Size		size = estimate_segment(&estimator, nitems, nworkers, task->len,
										&libraries, &settings);
	int			i = 0;

	pool->segment = dsm_create(size, 0);
	toc = shm_toc_create(SHARED_MAGIC, dsm_segment_address(pool->segment), size);
	pool->run = allocate(toc, SHARED_KEY_RUN, sizeof(SharedRun));
	fill_run(pool->run, task_kind, nitems, nworkers, task->len);

	pool->items = allocate(toc, SHARED_KEY_ITEMS, sizeof(SharedItem) * Max(nitems, 1));
	foreach_ptr(const Target, target, targets)
	{
		SharedItem *item = &pool->items[i++];

		memset(item, 0, sizeof(SharedItem));
		item->scope = target->scope;
		strlcpy(item->schema, target->schema, NAMEDATALEN);
	}

	pool->slots = allocate(toc, SHARED_KEY_WORKERS, sizeof(SharedWorker) * nworkers);
	memcpy(allocate(toc, SHARED_KEY_TASK, task->len), task->data, task->len);
	SerializeLibraryState(libraries, allocate(toc, SHARED_KEY_LIBRARIES, libraries));
	SerializeGUCState(settings, allocate(toc, SHARED_KEY_SETTINGS, settings));
	pool->queues = allocate(toc, SHARED_KEY_QUEUES, (Size) SHARED_QUEUE_SIZE * nworkers);

	pool->nworkers = nworkers;
	pool->workers = palloc0(sizeof(PoolWorker) * nworkers);
	pool->results = palloc0(sizeof(RunResult *) * Max(nitems, 1));
	pool->started = pool->last_notice = GetCurrentTimestamp();
	return pool;
}

/* What keeps the run from beginning schemas */
static void
fill_rollout(Pool *pool, const RunOptions *options)
{
	SharedRun  *run = pool->run;

	run->run_until = options->run_until;
	if (options->canary > 0)
		run->canaries = Min((int64) options->canary + (pool->items[0].scope == SCOPE_PUBLIC), run->nitems);
}

/* ------------------------------------------------------------------------
 * Workers
 * ------------------------------------------------------------------------
 */

/*
 * Ask the postmaster for a worker.  NULL where all of max_worker_processes are
 * taken.  The handle lives as long as the pool.
 */
static BackgroundWorkerHandle *
register_worker(Pool *pool, int index)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;

	snprintf(worker.bgw_name, BGW_MAXLEN, "ashmig worker for pid %d", MyProcPid);
	strlcpy(worker.bgw_type, "ashmig worker", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, ASHMIG_LIBRARY, sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, WORKER_FUNCTION, BGW_MAXLEN);
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(pool->segment));
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, &index, sizeof(index));
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

/*
 * Start the worker of a slot, with a fresh queue; false where none is available.
 */
static bool
start_worker(Pool *pool, int index)
{
	PoolWorker *worker = &pool->workers[index];
	shm_mq	   *queue = shm_mq_create(pool->queues + (Size) index * SHARED_QUEUE_SIZE,
									  SHARED_QUEUE_SIZE);

	memset(&pool->slots[index], 0, sizeof(SharedWorker));
	pool->slots[index].item = -1;
	shm_mq_set_receiver(queue, MyProc);
	worker->handle = register_worker(pool, index);
	if (worker->handle == NULL)
		return false;
	worker->queue = shm_mq_attach(queue, pool->segment, worker->handle);
	return true;
}

/* Raise where there is no worker. */
static void
raise_no_worker(const char *instead)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NO_WORKER),
			 errmsg("no background worker is available"),
			 errdetail("All max_worker_processes slots are in use."),
			 errhint("Raise max_worker_processes and restart the server, or %s.", instead)));
}

/* Raise where workers end before their work is done, without a word. */
static void
raise_worker_gone(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NO_WORKER),
			 errmsg("background workers exited before the run was complete"),
			 errdetail("A terminated worker could not be replaced."),
			 errhint("Check the server log, then run again to resume.")));
}

/*
 * Is the process of a slot gone (or was it never there)?
 */
static bool
is_stopped(const PoolWorker *worker)
{
	pid_t		pid;

	return GetBackgroundWorkerPid(worker->handle, &pid) == BGWH_STOPPED;
}

/* Let a slot go whose worker is gone. */
static void
release_worker(PoolWorker *worker)
{
	shm_mq_detach(worker->queue);
	pfree(worker->handle);
	worker->queue = NULL;
	worker->handle = NULL;
}

/*
 * Cancel the workers and wait until they are gone, so that nothing goes on
 * behind the back of a caller whose call has ended.  Runs in error cleanup and
 * at the exit of the process as well.
 */
static void
cancel_pool(int code, Datum arg)
{
	Pool	   *pool = (Pool *) DatumGetPointer(arg);

	SpinLockAcquire(&pool->run->mutex);
	pool->run->cancel = true;
	SpinLockRelease(&pool->run->mutex);
	ConditionVariableBroadcast(&pool->run->changed);

	/* none may hang in a queue that nobody reads any more */
	for (int i = 0; i < pool->nworkers; i++)
	{
		if (pool->workers[i].queue)
			shm_mq_detach(pool->workers[i].queue);
		pool->workers[i].queue = NULL;
	}
	for (int waited = 0;; waited += CANCEL_LOOK)
	{
		bool		gone = true;

		for (int i = 0; i < pool->nworkers; i++)
		{
			BackgroundWorkerHandle *handle = pool->workers[i].handle;
			pid_t		pid;
			BgwHandleStatus status;

			if (handle == NULL)
				continue;
			status = GetBackgroundWorkerPid(handle, &pid);
			if (status == BGWH_STOPPED)
				continue;
			gone = false;
			if (status != BGWH_STARTED || waited >= CANCEL_PATIENCE)
				TerminateBackgroundWorker(handle);
			else if (waited % CANCEL_REPEAT == 0)
				kill(pid, SIGINT);
		}
		if (gone || waited >= 2 * CANCEL_PATIENCE)
			break;
		pg_usleep(CANCEL_LOOK * 1000L);
	}
}

/* ------------------------------------------------------------------------
 * Messages
 * ------------------------------------------------------------------------
 */

/*
 * Pass a message on, or raise the error that a worker died of.  That somebody
 * terminated it is no reason to end the run: see worker_is_gone.
 */
static void
relay(Pool *pool, int index, StringInfo message)
{
	ErrorData	edata;
	int			item = pool->slots[index].item;

	pq_parse_errornotice(message, &edata);
	edata.elevel = Min(edata.elevel, ERROR);
	if (edata.elevel >= ERROR && edata.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN &&
		pool->run->task == TASK_RUN)
	{
		RunResult  *result;

		if (item < 0)
			return;
		result = palloc0(sizeof(RunResult));
		result->error = palloc0(sizeof(ErrorData));
		result->error->elevel = ERROR;
		result->error->sqlerrcode = edata.sqlerrcode;
		result->error->message = pstrdup(edata.message);
		pool->results[item] = result;
		return;
	}
	ThrowErrorData(&edata);
}

/* One message */
static void
handle_message(Pool *pool, int index, void *data, Size size)
{
	StringInfoData message;
	int			item;
	RunResult  *result;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, data, size);
	switch (message.data[message.cursor++])
	{
		case MESSAGE_RESULT:
			result = message_get_result(&message, &item);
			pool->results[item] = result;
			break;
		case MESSAGE_VALUE:
			pool->value = message_get_string(&message);
			break;
		case 'E':
		case 'N':
			relay(pool, index, &message);
			break;
		default:
			break;				/* of no interest */
	}
	pfree(message.data);
}

/*
 * Read what a worker has sent; true where there is something.
 */
static bool
drain(Pool *pool, int index)
{
	bool		any = false;
	Size		size;
	void	   *data;

	while (shm_mq_receive(pool->workers[index].queue, &size, &data, true) == SHM_MQ_SUCCESS)
	{
		handle_message(pool, index, data, size);
		any = true;
	}
	return any;
}

/* ------------------------------------------------------------------------
 * Waiting
 * ------------------------------------------------------------------------
 */

/*
 * Say once a second how far the run has come.
 */
static void
report_progress(Pool *pool)
{
	TimestampTz now = GetCurrentTimestamp();
	int			finished;
	int			failed;
	int64		left;

	if (pool->quiet || now - pool->last_notice < USECS_PER_SEC)
		return;
	pool->last_notice = now;
	SpinLockAcquire(&pool->run->mutex);
	finished = pool->run->finished;
	failed = pool->run->failed;
	SpinLockRelease(&pool->run->mutex);
	if (finished == 0 || finished == pool->run->nitems)
		return;
	left = (now - pool->started) / finished * (pool->run->nitems - finished) / USECS_PER_SEC;
	ereport(NOTICE,
			(errmsg("%d/%d schemas, %d failed, %02d:%02d:%02d left",
					finished, pool->run->nitems, failed,
					(int) (left / 3600), (int) (left / 60 % 60), (int) (left % 60))));
}

/*
 * Look whether the run has to pause, or may go on.  A leader's transaction
 * holds no lock that anybody waits for, so there is no harm in a pause.
 */
static void
look_at_load(Pool *pool)
{
	const char *reason;

	if (pool->throttle == NULL || !throttle_look(pool->throttle, &reason))
		return;
	worklist_pause(pool->run, reason);
	if (pool->quiet)
		return;
	if (reason)
		ereport(NOTICE,
				(errmsg("run pauses: %s", reason)));
	else
		ereport(NOTICE,
				(errmsg("run continues")));
}

/* Others can see that the run is alive as soon as it has a number. */
static void
hold_journal(Pool *pool)
{
	int64		run = 0;

	if (pool->held)
		return;
	SpinLockAcquire(&pool->run->mutex);
	if (pool->run->row >= ROW_WRITTEN)
		run = pool->run->run;
	SpinLockRelease(&pool->run->mutex);
	if (run == 0)
		return;
	journal_hold(run, JOURNAL_TRANSACTION);
	pool->held = true;
}

/* A worker died at a schema, which has failed. */
static void
fail_item(Pool *pool, SharedWorker *slot)
{
	SharedItem *item = &pool->items[slot->item];
	RunResult **result = &pool->results[slot->item];

	if (*result == NULL)
		*result = palloc0(sizeof(RunResult));
	if ((*result)->error == NULL)
	{
		(*result)->error = palloc0(sizeof(ErrorData));
		(*result)->error->elevel = ERROR;
		(*result)->error->sqlerrcode = ERRCODE_ADMIN_SHUTDOWN;
		(*result)->error->message = pstrdup(WORKER_DIED);
	}
	(*result)->scope = item->scope;
	(*result)->schema = pstrdup(item->schema);
	(*result)->attempts = item->attempts;
	(*result)->status = RUN_FAILED;
	item->worker_died = true;
	worklist_finish(pool->run, pool->items, slot, ITEM_FAILED, *result, pool->options);
}

/*
 * The process of a slot is gone.  One that left for its memory's sake gets a
 * successor while there is work.  One that was terminated always gets one,
 * as the last worker closes the journal; the schema that it was at has failed,
 * since whoever terminates a worker wants an end of what it does there.
 */
static void
worker_is_gone(Pool *pool, int index)
{
	PoolWorker *worker = &pool->workers[index];
	SharedWorker *slot = &pool->slots[index];
	bool		replace;

	release_worker(worker);
	if (pool->run->task == TASK_STATEMENT)
		return;
	if (slot->stage == WORKER_LEFT)
		replace = slot->renew && worklist_is_open(pool->run, pool->items);
	else
	{
		replace = slot->item >= 0 || ++worker->idle_deaths <= MAX_IDLE_DEATHS;
		worklist_abandon(pool->run, slot);
		if (slot->item >= 0)
			fail_item(pool, slot);
	}
	if (replace)
		(void) start_worker(pool, index);
}

/*
 * Look after the workers; the number of those that run.
 */
static int
tend_workers(Pool *pool)
{
	int			running = 0;

	for (int i = 0; i < pool->nworkers; i++)
	{
		bool		stopped;

		if (pool->workers[i].handle == NULL)
			continue;
		/* first the process, then its last words */
		stopped = is_stopped(&pool->workers[i]);
		(void) drain(pool, i);
		if (stopped)
			worker_is_gone(pool, i);
		if (pool->workers[i].handle != NULL)
			running++;
	}
	return running;
}

/*
 * Wait until the workers are through.
 */
static void
wait_for_workers(Pool *pool)
{
	while (tend_workers(pool) > 0)
	{
		hold_journal(pool);
		look_at_load(pool);
		report_progress(pool);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_INTERVAL, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	hold_journal(pool);
}

/*
 * Start as many workers as are available, and wait for them.
 */
static void
run_pool(Pool *pool, bool down)
{
	int			started = 0;

	look_at_load(pool);
	for (int i = 0; i < pool->nworkers; i++)
		started += start_worker(pool, i) ? 1 : 0;
	if (started == 0)
		raise_no_worker(down ? "run in this transaction with workers => 0" :
						"use CALL ashmig_migrate_all_serial()");
	if (started < pool->nworkers && !pool->quiet)
		ereport(NOTICE,
				(errmsg("only %d of %d background workers are available", started, pool->nworkers),
				 errhint("Raise max_worker_processes to use more.")));
	wait_for_workers(pool);
	if (worklist_is_open(pool->run, pool->items))
		raise_worker_gone();
}

/* ------------------------------------------------------------------------
 * Schemas
 * ------------------------------------------------------------------------
 */

/* The schemas are done as far as a transaction goes; that is no error. */
static void
warn_left_pending(const char *reason)
{
	ereport(WARNING,
			(errcode(ERRCODE_ASHMIG_NO_WORKER),
			 errmsg("non-transactional migrations remain pending: %s", reason),
			 errhint("Run again to resume.")));
}

/*
 * Hand what cannot run in a transaction to a worker that goes on after the
 * call.  It keeps the segment.
 */
static void
leave_to_background(Pool *pool)
{
	BackgroundWorkerHandle *handle = register_worker(pool, OUTSIDE_WORKER);
	bool		attached = false;
	pid_t		pid;

	if (handle == NULL)
	{
		pool->no_background = true;
		warn_left_pending("no background worker is available");
		return;
	}
	while (!attached && GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED)
	{
		ConditionVariablePrepareToSleep(&pool->run->changed);
		SpinLockAcquire(&pool->run->mutex);
		attached = pool->run->outside_attached;
		SpinLockRelease(&pool->run->mutex);
		if (!attached)
			(void) ConditionVariableTimedSleep(&pool->run->changed, ATTACH_INTERVAL,
											   PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
	ConditionVariableCancelSleep();
	if (!attached)
	{
		pool->no_background = true;
		warn_left_pending("the background worker was terminated");
	}
	else if (!pool->quiet && pool->run->run == 0)
		ereport(NOTICE,
				(errmsg_plural("%d schema continues in the background",
							   "%d schemas continue in the background",
							   pool->run->outside, pool->run->outside),
				 errhint("SELECT * FROM ashmig_status() shows when they are done.")));
	else if (!pool->quiet)
		ereport(NOTICE,
				(errmsg_plural("%d schema continues in the background, as run " INT64_FORMAT,
							   "%d schemas continue in the background, as run " INT64_FORMAT,
							   pool->run->outside, pool->run->outside, pool->run->run),
				 errhint("CALL ashmig_wait(" INT64_FORMAT ") waits for them.", pool->run->run)));
}

/* The result of a schema of which no worker has sent one */
static RunResult *
result_without_turn(const Pool *pool, const SharedItem *item)
{
	if (item->state == ITEM_OUTSIDE)
		return results_without_run(item->scope, item->schema, RUN_BACKGROUND);
	if (pool->run->stop != STOP_NONE)
		return results_stopped(item->scope, item->schema, pool->run->stop);
	if (public_first_of_items(pool->items) == TENANTS_PENDING ||
		rollout_turn(pool->run, pool->items) == TENANTS_PENDING)
		return results_without_run(item->scope, item->schema, RUN_PENDING);
	return results_without_run(item->scope, item->schema, RUN_SKIPPED);
}

/*
 * The results, in the order of the work list, with a row for each schema that
 * was not attempted.
 */
static List *
collect_results(Pool *pool)
{
	List	   *results = NIL;

	for (int i = 0; i < pool->run->nitems; i++)
	{
		RunResult  *result = pool->results[i];

		if (result == NULL)
			result = result_without_turn(pool, &pool->items[i]);
		if (pool->no_background && pool->items[i].state == ITEM_OUTSIDE)
			result->status = RUN_PENDING;
		if (result->status != RUN_NOTHING)
			results = lappend(results, result);
	}
	return results;
}

/*
 * Run the targets in background workers.
 */
List *
leader_run(const RunOptions *options, List *targets)
{
	StringInfoData task;
	Pool	   *pool;
	List	   *results;

	initStringInfo(&task);
	message_put_options(&task, options);
	pool = make_pool(TASK_RUN, &task, targets,
					 Min(Max(options->workers, 1), list_length(targets)));
	pool->quiet = options->quiet;
	pool->options = options;
	pool->throttle = throttle_create();
	fill_rollout(pool, options);

	PG_ENSURE_ERROR_CLEANUP(cancel_pool, PointerGetDatum(pool));
	{
		run_pool(pool, options->down);
		worklist_leave_tenants(pool->run, pool->items, options->step > 0 ? options->step : INT_MAX);
		if (pool->run->outside > 0)
			leave_to_background(pool);
	}
	PG_END_ENSURE_ERROR_CLEANUP(cancel_pool, PointerGetDatum(pool));

	results = collect_results(pool);
	dsm_detach(pool->segment);
	return results;
}

/* ------------------------------------------------------------------------
 * One statement
 * ------------------------------------------------------------------------
 */

/*
 * Run one SQL statement with parameters in a worker, and commit it.
 */
char *
leader_execute(const char *sql, int nargs, Oid *types, Datum *values, bool *nulls)
{
	StringInfoData task;
	Pool	   *pool;

	PreventCommandIfReadOnly("migrations");
	initStringInfo(&task);
	message_put_statement(&task, sql, nargs, types, values, nulls);
	pool = make_pool(TASK_STATEMENT, &task, NIL, 1);
	pool->quiet = true;
	PG_ENSURE_ERROR_CLEANUP(cancel_pool, PointerGetDatum(pool));
	{
		if (!start_worker(pool, 0))
			raise_no_worker("call it inside BEGIN ... COMMIT");
		wait_for_workers(pool);
		if (pool->run->finished == 0)
			raise_worker_gone();
	}
	PG_END_ENSURE_ERROR_CLEANUP(cancel_pool, PointerGetDatum(pool));
	dsm_detach(pool->segment);
	return pool->value;
}
