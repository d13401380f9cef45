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
	recorded = catalog_migrations_cached(SCOPE_TENANT);
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

		if (command->subtype == AT_ValidateConstraint)
			return names_have(catch_up->skipped, command->name);
		return command->subtype == AT_AlterConstraint &&
			names_have(catch_up->skipped, castNode(Constraint, command->def)->conname);
	}
	return false;
}

/*
 * DROP CONSTRAINT, which may be of a foreign key that was left out, with IF
 * EXISTS.  The name may be written "..." or U&"...".
 */
static char *
drop_if_exists(const char *sql)
{
	static const char words[] = "DROP CONSTRAINT ";
	StringInfoData buf;
	const char *found;

	initStringInfo(&buf);
	while ((found = strstr(sql, words)) != NULL)
	{
		const char *name = found + strlen(words);

		appendBinaryStringInfo(&buf, sql, name - sql);
		if (*name == '"' || strncmp(name, "U&\"", 3) == 0)
			appendStringInfoString(&buf, "IF EXISTS ");
		sql = name;
	}
	appendStringInfoString(&buf, sql);
	return buf.data;
}

/* The foreign key to a table outside the schema that a subcommand adds, or NULL */
static const Constraint *
outside_reference(const char *schema, const AlterTableCmd *command)
{
	const Constraint *constraint;

	if (command->subtype != AT_AddConstraint || !IsA(command->def, Constraint))
		return NULL;
	constraint = (Constraint *) command->def;
	if (constraint->contype != CONSTR_FOREIGN || constraint->pktable->schemaname == NULL ||
		strcmp(constraint->pktable->schemaname, schema) == 0)
		return NULL;
	return constraint;
}

/* The end of the subcommand that begins here: a comma outside parentheses and quotes, or the end */
static const char *
subcommand_end(const char *text)
{
	int			depth = 0;
	char		quote = '\0';

	for (; *text; text++)
	{
		if (quote)
			quote = *text == quote ? '\0' : quote;
		else if (*text == '"' || *text == '\'')
			quote = *text;
		else if (*text == '(')
			depth++;
		else if (*text == ')')
			depth--;
		else if (*text == ',' && depth == 0)
			break;
	}
	return text;
}

/* "sql" without the subcommand that adds the constraint at this position */
static char *
cut_subcommand(const char *sql, int constraint)
{
	static const char add[] = "ADD ";
	const char *start = sql + constraint - strlen(add);
	const char *end = subcommand_end(start);

	Assert(strncmp(start, add, strlen(add)) == 0);
	if (*end == ',')
		end += strspn(end, ", ");
	else
		while (start > sql && (start[-1] == ' ' || start[-1] == ','))
			start--;
	return psprintf("%.*s%s", (int) (start - sql), sql, end);
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
 * ALTER TABLE without the foreign keys to what has changed since; NULL where
 * nothing else is left of it.
 */
static char *
without_references(CatchUp *catch_up, const Migration *migration, char *sql,
				   const AlterTableStmt *statement)
{
	int			left = list_length(statement->cmds);

	/* from the last to the first, so that the positions before stay true */
	for (int i = left - 1; i >= 0; i--)
	{
		const Constraint *constraint = outside_reference(catch_up->schema, list_nth(statement->cmds, i));
		const char *text;

		if (constraint == NULL)
			continue;
		text = sql + constraint->location;
		if (!crossing_concerns(catch_up->crossings, migration->version,
							   pnstrdup(text, subcommand_end(text) - text)))
			continue;
		check_newest(catch_up, migration);
		note_skipped(catch_up, constraint->conname);
		sql = cut_subcommand(sql, constraint->location);
		left--;
	}
	return left > 0 ? sql : NULL;
}

/*
 * The statement to run instead of this one, or NULL.
 */
char *
catch_up_statement(CatchUp *catch_up, const Migration *migration, char *sql)
{
	if (strstr(sql, "FOREIGN KEY") != NULL)
	{
		List	   *statements = execute_parse(sql);

		if (list_length(statements) == 1 &&
			IsA(linitial_node(RawStmt, statements)->stmt, AlterTableStmt))
			sql = without_references(catch_up, migration, sql,
									 (AlterTableStmt *) linitial_node(RawStmt, statements)->stmt);
	}
	if (sql == NULL || catch_up->skipped == NIL)
		return sql;
	return is_about_skipped(catch_up, sql) ? NULL : drop_if_exists(sql);
}

/* Does the tenant's table lack a constraint of that name? */
static bool
lacks_constraint(const char *schema, const char *table, const char *name)
{
	Oid			relation = get_relname_relid(table, get_namespace_oid(schema, false));

	return OidIsValid(relation) && !OidIsValid(get_relation_constraint_oid(relation, name, true));
}

/* Does a statement validate a constraint that the tenant does not have? */
static bool
validates_missing(const char *schema, const char *sql)
{
	List	   *statements = strstr(sql, "VALIDATE CONSTRAINT") ? execute_parse(sql) : NIL;
	AlterTableStmt *statement;
	const AlterTableCmd *command;

	if (list_length(statements) != 1 ||
		!IsA(linitial_node(RawStmt, statements)->stmt, AlterTableStmt))
		return false;
	statement = (AlterTableStmt *) linitial_node(RawStmt, statements)->stmt;
	command = linitial(statement->cmds);
	return command->subtype == AT_ValidateConstraint &&
		lacks_constraint(schema, statement->relation->relname, command->name);
}

char *
catch_up_alone(const Migration *migration, const char *schema, char *sql)
{
	CatchUp    *catch_up = catch_up_begin(schema, list_make1(unconstify(Migration *, migration)));

	if (catch_up == NULL)
		return sql;
	catch_up->to_newest = true; /* who runs it goes on to the newest version */
	return validates_missing(schema, sql) ? NULL : catch_up_statement(catch_up, migration, sql);
}

/*
 * The foreign keys to tables outside the schema that a statement adds and the
 * tenant lacks, each as a statement of its own, added to the list.
 */
static List *
add_missing(List *missing, const char *schema, const char *sql)
{
	List	   *statements = strstr(sql, "FOREIGN KEY") ? execute_parse(sql) : NIL;
	AlterTableStmt *statement;
	ListCell   *lc;

	if (list_length(statements) != 1 ||
		!IsA(linitial_node(RawStmt, statements)->stmt, AlterTableStmt))
		return missing;
	statement = (AlterTableStmt *) linitial_node(RawStmt, statements)->stmt;
	foreach(lc, statement->cmds)
	{
		const Constraint *constraint = outside_reference(schema, lfirst(lc));
		const char *text;

		if (constraint == NULL ||
			!lacks_constraint(schema, statement->relation->relname, constraint->conname))
			continue;
		text = sql + constraint->location;
		missing = lappend(missing,
						  psprintf("ALTER TABLE %s.%s ADD %.*s", quote_name(schema),
								   quote_name(statement->relation->relname),
								   (int) (subcommand_end(text) - text), text));
	}
	return missing;
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
		missing = add_missing(missing, schema, sql_fill(lfirst(lc), schema, ashmig_default_schema));
	return missing;
}
