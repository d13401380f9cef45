/*
 * schema_lock.h
 *		The locks that keep two runs out of one schema.
 *
 * Two locks per schema, which nobody but ashmig can take (see
 * metadata/object_lock.h).  The first is held by whatever changes the schema as
 * a whole, until the end of its transaction.  The second is held beside it by
 * work outside a transaction, over several transactions: a run does not wait
 * for that one but leaves the schema to it, as the work may be waiting for the
 * snapshot of the run's caller.
 */
#ifndef ASHMIG_SCHEMA_LOCK_H
#define ASHMIG_SCHEMA_LOCK_H

#include "postgres.h"

/*
 * Exclude other runs, and whatever else changes a schema as a whole, until the
 * end of the transaction.  Waits as long as lock_timeout lets it.  Several
 * schemas are to be locked in the order of their names.
 */
extern void schema_lock_acquire(const char *schema);

/*
 * The same, where nobody has it, nor is at work there outside a transaction;
 * false where somebody is.
 */
extern bool schema_lock_try(const char *schema);

/*
 * Both locks, over several transactions, for work outside of them, until
 * schema_lock_release.  One schema at a time.  The abort of a transaction
 * releases them as well: after an error there is nothing to release.
 */
extern void schema_lock_hold(const char *schema);
extern void schema_lock_release(void);

/*
 * Is another process at work in the schema outside a transaction?  If not,
 * none begins before the end of ours.
 */
extern bool schema_lock_is_held_outside(const char *schema);

#endif							/* ASHMIG_SCHEMA_LOCK_H */
