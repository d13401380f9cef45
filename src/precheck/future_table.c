/*
 * future_table.c
 *		A table as pending statements will leave it: see future_table.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "precheck/future_table.h"
#include "syntax/sql_text.h"

/*
 * The table as it is now.
 */
FutureTable *
future_table_open(Oid relid)
{
	FutureTable *table = palloc0(sizeof(FutureTable));
	Relation	rel = table_open(relid, AccessShareLock);

	table->schema = get_namespace_name(RelationGetNamespace(rel));
	table->name = pstrdup(RelationGetRelationName(rel));
	table->relid = relid;
	table->unknown = rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE;
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(rel), i);
		FutureColumn *column;

		if (attribute->attisdropped)
			continue;
		column = palloc0(sizeof(FutureColumn));
		column->name = pstrdup(NameStr(attribute->attname));
		column->expr = (Node *) makeVar(1, attribute->attnum, attribute->atttypid,
										attribute->atttypmod, attribute->attcollation, 0);
		column->default_of = attribute->attnum;
		table->columns = lappend(table->columns, column);
	}
	table_close(rel, NoLock);
	return table;
}

/*
 * One that a statement makes.
 */
FutureTable *
future_table_new(const char *schema, const char *name)
{
	FutureTable *table = palloc0(sizeof(FutureTable));

	table->schema = pstrdup(schema);
	table->name = pstrdup(name);
	return table;
}

/*
 * A copy.  Expressions are never changed in place, so both may have them.
 */
FutureTable *
future_table_copy(const FutureTable *table)
{
	FutureTable *copy = palloc(sizeof(FutureTable));

	*copy = *table;
	copy->columns = NIL;
	foreach_ptr(const FutureColumn, column, table->columns)
	{
		FutureColumn *copied = palloc(sizeof(FutureColumn));

		*copied = *column;
		copy->columns = lappend(copy->columns, copied);
	}
	copy->not_validated = list_copy(table->not_validated);
	return copy;
}

FutureColumn *
future_table_column(const FutureTable *table, const char *name)
{
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		FutureColumn *column = lfirst(lc);

		if (strcmp(column->name, name) == 0)
			return column;
	}
	return NULL;
}

/*
 * Put what a column will be in its place; a hook of the parser.  Only the last
 * of the names counts, as there is but one table.
 */
static Node *
replace_column(ParseState *pstate, ColumnRef *ref)
{
	const FutureTable *table = pstate->p_ref_hook_state;
	Node	   *last = llast(ref->fields);
	const FutureColumn *column = IsA(last, String) ? future_table_column(table, strVal(last)) : NULL;

	if (column == NULL)
		return NULL;			/* the parser says what is wrong */
	if (column->expr == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("the values of column \"%s\" are not known", column->name)));
	return copyObject(column->expr);
}

/*
 * An expression as a statement has it.  As that of a check, it has no sub-query
 * and no aggregate, whose columns would be of other tables.
 */
Node *
future_table_expression(const FutureTable *table, const Node *raw, bool boolean)
{
	ParseState *pstate = make_parsestate(NULL);
	Relation	rel = NULL;
	Node	   *expr;

	if (OidIsValid(table->relid))
	{
		ParseNamespaceItem *item;

		rel = table_open(table->relid, AccessShareLock);
		item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock, NULL, false, true);
		addNSItemToQuery(pstate, item, false, true, true);
	}
	pstate->p_pre_columnref_hook = replace_column;
	pstate->p_ref_hook_state = unconstify(FutureTable *, table);
	expr = transformExpr(pstate, copyObject(unconstify(Node *, raw)), EXPR_KIND_CHECK_CONSTRAINT);
	if (boolean)
		expr = coerce_to_boolean(pstate, expr, "CHECK");
	else if (exprType(expr) == UNKNOWNOID)
		expr = future_table_cast(expr, TEXTOID, -1);
	assign_expr_collations(pstate, expr);
	free_parsestate(pstate);
	if (rel)
		table_close(rel, NoLock);
	return expr;
}

/*
 * The value as a statement would store it.  Explicit, so that it is seen in SQL.
 */
Node *
future_table_cast(Node *expr, Oid type, int32 typmod)
{
	Node	   *cast = coerce_to_target_type(NULL, expr, exprType(expr), type, typmod,
											 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);

	if (cast == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("there is no cast from type %s to type %s",
						format_type_be(exprType(expr)), format_type_be(type))));
	assign_expr_collations(NULL, cast);
	return cast;
}

/* Does it take a value of a sequence? */
static bool
takes_value(Node *expr, void *context)
{
	if (expr == NULL)
		return false;
	if (IsA(expr, NextValueExpr) || (IsA(expr, FuncExpr) && ((FuncExpr *) expr)->funcid == F_NEXTVAL))
		return true;
	return expression_tree_walker(expr, takes_value, context);
}

/*
 * What DEFAULT means for a column.
 */
Node *
future_table_default(const FutureTable *table, const FutureColumn *column)
{
	Oid			type = exprType(column->expr);
	int32		typmod = exprTypmod(column->expr);
	Node	   *value = NULL;

	if (column->default_of > 0)
	{
		Relation	rel = table_open(table->relid, AccessShareLock);

		value = build_column_default(rel, column->default_of);
		table_close(rel, NoLock);
	}
	else if (column->new_default)
		value = future_table_expression(table, column->new_default, false);
	if (takes_value(value, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("the default of column \"%s\" takes values of a sequence", column->name)));
	return value ? future_table_cast(value, type, typmod) :
		(Node *) makeNullConst(type, typmod, exprCollation(column->expr));
}

/*
 * SQL for it.  With an empty search_path, so that it means the same wherever it
 * is pasted.
 */
char *
future_table_sql(const FutureTable *table, const Node *expr, const char *alias)
{
	int			level = NewGUCNestLevel();
	char	   *sql;

	settings_pin("search_path", "");
	sql = deparse_expression(unconstify(Node *, expr), deparse_context_for(alias, table->relid), true, true);
	AtEOXact_GUC(false, level);
	return sql;
}

/*
 * "schema"."table" AS alias, of today.
 */
char *
future_table_from(const FutureTable *table, const char *alias)
{
	return psprintf("%s.%s AS %s", quote_name(get_namespace_name(get_rel_namespace(table->relid))),
					quote_name(get_rel_name(table->relid)), alias);
}
