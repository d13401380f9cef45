/*
 * catalog_spi.h
 *		How the tables of schema ashmig are found, read and written: SPI with
 *		kept plans, and the values that go through it.
 *
 * Statements run with parameters, as the calling role.
 */
#ifndef ASHMIG_CATALOG_SPI_H
#define ASHMIG_CATALOG_SPI_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Called before the tables are looked at, if it is set: raises where what they hold
 * would be a wrong answer.  (What it knows, Citus' tables, is read by this module.)
 */
extern void (*catalog_check_node) (void);

/* Oid of a table of schema ashmig; an error if it does not exist */
extern Oid	catalog_table(const char *name);

/*
 * One SQL statement of ours with its parameters' types.  The plan is made at
 * the first call and kept for the session.  Names in it are qualified, and it
 * runs with search_path pinned (catalog_connect).
 */
#define CATALOG_MAX_ARGS 20

typedef struct CatalogStatement
{
	const char *sql;
	int			nargs;
	Oid			types[CATALOG_MAX_ARGS];
	struct _SPI_plan *plan;		/* filled in */
} CatalogStatement;

/*
 * catalog_execute runs a command and returns the rows that it changed;
 * catalog_query reads rows into SPI_tuptable, with a new snapshot whatever the
 * isolation level, so that what other sessions committed is seen.  "nulls" may
 * be NULL, as for SPI_execute_plan.  Both need catalog_connect before.
 */
extern uint64 catalog_execute(CatalogStatement *statement, Datum *values, const char *nulls);
extern uint64 catalog_query(CatalogStatement *statement, Datum *values, const char *nulls);

/*
 * Enter and leave SPI, with search_path pinned in between.  Between the two
 * palloc gives SPI's memory; results go to "context" by catalog_string.
 */
extern int	catalog_connect(void);
extern void catalog_disconnect(int guc_level);

/* A column of a row of SPI_tuptable; strings are copied into "context". */
extern Datum catalog_datum(uint64 row, int column, bool *isnull);
extern int64 catalog_int64(uint64 row, int column);
extern char *catalog_string(uint64 row, int column, MemoryContext context);

/*
 * A column of so many rows: List of char *, or of int64 * where nothing is null;
 * the list is in "context" as well.
 */
extern List *catalog_strings(uint64 rows, int column, MemoryContext context);
extern List *catalog_int64s(uint64 rows, int column, MemoryContext context);

/* text[] from and to a List of char * */
extern Datum catalog_text_array(List *strings);

/* bigint[] from a List of int64 * */
extern Datum catalog_version_array(List *versions);

extern List *catalog_text_list(Datum array);

#endif							/* ASHMIG_CATALOG_SPI_H */
