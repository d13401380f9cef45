/*
 * catalog_tenants.h
 *		Which schemas are tenants: the registered ones of ashmig.tenants and
 *		those that the query of ashmig_set_all_tenants lists.
 */
#ifndef ASHMIG_CATALOG_TENANTS_H
#define ASHMIG_CATALOG_TENANTS_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct Tenant
{
	char	   *schema;
	bool		registered;
	bool		listed;			/* by the query */
	bool		exists;			/* there is a schema of that name */
	Oid			managed_by;		/* the table whose row it belongs to, or
								 * InvalidOid */
	char	   *manager;		/* its name, or NULL */
	const char *fault;			/* why what the query lists is no tenant, or
								 * NULL */
	const char *fault_detail;	/* with a fault */
} Tenant;

/*
 * All tenants, once each, ordered by name.  Raises an error if the query
 * fails.  Names that no tenant can have, and schemas of owners for whom nobody
 * vouches (unless ashmig.allow_foreign_owner is on), are among them, each with its
 * fault: they are skipped, and the others are not affected.
 */
extern List *catalog_tenants(void);

/* A tenant's fault as rows show it, with the detail in a line of its own, or NULL */
extern char *catalog_tenants_describe_fault(const Tenant *tenant);

/*
 * Raise an error if a tenant cannot have that name.  The rule is
 * ^[a-zA-Z0-9_-]+$, 63 bytes at most, and none that PostgreSQL, ashmig or the
 * public migrations use.
 */
extern void catalog_tenants_check_name(const char *schema);

/* Is there a query that lists tenants? */
extern bool catalog_tenants_have_query(void);

/*
 * Set or clear (NULL) the query, which runs as the current role from now on,
 * whoever asks for the tenants.  Raises an error if it is not one SELECT of
 * text.
 */
extern void catalog_tenants_set_query(const char *query);

/*
 * Is there a registered tenant of that name?  "schema_oid", if not NULL, is
 * set to the schema that it had (InvalidOid if it was not noted in this
 * database), and "managed_by" to its table.
 */
extern bool catalog_tenants_find(const char *schema, Oid *schema_oid, Oid *managed_by);

/* Is there a tenant of that name, registered or with versions? */
extern bool catalog_tenants_known(const char *schema);

/*
 * Where OIDs of schemas are noted: this cluster and database (palloc'd).  An OID
 * means nothing where it was not noted: pg_upgrade copies the rows of
 * ashmig.tenants and gives the schemas new OIDs, and so may a restore that
 * fires no triggers.
 */
extern char *catalog_tenants_place(void);

/*
 * Note the OIDs of schemas that were noted elsewhere, by the tenants' names.
 * The rows stay locked, so a run does it in a short transaction.
 */
extern void catalog_tenants_refresh(void);

/* Write ashmig.tenants.  The caller holds catalog_lock_tenants. */
extern void catalog_tenants_add(const char *schema, Oid managed_by);
extern void catalog_tenants_remove(const char *schema); /* with its versions */
extern void catalog_tenants_rename(const char *old_name, const char *new_name); /* likewise */

#endif							/* ASHMIG_CATALOG_TENANTS_H */
