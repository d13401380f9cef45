/*
 * managed_table.c
 *		A managed table, each row of which has a tenant: the parts of its
 *		template, and the one place where its rows are read.  See
 *		managed_table.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "syntax/sql_text.h"
#include "tenant/managed_part.h"
#include "tenant/managed_table.h"

/* ------------------------------------------------------------------------
 * Names in SQL
 * ------------------------------------------------------------------------
 */

/* A table's names, for SQL */
char *
managed_table_qualified_name(Oid table)
{
	return psprintf("%s.%s", quote_name(get_namespace_name(get_rel_namespace(table))),
					quote_name(get_rel_name(table)));
}

/* The column that a part of a template names, or NULL if it is text */
const char *
managed_table_part_column(const char *part)
{
	return part[0] == ':' ? part + 1 : NULL;
}

/* The text of a column */
char *
managed_table_column_expression(const char *alias, const char *column)
{
	return psprintf("%s.%s::pg_catalog.text COLLATE pg_catalog.\"C\"", alias, quote_name(column));
}

/*
 * The name of the tenant of a row "t".
 */
static char *
name_expression(const ManagedTable *managed)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoChar(&sql, '(');
	foreach(lc, managed->template)
	{
		const char *column = managed_table_part_column(lfirst(lc));

		if (sql.len > 1)
			appendStringInfoString(&sql, " || ");
		if (column)
			appendStringInfoString(&sql, managed_table_column_expression("t", column));
		else
			appendStringInfo(&sql, "%s::pg_catalog.text", quote_text(lfirst(lc)));
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/*
 * Run a query that gives one value, not NULL, with the parameter "name".  The
 * value is palloc'd in the context outside SPI.
 */
static Datum
query_value(const char *sql, const char *name)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	SPIPlanPtr	plan = SPI_prepare(sql, 1, types);
	Form_pg_attribute column;
	bool		isnull;

	/* what this transaction and others have done meanwhile is to be seen */
	CommandCounterIncrement();
	if (plan == NULL ||
		SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(),
							 InvalidSnapshot, true, false, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not read the rows of a table with managed tenants"),
				 errdetail("Query: %s", sql)));
	column = TupleDescAttr(SPI_tuptable->tupdesc, 0);
	return SPI_datumTransfer(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull),
							 column->attbyval, column->attlen);
}

/*
 * The same over the rows of a managed table, as its owner.  The query has %s
 * twice, for the name of a row and for the table.  The lock keeps another from
 * getting the table's name or owner meanwhile.
 *
 * What the query calls may be anything that the owner has made.  It sees all
 * rows, and it must not leave work behind that is done after it, with the
 * rights of the one who commits (deferred triggers).
 */
static Datum
query_as_owner(const ManagedTable *managed, const char *query, const char *name)
{
	Relation	rel = table_open(managed->table, AccessShareLock);
	RoleBefore	before = managed_role_enter(rel->rd_rel->relowner,
											SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	Datum		result;

	(void) managed_role_pin_text();
	SPI_connect();
	result = query_value(psprintf(query, name_expression(managed),
								  managed_table_qualified_name(managed->table)), name);
	SPI_finish();
	managed_role_leave(before);
	table_close(rel, NoLock);
	return result;
}

/*
 * Has a row that name?
 */
bool
managed_table_has_row(const ManagedTable *managed, const char *name)
{
	return DatumGetBool(query_as_owner(managed,
									   "SELECT EXISTS (SELECT FROM (SELECT %s AS name FROM %s AS t) AS n"
									   " WHERE n.name OPERATOR(pg_catalog.=) $1)", name));
}

/*
 * The names of all rows.
 */
Datum
managed_table_row_names(const ManagedTable *managed)
{
	return query_as_owner(managed, "SELECT coalesce(pg_catalog.array_agg(%s), '{}') FROM %s AS t", "");
}
