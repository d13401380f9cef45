/*
 * catalog_spi.c
 *		How the tables of schema ashmig are found, read and written: see
 *		catalog_spi.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "jit/jit.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/errors.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/catalog_spi.h"

void		(*catalog_check_node) (void) = NULL;

/*
 * Oid of a table of schema ashmig; an error if it does not exist.
 */
Oid
catalog_table(const char *name)
{
	Oid			schema = get_namespace_oid(ASHMIG_CATALOG_SCHEMA, true);
	Oid			table = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;

	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table ashmig.%s does not exist", name),
				 errhint("Run CREATE EXTENSION ashmig in this database.")));
	return table;
}

/*
 * Enter SPI with search_path pinned to pg_catalog until catalog_disconnect, and
 * without JIT compilation, which would take longer than our queries do.
 * A snapshot stays active in between: rows that are read may have to be
 * fetched from TOAST after the query (a worker has no other snapshot).
 */
int
catalog_connect(void)
{
	int			guc_level;

	if (catalog_check_node)
		catalog_check_node();
	guc_level = NewGUCNestLevel();
	settings_pin("search_path", "pg_catalog, pg_temp");
	if (jit_enabled)
		settings_pin("jit", "off");
	PushActiveSnapshot(GetLatestSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not connect to SPI")));
	return guc_level;
}

/*
 * Leave SPI and restore search_path.
 */
void
catalog_disconnect(int guc_level)
{
	SPI_finish();
	PopActiveSnapshot();
	AtEOXact_GUC(true, guc_level);
}

/*
 * The kept plan of a statement, made at the first call.
 */
static SPIPlanPtr
statement_plan(CatalogStatement *statement)
{
	if (statement->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(statement->sql, statement->nargs, statement->types);

		if (plan == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not prepare statement: %s",
							SPI_result_code_string(SPI_result)),
					 errdetail("Statement: %s", statement->sql)));
		SPI_keepplan(plan);
		statement->plan = plan;
	}
	return statement->plan;
}

/*
 * Run a command; returns the number of rows.
 */
uint64
catalog_execute(CatalogStatement *statement, Datum *values, const char *nulls)
{
	int			code = SPI_execute_plan(statement_plan(statement), values, nulls, false, 0);

	if (code < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not execute statement: %s", SPI_result_code_string(code)),
				 errdetail("Statement: %s", statement->sql)));
	return SPI_processed;
}

/*
 * Read rows with a new snapshot; returns their number.
 */
uint64
catalog_query(CatalogStatement *statement, Datum *values, const char *nulls)
{
	SPIPlanPtr	plan = statement_plan(statement);
	int			code;

	/* this transaction's own changes must be visible as well */
	CommandCounterIncrement();
	code = SPI_execute_snapshot(plan, values, nulls, GetLatestSnapshot(),
								InvalidSnapshot, true, false, 0);
	if (code != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not execute query: %s", SPI_result_code_string(code)),
				 errdetail("Statement: %s", statement->sql)));
	return SPI_processed;
}

/*
 * A column (counted from 1) of a row of the last result.
 */
Datum
catalog_datum(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/*
 * A text column as a string in "context", or NULL.
 */
char *
catalog_string(uint64 row, int column, MemoryContext context)
{
	bool		isnull;
	Datum		value = catalog_datum(row, column, &isnull);
	MemoryContext old;
	char	   *result;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	result = TextDatumGetCString(value);
	MemoryContextSwitchTo(old);
	return result;
}

/*
 * A text column of all rows as a List of char *, in "context".
 */
List *
catalog_strings(uint64 rows, int column, MemoryContext context)
{
	List	   *result = NIL;

	for (uint64 i = 0; i < rows; i++)
	{
		char	   *string = catalog_string(i, column, context);
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, string);
		MemoryContextSwitchTo(old);
	}
	return result;
}

/* A column that is not null */
int64
catalog_int64(uint64 row, int column)
{
	bool		isnull;

	return DatumGetInt64(catalog_datum(row, column, &isnull));
}

/*
 * Such a column of all rows as a List of int64 *, in "context".
 */
List *
catalog_int64s(uint64 rows, int column, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *result = NIL;

	for (uint64 i = 0; i < rows; i++)
	{
		int64	   *number = palloc(sizeof(int64));

		*number = catalog_int64(i, column);
		result = lappend(result, number);
	}
	MemoryContextSwitchTo(old);
	return result;
}

/* ------------------------------------------------------------------------
 * Arrays
 * ------------------------------------------------------------------------
 */

/*
 * text[] of a List of char *.
 */
Datum
catalog_text_array(List *strings)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(strings), 1));
	ListCell   *lc;
	int			n = 0;

	foreach(lc, strings)
		elements[n++] = CStringGetTextDatum((char *) lfirst(lc));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* bigint[] from a List of int64 * */
Datum
catalog_version_array(List *versions)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(versions), 1));
	ListCell   *lc;
	int			n = 0;

	foreach(lc, versions)
		elements[n++] = Int64GetDatum(*(int64 *) lfirst(lc));
	return PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * List of char * of a text[], which may hold no NULLs.
 */
List *
catalog_text_list(Datum array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	List	   *result = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("array of names or statements must not contain nulls")));
		result = lappend(result, TextDatumGetCString(elements[i]));
	}
	return result;
}
