/*
 * journal.h
 *		ashmig.runs and ashmig.run_schemas: what runs did, and the lock by
 *		which others see that a run is alive.
 */
#ifndef ASHMIG_JOURNAL_H
#define ASHMIG_JOURNAL_H

#include "postgres.h"

#include "migrate/options.h"
#include "migrate/results.h"

/*
 * The journal tells of migrations; ashmig.versions has them.  So a run does not
 * fail because its journal cannot be written: there is a warning, once in each
 * process.  Only journal_schema raises an error, as part of the transaction that
 * changes the schema.
 *
 * journal_begin writes the row of a new run and forgets runs older than
 * ashmig.run_retention.  Where there is no room for the row the run is number 0,
 * which has no journal and for which all of these do nothing; what else is in
 * the way, such as a missing right, is an error, as nothing has been done yet.
 */
extern int64 journal_begin(const char *operation, const RunOptions *options, int schemas, int workers);

/* Write a schema's outcome; an earlier one of the same run is replaced. */
extern void journal_schema(int64 run, const RunResult *result);

/* The same for what is done already, or has failed */
extern void journal_try_schema(int64 run, const RunResult *result);

/* Note that a run pauses, and why; NULL: it goes on. */
extern void journal_pause(int64 run, const char *reason);

/* How a run ended */
typedef struct JournalEnd
{
	bool		canceled;
	bool		background;		/* it goes on there */
	StopReason	stop;			/* why schemas were not begun */
	int			schemas;		/* that had a turn */
	int			failed;			/* of these */
	int			left;			/* that had none */
} JournalEnd;

/* Say how a run ended, or that it goes on in the background. */
extern void journal_end(int64 run, const JournalEnd *end);

/* How long journal_hold shows that a run is alive */
typedef enum JournalHold
{
	JOURNAL_TRANSACTION,		/* until the end of the transaction */
	JOURNAL_CALL,				/* over several, until journal_release or an
								 * error */
	JOURNAL_PROCESS				/* until the process ends, whatever fails in
								 * between; to be called again after that */
} JournalHold;

/*
 * Show that a run is alive, by a lock that nobody but ashmig can take (see
 * metadata/object_lock.h).  journal_release ends JOURNAL_CALL.
 */
extern void journal_hold(int64 run, JournalHold hold);
extern void journal_release(int64 run);

/* Is the run still held by someone? */
extern bool journal_is_alive(int64 run);

/* Cancel whoever holds it, as pg_cancel_backend does; false: nobody. */
extern bool journal_cancel(int64 run);

/* The newest run that goes on in the background, or else of all; 0: none */
extern int64 journal_last(void);

/* How a run stands */
typedef struct JournalState
{
	char	   *operation;
	char	   *status;
	char	   *error;			/* or NULL */
} JournalState;

/* Read it; false where there is no such run. */
extern bool journal_read(int64 run, JournalState *state);

/* The first failures of a run, a few lines each; NULL: none */
extern char *journal_failures(int64 run);

/*
 * What became of the schemas that a run left to another one, which was at work
 * there in the background: true while that one goes on.  *failures then, or
 * NULL: those that it did not finish, a line each.
 */
extern bool journal_left_goes_on(int64 run, char **failures);

#endif							/* ASHMIG_JOURNAL_H */
