/*
 * extent.c
 *		How much of this database a change concerns: see extent.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/settings.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_tenants.h"
#include "run/extent.h"

/*
 * Tables by name, summed over the schemas that are given or, with $3, each by
 * itself.  Before the first VACUUM or ANALYZE reltuples is -1, and what the
 * statistics have counted is better than nothing.
 */
#define SUMS \
	"pg_catalog.count(*), pg_catalog.sum(CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint" \
	"  ELSE pg_catalog.pg_stat_get_live_tuples(c.oid) END)::bigint," \
	" pg_catalog.sum((c.relpages::bigint + coalesce(t.relpages, 0))" \
	"  * pg_catalog.current_setting('block_size')::bigint)::bigint" \
	" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" \
	" LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid"

/* Put the rows that a query has found: schema (NULL: each tenant's), name, sums. */
static void
put_extents(TableMap *map, Scope scope, uint64 rows, MemoryContext context)
{
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		Extent	   *extent = palloc(sizeof(Extent));
		TableName	name = {scope, NULL, catalog_string(i, 2, context)};

		name.schema = catalog_string(i, 1, context);
		extent->tables = catalog_int64(i, 3);
		extent->rows = catalog_int64(i, 4);
		extent->bytes = catalog_int64(i, 5);
		table_map_put(map, &name, extent);
		MemoryContextSwitchTo(old);
	}
}

/* The schemas of the tenants that have one */
static List *
tenant_schemas(void)
{
	List	   *schemas = NIL;

	foreach_ptr(const Tenant, tenant, catalog_tenants())
	{
		if (tenant->exists && tenant->fault == NULL)
			schemas = lappend(schemas, tenant->schema);
	}
	return schemas;
}

static void
read_tenants(Extents *extents, List *names)
{
	static CatalogStatement query = {
		.sql = "SELECT NULL::text, c.relname::text, " SUMS
		" WHERE n.nspname = ANY ($1::name[]) AND c.relname = ANY ($2::name[])"
		" AND c.relkind IN ('r', 'p') GROUP BY c.relname",
		.nargs = 2, .types = {TEXTARRAYOID, TEXTARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *schemas = tenant_schemas();
	Datum		values[2];
	int			level;

	extents->tenants = list_length(schemas);
	if (schemas == NIL)
		return;
	level = catalog_connect();
	values[0] = catalog_text_array(schemas);
	values[1] = catalog_text_array(names);
	put_extents(extents->tables, SCOPE_TENANT, catalog_query(&query, values, NULL), context);
	catalog_disconnect(level);
}

/* The default schema is NULL in the name of a table. */
static void
read_public(Extents *extents, List *schemas, List *names)
{
	static CatalogStatement query = {
		.sql = "SELECT nullif(n.nspname, $3)::text, c.relname::text, " SUMS
		" WHERE (n.nspname, c.relname) IN"
		"  (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::name[]), pg_catalog.unnest($2::name[])) w)"
		" AND c.relkind IN ('r', 'p') GROUP BY n.nspname, c.relname",
		.nargs = 3, .types = {TEXTARRAYOID, TEXTARRAYOID, TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3];
	int			level = catalog_connect();

	values[0] = catalog_text_array(schemas);
	values[1] = catalog_text_array(names);
	values[2] = CStringGetTextDatum(ashmig_default_schema);
	put_extents(extents->tables, SCOPE_PUBLIC, catalog_query(&query, values, NULL), context);
	catalog_disconnect(level);
}

Extents
extent_read(const List *tables)
{
	Extents		extents = {0, table_map_create()};
	List	   *of_tenants = NIL;
	List	   *schemas = NIL;
	List	   *names = NIL;

	foreach_ptr(const TableName, table, (List *) tables)
	{
		if (table->scope == SCOPE_TENANT)
			of_tenants = lappend(of_tenants, table->name);
		else
		{
			schemas = lappend(schemas, table->schema ? table->schema : ashmig_default_schema);
			names = lappend(names, table->name);
		}
	}
	if (of_tenants != NIL)
		read_tenants(&extents, of_tenants);
	if (names != NIL)
		read_public(&extents, schemas, names);
	return extents;
}

Extent
extent_of(const Extents *extents, const TableName *table)
{
	const Extent *found = table_map_get(extents->tables, table);
	Extent		none = {0, 0, 0};

	return found ? *found : none;
}
