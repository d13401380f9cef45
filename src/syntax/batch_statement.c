/*
 * batch_statement.c
 *		Statements that run batch by batch: see batch_statement.h.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "base/compat.h"
#include "syntax/batch_statement.h"
#include "syntax/sql_text.h"

/* WHERE and WITH of an UPDATE or DELETE; NULL for all others */
typedef struct Restriction
{
	RangeVar   *table;
	Node	  **where;
	WithClause *with;
} Restriction;

static Restriction
restriction_of(Node *statement)
{
	Restriction restriction = {NULL, NULL, NULL};

	if (IsA(statement, UpdateStmt))
	{
		UpdateStmt *update = (UpdateStmt *) statement;

		restriction = (Restriction)
		{
			update->relation, &update->whereClause, update->withClause
		};
	}
	else if (IsA(statement, DeleteStmt))
	{
		DeleteStmt *delete = (DeleteStmt *) statement;

		restriction = (Restriction)
		{
			delete->relation, &delete->whereClause, delete->withClause
		};
	}
	return restriction;
}

const char *
batch_statement_fault(Node *statement)
{
	Restriction restriction = restriction_of(statement);

	if (restriction.table == NULL)
		return IsA(statement, InsertStmt) ? NULL : "Only UPDATE, DELETE and INSERT say how many rows they have changed.";
	if (*restriction.where == NULL)
		return "Without a WHERE that leaves out the rows that are done, it would never come to an end.";
	return NULL;
}

/* Is there a LIMIT in this tree? */
static bool
has_limit(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SelectStmt) && ((SelectStmt *) node)->limitCount != NULL)
		return true;
	return raw_expression_tree_walker(node, has_limit, context);
}

RangeVar *
batch_statement_table(Node *statement)
{
	Restriction restriction = restriction_of(statement);

	if (restriction.table == NULL || has_limit((Node *) restriction.with, NULL) ||
		has_limit(*restriction.where, NULL))
		return NULL;
	return restriction.table;
}

/*
 * The condition is parsed from text, as the nodes of a literal differ between
 * versions.
 */
static Node *
range_condition(const RangeVar *table, const BlockRange *range)
{
	char	   *ctid = psprintf("%s.ctid", quote_name(table->alias ? table->alias->aliasname : table->relname));
	char	   *sql = psprintf("SELECT WHERE %s OPERATOR(pg_catalog.>=) '(%u,0)'::pg_catalog.tid", ctid, range->from);
	RawStmt    *raw;

	if (range->to != InvalidBlockNumber)
		sql = psprintf("%s AND %s OPERATOR(pg_catalog.<) '(%u,0)'::pg_catalog.tid", sql, ctid, range->to);
	raw = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT));
	return castNode(SelectStmt, raw->stmt)->whereClause;
}

void
batch_statement_restrict(Node *statement, const BlockRange *range)
{
	Restriction restriction = restriction_of(statement);

	*restriction.where = (Node *) makeBoolExpr(AND_EXPR,
											   list_make2(*restriction.where,
														  range_condition(restriction.table, range)),
											   -1);
}
