/*
 * object_lock.c
 *		Locks that only ashmig can take: see object_lock.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"

#include "metadata/catalog_spi.h"
#include "metadata/object_lock.h"

/*
 * The lock on an object of a table of ours.
 */
LOCKTAG
object_lock_tag(const char *table, uint32 object, ObjectLockKind kind)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_table(table), object, kind);
	return tag;
}

/*
 * Until the end of the transaction; false where it is not available at once and
 * we are not to wait.
 */
bool
object_lock_acquire(const LOCKTAG *tag, LOCKMODE mode, bool wait)
{
	return LockAcquire(tag, mode, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * A process may end between two transactions.  Then no abort releases what it
 * holds, as PostgreSQL expects that of advisory locks alone.
 */
static void
release_at_exit(int code, Datum arg)
{
	AbortOutOfAnyTransaction();
	LockReleaseAll(DEFAULT_LOCKMETHOD, true);
}

/* The table of a tag, for locks on it */
static LockRelId
tag_table(const LOCKTAG *tag)
{
	LockRelId	table = {.relId = tag->locktag_field2, .dbId = tag->locktag_field1};

	return table;
}

/*
 * Over several transactions.
 */
void
object_lock_hold(const LOCKTAG *tag, LOCKMODE mode)
{
	static bool registered = false;
	LockRelId	table = tag_table(tag);

	if (!registered)
		before_shmem_exit(release_at_exit, (Datum) 0);
	registered = true;
	LockRelationIdForSession(&table, AccessShareLock);
	(void) LockAcquire(tag, mode, true, false);
}

/*
 * No longer.
 */
void
object_lock_release(const LOCKTAG *tag, LOCKMODE mode)
{
	LockRelId	table = tag_table(tag);

	(void) LockRelease(tag, mode, true);
	UnlockRelationIdForSession(&table, AccessShareLock);
}
