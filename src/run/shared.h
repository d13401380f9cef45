/*
 * shared.h
 *		What a leader shares with its workers: the layout of the dynamic
 *		shared memory segment of a run.
 *
 * The leader makes it, fills it in and starts workers; these take schemas from
 * the work list by themselves, so that no schema waits for the leader.
 * Results and messages come back through a queue per worker.
 */
#ifndef ASHMIG_SHARED_H
#define ASHMIG_SHARED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"

#include "base/scope.h"
#include "migrate/results.h"

#define SHARED_MAGIC		0x4153484D
#define SHARED_QUEUE_SIZE	16384
#define SHARED_PAUSE_SIZE	160

/* Keys of the table of contents */
#define SHARED_KEY_RUN		1	/* SharedRun */
#define SHARED_KEY_ITEMS	2	/* SharedItem[] */
#define SHARED_KEY_WORKERS	3	/* SharedWorker[] */
#define SHARED_KEY_TASK		4	/* options, or a statement: see message.h */
#define SHARED_KEY_LIBRARIES 5
#define SHARED_KEY_SETTINGS 6
#define SHARED_KEY_QUEUES	7
#define SHARED_KEYS			7	/* how many */

typedef enum SharedTask
{
	TASK_RUN,					/* schemas of the work list */
	TASK_STATEMENT				/* one SQL statement */
} SharedTask;

/* What is said of a schema whose worker died */
#define WORKER_DIED "the background worker died"

/* Index in bgw_extra of the worker that does what a run leaves behind */
#define OUTSIDE_WORKER (-1)

typedef enum ItemState
{
	ITEM_TODO,
	ITEM_RUNNING,
	ITEM_RETRY,					/* a lock was not available; again later */
	ITEM_DONE,
	ITEM_OUTSIDE,				/* done as far as a transaction goes */
	ITEM_ELSEWHERE,				/* another run is doing the rest of it */
	ITEM_FAILED
} ItemState;

/* A schema of the work list; public comes first, where it is there at all. */
typedef struct SharedItem
{
	ItemState	state;
	Scope		scope;
	int			attempts;
	int			remaining;		/* of ITEM_OUTSIDE: migrations still to be
								 * done */
	bool		blocks_tenants; /* of ITEM_OUTSIDE, public: tenants come after
								 * these */
	bool		worker_died;	/* of ITEM_FAILED: before it could say so */
	TimestampTz not_before;		/* of ITEM_RETRY */
	char		schema[NAMEDATALEN];
} SharedItem;

/* How far a worker has come; one that is gone and has not left was terminated */
typedef enum WorkerStage
{
	WORKER_STARTING,
	WORKER_JOINED,				/* one of SharedRun.active */
	WORKER_LEFT
} WorkerStage;

typedef struct SharedWorker
{
	int			item;			/* that it is working on; -1: none */
	WorkerStage stage;
	bool		writes_row;		/* it is writing the row of ashmig.runs */
	bool		writes_pause;	/* it is writing down a pause */
	bool		renew;			/* it left for its memory's sake, with work
								 * undone */
} SharedWorker;

/* Has the row of ashmig.runs been written? */
typedef enum RunRow
{
	ROW_NONE,
	ROW_BEING_WRITTEN,
	ROW_WRITTEN,
	ROW_CLOSED
} RunRow;

typedef struct SharedRun
{
	/* Fixed before the first worker starts */
	SharedTask	task;
	Oid			database;
	Oid			authenticated_user;
	Oid			current_user;
	int			nitems;
	int			nworkers;
	int			canaries;		/* the items before this one are public and
								 * the canaries; 0: there are none */
	TimestampTz run_until;		/* begin no schema after that */
	Size		task_size;

	/* Signalled at every change that a waiting worker may want to know */
	ConditionVariable changed;

	/* What follows, and the items and workers, are under this lock. */
	slock_t		mutex;
	int			next;			/* first item that nobody has taken yet */
	int			finished;		/* items done, outside or failed */
	int			outside;		/* of these, left for OUTSIDE_WORKER */
	int			failed;			/* of these */
	int			active;			/* workers at work */
	StopReason	stop;			/* begin no further schema */
	bool		cancel;			/* the leader is gone or wants to be */
	bool		outside_attached;	/* OUTSIDE_WORKER has taken over */
	RunRow		row;
	int64		run;

	/* A pause: the leader says that there is one, a worker writes it down */
	char		pause[SHARED_PAUSE_SIZE];	/* its reason; empty: none */
	int			pause_changes;	/* how often that changed */
	int			pause_written;	/* up to this change it is in ashmig.runs */
	bool		pause_being_written;
} SharedRun;

#endif							/* ASHMIG_SHARED_H */
