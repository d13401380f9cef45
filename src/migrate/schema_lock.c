/*
 * schema_lock.c
 *		The locks that keep two runs out of one schema: see schema_lock.h.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "metadata/object_lock.h"
#include "migrate/lock_watch.h"
#include "migrate/schema_lock.h"

/* What schema_lock_hold has taken, for schema_lock_release */
static LOCKTAG held_outside;
static LOCKTAG held_schema;

/*
 * A lock on a schema.  By a hash of its name, which may be about to be created,
 * dropped or renamed; two schemas of one hash merely wait for each other.
 */
static LOCKTAG
lock_tag(const char *schema, ObjectLockKind kind)
{
	return object_lock_tag("versions", hash_bytes((const unsigned char *) schema, strlen(schema)),
						   kind);
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
	LOCKTAG		tag = lock_tag(schema, OBJECT_LOCK_SCHEMA);
	ErrorContextCallback callback = {.callback = waiting_callback, .arg = unconstify(char *, schema)};

	callback.previous = error_context_stack;
	error_context_stack = &callback;
	(void) object_lock_acquire(&tag, ExclusiveLock, true);
	error_context_stack = callback.previous;
}

/*
 * The same without waiting, against work outside a transaction as well; false
 * where somebody else has the schema.
 */
bool
schema_lock_try(const char *schema)
{
	LOCKTAG		outside = lock_tag(schema, OBJECT_LOCK_OUTSIDE);
	LOCKTAG		tag = lock_tag(schema, OBJECT_LOCK_SCHEMA);

	return object_lock_acquire(&outside, ExclusiveLock, false) &&
		object_lock_acquire(&tag, ExclusiveLock, false);
}

/*
 * Likewise, for work outside a transaction, until schema_lock_release.
 */
void
schema_lock_hold(const char *schema)
{
	held_outside = lock_tag(schema, OBJECT_LOCK_OUTSIDE);
	held_schema = lock_tag(schema, OBJECT_LOCK_SCHEMA);
	object_lock_hold(&held_outside, ExclusiveLock);
	object_lock_hold(&held_schema, ExclusiveLock);
}

/*
 * End what schema_lock_hold began.
 */
void
schema_lock_release(void)
{
	object_lock_release(&held_schema, ExclusiveLock);
	object_lock_release(&held_outside, ExclusiveLock);
}

/*
 * Is another process at work in the schema outside a transaction?  If not,
 * none begins before the end of ours.
 */
bool
schema_lock_is_held_outside(const char *schema)
{
	LOCKTAG		outside = lock_tag(schema, OBJECT_LOCK_OUTSIDE);

	return !object_lock_acquire(&outside, ShareLock, false);
}
