/*
 * demands.h
 *		What pending statements demand of the rows that are there now.
 *
 * A column that becomes NOT NULL, a check, a unique key, a foreign key, a new
 * type of a column: each is a demand, found by following the statements one by
 * one, generated or written by hand.
 */
#ifndef ASHMIG_DEMANDS_H
#define ASHMIG_DEMANDS_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

#include "metadata/catalog_migrations.h"

typedef enum DemandKind
{
	DEMAND_NOT_NULL,
	DEMAND_CHECK,
	DEMAND_UNIQUE,
	DEMAND_FOREIGN_KEY,
	DEMAND_TYPE
} DemandKind;

typedef struct Demand
{
	DemandKind	kind;
	int64		version;
	char	   *table;			/* as the statement calls it */
	char	   *object;			/* the column or the constraint */
	char	   *query;			/* shows all that breaks it; NULL: DEMAND_TYPE */
	Oid			relid;			/* the table of today */
	Node	   *expr;			/* of DEMAND_TYPE: must not fail */
	Node	   *filter;			/* ... for these rows; NULL: all */
} Demand;

/* Statements that are followed: the tables that they have touched so far */
typedef struct Future
{
	const char *schema;			/* where they run */
	const char *default_schema;
	List	   *tables;			/* of FutureTable * */
	List	   *demands;		/* of Demand * */
	List	   *opaque;			/* of List of SqlWord *: statements that may
								 * change rows of what they name */
	List	   *unknown;		/* of char *: what could not be followed, for
								 * a reader */
	int64		version;		/* the migration being followed */
} Future;

/*
 * Follow the statements of a migration (its up), whose environment is entered:
 * names are looked up.  Takes ACCESS SHARE on the tables, and nothing else.
 */
extern void demands_follow(Future *future, const Migration *migration);

/* As the column "problem" has it */
extern const char *demand_kind_name(DemandKind kind);

#endif							/* ASHMIG_DEMANDS_H */
