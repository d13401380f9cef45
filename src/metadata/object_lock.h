/*
 * object_lock.h
 *		Locks that only ashmig can take.
 *
 * They are PostgreSQL's heavyweight locks on objects, like those on a schema or
 * a type, but of a class that is a table of ashmig: pg_locks shows locktype
 * "object", the table as classid, and the kind as objsubid.  The server locks
 * objects of the system catalogs alone and with objsubid 0, and
 * pg_advisory_lock() has another locktype; so no SQL statement takes or
 * releases such a lock, whoever runs it.
 *
 * To be called inside a transaction.
 */
#ifndef ASHMIG_OBJECT_LOCK_H
#define ASHMIG_OBJECT_LOCK_H

#include "postgres.h"

#include "storage/lock.h"

/* What is locked: objsubid of pg_locks; 1 and 2 are those of pg_advisory_lock() */
typedef enum ObjectLockKind
{
	OBJECT_LOCK_SCHEMA = 3,		/* of ashmig.versions: changing a schema */
	OBJECT_LOCK_OUTSIDE,		/* likewise, outside a transaction */
	OBJECT_LOCK_RUN				/* of ashmig.runs: a run that is alive */
} ObjectLockKind;

/* The lock on object "object" of a table of schema ashmig */
extern LOCKTAG object_lock_tag(const char *table, uint32 object, ObjectLockKind kind);

/* Until the end of the transaction.  With "wait" as long as lock_timeout lets us. */
extern bool object_lock_acquire(const LOCKTAG *tag, LOCKMODE mode, bool wait);

/*
 * Over several transactions, until object_lock_release, the end of the process,
 * or the first transaction that is aborted: PostgreSQL then releases all locks
 * of this kind.  The table cannot be dropped meanwhile.
 */
extern void object_lock_hold(const LOCKTAG *tag, LOCKMODE mode);
extern void object_lock_release(const LOCKTAG *tag, LOCKMODE mode);

#endif							/* ASHMIG_OBJECT_LOCK_H */
