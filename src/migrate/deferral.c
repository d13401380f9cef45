/*
 * deferral.c
 *		Foreign keys that can wait: see deferral.h.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"

#include "base/compat.h"
#include "migrate/deferral.h"
#include "migrate/execute.h"

/*
 * Is the statement one foreign key to a table outside the schema?
 */
bool
deferral_can_wait(const char *sql, const char *schema)
{
	List	   *statements;
	AlterTableStmt *statement;
	AlterTableCmd *command;
	Constraint *constraint;

	if (strstr(sql, "FOREIGN KEY") == NULL)
		return false;
	statements = execute_parse(sql);
	if (list_length(statements) != 1 ||
		!IsA(linitial_node(RawStmt, statements)->stmt, AlterTableStmt))
		return false;
	statement = castNode(AlterTableStmt, linitial_node(RawStmt, statements)->stmt);
	if (list_length(statement->cmds) != 1)
		return false;
	command = linitial_node(AlterTableCmd, statement->cmds);
	if (command->subtype != AT_AddConstraint || !IsA(command->def, Constraint))
		return false;
	constraint = castNode(Constraint, command->def);
	return constraint->contype == CONSTR_FOREIGN &&
		constraint->pktable->schemaname != NULL &&
		strcmp(constraint->pktable->schemaname, schema) != 0;
}

/* ALTER TABLE that only adds, or changes defaults and NOT NULL */
static bool
only_adds(AlterTableStmt *statement)
{
	foreach_node(AlterTableCmd, command, statement->cmds)
	{
		switch (command->subtype)
		{
			case AT_AddColumn:
			case AT_AddConstraint:
			case AT_ColumnDefault:
			case AT_SetNotNull:
			case AT_DropNotNull:
				break;
			default:
				return false;
		}
	}
	return true;
}

/*
 * Does it make no difference whether this one runs before or after?
 */
bool
deferral_is_harmless(const char *sql)
{
	foreach_node(RawStmt, raw, execute_parse(sql))
	{
		Node	   *statement = raw->stmt;

		switch (nodeTag(statement))
		{
			case T_CreateStmt:
			case T_IndexStmt:
			case T_CommentStmt:
				break;
			case T_AlterTableStmt:
				if (!only_adds((AlterTableStmt *) statement))
					return false;
				break;
			default:
				return false;
		}
	}
	return true;
}
