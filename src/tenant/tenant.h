/*
 * tenant.h
 *		The life of a tenant: its schema with its migrations.
 *
 * All of it happens in the transaction of the caller, and excludes runs on the
 * same schema until that ends.  Locks are taken in the order of catalog_migrations.h:
 * ashmig.tenants first, so that no generation is recorded meanwhile; then the
 * schemas, by name; then what the statements need.
 */
#ifndef ASHMIG_TENANT_H
#define ASHMIG_TENANT_H

#include "postgres.h"

/*
 * Create the schema, register it and bring it to the newest version, which is
 * returned (0: there are no migrations).  An existing schema is taken over
 * with "take_over" if it is empty or ashmig has versions for it; otherwise it
 * is an error.  "managed_by" is the table whose row the tenant belongs to, or
 * InvalidOid.
 */
extern int64 tenant_create(const char *schema, bool take_over, Oid managed_by);

/*
 * Lock the schema, or the schemas of an old and a new name, as dropping and
 * renaming do.  For who has to ask something first, which is to stay true.
 * tenant_lock_idle raises, without waiting, while a run works on it.
 */
extern void tenant_lock_idle(const char *schema);
extern void tenant_lock_both(const char *old_name, const char *new_name);

/*
 * Drop it; a schema that holds anything only with "cascade".  Raises, without
 * waiting, while a run works on it.
 */
extern void tenant_drop(const char *schema, bool cascade);

/*
 * The same with a commit after each "batch" tables; called by a procedure,
 * connected to SPI non-atomically.
 */
extern void tenant_drop_serial(const char *schema, int batch);

/*
 * Rename it.  If its schema has the new name already, renamed behind our back,
 * only the records are changed.
 */
extern void tenant_rename(const char *old_name, const char *new_name);

#endif							/* ASHMIG_TENANT_H */
