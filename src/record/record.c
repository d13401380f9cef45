/*
 * record.c
 *		Migrations that are given rather than generated: see record.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_partial.h"
#include "record/branches.h"
#include "record/record.h"
#include "syntax/hazard.h"
#include "syntax/sql_text.h"
#include "syntax/statement.h"

/* ------------------------------------------------------------------------
 * Finding
 * ------------------------------------------------------------------------
 */

/*
 * A recorded migration.
 */
Migration *
record_find(int64 version, Scope scope, const char *repo, bool missing_ok)
{
	Migration  *found = NULL;

	foreach_ptr(Migration, migration, catalog_migrations(repo, scope_filter(scope)))
	{
		if (migration->version != version)
			continue;
		if (found)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("%s migration " INT64_FORMAT " is ambiguous",
							scope_name(scope), version),
					 errdetail("Repos \"%s\" and \"%s\" both have one.", found->repo, migration->repo),
					 errhint("Specify the repo, for example repo => %s.", quote_text(found->repo))));
		found = migration;
	}
	if (found == NULL && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_MIGRATION),
				 errmsg("%s migration " INT64_FORMAT " does not exist", scope_name(scope), version),
				 errhint("SELECT * FROM ashmig_migrations() lists all migrations.")));
	return found;
}

int64
record_snapshot_version(const Migration *migration)
{
	return migration->generation ? migration->generation : migration->version;
}

/* The values that name a migration in the statements below */
static void
key_values(Datum *values, const Migration *migration)
{
	values[0] = CStringGetTextDatum(migration->repo);
	values[1] = CStringGetTextDatum(scope_name(migration->scope));
	values[2] = Int64GetDatum(migration->version);
}

/* How many schemas a message names; the others it counts. */
#define APPLIED_SHOWN 3

/*
 * Where it is applied, or applied under another checksum.
 */
AppliedIn *
record_applied_in(const Migration *migration, const char *checksum)
{
	static CatalogStatement query = {
		.sql = "SELECT schema_name, checksum, pg_catalog.count(*) OVER () FROM ashmig.versions"
		" WHERE repo = $1 AND scope = $2 AND version = $3 AND ($4 IS NULL OR checksum NOT IN ($4, ''))"
		" ORDER BY schema_name LIMIT " CppAsString2(APPLIED_SHOWN),
		.nargs = 4, .types = {TEXTOID, TEXTOID, INT8OID, TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	AppliedIn  *applied = NULL;
	Datum		values[4] = {0};
	StringInfoData schemas;
	int			level;
	uint64		rows;

	catalog_lock_versions(ShareLock);
	initStringInfo(&schemas);
	key_values(values, migration);
	if (checksum)
		values[3] = CStringGetTextDatum(checksum);
	level = catalog_connect();
	rows = catalog_query(&query, values, checksum ? "    " : "   n");
	for (uint64 i = 0; i < rows; i++)
		appendStringInfo(&schemas, "%s\"%s\"", i ? ", " : "",
						 catalog_string(i, 1, CurrentMemoryContext));
	if (rows > 0)
	{
		bool		isnull;
		int64		count = DatumGetInt64(catalog_datum(0, 3, &isnull));

		if (count > APPLIED_SHOWN)
			appendStringInfo(&schemas, " and " INT64_FORMAT " more", count - APPLIED_SHOWN);
		applied = MemoryContextAlloc(context, sizeof(AppliedIn));
		applied->schemas = schemas.data;
		applied->checksum = catalog_string(0, 2, context);
	}
	catalog_disconnect(level);
	return applied;
}

/* ------------------------------------------------------------------------
 * Recording
 * ------------------------------------------------------------------------
 */

/*
 * With strict_version_order: no older one after a newer one of its scope.
 */
void
record_check_order(const Migration *migration)
{
	List	   *recorded;
	Migration  *newest;

	if (!ashmig_strict_version_order)
		return;
	recorded = catalog_migrations(migration->repo,
								  scope_filter(migration->scope));
	if (recorded == NIL)
		return;
	newest = llast(recorded);
	if (migration->version < newest->version)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_VERSION_ORDER),
				 errmsg("version " INT64_FORMAT " is older than the newest %s migration, " INT64_FORMAT,
						migration->version, scope_name(migration->scope), newest->version),
				 errhint("Use a later version (NULL uses the next one), or turn off ashmig.strict_version_order.")));
}

void
record_relabel(const Migration *migration)
{
	static CatalogStatement update = {
		.sql = "UPDATE ashmig.migrations SET name = $4, covered = $5"
		" WHERE repo = $1 AND scope = $2 AND version = $3 AND (name, covered) IS DISTINCT FROM ($4, $5)",
		.nargs = 5, .types = {TEXTOID, TEXTOID, INT8OID, TEXTOID, BOOLOID}
	};
	Datum		values[5];
	int			level;

	key_values(values, migration);
	values[3] = CStringGetTextDatum(migration->name);
	values[4] = BoolGetDatum(migration->covered);
	level = catalog_connect();
	catalog_execute(&update, values, NULL);
	catalog_disconnect(level);
}

/* Refuse to change or remove what a schema has in part. */
static void
raise_begun(const Migration *migration, bool down, int done, const char *schema, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_APPLIED),
			 errmsg(down ? "%s migration " INT64_FORMAT " is partially rolled back" :
					"%s migration " INT64_FORMAT " is partially applied",
					scope_name(migration->scope), migration->version),
			 errdetail_plural("%d statement has been executed in schema \"%s\".",
							  "%d statements have been executed in schema \"%s\".",
							  done, done, schema),
			 errhint("%s", hint)));
}

/* Do two lists of statements begin with the same ones, so many? */
static bool
same_statements(const List *one, const List *other, int count)
{
	if (list_length(one) < count || list_length(other) < count)
		return false;
	for (int i = 0; i < count; i++)
	{
		if (strcmp(list_nth(one, i), list_nth(other, i)) != 0)
			return false;
	}
	return true;
}

/*
 * A migration that stopped halfway resumes after the executed statements, so a
 * new text must begin with these.
 */
static void
check_resumable(const Migration *recorded, const Migration *migration)
{
	char	   *schema;
	int			applied = catalog_partial_farthest(recorded, false, &schema);
	int			rolled_back;

	if (applied >= 0 && (migration->transactional || !same_statements(recorded->up, migration->up, applied)))
		raise_begun(recorded, false, applied, schema,
					"Leave executed statements unchanged and keep the migration non-transactional; the remaining statements can change.");
	rolled_back = catalog_partial_farthest(recorded, true, &schema);
	if (rolled_back >= 0 && (migration->transactional || !same_statements(recorded->down, migration->down, rolled_back)))
		raise_begun(recorded, true, rolled_back, schema,
					"Complete the rollback first, or leave its executed statements unchanged and keep the migration non-transactional.");
}

/*
 * A migration that a schema has in part has left something behind, so it cannot
 * be removed.
 */
static void
check_not_begun(const Migration *migration)
{
	char	   *schema;
	int			done;

	done = catalog_partial_farthest(migration, false, &schema);
	if (done >= 0)
		raise_begun(migration, false, done, schema,
					"Roll it back first. If that fails, replace its down statements with ashmig_add_migration().");
	done = catalog_partial_farthest(migration, true, &schema);
	if (done >= 0)
		raise_begun(migration, true, done, schema,
					"Complete the rollback first. If it fails, replace its remaining statements with ashmig_add_migration().");
}

/*
 * A hand-written migration takes the place of another one of its kind alone.
 */
static void
check_same_kind(const Migration *recorded, const Migration *migration)
{
	if (recorded->kind != migration->kind)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CONFLICT),
				 errmsg("version " INT64_FORMAT " is already used by another migration", recorded->version),
				 errdetail("It is \"%s\", of kind \"%s\".", recorded->name,
						   migration_kind_name(recorded->kind)),
				 errhint("Use another version; NULL uses the next one.")));
}

/*
 * May this recorded migration be replaced by a changed one?
 */
static void
check_replaceable(const Migration *recorded, const Migration *migration)
{
	AppliedIn  *applied;

	check_resumable(recorded, migration);
	applied = record_applied_in(recorded, NULL);
	if (applied)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_APPLIED),
				 errmsg("cannot change %s migration " INT64_FORMAT " because it is applied",
						scope_name(recorded->scope), recorded->version),
				 errdetail("It is applied in %s.", applied->schemas),
				 errhint("Record the change as a new migration, or roll this one back first with %s.",
						 recorded->scope == SCOPE_TENANT ? "ashmig_rollback_tenants()" : "ashmig_rollback()")));
}

/*
 * A version that is not recorded may still be applied: it was recorded before,
 * or this is a copy of another database.
 */
void
record_check_applied(const Migration *migration)
{
	AppliedIn  *applied = record_applied_in(migration, catalog_checksum(migration));

	if (applied)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CHECKSUM),
				 errmsg("%s migration " INT64_FORMAT " is applied with different text",
						scope_name(migration->scope), migration->version),
				 errdetail("It is applied in %s with checksum %s; this one has checksum %s.",
						   applied->schemas, applied->checksum, catalog_checksum(migration)),
				 errhint("Use another version; NULL uses the next one.")));
}

void
record_judge(Migration *migration)
{
	if (migration->hazards == NULL)
		migration->hazards = hazard_json(migration->up);
}

void
record_replace(const Migration *recorded, Migration *migration)
{
	check_replaceable(recorded, migration);
	record_check_applied(migration);
	catalog_remove_migration(recorded->repo, recorded->scope, recorded->version);
	record_judge(migration);
	catalog_add_migration(migration);
}

void
record_add(Migration *migration)
{
	Migration  *recorded = NULL;

	catalog_lock_generation();
	if (migration->version == 0)
		migration->version = catalog_next_version();
	else
	{
		recorded = record_find(migration->version, migration->scope, migration->repo, true);
		if (recorded && recorded->kind == migration->kind &&
			strcmp(catalog_checksum(recorded), catalog_checksum(migration)) == 0)
		{
			migration->checksum = recorded->checksum;
			record_relabel(migration);
			return;
		}
		if (recorded)
		{
			check_same_kind(recorded, migration);
			record_replace(recorded, migration);
			return;
		}
		record_check_order(migration);
		record_check_applied(migration);
	}
	record_judge(migration);
	catalog_add_migration(migration);
}

/* ------------------------------------------------------------------------
 * Forgetting
 * ------------------------------------------------------------------------
 */

/*
 * Refuse to delete snapshots that others build on, or that stand for older
 * ones too.
 */
static void
check_forgettable(Datum *values, int64 generation)
{
	static CatalogStatement later = {
		.sql = "SELECT l.version::text, l.table_name FROM ashmig.snapshots s JOIN ashmig.snapshots l"
		" ON l.repo = s.repo AND l.scope = s.scope AND l.schema_name = s.schema_name"
		" AND l.table_name = s.table_name AND (s.version = ANY (l.base_versions)"
		"  OR l.base_versions IS NULL AND l.version > s.version)"
		" WHERE" SNAPSHOTS_BROUGHT " ORDER BY l.version DESC LIMIT 1",
		.nargs = 3, .types = {TEXTOID, TEXTOID, INT8OID}
	};
	static CatalogStatement squashed = {
		.sql = "SELECT s.table_name FROM ashmig.snapshots s WHERE" SNAPSHOTS_BROUGHT
		" AND s.state ->> 'squashed' = 'true' ORDER BY s.table_name LIMIT 1",
		.nargs = 3, .types = {TEXTOID, TEXTOID, INT8OID}
	};
	int			level = catalog_connect();

	if (catalog_query(&later, values, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_APPLIED),
				 errmsg("generation %s builds on migration " INT64_FORMAT,
						catalog_string(0, 1, CurrentMemoryContext), generation),
				 errdetail("Both changed table \"%s\".", catalog_string(0, 2, CurrentMemoryContext)),
				 errhint("Remove the newest one first.")));
	if (catalog_query(&squashed, values, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_IRREVERSIBLE),
				 errmsg("snapshots before migration " INT64_FORMAT " are squashed", generation),
				 errdetail("Without it, there would be no snapshot of table \"%s\".",
						   catalog_string(0, 1, CurrentMemoryContext)),
				 errhint("Generate a migration that changes the tables back.")));
	catalog_disconnect(level);
}

/*
 * The snapshots go with the migrations of their generation, and what counts is
 * what the others give without them.
 */
static void
forget_snapshots(const Migration *migration)
{
	static CatalogStatement newer = {
		.sql = "SELECT s.repo, s.scope = 'tenant', nullif(s.schema_name, ''), s.table_name"
		" FROM ashmig.snapshots s WHERE" SNAPSHOTS_BROUGHT " AND EXISTS (SELECT FROM ashmig.snapshots l"
		"  WHERE l.repo = s.repo AND l.scope = s.scope AND l.schema_name = s.schema_name"
		"  AND l.table_name = s.table_name AND (l.dev OR l.version > s.version))",
		.nargs = 3, .types = {TEXTOID, TEXTOID, INT8OID}
	};
	static CatalogStatement forget = {
		.sql = "DELETE FROM ashmig.snapshots s WHERE" SNAPSHOTS_BROUGHT,
		.nargs = 3, .types = {TEXTOID, TEXTOID, INT8OID}
	};
	Datum		values[3];
	List	   *tables;
	ListCell   *lc;
	int			level;

	key_values(values, migration);
	values[2] = Int64GetDatum(record_snapshot_version(migration));
	check_forgettable(values, record_snapshot_version(migration));
	tables = branches_tables(&newer, values);
	level = catalog_connect();
	catalog_execute(&forget, values, NULL);
	catalog_disconnect(level);
	foreach(lc, tables)
	{
		const BranchTable *table = lfirst(lc);

		branches_refold(table->repo, &table->name);
	}
}

int
record_forget(int64 version, Scope scope, const char *repo)
{
	Migration  *found;
	int64		generation;
	int			count = 0;

	catalog_lock_generation();
	found = record_find(version, scope, repo, false);
	generation = record_snapshot_version(found);
	catalog_lock_versions(ShareLock);
	foreach_ptr(Migration, migration, catalog_migrations(found->repo, scope_filter(scope)))
	{
		if (record_snapshot_version(migration) != generation)
			continue;
		check_not_begun(migration);
		catalog_remove_migration(migration->repo, scope, migration->version);
		count++;
	}

	/*
	 * a generated one that was edited is of kind "sql", and has its
	 * generation
	 */
	if (found->generation != 0 || found->kind == MIGRATION_GENERATED || found->kind == MIGRATION_ADOPTED)
		forget_snapshots(found);
	return count;
}
