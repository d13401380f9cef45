/*
 * export.c
 *		Migrations as scripts that record them in another database: see
 *		export.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/errors.h"
#include "record/branches.h"
#include "record/export.h"
#include "record/record.h"
#include "syntax/sql_text.h"

/* The values that SNAPSHOTS_BROUGHT asks for */
static void
brought_values(Datum *values, const Migration *migration)
{
	values[0] = CStringGetTextDatum(migration->repo);
	values[1] = CStringGetTextDatum(scope_name(migration->scope));
	values[2] = Int64GetDatum(record_snapshot_version(migration));
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/*
 * A literal that shows the text as it is, between tags that do not occur in
 * it.
 */
void
export_append_quoted(StringInfo buf, const char *value)
{
	char	   *tag = "$ashmig";

	for (int i = 1; strstr(value, tag) != NULL; i++)
		tag = psprintf("$ashmig%d", i);
	appendStringInfo(buf, "%s$%s%s$", tag, value, tag);
}

/*
 * A line of a comment; what could end it, or turn the direction of writing,
 * becomes a space: control characters, and U+2000 to U+207F.
 */
void
export_append_comment(StringInfo buf, const char *mark, const char *text)
{
	appendStringInfo(buf, "%s ", mark);
	for (; *text; text++)
	{
		const unsigned char *at = (const unsigned char *) text;

		if (at[0] == 0xE2 && (at[1] == 0x80 || at[1] == 0x81) && at[2] != '\0')
		{
			appendStringInfoChar(buf, ' ');
			text += 2;
		}
		else
			appendStringInfoChar(buf, *at < ' ' ? ' ' : *text);
	}
	appendStringInfoChar(buf, '\n');
}

/*
 * "name => array,", one statement per line; NULL if there is no down.
 */
static void
append_statements(StringInfo buf, const char *name, List *statements, bool is_null)
{
	ListCell   *lc;

	if (is_null)
	{
		appendStringInfo(buf, "    %s => NULL", name);
		return;
	}
	appendStringInfo(buf, "    %s => ARRAY[", name);
	foreach(lc, statements)
	{
		appendStringInfoString(buf, lc == list_head(statements) ? "\n" : ",\n\n");
		export_append_quoted(buf, lfirst(lc));
	}
	appendStringInfoString(buf, statements == NIL ? "]::text[]" : "\n    ]::text[]");
}

List *
export_snapshots(const Migration *migration)
{
	static CatalogStatement query = {
		.sql = "SELECT pg_catalog.jsonb_build_object('repo', nullif(s.repo, $1), 'scope', s.scope,"
		" 'schema_name', s.schema_name, 'table_name', s.table_name,"
		" 'snapshot', coalesce(s.brought -> 'snapshot', s.snapshot),"
		" 'state', coalesce(s.brought -> 'state', s.state),"
		" 'base', CASE WHEN s.base_versions IS NOT NULL THEN"
		"  pg_catalog.jsonb_build_object('hash', s.base, 'versions', s.base_versions) END)::text"
		" FROM ashmig.snapshots s WHERE" SNAPSHOTS_BROUGHT " AND NOT s.dev"
		" ORDER BY s.scope, s.schema_name, s.table_name, s.repo",
		.nargs = 3, .types = {TEXTOID, TEXTOID, INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *snapshots = NIL;
	Datum		values[3];
	int			level;

	/* one migration of a generation brings them all */
	if (record_snapshot_version(migration) != migration->version)
		return NIL;
	brought_values(values, migration);
	level = catalog_connect();
	snapshots = catalog_strings(catalog_query(&query, values, NULL), 1, context);
	catalog_disconnect(level);
	return snapshots;
}

/*
 * "snapshots => ..." if the migration brought any, one table per line.
 */
static void
append_snapshots(StringInfo buf, const Migration *migration)
{
	List	   *snapshots = export_snapshots(migration);
	StringInfoData json;
	ListCell   *lc;

	if (snapshots == NIL)
		return;
	initStringInfo(&json);
	foreach(lc, snapshots)
		appendStringInfo(&json, "%s\n%s", lc == list_head(snapshots) ? "[" : ",", (char *) lfirst(lc));
	appendStringInfoString(&json, "\n]");
	appendStringInfoString(buf, ",\n    snapshots => ");
	export_append_quoted(buf, json.data);
}

char *
export_check(const Migration *migration)
{
	char	   *checksum = catalog_checksum(migration);

	if (migration->checksum[0] != '\0' && strcmp(migration->checksum, checksum) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CHECKSUM),
				 errmsg("%s migration " INT64_FORMAT " was changed after it was recorded",
						scope_name(migration->scope), migration->version),
				 errdetail("It was recorded with checksum %s, but its statements now have checksum %s.",
						   migration->checksum, checksum),
				 errhint("SELECT * FROM ashmig_check_migrations() shows details.")));
	if (migration->dev)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_DEV_MIGRATIONS),
				 errmsg("cannot export %s migration " INT64_FORMAT " because it is a development migration",
						scope_name(migration->scope), migration->version),
				 errhint("Replace it with a named migration and export that one: SELECT ashmig_generate(snapshots, name => '...').")));
	return checksum;
}

/* "-- ashmig: tenant migration 20260420153000 "add_tickets" (generated)" */
static void
append_title(StringInfo buf, const Migration *migration)
{
	export_append_comment(buf, "--", psprintf("ashmig: %s migration " INT64_FORMAT " \"%s\" (%s)",
											  scope_name(migration->scope), migration->version,
											  migration->name, migration_kind_name(migration->kind)));
}

/* The call that records the migration */
static void
append_call(StringInfo buf, const Migration *migration)
{
	char	   *checksum = export_check(migration);

	appendStringInfo(buf, "SELECT ashmig_import_migration(\n    version => " INT64_FORMAT ",\n    name => ",
					 migration->version);
	export_append_quoted(buf, migration->name);
	appendStringInfo(buf, ",\n    checksum => '%s',\n", checksum);
	append_statements(buf, "up", migration->up, false);
	appendStringInfoString(buf, ",\n");
	append_statements(buf, "down", migration->down, !migration->reversible);
	appendStringInfo(buf, ",\n    kind => '%s', tenant => %s, transactional => %s, covered => %s",
					 migration_kind_name(migration->kind),
					 migration->scope == SCOPE_TENANT ? "true" : "false",
					 migration->transactional ? "true" : "false",
					 migration->covered ? "true" : "false");
	if (migration->repo[0] != '\0')
	{
		appendStringInfoString(buf, ",\n    repo => ");
		export_append_quoted(buf, migration->repo);
	}
	if (migration->generation)
		appendStringInfo(buf, ",\n    generation => " INT64_FORMAT, migration->generation);
	if (migration->hazards && migration->kind == MIGRATION_GENERATED)
	{
		appendStringInfoString(buf, ",\n    hazards => ");
		export_append_quoted(buf, migration->hazards);
	}
	append_snapshots(buf, migration);
	appendStringInfoString(buf, ");\n");
}

char *
export_script(const Migration *migration)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_title(&buf, migration);
	export_append_comment(&buf, "--", "Records the migration in another database. Does nothing if it is already recorded there.");
	appendStringInfoString(&buf, "\\set ON_ERROR_STOP on\n");
	append_call(&buf, migration);
	return buf.data;
}

char *
export_scripts(const List *migrations)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	export_append_comment(&buf, "--", psprintf("ashmig: %d %s, in the order of their versions", list_length(migrations),
											   list_length(migrations) == 1 ? "migration" : "migrations"));
	export_append_comment(&buf, "--", "Records them in another database, all or none. Does nothing with those already recorded there.");
	appendStringInfoString(&buf, "\\set ON_ERROR_STOP on\nBEGIN;\n");
	foreach(lc, migrations)
	{
		appendStringInfoChar(&buf, '\n');
		append_title(&buf, lfirst(lc));
		append_call(&buf, lfirst(lc));
	}
	appendStringInfoString(&buf, "\nCOMMIT;\n");
	return buf.data;
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */

/*
 * Does the migration arrive as it was exported?
 */
static void
check_sent(const Migration *migration)
{
	char	   *checksum = catalog_checksum(migration);

	if (strcmp(checksum, migration->checksum) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CHECKSUM),
				 errmsg("%s migration " INT64_FORMAT " does not match its checksum",
						scope_name(migration->scope), migration->version),
				 errdetail("The script has checksum %s, but its statements have checksum %s.",
						   migration->checksum, checksum),
				 errhint("Export it again, or record the edited statements with ashmig_add_migration().")));
}

void
export_check_version(const Migration *recorded, const Migration *migration)
{
	if (recorded->kind == MIGRATION_GENERATED && migration->kind == MIGRATION_GENERATED &&
		strcmp(recorded->name, migration->name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CHECKSUM),
				 errmsg("%s migrations \"%s\" and \"%s\" have the same version " INT64_FORMAT,
						scope_name(migration->scope), recorded->name, migration->name,
						migration->version),
				 errdetail("The first is recorded, the second was generated in another database within the same second."),
				 errhint("Remove the second where it was generated, import the first there, and generate it again.")));
}

/*
 * Is what is recorded under that version the same?
 */
static void
check_recorded(const Migration *recorded, const Migration *migration)
{
	char	   *checksum = catalog_checksum(recorded);
	AppliedIn  *applied;

	if (strcmp(checksum, migration->checksum) == 0)
		return;
	export_check_version(recorded, migration);
	applied = record_applied_in(recorded, NULL);
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_CHECKSUM),
			 errmsg("%s migration " INT64_FORMAT " is already recorded with different text",
					scope_name(migration->scope), migration->version),
			 errdetail("The recorded migration is \"%s\" with checksum %s; this one is \"%s\" with checksum %s.",
					   recorded->name, checksum, migration->name, migration->checksum),
			 applied ?
			 errhint("It is applied in %s; record the change as a new migration.", applied->schemas) :
			 errhint("It is not applied anywhere; remove it first with ashmig_remove_migration(" INT64_FORMAT "%s).",
					 migration->version, migration->scope == SCOPE_TENANT ? ", tenant => true" : "")));
}

bool
export_record(Migration *migration, Datum snapshots)
{
	record_check_order(migration);
	record_check_applied(migration);
	record_judge(migration);
	catalog_add_migration(migration);
	return snapshots != (Datum) 0 &&
		branches_import(migration, record_snapshot_version(migration), snapshots);
}

bool
export_import(Migration *migration, Datum snapshots, bool *merged)
{
	Migration  *recorded;

	*merged = false;
	check_sent(migration);
	catalog_lock_generation();
	recorded = record_find(migration->version, migration->scope, migration->repo, true);
	if (recorded)
	{
		check_recorded(recorded, migration);
		return false;
	}
	*merged = export_record(migration, snapshots);
	return true;
}
