/*
 * catch_up.c
 *		Tenants that public has left behind: see catch_up.h.
 */
#include "postgres.h"

#include "base/names.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/errors.h"
#include "base/settings.h"
#include "migrate/catch_up.h"
#include "migrate/crossing.h"
#include "migrate/deferral.h"
#include "migrate/execute.h"
#include "syntax/sql_text.h"

NewestStructure catch_up_newest_structure = NULL;

/*
 * Look whether a tenant has been left behind.
 */
CatchUp *
catch_up_begin(const char *schema, List *pending)
{
	const Migration *first = linitial(pending);
	const Migration *last = llast(pending);
	List	   *crossings;
	List	   *recorded;
	CatchUp    *catch_up;

	crossings = crossing_passed(first->version);
	if (crossings == NIL)
		return NULL;
	catch_up = palloc0(sizeof(CatchUp));
	catch_up->schema = schema;
	catch_up->crossings = crossings;
	recorded = catalog_migrations_cached(true);
	catch_up->to_newest = last->version >= ((Migration *) llast(recorded))->version;
	return catch_up;
}

/* Do these subcommands, or this renaming, change only a foreign key that was left out? */
static bool
is_about_skipped(const CatchUp *catch_up, const char *sql)
{
	List	   *statements = execute_parse(sql);
	Node	   *statement;

	if (list_length(statements) != 1)
		return false;
	statement = linitial_node(RawStmt, statements)->stmt;
	if (IsA(statement, RenameStmt))
	{
		const RenameStmt *rename = (RenameStmt *) statement;

		return rename->renameType == OBJECT_TABCONSTRAINT &&
			names_have(catch_up->skipped, rename->subname);
	}
	if (IsA(statement, AlterTableStmt) &&
		list_length(((AlterTableStmt *) statement)->cmds) == 1)
	{
		const AlterTableCmd *command = linitial(((AlterTableStmt *) statement)->cmds);

		return command->subtype == AT_AlterConstraint &&
			names_have(catch_up->skipped, castNode(Constraint, command->def)->conname);
	}
	return false;
}

/* DROP CONSTRAINT, which may be of a foreign key that was left out, with IF EXISTS */
static char *
drop_if_exists(const char *sql)
{
	static const char words[] = "DROP CONSTRAINT \"";
	StringInfoData buf;
	const char *found;

	initStringInfo(&buf);
	while ((found = strstr(sql, words)) != NULL)
	{
		appendBinaryStringInfo(&buf, sql, found - sql);
		appendStringInfoString(&buf, "DROP CONSTRAINT IF EXISTS \"");
		sql = found + strlen(words);
	}
	appendStringInfoString(&buf, sql);
	return buf.data;
}

/* The name of the foreign key that a statement, a lone one, adds */
static char *
added_foreign_key(const char *sql)
{
	AlterTableStmt *statement = castNode(AlterTableStmt,
										 linitial_node(RawStmt, execute_parse(sql))->stmt);
	AlterTableCmd *command = linitial(statement->cmds);

	return castNode(Constraint, command->def)->conname;
}

/* Raise where the run stops short of the newest version. */
static void
check_newest(const CatchUp *catch_up, const Migration *migration)
{
	const Crossing *crossing = llast(catch_up->crossings);

	if (catch_up->to_newest)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_WAITS_FOR_TENANTS),
			 errmsg("tenant \"%s\" can only be migrated to the newest version", catch_up->schema),
			 errdetail("Its migration " INT64_FORMAT " (%s) refers to what public migration " INT64_FORMAT " (%s) has changed since.",
					   migration->version, migration->name, crossing->version, crossing->name),
			 errhint("Run without to_version, step and repo.")));
}

/* Remember it where the catch-up itself is: the caller's context is a statement's. */
static void
note_skipped(CatchUp *catch_up, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(catch_up));

	catch_up->skipped = lappend(catch_up->skipped, pstrdup(name));
	MemoryContextSwitchTo(old);
}

/*
 * The statement to run instead of this one, or NULL.
 */
char *
catch_up_statement(CatchUp *catch_up, const Migration *migration, const char *stored, char *sql)
{
	if (deferral_can_wait(sql, catch_up->schema))
	{
		if (!crossing_concerns(catch_up->crossings, migration->version, stored))
			return sql;
		check_newest(catch_up, migration);
		note_skipped(catch_up, added_foreign_key(sql));
		return NULL;
	}
	if (catch_up->skipped == NIL)
		return sql;
	return is_about_skipped(catch_up, sql) ? NULL : drop_if_exists(sql);
}

/* Does the tenant's table lack this foreign key? */
static bool
is_missing(const char *schema, const char *sql)
{
	AlterTableStmt *statement = castNode(AlterTableStmt,
										 linitial_node(RawStmt, execute_parse(sql))->stmt);
	Oid			table = get_relname_relid(statement->relation->relname,
										  get_namespace_oid(schema, false));

	return OidIsValid(table) &&
		!OidIsValid(get_relation_constraint_oid(table, added_foreign_key(sql), true));
}

/*
 * What the tenant lacks in the end.
 */
List *
catch_up_missing(const char *schema)
{
	List	   *missing = NIL;
	ListCell   *lc;

	if (catch_up_newest_structure == NULL)
		return NIL;
	foreach(lc, catch_up_newest_structure())
	{
		char	   *sql = sql_fill(lfirst(lc), schema, ashmig_default_schema);

		if (deferral_can_wait(sql, schema) && is_missing(schema, sql))
			missing = lappend(missing, sql);
	}
	return missing;
}
