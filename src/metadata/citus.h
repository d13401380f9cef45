/*
 * citus.h
 *		Citus with schema-based sharding: what ashmig knows of it.
 *
 * The schema of a tenant lies on one of the nodes; what the coordinator has of its
 * tables are shells, to which Citus applies each statement, and then to the node.
 * The public schema stays on the coordinator, but for the tables that tenants'
 * foreign keys point to: these are reference tables, with a copy on every node
 * (migrate/reference_tables.h).  The tables of schema ashmig are on the coordinator
 * alone, so version rows and DDL commit together, by Citus' two-phase commit.
 *
 * What statements look like that Citus takes is in migrate/citus_form.h.  Where
 * Citus is not at work, all of this costs one test of a flag.
 */
#ifndef ASHMIG_CITUS_H
#define ASHMIG_CITUS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Is the library there?  Looked up when ours is loaded: Citus insists on being preloaded. */
extern bool citus_find_library(void);
extern bool citus_is_loaded(void);

/* Is the extension installed in this database?  To be called in a transaction. */
extern bool citus_is_used(void);

/*
 * Raise on a node that is not the coordinator: its tables of schema ashmig are
 * empty, and an answer from there would be a wrong one.  Citus may send a query
 * there by itself, if a tenant's table is in it.
 */
extern void citus_refuse_worker(void);
extern bool citus_is_worker(void);

/*
 * Raise where tenants cannot work: the coordinator has to be known to the other
 * nodes, or foreign keys to reference tables refuse rows that are right.
 */
extern void citus_check_coordinator(void);

/*
 * Pin the settings of Citus that decide what a statement does, until the GUC nest
 * level ends.  "tenant": a schema that is created is a tenant's, and its tables are
 * distributed.
 */
extern void citus_pin(bool tenant);

/*
 * Does the client run a utility statement that has led here?  Below one, Citus
 * distributes no table; the schema then has to be distributed as a whole, at the end.
 */
extern bool citus_is_below_utility(void);

/* The same for scratch schemas: nothing leaves this node. */
extern void citus_pin_local(void);

/*
 * Set lock_timeout, in milliseconds, on the other nodes as well, until the end of
 * the transaction or the GUC nest level.
 */
extern void citus_bound_waits(int lock_timeout);

/* Is it a table that Citus knows: distributed, a reference table, in its metadata? */
extern bool citus_knows_table(Oid table);
extern bool citus_is_reference_table(Oid table);

/* Is the schema distributed, with its tables? */
extern bool citus_schema_is_distributed(const char *schema);

/*
 * The tables of a schema (their names) that Citus does not know, and one that it
 * does, or NULL.
 */
extern List *citus_unknown_tables(const char *schema);
extern char *citus_known_table(const char *schema);

/* The table whose shard this is, by its name as it is shown; NULL if it is none */
extern char *citus_table_of_shard(Oid table);

/* Has the table (its name qualified and quoted) triggers, which only local tables may have? */
extern bool citus_has_triggers(const char *table);

/*
 * Those of these tables that are no reference tables, with all that they reference,
 * which comes first.  Names, here and there, are qualified and quoted.
 */
extern List *citus_future_reference_tables(List *names);

#endif							/* ASHMIG_CITUS_H */
