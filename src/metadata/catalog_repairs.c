/*
 * catalog_repairs.c
 *		Repairs of single schemas: see catalog_repairs.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "metadata/catalog_repairs.h"
#include "metadata/catalog_spi.h"

/* Lists within lists go as the texts of arrays. */
const char *const catalog_repairs_insert =
"WITH replaced AS (DELETE FROM ashmig.repairs AS r WHERE r.applied_at IS NULL"
"  AND EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS n (scope, schema_name)"
"   WHERE n.scope OPERATOR(pg_catalog.=) r.scope AND n.schema_name OPERATOR(pg_catalog.=) r.schema_name))"
" INSERT INTO ashmig.repairs (scope, schema_name, statements, version, adopts, ecto_version)"
" SELECT n.scope, n.schema_name, n.statements::pg_catalog.text[], n.version, n.adopts::pg_catalog.int8[],"
"  nullif(n.ecto_version, 0) FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
"  pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6))"
"  AS n (scope, schema_name, statements, version, adopts, ecto_version)";

/* The text of an array */
static char *
array_text(Datum array, Oid type)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, array);
}

void
catalog_repairs_arguments(List *repairs, Oid *types, Datum *values)
{
	List	   *scopes = NIL;
	List	   *schemas = NIL;
	List	   *statements = NIL;
	List	   *versions = NIL;
	List	   *adopts = NIL;
	List	   *ecto = NIL;

	foreach_ptr(SchemaRepair, repair, repairs)
	{
		scopes = lappend(scopes, (char *) scope_name(repair->scope));
		schemas = lappend(schemas, repair->schema);
		statements = lappend(statements, array_text(catalog_text_array(repair->statements), TEXTARRAYOID));
		versions = lappend(versions, &repair->version);
		adopts = lappend(adopts, array_text(catalog_version_array(repair->adopts), INT8ARRAYOID));
		ecto = lappend(ecto, &repair->ecto_version);
	}
	types[0] = types[1] = types[2] = types[4] = TEXTARRAYOID;
	types[3] = types[5] = INT8ARRAYOID;
	values[0] = catalog_text_array(scopes);
	values[1] = catalog_text_array(schemas);
	values[2] = catalog_text_array(statements);
	values[3] = catalog_version_array(versions);
	values[4] = catalog_text_array(adopts);
	values[5] = catalog_version_array(ecto);
}

void
catalog_repairs_add(List *repairs)
{
	static CatalogStatement insert = {.nargs = REPAIRS_ARGS};
	Datum		values[REPAIRS_ARGS];
	int			level;

	insert.sql = catalog_repairs_insert;
	catalog_repairs_arguments(repairs, insert.types, values);
	level = catalog_connect();
	catalog_execute(&insert, values, NULL);
	catalog_disconnect(level);
}

/* List of int64 * of a bigint[] */
static List *
version_list(Datum array)
{
	Datum	   *elements;
	int			n;
	List	   *versions = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &elements, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		int64	   *version = palloc(sizeof(int64));

		*version = DatumGetInt64(elements[i]);
		versions = lappend(versions, version);
	}
	return versions;
}

SchemaRepair *
catalog_repairs_pending(Scope scope, const char *schema)
{
	static CatalogStatement find = {
		.sql = "SELECT repair, statements, version, adopts, coalesce(ecto_version, 0) FROM ashmig.repairs"
		" WHERE scope = $1 AND schema_name = $2 AND applied_at IS NULL ORDER BY repair DESC LIMIT 1",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	SchemaRepair *repair = NULL;
	Datum		values[2];
	int			level;

	values[0] = CStringGetTextDatum(scope_name(scope));
	values[1] = CStringGetTextDatum(schema);
	level = catalog_connect();
	if (catalog_query(&find, values, NULL) > 0)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		bool		isnull;

		repair = palloc0(sizeof(SchemaRepair));
		repair->number = catalog_int64(0, 1);
		repair->scope = scope;
		repair->schema = pstrdup(schema);
		repair->statements = catalog_text_list(catalog_datum(0, 2, &isnull));
		repair->version = catalog_int64(0, 3);
		repair->adopts = version_list(catalog_datum(0, 4, &isnull));
		repair->ecto_version = catalog_int64(0, 5);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return repair;
}

void
catalog_repairs_applied(const SchemaRepair *repair, int64 elapsed)
{
	static CatalogStatement update = {
		.sql = "UPDATE ashmig.repairs SET applied_at = pg_catalog.clock_timestamp(),"
		" applied_by = current_user, elapsed = $2 WHERE repair = $1",
		.nargs = 2, .types = {INT8OID, INTERVALOID}
	};
	Interval	interval = {.time = elapsed};
	Datum		values[2];
	int			level = catalog_connect();

	values[0] = Int64GetDatum(repair->number);
	values[1] = IntervalPGetDatum(&interval);
	catalog_execute(&update, values, NULL);
	catalog_disconnect(level);
}
