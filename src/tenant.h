/*
 * tenant.h
 *		The life of a tenant: its schema with its migrations.
 *
 * All of it happens in the transaction of the caller, and excludes runs on the
 * same schema until that ends.
 */
#ifndef ASHMIG_TENANT_H
#define ASHMIG_TENANT_H

#include "postgres.h"

/*
 * Create the schema, register it and bring it to the newest version, which is
 * returned (0: there are no migrations).  A schema that is there already is
 * taken over where it is empty or ashmig has versions for it.
 */
extern int64 tenant_create(const char *schema);

/* Drop it; a schema that holds anything only with "cascade". */
extern void tenant_drop(const char *schema, bool cascade);

extern void tenant_rename(const char *old_name, const char *new_name);

/*
 * Bring a new, empty tenant schema to the newest version; returns it.
 */
extern int64 tenant_build(const char *schema);

#endif							/* ASHMIG_TENANT_H */
