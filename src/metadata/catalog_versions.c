/*
 * catalog_versions.c
 *		What is applied where: see catalog_versions.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_versions.h"

/* bigint[] of the versions, or of the times, of executed migrations */
static Datum
executed_numbers(List *executed, bool elapsed)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(executed), 1));
	int			n = 0;

	foreach_ptr(const ExecutedMigration, one, executed)
	{
		elements[n++] = Int64GetDatum(elapsed ? one->elapsed :
									  one->migration->version);
	}
	return PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* text[] of the repos, or of the checksums, of executed migrations */
static Datum
executed_strings(List *executed, bool checksum)
{
	List	   *strings = NIL;

	foreach_ptr(const ExecutedMigration, one, executed)
	{
		strings = lappend(strings, checksum ? one->migration->checksum :
						  one->migration->repo);
	}
	return catalog_text_array(strings);
}

/*
 * What is applied in a schema, summed up: one SchemaVersion per repo.
 */
List *
catalog_schema_versions(const char *schema, Scope scope)
{
	static CatalogStatement read = {
		.sql = "SELECT repo, version, applied FROM ashmig.schema_versions"
		" WHERE schema_name = $1 AND scope = $2 ORDER BY repo",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	int			level = catalog_connect();
	uint64		rows;
	List	   *result = NIL;

	values[0] = CStringGetTextDatum(schema);
	values[1] = CStringGetTextDatum(scope_name(scope));
	rows = catalog_query(&read, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		SchemaVersion *version = palloc(sizeof(SchemaVersion));
		bool		isnull;

		version->repo = catalog_string(i, 1, context);
		version->version = catalog_int64(i, 2);
		version->applied = DatumGetInt32(catalog_datum(i, 3, &isnull));
		result = lappend(result, version);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/*
 * The rows of a query: repo, version, applied_at, checksum.
 */
List *
catalog_versions_of(CatalogStatement *query, const char *schema, Scope scope)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	int			level = catalog_connect();
	uint64		rows;
	List	   *result = NIL;

	values[0] = CStringGetTextDatum(schema);
	values[1] = CStringGetTextDatum(scope_name(scope));
	rows = catalog_query(query, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		AppliedVersion *applied = palloc(sizeof(AppliedVersion));

		applied->repo = catalog_string(i, 1, context);
		applied->version = catalog_int64(i, 2);
		applied->applied_at = catalog_int64(i, 3);
		applied->checksum = catalog_string(i, 4, context);
		result = lappend(result, applied);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/*
 * What is applied in a schema, newest first: AppliedVersions.
 */
List *
catalog_applied(const char *schema, Scope scope)
{
	static CatalogStatement read = {
		.sql = "SELECT repo, version, applied_at, checksum FROM ashmig.versions"
		" WHERE schema_name = $1 AND scope = $2 ORDER BY version DESC, repo DESC",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};

	return catalog_versions_of(&read, schema, scope);
}

/*
 * Newest version that a schema has, over all repos; 0: none.
 */
int64
catalog_newest_version(Scope scope, const char *schema)
{
	int64		result = 0;

	foreach_ptr(SchemaVersion, newest, catalog_schema_versions(schema, scope))
		result = Max(result, newest->version);
	return result;
}

/*
 * The number of schemas in which migrations are applied to something.
 */
int
catalog_schemas_in_use(char **example)
{
	static CatalogStatement used = {
		.sql = "SELECT pg_catalog.count(*), pg_catalog.min(s.schema_name) FROM pg_catalog.pg_namespace AS n"
		" JOIN (SELECT DISTINCT schema_name FROM ashmig.schema_versions WHERE applied > 0) AS s"
		"  ON s.schema_name = n.nspname::pg_catalog.text"
		" WHERE EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid"
		"  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
		"   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'))"
	};
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	int			schemas;

	catalog_query(&used, NULL, NULL);
	schemas = (int) catalog_int64(0, 1);
	*example = catalog_string(0, 2, context);
	catalog_disconnect(level);
	return schemas;
}

/*
 * Is a migration among those that are applied?
 */
bool
catalog_is_applied(const Migration *migration, const List *applied)
{
	foreach_ptr(const AppliedVersion, version, applied)
	{
		if (version->version == migration->version &&
			strcmp(version->repo, migration->repo) == 0)
			return true;
	}
	return false;
}

/*
 * Record migrations as applied in a schema, and update the summary.
 */
void
catalog_record_applied(const char *schema, Scope scope, List *executed)
{
	static CatalogStatement record = {
		.sql = "INSERT INTO ashmig.versions (schema_name, scope, repo, version, checksum, elapsed)"
		" SELECT $1, $2, a.repo, a.version, a.checksum,"
		" CASE WHEN a.elapsed >= 0 THEN pg_catalog.make_interval(secs => a.elapsed / 1000000.0) END"
		" FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
		"  pg_catalog.unnest($6)) AS a (repo, version, checksum, elapsed)",
		.nargs = 6, .types = {TEXTOID, TEXTOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID}
	};
	static CatalogStatement sum_up = {
		.sql = "INSERT INTO ashmig.schema_versions AS s (schema_name, scope, repo, version, applied)"
		" SELECT $1, $2, a.repo, pg_catalog.max(a.version), pg_catalog.count(*)"
		" FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS a (repo, version)"
		" GROUP BY a.repo"
		" ON CONFLICT (schema_name, repo, scope) DO UPDATE"
		" SET version = greatest(s.version, excluded.version), applied = s.applied + excluded.applied",
		.nargs = 4, .types = {TEXTOID, TEXTOID, TEXTARRAYOID, INT8ARRAYOID}
	};
	Datum		values[6];
	int			level;

	if (executed == NIL)
		return;
	level = catalog_connect();
	values[0] = CStringGetTextDatum(schema);
	values[1] = CStringGetTextDatum(scope_name(scope));
	values[2] = executed_strings(executed, false);
	values[3] = executed_numbers(executed, false);
	values[4] = executed_strings(executed, true);
	values[5] = executed_numbers(executed, true);
	catalog_execute(&record, values, NULL);
	catalog_execute(&sum_up, values, NULL);
	catalog_disconnect(level);
}

/*
 * Delete the records of migrations applied in a schema, and recompute the
 * summary.
 */
void
catalog_record_rolled_back(const char *schema, Scope scope, List *executed)
{
	static CatalogStatement forget = {
		.sql = "DELETE FROM ashmig.versions v USING"
		" ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS a (repo, version)"
		" WHERE v.schema_name = $1 AND v.scope = $2 AND v.repo = a.repo AND v.version = a.version",
		.nargs = 4, .types = {TEXTOID, TEXTOID, TEXTARRAYOID, INT8ARRAYOID}
	};
	static CatalogStatement clear = {
		.sql = "DELETE FROM ashmig.schema_versions WHERE schema_name = $1 AND scope = $2",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};
	static CatalogStatement sum_up = {
		.sql = "INSERT INTO ashmig.schema_versions (schema_name, scope, repo, version, applied)"
		" SELECT schema_name, scope, repo, pg_catalog.max(version), pg_catalog.count(*)"
		" FROM ashmig.versions WHERE schema_name = $1 AND scope = $2"
		" GROUP BY schema_name, scope, repo",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};
	Datum		values[4];
	int			level;

	if (executed == NIL)
		return;
	level = catalog_connect();
	values[0] = CStringGetTextDatum(schema);
	values[1] = CStringGetTextDatum(scope_name(scope));
	values[2] = executed_strings(executed, false);
	values[3] = executed_numbers(executed, false);
	catalog_execute(&forget, values, NULL);
	catalog_execute(&clear, values, NULL);
	catalog_execute(&sum_up, values, NULL);
	catalog_disconnect(level);
}
