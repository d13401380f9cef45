/*
 * future_table.h
 *		A table as pending statements will leave it, in terms of what it is now.
 *
 * Each of its future columns is an expression over the columns of today: a
 * renamed column is the old one, a column whose type changes is the cast of the
 * old one, a column that is added is its default, and what an UPDATE sets is a
 * CASE.  So what a later statement demands of the data can be asked of today's
 * rows, before anything runs.  Statements that cannot be followed make a table
 * unknown: nothing is said about it from there on.
 */
#ifndef ASHMIG_FUTURE_TABLE_H
#define ASHMIG_FUTURE_TABLE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

typedef struct FutureColumn
{
	char	   *name;
	Node	   *expr;			/* over the table of today, which is relation
								 * 1; NULL: its values are not known */
	AttrNumber	default_of;		/* the column of today whose default it has;
								 * 0: new_default */
	Node	   *new_default;	/* as a statement has written it; NULL: none */
} FutureColumn;

typedef struct FutureTable
{
	char	   *schema;
	char	   *name;
	Oid			relid;			/* InvalidOid: a table that is made, without
								 * rows */
	List	   *columns;		/* of FutureColumn * */
	Node	   *filter;			/* the rows that stay; NULL: all */
	List	   *not_validated;	/* of Constraint *: added NOT VALID */
	bool		gone;			/* dropped */
	bool		grows;			/* gets rows that are not there now */
	bool		unknown;
} FutureTable;

/* The table as it is now.  Takes ACCESS SHARE on it. */
extern FutureTable *future_table_open(Oid relid);

/* One that a statement makes */
extern FutureTable *future_table_new(const char *schema, const char *name);

/* One that may become something else, and leaves the other as it is */
extern FutureTable *future_table_copy(const FutureTable *table);

/* A column, or NULL */
extern FutureColumn *future_table_column(const FutureTable *table, const char *name);

/*
 * An expression as a statement has it, over the rows of today.  Raises where it
 * cannot be one: a sub-query, a column whose values are not known.
 */
extern Node *future_table_expression(const FutureTable *table, const Node *raw, bool boolean);

/* The value of an expression as a statement would store it in that type */
extern Node *future_table_cast(Node *expr, Oid type, int32 typmod);

/*
 * What DEFAULT means for a column.  Raises where it cannot be asked for without
 * effects: a sequence would advance.
 */
extern Node *future_table_default(const FutureTable *table, const FutureColumn *column);

/*
 * SQL for it, with the alias that the table of today has in a query.  It needs no
 * parentheses around it.
 */
extern char *future_table_sql(const FutureTable *table, const Node *expr, const char *alias);

/* "schema"."table" AS alias, of today */
extern char *future_table_from(const FutureTable *table, const char *alias);

#endif							/* ASHMIG_FUTURE_TABLE_H */
