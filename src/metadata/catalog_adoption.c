/*
 * catalog_adoption.c
 *		Schemas that are taken over: see catalog_adoption.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "metadata/catalog_adoption.h"
#include "metadata/catalog_spi.h"

/* All of them have the parameters scope, names, versions, Ecto's versions. */
static CatalogStatement adopt[] = {
	{.sql = "INSERT INTO ashmig.tenants (schema_name) SELECT name FROM pg_catalog.unnest($2) AS s (name)"
		" WHERE $1 = 'tenant' ON CONFLICT DO NOTHING",
	.nargs = 2, .types = {TEXTOID, TEXTARRAYOID}},
	{.sql = "INSERT INTO ashmig.versions (schema_name, scope, repo, version, checksum)"
		" SELECT s.name, m.scope, m.repo, m.version, m.checksum FROM pg_catalog.unnest($2) AS s (name)"
		" CROSS JOIN ashmig.migrations AS m WHERE m.scope = $1 AND m.version = ANY ($3)"
		" ON CONFLICT DO NOTHING",
	.nargs = 3, .types = {TEXTOID, TEXTARRAYOID, INT8ARRAYOID}},
	{.sql = "INSERT INTO ashmig.schema_versions (schema_name, scope, repo, version, applied)"
		" SELECT schema_name, scope, repo, pg_catalog.max(version), pg_catalog.count(*) FROM ashmig.versions"
		" WHERE scope = $1 AND schema_name = ANY ($2) GROUP BY schema_name, scope, repo"
		" ON CONFLICT (schema_name, repo, scope) DO UPDATE SET version = excluded.version, applied = excluded.applied",
	.nargs = 2, .types = {TEXTOID, TEXTARRAYOID}},
	{.sql = "INSERT INTO ashmig.adopted_schemas (schema_name, scope, ecto_version)"
		" SELECT name, $1, nullif(ecto, 0) FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($4)) AS s (name, ecto)"
		" ON CONFLICT (schema_name, scope) DO UPDATE SET ecto_version = excluded.ecto_version",
	.nargs = 4, .types = {TEXTOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID}}
};

void
catalog_adopt(Scope scope, List *schemas, List *versions)
{
	List	   *names = NIL;
	List	   *ecto = NIL;
	Datum		values[4];
	int			level;

	if (schemas == NIL)
		return;
	foreach_ptr(AdoptedSchema, schema, schemas)
	{
		names = lappend(names, (char *) schema->name);
		ecto = lappend(ecto, &schema->ecto_version);
	}
	values[0] = CStringGetTextDatum(scope_name(scope));
	values[1] = catalog_text_array(names);
	values[2] = catalog_version_array(versions);
	values[3] = catalog_version_array(ecto);
	level = catalog_connect();
	for (int i = 0; i < lengthof(adopt); i++)
		catalog_execute(&adopt[i], values, NULL);
	catalog_disconnect(level);
}

void
catalog_adopt_ecto(Scope scope, List *versions)
{
	static CatalogStatement write = {
		.sql = "INSERT INTO ashmig.ecto_versions (scope, version) SELECT $1, v.version"
		" FROM pg_catalog.unnest($2) AS v (version) ON CONFLICT DO NOTHING",
		.nargs = 2, .types = {TEXTOID, INT8ARRAYOID}
	};
	Datum		values[2];
	int			level;

	if (versions == NIL)
		return;
	values[0] = CStringGetTextDatum(scope_name(scope));
	values[1] = catalog_version_array(versions);
	level = catalog_connect();
	catalog_execute(&write, values, NULL);
	catalog_disconnect(level);
}

Datum
catalog_with_ecto(Datum versions)
{
	static CatalogStatement read = {
		.sql = "SELECT $1 || ARRAY(SELECT e.version FROM ashmig.ecto_versions AS e"
		" WHERE EXISTS (SELECT FROM ashmig.migrations AS m"
		"  WHERE m.kind = 'adopted' AND m.scope = e.scope AND m.version = ANY ($1)))",
		.nargs = 1, .types = {INT8ARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {versions};
	Datum		result;
	bool		isnull;
	int			level = catalog_connect();

	catalog_query(&read, values, NULL);
	result = catalog_datum(0, 1, &isnull);
	MemoryContextSwitchTo(context);
	result = PointerGetDatum(PG_DETOAST_DATUM_COPY(result));
	catalog_disconnect(level);
	return result;
}
