/*
 * transfer.c
 *		A tenant moves to another database: see transfer.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "drift/attach.h"
#include "drift/candidates.h"
#include "drift/drift.h"
#include "drift/transfer.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_partial.h"
#include "metadata/catalog_tenants.h"
#include "metadata/catalog_versions.h"
#include "migrate/schema_lock.h"
#include "record/export.h"
#include "syntax/sql_text.h"

/* What the script has; it grows when a reader of the one before would go wrong. */
#define TRANSFER_FORMAT "1"

/* Migrations that an error names */
#define MIGRATIONS_TOLD 5

/* ------------------------------------------------------------------------
 * Exporting
 * ------------------------------------------------------------------------
 */

/* Raise for a tenant that ashmig does not know, or whose schema is gone. */
static void
check_tenant(const char *schema)
{
	if (!catalog_tenants_known(schema))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_TENANT),
				 errmsg("tenant \"%s\" does not exist", schema),
				 errhint("SELECT * FROM ashmig_all_tenants() lists all tenants.")));
	if (!OidIsValid(get_namespace_oid(schema, true)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("the schema of tenant \"%s\" does not exist", schema),
				 errhint("SELECT ashmig_drop_tenant(%s) unregisters the tenant.", quote_text(schema))));
}

/* Keep runs out of the schema; raise where one is at work there. */
static void
lock_idle(const char *schema)
{
	catalog_lock_tenants(RowExclusiveLock);
	if (!schema_lock_try(schema))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_BUSY),
				 errmsg("tenant \"%s\" is locked by another run or transaction", schema),
				 errhint("Retry when it has finished; SELECT * FROM ashmig.progress shows active runs.")));
}

/*
 * What is there of a migration that stopped halfway, such as an index that is not
 * valid, is not in a dump; and a backfill counts blocks of a table that a dump
 * packs anew.
 */
static void
check_complete(const char *schema)
{
	List	   *partial = catalog_partial_versions(schema, SCOPE_TENANT);
	const AppliedVersion *version = partial == NIL ? NULL : linitial(partial);

	if (version)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_HALFWAY),
				 errmsg("tenant \"%s\" has a part of migration " INT64_FORMAT, schema, version->version),
				 errdetail("The migration does not run in a transaction, and has stopped between two statements."),
				 errhint("Finish it first: SELECT * FROM ashmig_migrate_tenants(only_tenants => ARRAY[%s]). Or roll it back: SELECT * FROM ashmig_rollback_tenants(only_tenants => ARRAY[%s]).",
						 quote_text(schema), quote_text(schema))));
}

/* Every applied migration must be one that ashmig_export_migrations exports. */
static void
check_exportable(const char *schema)
{
	static CatalogStatement find = {
		.sql = "SELECT v.version, m.version IS NOT NULL FROM ashmig.versions AS v"
		" LEFT JOIN ashmig.migrations AS m ON m.repo = v.repo AND m.scope = v.scope AND m.version = v.version"
		" WHERE v.schema_name = $1 AND v.scope = 'tenant' AND coalesce(m.dev, true) ORDER BY v.version LIMIT 1",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1];
	int64		version = 0;
	bool		is_dev = false;
	bool		isnull;
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(schema);
	if (catalog_query(&find, values, NULL) > 0)
	{
		version = catalog_int64(0, 1);
		is_dev = DatumGetBool(catalog_datum(0, 2, &isnull));
	}
	catalog_disconnect(level);
	if (is_dev)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_DEV_MIGRATIONS),
				 errmsg("cannot export tenant \"%s\" because it has development migration " INT64_FORMAT,
						schema, version),
				 errhint("Replace it with a named migration first: SELECT ashmig_generate(snapshots, name => '...').")));
	if (version != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_MIGRATION),
				 errmsg("cannot export tenant \"%s\" because its migration " INT64_FORMAT " is not recorded",
						schema, version),
				 errhint("SELECT * FROM ashmig_check_migrations() shows details.")));
}

/* The lists of the script, and what gives an object of JSON per row */
static const char *const part_keys[] = {"versions", "adopted", "known_drift", "repairs"};

static CatalogStatement parts[] = {
	{.sql = "SELECT pg_catalog.jsonb_build_object('repo', v.repo, 'version', v.version, 'name', m.name,"
		" 'checksum', v.checksum, 'applied_at', v.applied_at, 'applied_by', v.applied_by,"
		" 'elapsed', extract(epoch FROM v.elapsed))::text"
		" FROM ashmig.versions AS v JOIN ashmig.migrations AS m"
		"  ON m.repo = v.repo AND m.scope = v.scope AND m.version = v.version"
		" WHERE v.schema_name = $1 AND v.scope = 'tenant' ORDER BY v.version, v.repo",
	.nargs = 1, .types = {TEXTOID}},
	{.sql = "SELECT pg_catalog.jsonb_build_object('ecto_version', ecto_version, 'adopted_at', adopted_at,"
		" 'adopted_by', adopted_by)::text FROM ashmig.adopted_schemas"
		" WHERE schema_name = $1 AND scope = 'tenant'",
	.nargs = 1, .types = {TEXTOID}},
	{.sql = "SELECT pg_catalog.jsonb_build_object('table_name', table_name, 'object_kind', object_kind,"
		" 'object_name', object_name, 'difference', difference, 'actual', actual,"
		" 'known_at', known_at, 'known_by', known_by)::text FROM ashmig.known_drift"
		" WHERE schema_name = $1 AND scope = 'tenant' ORDER BY known_at, table_name, object_kind, object_name",
	.nargs = 1, .types = {TEXTOID}},
	/* a repair that has not run is planned anew, wherever the schema is */
	{.sql = "SELECT pg_catalog.jsonb_build_object('statements', statements, 'version', version,"
		" 'adopts', adopts, 'ecto_version', ecto_version, 'recorded_at', recorded_at,"
		" 'recorded_by', recorded_by, 'applied_at', applied_at, 'applied_by', applied_by,"
		" 'elapsed', extract(epoch FROM elapsed))::text FROM ashmig.repairs"
		" WHERE schema_name = $1 AND scope = 'tenant' AND applied_at IS NOT NULL ORDER BY repair",
	.nargs = 1, .types = {TEXTOID}}
};

/* "key": [...], with a line per object */
static void
append_part(StringInfo json, int part, const char *schema)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	List	   *objects;
	ListCell   *lc;
	int			level;

	values[0] = CStringGetTextDatum(schema);
	level = catalog_connect();
	objects = catalog_strings(catalog_query(&parts[part], values, NULL), 1, context);
	catalog_disconnect(level);
	appendStringInfo(json, ",\n\"%s\": [", part_keys[part]);
	foreach(lc, objects)
		appendStringInfo(json, "%s\n%s", lc == list_head(objects) ? "" : ",", (char *) lfirst(lc));
	appendStringInfoChar(json, ']');
}

/* What is recorded of the tenant, as JSON; a tenant's name needs no escapes. */
static char *
tenant_json(const char *schema)
{
	StringInfoData json;
	Oid			managed_by;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"format\": " TRANSFER_FORMAT ", \"schema\": \"%s\"", schema);
	if (catalog_tenants_find(schema, NULL, &managed_by) && OidIsValid(managed_by))
		appendStringInfoString(&json, ", \"managed\": true");
	for (int i = 0; i < lengthof(parts); i++)
		append_part(&json, i, schema);
	appendStringInfoString(&json, "}");
	return json.data;
}

char *
transfer_export(const char *schema, const char *on_drift)
{
	StringInfoData buf;

	catalog_tenants_check_name(schema);
	check_tenant(schema);
	lock_idle(schema);
	check_complete(schema);
	check_exportable(schema);

	initStringInfo(&buf);
	export_append_comment(&buf, "--", psprintf("ashmig: tenant \"%s\"", schema));
	export_append_comment(&buf, "--", "Registers the tenant in another database, in which its schema has been restored from a dump.");
	appendStringInfoString(&buf, "\\set ON_ERROR_STOP on\nSELECT ashmig_import_tenant(");
	if (on_drift)
		appendStringInfo(&buf, "on_drift => %s, tenant => ", quote_text(on_drift));
	export_append_quoted(&buf, tenant_json(schema));
	appendStringInfoString(&buf, ");\n");
	return buf.data;
}

/* ------------------------------------------------------------------------
 * Importing: what the script says
 * ------------------------------------------------------------------------
 */

/* Each version of the script, as a row */
#define EXPORTED_VERSIONS \
	"pg_catalog.jsonb_to_recordset($1 -> 'versions') AS v" \
	" (repo text, version bigint, name text, checksum text, applied_at timestamptz, applied_by name, elapsed float8)"

/* Is it what transfer_export writes?  Values of a wrong form are left to the casts. */
static void
check_form(Datum tenant)
{
	static CatalogStatement check = {
		.sql = "SELECT coalesce($1 @@ 'strict $.format.type() == \"number\" && $.schema.type() == \"string\""
		" && $.versions.type() == \"array\" && $.adopted.type() == \"array\""
		" && $.known_drift.type() == \"array\" && $.repairs.type() == \"array\"', false)"
		" AND NOT $1 @? '$.versions[*] ? (!(@.repo.type() == \"string\" && @.version.type() == \"number\""
		"  && @.checksum.type() == \"string\"))',"
		" $1 ->> 'format'",
		.nargs = 1, .types = {JSONBOID}
	};
	MemoryContext context = CurrentMemoryContext;
	bool		isnull;
	bool		is_valid;
	char	   *format;
	int			level = catalog_connect();

	catalog_query(&check, &tenant, NULL);
	is_valid = DatumGetBool(catalog_datum(0, 1, &isnull));
	format = catalog_string(0, 2, context);
	catalog_disconnect(level);
	if (!is_valid || strcmp(format, TRANSFER_FORMAT) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("argument \"tenant\" is not what ashmig_export_tenant exports"),
				 is_valid ? errdetail("It has format %s; this version of ashmig reads format %s.",
									  format, TRANSFER_FORMAT) : 0,
				 errhint("Run the script of SELECT ashmig_export_tenant('...') as it stands.")));
}

/* The name of the schema, and whether a row of a managed table had it */
static char *
exported_schema(Datum tenant, bool *managed)
{
	static CatalogStatement read = {
		.sql = "SELECT $1 ->> 'schema', coalesce($1 -> 'managed' = 'true', false)",
		.nargs = 1, .types = {JSONBOID}
	};
	MemoryContext context = CurrentMemoryContext;
	char	   *schema;
	bool		isnull;
	int			level = catalog_connect();

	catalog_query(&read, &tenant, NULL);
	schema = catalog_string(0, 1, context);
	*managed = DatumGetBool(catalog_datum(0, 2, &isnull));
	catalog_disconnect(level);
	return schema;
}

/* ------------------------------------------------------------------------
 * Importing: what is here
 * ------------------------------------------------------------------------
 */

/* Raise where there is no schema, or not one of ours. */
static void
check_schema(const char *schema)
{
	const Candidate *candidate = candidates_find_one(schema);

	if (!candidate->exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" does not exist", schema),
				 errhint("Restore its dump first: pg_dump --schema='\"%s\"' OLD | psql NEW.", schema)));
	if (!candidate->owned)
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, schema);
}

/*
 * Does ashmig know the tenant already, with these versions?  Raises where it knows
 * it with others.
 */
static bool
is_known(const char *schema, Datum tenant)
{
	static CatalogStatement compare = {
		.sql = "SELECT pg_catalog.count(*) FILTER (WHERE here.version IS NULL OR v.version IS NULL),"
		" pg_catalog.count(here.version), coalesce(pg_catalog.max(here.version), 0),"
		" pg_catalog.count(v.version), coalesce(pg_catalog.max(v.version), 0)"
		" FROM (SELECT * FROM ashmig.versions WHERE schema_name = $2 AND scope = 'tenant') AS here"
		" FULL JOIN " EXPORTED_VERSIONS " ON v.repo = here.repo AND v.version = here.version",
		.nargs = 2, .types = {JSONBOID, TEXTOID}
	};
	Datum		values[2] = {tenant, CStringGetTextDatum(schema)};
	bool		is_registered = catalog_tenants_find(schema, NULL, NULL);
	int64		counts[5];
	int			level = catalog_connect();

	catalog_query(&compare, values, NULL);
	for (int i = 0; i < lengthof(counts); i++)
		counts[i] = catalog_int64(0, i + 1);
	catalog_disconnect(level);
	if (is_registered && counts[0] == 0)
		return true;
	if (is_registered || counts[1] > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_TENANT_EXISTS),
				 errmsg("tenant \"%s\" already exists, with other versions", schema),
				 errdetail("Number of its migrations here: " INT64_FORMAT ", the newest " INT64_FORMAT
						   "; of those exported: " INT64_FORMAT ", the newest " INT64_FORMAT ".",
						   counts[1], counts[2], counts[3], counts[4]),
				 errhint("If the tenant of this database is not wanted, drop it before the dump is restored: SELECT ashmig_drop_tenant(%s, cascade => true).",
						 quote_text(schema))));
	return false;
}

/* What the script says of one migration, and what is recorded here */
static void
raise_other_text(const char *schema)
{
	MemoryContext context = CurrentMemoryContext;

	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_CHECKSUM),
			 errmsg("tenant migration " INT64_FORMAT " is recorded here with different text", catalog_int64(0, 1)),
			 errdetail("The migration that tenant \"%s\" has is \"%s\" with checksum %s; the recorded one is \"%s\" with checksum %s.",
					   schema, catalog_string(0, 2, context), catalog_string(0, 3, context),
					   catalog_string(0, 4, context), catalog_string(0, 5, context)),
			 errhint("SELECT ashmig_export_migration(" INT64_FORMAT ", tenant => true) shows it in either database.",
					 catalog_int64(0, 1))));
}

/* Are the migrations of the script recorded with other text here? */
static void
check_texts(const char *schema, Datum tenant)
{
	static CatalogStatement find = {
		.sql = "SELECT v.version, v.name, v.checksum, m.name, m.checksum FROM " EXPORTED_VERSIONS
		" JOIN ashmig.migrations AS m ON m.repo = v.repo AND m.scope = 'tenant' AND m.version = v.version"
		" WHERE m.checksum <> v.checksum AND m.checksum <> '' AND v.checksum <> ''"
		" ORDER BY v.version LIMIT 1",
		.nargs = 1, .types = {JSONBOID}
	};
	int			level = catalog_connect();

	if (catalog_query(&find, &tenant, NULL) > 0)
		raise_other_text(schema);
	catalog_disconnect(level);
}

/* Are they recorded at all? */
static void
check_recorded(const char *schema, Datum tenant)
{
	static CatalogStatement find = {
		.sql = "SELECT v.version, pg_catalog.format('%s \"%s\"', v.version, v.name), pg_catalog.count(*) OVER ()"
		" FROM " EXPORTED_VERSIONS " WHERE NOT EXISTS (SELECT FROM ashmig.migrations AS m"
		"  WHERE m.repo = v.repo AND m.scope = 'tenant' AND m.version = v.version)"
		" ORDER BY v.version LIMIT " CppAsString2(MIGRATIONS_TOLD),
		.nargs = 1, .types = {JSONBOID}
	};
	MemoryContext context = CurrentMemoryContext;
	StringInfoData missing;
	int			level = catalog_connect();
	uint64		rows = catalog_query(&find, &tenant, NULL);
	int64		count = rows ? catalog_int64(0, 3) : 0;

	initStringInfo(&missing);
	for (uint64 i = 0; i < rows; i++)
		appendStringInfo(&missing, "%s%s", i ? ", " : "", catalog_string(i, 2, context));
	if (count > (int64) rows)
		appendStringInfo(&missing, " and " INT64_FORMAT " more", count - (int64) rows);
	if (count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_MIGRATION),
				 errmsg_plural("a migration of tenant \"%s\" is not recorded in this database",
							   "migrations of tenant \"%s\" are not recorded in this database",
							   (unsigned long) count, schema),
				 errdetail("Missing: %s.", missing.data),
				 errhint("Run here what SELECT ashmig_export_migrations(since => " INT64_FORMAT ") returns in the database that the tenant comes from.",
						 catalog_int64(0, 1))));
	catalog_disconnect(level);
}

/* ------------------------------------------------------------------------
 * Importing: writing
 * ------------------------------------------------------------------------
 */

/* All of them have the parameters tenant and schema. */
static CatalogStatement import[] = {
	{.sql = "INSERT INTO ashmig.versions (schema_name, repo, scope, version, applied_at, applied_by, elapsed, checksum)"
		" SELECT $2, v.repo, 'tenant', v.version, v.applied_at, v.applied_by,"
		" pg_catalog.make_interval(secs => v.elapsed), v.checksum FROM " EXPORTED_VERSIONS,
	.nargs = 2, .types = {JSONBOID, TEXTOID}},
	{.sql = "INSERT INTO ashmig.schema_versions (schema_name, repo, scope, version, applied)"
		" SELECT $2, v.repo, 'tenant', pg_catalog.max(v.version), pg_catalog.count(*)"
		" FROM " EXPORTED_VERSIONS " GROUP BY v.repo",
	.nargs = 2, .types = {JSONBOID, TEXTOID}},
	{.sql = "INSERT INTO ashmig.adopted_schemas (schema_name, scope, ecto_version, adopted_at, adopted_by)"
		" SELECT $2, 'tenant', a.ecto_version, a.adopted_at, a.adopted_by"
		" FROM pg_catalog.jsonb_to_recordset($1 -> 'adopted') AS a"
		"  (ecto_version bigint, adopted_at timestamptz, adopted_by name)",
	.nargs = 2, .types = {JSONBOID, TEXTOID}},
	{.sql = "INSERT INTO ashmig.known_drift (scope, schema_name, table_name, object_kind, object_name,"
		"  difference, actual, known_at, known_by)"
		" SELECT 'tenant', $2, d.* FROM pg_catalog.jsonb_to_recordset($1 -> 'known_drift') AS d"
		"  (table_name text, object_kind text, object_name text, difference text, actual text,"
		"  known_at timestamptz, known_by name)",
	.nargs = 2, .types = {JSONBOID, TEXTOID}},
	{.sql = "INSERT INTO ashmig.repairs (scope, schema_name, statements, version, adopts, ecto_version,"
		"  recorded_at, recorded_by, applied_at, applied_by, elapsed)"
		" SELECT 'tenant', $2, r.statements, r.version, r.adopts, r.ecto_version, r.recorded_at, r.recorded_by,"
		" coalesce(r.applied_at, r.recorded_at), r.applied_by, pg_catalog.make_interval(secs => r.elapsed)"
		" FROM pg_catalog.jsonb_to_recordset($1 -> 'repairs') AS r"
		"  (statements text[], version bigint, adopts bigint[], ecto_version bigint, recorded_at timestamptz,"
		"  recorded_by name, applied_at timestamptz, applied_by name, elapsed float8)",
	.nargs = 2, .types = {JSONBOID, TEXTOID}}
};

static void
write_records(const char *schema, Datum tenant)
{
	Datum		values[2] = {tenant, CStringGetTextDatum(schema)};
	int			level;

	catalog_tenants_add(schema, InvalidOid);
	level = catalog_connect();
	for (int i = 0; i < lengthof(import); i++)
		catalog_execute(&import[i], values, NULL);
	catalog_disconnect(level);
}

/* Is the schema what its versions, which are recorded by now, say? */
static void
compare_structure(const char *schema, TransferDrift on_drift)
{
	DriftOptions options = {.has_only = true, .only = list_make1((char *) schema)};

	foreach_ptr(const DriftSchema, drift, drift_find(&options))
	{
		if (drift->group && !attach_is_stopped(drift->differences))
			continue;
		if (drift->group && on_drift == TRANSFER_DRIFT_RECORD)
		{
			drift_accept(drift, drift->differences);
			continue;
		}
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_DRIFT),
				 errmsg("schema \"%s\" does not have the structure of its migrations", schema),
				 drift->group ? errdetail_internal("%s", attach_describe(schema, drift->differences))
				 : errdetail("It cannot be a tenant here: see ashmig_all_tenants()."),
				 errhint("If it was so before, export it with ashmig_export_tenant(%s, on_drift => 'record').",
						 quote_text(schema))));
	}
}

bool
transfer_import(Datum tenant, TransferDrift on_drift)
{
	char	   *schema;
	bool		managed;

	check_form(tenant);
	schema = exported_schema(tenant, &managed);
	catalog_tenants_check_name(schema);
	catalog_lock_tenants(RowExclusiveLock);
	schema_lock_acquire(schema);
	check_schema(schema);
	catalog_lock_versions(RowExclusiveLock);
	if (is_known(schema, tenant))
		return false;
	check_recorded(schema, tenant);
	check_texts(schema, tenant);
	write_records(schema, tenant);
	if (on_drift != TRANSFER_DRIFT_IGNORE)
		compare_structure(schema, on_drift);
	if (managed)
		ereport(NOTICE,
				(errmsg("tenant \"%s\" belonged to a row of a managed table", schema),
				 errhint("Once its row is here, call ashmig_manage_tenant() again: by that the row takes over its tenant.")));
	return true;
}
