/*
 * journal.h
 *		ashmig.runs and ashmig.run_schemas: what runs did, and the lock by
 *		which others see that a run is alive.
 */
#ifndef ASHMIG_JOURNAL_H
#define ASHMIG_JOURNAL_H

#include "postgres.h"

#include "migrate/results.h"

/* Write the row of a new run; forget runs older than ashmig.run_retention. */
extern int64 journal_begin(const char *operation, int schemas, int workers);

/* Write a schema's outcome; an earlier one of the same run is replaced. */
extern void journal_schema(int64 run, const RunResult *result);

/* Say how a run ended (or goes on: "background"), and how many schemas failed. */
extern void journal_end(int64 run, const char *status, int failed, int schemas);

/*
 * Show that a run is alive: the lock is held until the end of the transaction,
 * or of the session, or until journal_release.
 */
extern void journal_hold(int64 run, bool session);
extern void journal_release(int64 run);

/* Is the run still held by someone? */
extern bool journal_is_alive(int64 run);

/* Cancel whoever holds it, as pg_cancel_backend does; false: nobody. */
extern bool journal_cancel(int64 run);

/* The newest run that goes on in the background, or else of all; 0: none */
extern int64 journal_last(void);

/* Status of a run, or NULL where there is none; *error is NULL without one */
extern char *journal_status(int64 run, char **error);

/* The first failures of a run, a few lines each; NULL: none */
extern char *journal_failures(int64 run);

#endif							/* ASHMIG_JOURNAL_H */
