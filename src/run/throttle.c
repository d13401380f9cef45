/*
 * throttle.c
 *		When a run has to pause: see throttle.h.
 *
 * What is looked at is in shared memory, and seen by whoever may run
 * migrations: the SQL views hide it from roles without pg_read_all_stats.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/latch.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/settings.h"
#include "run/throttle.h"

typedef enum Pause
{
	PAUSE_NONE,
	PAUSE_REPLICA_LAG,
	PAUSE_LOAD
} Pause;

struct Throttle
{
	Pause		pause;			/* as last seen */
	TimestampTz looked;			/* 0: never */
	XLogRecPtr	mark;			/* the WAL ended here */
	TimestampTz marked;			/* ... at this time; 0: no mark */
	char		reason[128];
};

/*
 * For one run.
 */
Throttle *
throttle_create(void)
{
	if (ashmig_max_replica_lag == 0 && ashmig_max_load == 0)
		return NULL;
	return palloc0(sizeof(Throttle));
}

/* What pg_stat_activity shows of a process, or NULL */
static const PgBackendStatus *
backend_of_pid(int pid)
{
	int			count = pgstat_fetch_stat_numbackends();

	for (int i = 1; i <= count; i++)
	{
		const PgBackendStatus *backend = &pgstat_get_local_beentry_by_index(i)->backendStatus;

		if (backend->st_procpid == pid)
			return backend;
	}
	return NULL;
}

/* How a standby stands */
typedef struct StandbyLag
{
	int			pid;			/* of its WAL sender; 0: there is none */
	XLogRecPtr	apply;			/* it has replayed so far */
	int64		lag;			/* microseconds */
} StandbyLag;

/*
 * The standby that is furthest behind.  WAL senders measure the lag by the
 * replies of their standby, so of one whose replay stands still they know
 * nothing new.  There our mark helps: where the WAL ended at some time, and what
 * is not yet replayed of that is at least as old.
 */
static StandbyLag
worst_standby(const Throttle *throttle, XLogRecPtr end, TimestampTz now)
{
	StandbyLag	worst = {.apply = PG_UINT64_MAX};

	for (int i = 0; i < max_wal_senders; i++)
	{
		WalSnd	   *sender = &WalSndCtl->walsnds[i];
		int			pid;
		XLogRecPtr	apply;
		int64		lag;

		SpinLockAcquire(&sender->mutex);
		pid = sender->state >= WALSNDSTATE_CATCHUP ? sender->pid : 0;
		apply = sender->apply;
		lag = sender->applyLag;
		SpinLockRelease(&sender->mutex);

		/* a base backup or pg_receivewal replays nothing */
		if (pid == 0 || XLogRecPtrIsInvalid(apply))
			continue;
		if (apply >= end)
			lag = 0;
		else if (throttle->marked != 0 && apply < throttle->mark)
			lag = Max(lag, now - throttle->marked);
		worst.apply = Min(worst.apply, apply);
		if (worst.pid == 0 || lag > worst.lag)
		{
			worst.pid = pid;
			worst.lag = lag;
		}
	}
	return worst;
}

/*
 * Is a standby further behind than it may be?
 */
static bool
replica_lags(Throttle *throttle, TimestampTz now)
{
	XLogRecPtr	end = GetXLogWriteRecPtr();
	StandbyLag	worst = worst_standby(throttle, end, now);
	const PgBackendStatus *backend;

	if (throttle->marked == 0 || worst.apply >= throttle->mark)
	{
		throttle->mark = end;
		throttle->marked = now;
	}
	if (worst.pid == 0 || worst.lag <= ashmig_max_replica_lag * INT64CONST(1000))
		return false;
	backend = backend_of_pid(worst.pid);
	snprintf(throttle->reason, sizeof(throttle->reason),
			 "standby \"%s\" is %.1f s behind (ashmig.max_replica_lag is %.1f s)",
			 backend ? backend->st_appname : "", worst.lag / 1000000.0, ashmig_max_replica_lag / 1000.0);
	return true;
}

/*
 * Do more sessions of clients execute a statement, or wait for a lock in one,
 * than may?  Ours does not count, nor do workers.
 */
static bool
load_is_high(Throttle *throttle)
{
	int			count = pgstat_fetch_stat_numbackends();
	int			active = 0;

	for (int i = 1; i <= count; i++)
	{
		const PgBackendStatus *backend = &pgstat_get_local_beentry_by_index(i)->backendStatus;

		if (backend->st_backendType == B_BACKEND && backend->st_procpid != MyProcPid &&
			(backend->st_state == STATE_RUNNING || backend->st_state == STATE_FASTPATH))
			active++;
	}
	if (active <= ashmig_max_load)
		return false;
	snprintf(throttle->reason, sizeof(throttle->reason),
			 "%d other sessions are active (ashmig.max_load is %d)", active, ashmig_max_load);
	return true;
}

/*
 * Look whether the run has to pause.
 */
bool
throttle_look(Throttle *throttle, const char **reason)
{
	TimestampTz now = GetCurrentTimestamp();
	Pause		pause = PAUSE_NONE;
	bool		changed;

	if (throttle->looked != 0 && now - throttle->looked < THROTTLE_INTERVAL * INT64CONST(1000))
		return false;
	throttle->looked = now;
	pgstat_clear_backend_activity_snapshot();
	if (ashmig_max_replica_lag > 0 && replica_lags(throttle, now))
		pause = PAUSE_REPLICA_LAG;
	else if (ashmig_max_load > 0 && load_is_high(throttle))
		pause = PAUSE_LOAD;
	changed = pause != throttle->pause;
	throttle->pause = pause;
	*reason = pause == PAUSE_NONE ? NULL : throttle->reason;
	return changed;
}

/*
 * Wait until the run may go on.
 */
void
throttle_wait(Throttle *throttle, TimestampTz run_until, ThrottleTell tell, int64 run)
{
	const char *reason;

	if (throttle == NULL)
		return;
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (throttle_look(throttle, &reason))
			tell(run, reason);
		if (throttle->pause == PAUSE_NONE || GetCurrentTimestamp() >= run_until)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 THROTTLE_INTERVAL, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
