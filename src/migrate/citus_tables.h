/*
 * citus_tables.h
 *		Which tables Citus has on which nodes.
 */
#ifndef ASHMIG_CITUS_TABLES_H
#define ASHMIG_CITUS_TABLES_H

#include "postgres.h"

#include "migrate/execute.h"

/*
 * A tenant's foreign key needs a table on its own node: public tables that recorded
 * tenant migrations point to become reference tables, with all that they point to
 * themselves.  Said in a NOTICE.  To be called when public has been migrated, and
 * before a tenant is.
 */
extern void citus_tables_prepare(int lock_timeout);

/*
 * Distribute the tables of a tenant's schema that have stayed on the coordinator, as
 * they were made below another statement (in a function, by a trigger).  To be called
 * after each statement: a foreign key from such a table would make it another kind.
 * The schema itself is distributed where it is a new tenant's that is not: below another
 * utility statement (COPY, EXPLAIN) Citus does not see its tables one by one.
 */
extern void citus_tables_finish(const ExecuteEnvironment *environment, const char *schema, bool new_tenant);

/* Raise for one that is still there when a tenant's migrations have run. */
extern void citus_tables_check(const char *schema);

/* Distribute the schema of a new tenant that has no tables yet, unless it is. */
extern void citus_tables_distribute(const char *schema);

#endif							/* ASHMIG_CITUS_TABLES_H */
