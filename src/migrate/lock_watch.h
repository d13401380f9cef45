/*
 * lock_watch.h
 *		Who held the lock that a statement waited for in vain.
 *
 * PostgreSQL says so in its log (log_lock_waits) and nowhere else.  While a
 * schema's migrations run, the message is asked for, caught on its way to the
 * log, and kept.
 */
#ifndef ASHMIG_LOCK_WATCH_H
#define ASHMIG_LOCK_WATCH_H

#include "postgres.h"

/* Install the hook; called once, by _PG_init. */
extern void lock_watch_install(void);

/*
 * Watch waits from here on.  To be called inside a GUC nest level, whose end
 * takes the settings back; "lock_timeout" in milliseconds.
 */
extern void lock_watch_begin(int lock_timeout);

/* No more watching; the end of the (sub)transaction by an error does it too. */
extern void lock_watch_end(void);

/*
 * For error context callbacks: name the process that blocked the wait, where
 * the error is that a lock was not available.
 */
extern void lock_watch_tell(void);

/*
 * Who blocked the last wait: process, application, user, how long its
 * transaction and statement have run.  NULL where nobody is known.  Needs a
 * transaction.
 */
extern char *lock_watch_describe(void);

#endif							/* ASHMIG_LOCK_WATCH_H */
