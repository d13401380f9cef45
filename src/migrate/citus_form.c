/*
 * citus_form.c
 *		Statements as Citus takes them: see citus_form.h.
 *
 * Of ALTER TABLE, Citus 14 takes ADD CONSTRAINT only by itself, and neither RENAME
 * CONSTRAINT nor ALTER CONSTRAINT.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "metadata/citus.h"
#include "migrate/citus_form.h"
#include "syntax/alter_table.h"
#include "syntax/sql_text.h"

char *
citus_form_own_text(const RawStmt *raw, const char *sql)
{
	const char *start = sql + (raw->stmt_location > 0 ? raw->stmt_location : 0);

	return raw->stmt_len > 0 ? pnstrdup(start, raw->stmt_len) : pstrdup(start);
}

/* "schema"."table" */
static char *
table_name(Oid table)
{
	return psprintf("%s.%s", quote_name(get_namespace_name(get_rel_namespace(table))),
					quote_name(get_rel_name(table)));
}

/* ----------
 * Constraints
 * ----------
 */

/* The definition of a constraint, as it follows ADD CONSTRAINT and the name */
static char *
constraint_definition(Oid constraint)
{
	return TextDatumGetCString(DirectFunctionCall1(pg_get_constraintdef, ObjectIdGetDatum(constraint)));
}

/* Drop it and add it again under that name, with that definition */
static List *
replace_constraint(Oid table, const char *old_name, const char *new_name, const char *definition)
{
	char	   *drop = psprintf("ALTER TABLE %s DROP CONSTRAINT %s", table_name(table), quote_name(old_name));
	char	   *add = psprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", table_name(table),
							   quote_name(new_name), definition);

	return list_make2(drop, add);
}

/*
 * ALTER TABLE ... RENAME CONSTRAINT.  That of an index goes with the index' name.
 */
static List *
rename_constraint(RenameStmt *statement, Oid table, Oid constraint)
{
	Oid			index = get_constraint_index(constraint);
	char	   *definition = constraint_definition(constraint);

	if (OidIsValid(index) && strncmp(definition, "FOREIGN KEY", strlen("FOREIGN KEY")) != 0)
		return list_make1(psprintf("ALTER INDEX %s RENAME TO %s", table_name(index),
								   quote_name(statement->newname)));
	return replace_constraint(table, statement->subname, statement->newname, definition);
}

/* ALTER TABLE ... ALTER CONSTRAINT: when the key is checked */
static List *
alter_constraint(Oid table, Oid constraint, const char *name, bool deferrable, bool deferred)
{
	char	   *definition = constraint_definition(constraint);
	char	   *end = strstr(definition, " DEFERRABLE");
	const char *not_valid = strstr(definition, " NOT VALID");

	if (end)
		*end = '\0';
	else if (not_valid)
		definition[not_valid - definition] = '\0';
	return replace_constraint(table, name, name,
							  psprintf("%s%s%s%s", definition,
									   deferrable ? " DEFERRABLE" : "",
									   deferred ? " INITIALLY DEFERRED" : "",
									   not_valid ? " NOT VALID" : ""));
}

/* ----------
 * Statements
 * ----------
 */

/* One subcommand, whose text is that of a whole ALTER TABLE */
static List *
alter_table_command(Oid table, AlterTableCmd *command, char *sql)
{
	const char *name;
	bool		deferrable;
	bool		deferred;
	Oid			constraint;

	if (command->subtype != AT_AlterConstraint ||
		!compat_altered_deferrability(command->def, &name, &deferrable, &deferred))
		return list_make1(sql);
	constraint = get_relation_constraint_oid(table, name, true);
	return OidIsValid(constraint) ? alter_constraint(table, constraint, name, deferrable, deferred) : list_make1(sql);
}

static List *
alter_table(AlterTableStmt *statement, char *sql)
{
	Oid			table = RangeVarGetRelid(statement->relation, NoLock, true);
	List	   *parts;
	List	   *result = NIL;
	ListCell   *lp;
	ListCell   *lc;

	/*
	 * a foreign key to a reference table brings a local one under the same
	 * rules
	 */
	if (!OidIsValid(table))
		return list_make1(sql);
	parts = list_length(statement->cmds) > 1 ? alter_table_split(statement, sql) : list_make1(sql);
	if (list_length(parts) != list_length(statement->cmds))
		return parts;
	forboth(lp, parts, lc, statement->cmds)
		result = list_concat(result, alter_table_command(table, lfirst(lc), lfirst(lp)));
	return result;
}

static List *
rename_statement(RenameStmt *statement, char *sql)
{
	Oid			table;
	Oid			constraint;

	if (statement->renameType != OBJECT_TABCONSTRAINT)
		return list_make1(sql);
	table = RangeVarGetRelid(statement->relation, NoLock, true);
	if (!OidIsValid(table) || !citus_knows_table(table))
		return list_make1(sql);
	constraint = get_relation_constraint_oid(table, statement->subname, true);
	return OidIsValid(constraint) ? rename_constraint(statement, table, constraint) : list_make1(sql);
}

List *
citus_form_statements(Node *statement, const char *sql)
{
	char	   *text = pstrdup(sql);

	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			return alter_table((AlterTableStmt *) statement, text);
		case T_RenameStmt:
			return rename_statement((RenameStmt *) statement, text);
		default:
			return list_make1(text);
	}
}
