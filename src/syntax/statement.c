/*
 * statement.c
 *		What a raw parse tree tells of a statement: see statement.h.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"

#include "base/compat.h"
#include "syntax/fragment.h"
#include "syntax/statement.h"

/* ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY */
static bool
detaches_concurrently(AlterTableStmt *statement)
{
	foreach_node(AlterTableCmd, command, statement->cmds)
	{
		if (command->subtype == AT_DetachPartition &&
			castNode(PartitionCmd, command->def)->concurrent)
			return true;
	}
	return false;
}

/* REINDEX of more than one table, or concurrently */
static bool
reindex_outside(ReindexStmt *statement)
{
	if (statement->kind != REINDEX_OBJECT_INDEX && statement->kind != REINDEX_OBJECT_TABLE)
		return true;
	foreach_node(DefElem, option, statement->params)
	{
		if (strcmp(option->defname, "concurrently") == 0)
			return true;
	}
	return false;
}

/*
 * The command's name where it cannot run in a transaction block, or (a new
 * value of an enum) can but is of no use there; NULL for all others.
 */
const char *
statement_outside_command(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			return ((IndexStmt *) statement)->concurrent ? "CREATE INDEX CONCURRENTLY" : NULL;
		case T_DropStmt:
			return ((DropStmt *) statement)->concurrent ? "DROP INDEX CONCURRENTLY" : NULL;
		case T_ReindexStmt:
			return reindex_outside((ReindexStmt *) statement) ? "REINDEX" : NULL;
		case T_AlterTableStmt:
			return detaches_concurrently((AlterTableStmt *) statement) ?
				"ALTER TABLE ... DETACH PARTITION CONCURRENTLY" : NULL;
		case T_AlterEnumStmt:
			return ((AlterEnumStmt *) statement)->oldVal == NULL ? "ALTER TYPE ... ADD VALUE" : NULL;
		case T_VacuumStmt:
			return ((VacuumStmt *) statement)->is_vacuumcmd ? "VACUUM" : NULL;
		case T_ClusterStmt:
			return ((ClusterStmt *) statement)->relation == NULL ? "CLUSTER" : NULL;
		case T_CreatedbStmt:
			return "CREATE DATABASE";
		case T_DropdbStmt:
			return "DROP DATABASE";
		case T_CreateTableSpaceStmt:
			return "CREATE TABLESPACE";
		case T_DropTableSpaceStmt:
			return "DROP TABLESPACE";
		case T_AlterSystemStmt:
			return "ALTER SYSTEM";
		default:
			return NULL;
	}
}

/* The text of a DO block; NULL if it has none */
static const char *
block_text(const DoStmt *block)
{
	foreach_node(DefElem, option, block->args)
	{
		if (strcmp(option->defname, "as") == 0)
			return strVal(option->arg);
	}
	return NULL;
}

List *
statement_block(const DoStmt *block)
{
	static const char begin[] = "BEGIN\n";
	static const char end[] = "\nEND";
	const char *text = block_text(block);
	size_t		length = text ? strlen(text) : 0;
	List	   *statements;

	if (length < strlen(begin) + strlen(end) || strncmp(text, begin, strlen(begin)) != 0 ||
		strcmp(text + length - strlen(end), end) != 0)
		return NIL;
	text += strlen(begin);
	return fragment_parse(pnstrdup(text, strlen(text) - strlen(end)), &statements) ? statements : NIL;
}
