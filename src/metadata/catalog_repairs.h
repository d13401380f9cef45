/*
 * catalog_repairs.h
 *		ashmig.repairs: the DDL that brings single schemas back to the structure
 *		that is recorded for them.
 *
 * A repair is recorded before it runs, and its row says when it did, in the
 * transaction of the DDL.
 */
#ifndef ASHMIG_CATALOG_REPAIRS_H
#define ASHMIG_CATALOG_REPAIRS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"

typedef struct SchemaRepair
{
	int64		number;			/* filled in when it is recorded */
	Scope		scope;
	char	   *schema;
	List	   *statements;		/* of char *, with placeholders */
	int64		version;		/* newest migration that the schema had when
								 * the repair was made; 0: none */
	List	   *adopts;			/* of int64 *: versions that the schema counts
								 * as having afterwards */
	int64		ecto_version;	/* with adopts: newest of Ecto's; 0: none */
} SchemaRepair;

/*
 * The statement that records repairs, and its parameters, so that a worker can
 * run it.  An older repair of the same schema that has not run is replaced.
 */
#define REPAIRS_ARGS 6
extern const char *const catalog_repairs_insert;
extern void catalog_repairs_arguments(List *repairs, Oid *types, Datum *values);

/* Record repairs (of SchemaRepair *) in the current transaction. */
extern void catalog_repairs_add(List *repairs);

/* The repair of a schema that has not run; NULL: there is none */
extern SchemaRepair *catalog_repairs_pending(Scope scope, const char *schema);

/* It has run, for so many microseconds. */
extern void catalog_repairs_applied(const SchemaRepair *repair, int64 elapsed);

#endif							/* ASHMIG_CATALOG_REPAIRS_H */
