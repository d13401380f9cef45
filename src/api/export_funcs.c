/*
 * export_funcs.c
 *		SQL functions that carry migrations from one database to another and
 *		compare their checksums: ashmig_export_migration,
 *		ashmig_export_migrations, ashmig_import_migration,
 *		ashmig_check_migrations.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "generate/refusals.h"
#include "metadata/catalog_migrations.h"
#include "record/branches.h"
#include "record/export.h"
#include "record/export_ecto.h"
#include "record/export_sql.h"
#include "record/record.h"

PG_FUNCTION_INFO_V1(ashmig_export_migration);
PG_FUNCTION_INFO_V1(ashmig_export_migrations);
PG_FUNCTION_INFO_V1(ashmig_import_migration);
PG_FUNCTION_INFO_V1(ashmig_check_migrations);

/*
 * ashmig_export_migration(version, tenant, format, repo, schema): a script that
 * records the migration elsewhere, or runs it without ashmig.
 */
Datum
ashmig_export_migration(PG_FUNCTION_ARGS)
{
	char	   *repo = call_string(fcinfo, "repo");
	char	   *format = call_string(fcinfo, "format");
	char	   *schema = call_string(fcinfo, "schema");
	bool		is_sql = format && strcmp(format, "sql") == 0;
	Migration  *migration;
	char	   *script;

	call_require(fcinfo, 0, "version");
	migration = record_find(PG_GETARG_INT64(0), call_scope(fcinfo),
							repo ? catalog_repo_name(repo) : NULL, false);
	if (schema && !is_sql)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("schema is only for format \"sql\"")));
	if (is_sql)
		script = export_sql(migration, schema);
	else if (format == NULL || strcmp(format, "ashmig") == 0)
		script = export_script(migration);
	else if (strcmp(format, "ecto") == 0)
		script = export_ecto(migration);
	else
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("unknown format \"%s\"", format),
				 errhint("The formats are ashmig, sql and ecto.")));
	PG_RETURN_TEXT_P(cstring_to_text(script));
}

/*
 * ashmig_export_migrations(since, repo): one script for all migrations, or for
 * this version and those after it.
 */
Datum
ashmig_export_migrations(PG_FUNCTION_ARGS)
{
	char	   *repo = call_string(fcinfo, "repo");
	List	   *migrations = NIL;
	Datum		since;

	if (!call_argument(fcinfo, "since", &since))
		since = Int64GetDatum(0);
	foreach_ptr(Migration, migration, catalog_migrations(repo ? catalog_repo_name(repo) : NULL, SCOPES_ALL))
	{
		if (migration->version >= DatumGetInt64(since))
			migrations = lappend(migrations, migration);
	}
	PG_RETURN_TEXT_P(cstring_to_text(export_scripts(migrations)));
}

static MigrationKind
import_kind(const char *name)
{
	MigrationKind kind;

	if (!migration_kind_find(name, &kind))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"%s\" is not a kind of migration", name)));
	return kind;
}

/* What the statements do to tables in use, as a script gives it; or NULL */
static char *
hazards_argument(FunctionCallInfo fcinfo)
{
	Datum		value;

	if (!call_argument(fcinfo, "hazards", &value))
		return NULL;
	if (!JB_ROOT_IS_ARRAY(DatumGetJsonbP(value)) || JB_ROOT_IS_SCALAR(DatumGetJsonbP(value)))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("argument \"hazards\" must be a JSON array"),
				 errhint("NULL reads the hazards off the statements.")));
	return DatumGetCString(DirectFunctionCall1(jsonb_out, value));
}

/*
 * ashmig_import_migration(version, name, checksum, up, down, kind, tenant,
 * transactional, covered, repo, generation, snapshots, hazards): what the
 * script calls.
 */
Datum
ashmig_import_migration(PG_FUNCTION_ARGS)
{
	static const char *const required[] = {"version", "name", "checksum", "up"};
	Migration	migration = {0};
	char	   *kind = call_string(fcinfo, "kind");
	char	   *repo = call_string(fcinfo, "repo");
	bool		merged;
	bool		imported;
	Datum		value;
	int			level;

	for (int i = 0; i < lengthof(required); i++)
		call_require(fcinfo, i, required[i]);
	migration.version = catalog_check_version(PG_GETARG_INT64(0));
	migration.name = call_string(fcinfo, "name");
	migration.checksum = call_string(fcinfo, "checksum");
	migration.up = catalog_text_list(PG_GETARG_DATUM(3));
	if (call_argument(fcinfo, "down", &value))
	{
		migration.reversible = true;
		migration.down = catalog_text_list(value);
	}
	migration.kind = kind ? import_kind(kind) : MIGRATION_SQL;
	migration.repo = pstrdup(repo ? catalog_repo_name(repo) : "");
	migration.scope = call_scope(fcinfo);
	migration.transactional = call_boolean(fcinfo, "transactional", true);
	migration.covered = call_boolean(fcinfo, "covered", false);
	if (call_argument(fcinfo, "generation", &value))
		migration.generation = DatumGetInt64(value);
	if (!call_argument(fcinfo, "snapshots", &value))
		value = (Datum) 0;
	migration.hazards = hazards_argument(fcinfo);
	level = settings_pin_parser();
	imported = export_import(&migration, value, &merged);
	settings_unpin(level);
	if (merged)
		refusals_check_merged(&migration);
	PG_RETURN_BOOL(imported);
}

/* ------------------------------------------------------------------------
 * ashmig_check_migrations
 * ------------------------------------------------------------------------
 */
#define CHECK_COLUMNS 8

/*
 * Migrations whose text is not the one that was recorded
 */
static void
put_changed(ReturnSetInfo *rsinfo)
{
	foreach_ptr(const Migration, migration, catalog_migrations(NULL, SCOPES_ALL))
	{
		char	   *checksum = catalog_checksum(migration);
		Datum		values[CHECK_COLUMNS] = {0};
		bool		nulls[CHECK_COLUMNS] = {0};

		if (migration->checksum[0] == '\0' || strcmp(checksum, migration->checksum) == 0)
			continue;
		values[0] = CStringGetTextDatum(scope_name(migration->scope));
		values[1] = CStringGetTextDatum(migration->repo);
		nulls[2] = true;
		values[3] = Int64GetDatum(migration->version);
		values[4] = CStringGetTextDatum(migration->name);
		values[5] = CStringGetTextDatum("changed after it was recorded");
		values[6] = CStringGetTextDatum(migration->checksum);
		values[7] = CStringGetTextDatum(checksum);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/*
 * Schemas in which another text is applied than the one that is recorded
 */
static void
put_applied(ReturnSetInfo *rsinfo)
{
	static CatalogStatement query = {
		.sql = "SELECT v.scope, v.repo, v.schema_name, v.version, m.name,"
		" CASE WHEN m.version IS NULL THEN 'applied, but not recorded' ELSE 'applied with different text' END,"
		" nullif(m.checksum, ''), nullif(v.checksum, '')"
		" FROM ashmig.versions v LEFT JOIN ashmig.migrations m"
		"  ON m.repo = v.repo AND m.scope = v.scope AND m.version = v.version"
		" WHERE m.version IS NULL OR (m.checksum <> v.checksum AND m.checksum <> '' AND v.checksum <> '')"
		" ORDER BY v.version, v.scope, v.repo, v.schema_name"
	};
	int			level = catalog_connect();
	uint64		rows = catalog_query(&query, NULL, NULL);

	for (uint64 i = 0; i < rows; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	catalog_disconnect(level);
}

/*
 * Snapshots whose generation is not recorded (any longer)
 */
static void
put_orphans(ReturnSetInfo *rsinfo)
{
	static CatalogStatement query = {
		.sql = "SELECT s.scope, s.repo, NULL::text, s.version, NULL::text,"
		" pg_catalog.format('brought a snapshot of table \"%s\", but is not recorded', s.table_name),"
		" NULL::text, NULL::text"
		" FROM ashmig.snapshots s WHERE NOT EXISTS (SELECT FROM ashmig.migrations m"
		"  WHERE coalesce(m.generation, m.version) = s.version)"
		" ORDER BY s.version, s.scope, s.repo, s.table_name"
	};
	int			level = catalog_connect();
	uint64		rows = catalog_query(&query, NULL, NULL);

	for (uint64 i = 0; i < rows; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	catalog_disconnect(level);
}

/* A text, or null */
static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

/*
 * Snapshots that do not fit those that they build on
 */
static void
put_snapshots(ReturnSetInfo *rsinfo)
{
	ListCell   *lc;

	foreach(lc, branches_problems())
	{
		const BranchProblem *problem = lfirst(lc);
		const Migration *migration = record_find(problem->version, problem->table.scope,
												 problem->repo, true);
		Datum		values[CHECK_COLUMNS] = {0};
		bool		nulls[CHECK_COLUMNS] = {0};

		values[0] = CStringGetTextDatum(scope_name(problem->table.scope));
		values[1] = CStringGetTextDatum(problem->repo);
		nulls[2] = true;
		values[3] = Int64GetDatum(problem->version);
		put_text(values, nulls, 4, migration ? migration->name : NULL);
		values[5] = CStringGetTextDatum(problem->problem);
		put_text(values, nulls, 6, problem->recorded);
		put_text(values, nulls, 7, problem->actual);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/*
 * ashmig_check_migrations(): where recorded and applied text differ, and where
 * recorded snapshots do not fit each other.
 */
Datum
ashmig_check_migrations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	put_changed(rsinfo);
	put_applied(rsinfo);
	put_orphans(rsinfo);
	put_snapshots(rsinfo);
	PG_RETURN_NULL();
}
