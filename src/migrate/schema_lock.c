/*
 * schema_lock.c
 *		The locks that keep two runs out of one schema: see schema_lock.h.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "migrate/lock_watch.h"
#include "migrate/schema_lock.h"

/*
 * First key of the advisory locks on schemas, "MG"; the second is a hash of
 * the name.  Two schemas of one hash merely wait for each other.
 */
#define SCHEMA_LOCK_CLASS 0x4D47

/*
 * Likewise, "MO": held beside the other by a worker that runs migrations
 * outside a transaction, which may take long and wait for a caller's snapshot.
 */
#define OUTSIDE_LOCK_CLASS 0x4D4F

/* A tag of two keys, as those of pg_advisory_lock(int, int) */
#define TWO_KEYS 2

/* The lock of a class on a schema */
static LOCKTAG
lock_tag(const char *schema, int lock_class)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, lock_class,
						 hash_bytes((const unsigned char *) schema, strlen(schema)), TWO_KEYS);
	return tag;
}

/* What an error in the wait for a schema tells */
static void
waiting_callback(void *arg)
{
	lock_watch_tell();
	errcontext("waiting for schema \"%s\", which is locked by another run or transaction", (char *) arg);
}

/*
 * Exclude other runs from a schema until the end of the transaction.
 */
void
schema_lock_acquire(const char *schema)
{
	LOCKTAG		tag = lock_tag(schema, SCHEMA_LOCK_CLASS);
	ErrorContextCallback callback = {.callback = waiting_callback, .arg = unconstify(char *, schema)};

	callback.previous = error_context_stack;
	error_context_stack = &callback;
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	error_context_stack = callback.previous;
}

/*
 * The same without waiting, against work outside a transaction as well; false
 * where somebody else has the schema.
 */
bool
schema_lock_try(const char *schema)
{
	LOCKTAG		outside = lock_tag(schema, OUTSIDE_LOCK_CLASS);
	LOCKTAG		tag = lock_tag(schema, SCHEMA_LOCK_CLASS);

	return LockAcquire(&outside, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL &&
		LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Likewise, for work outside a transaction, until schema_lock_release.  First
 * until the end of this transaction: an error in the wait leaves nothing.
 */
void
schema_lock_hold(const char *schema)
{
	LOCKTAG		outside = lock_tag(schema, OUTSIDE_LOCK_CLASS);
	LOCKTAG		tag = lock_tag(schema, SCHEMA_LOCK_CLASS);

	(void) LockAcquire(&outside, ExclusiveLock, false, false);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);

	/* Nothing to wait for, so that none of these is taken without the other */
	(void) LockAcquire(&outside, ExclusiveLock, true, true);
	(void) LockAcquire(&tag, ExclusiveLock, true, true);
}

/*
 * End what schema_lock_hold began.  Both locks are held.
 */
void
schema_lock_release(const char *schema)
{
	LOCKTAG		outside = lock_tag(schema, OUTSIDE_LOCK_CLASS);
	LOCKTAG		tag = lock_tag(schema, SCHEMA_LOCK_CLASS);

	(void) LockRelease(&tag, ExclusiveLock, true);
	(void) LockRelease(&outside, ExclusiveLock, true);
}

/*
 * Is another process at work in the schema outside a transaction?  If not,
 * none begins before the end of ours.
 */
bool
schema_lock_is_held_outside(const char *schema)
{
	LOCKTAG		outside = lock_tag(schema, OUTSIDE_LOCK_CLASS);

	return LockAcquire(&outside, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL;
}
