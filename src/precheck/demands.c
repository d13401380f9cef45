/*
 * demands.c
 *		What pending statements demand of today's rows: see demands.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "precheck/demands.h"
#include "precheck/future_table.h"
#include "syntax/directive.h"
#include "syntax/not_null_proof.h"
#include "syntax/sql_text.h"
#include "syntax/sql_words.h"

const char *
demand_kind_name(DemandKind kind)
{
	switch (kind)
	{
		case DEMAND_NOT_NULL:
			return "not_null";
		case DEMAND_CHECK:
			return "check";
		case DEMAND_UNIQUE:
			return "unique";
		case DEMAND_FOREIGN_KEY:
			return "foreign_key";
		case DEMAND_TYPE:
			return "type";
	}
	return NULL;				/* keep compiler quiet */
}

/* ------------------------------------------------------------------------
 * Tables
 * ------------------------------------------------------------------------
 */

/* One that the statements have touched; NULL: none of that name */
static FutureTable *
find_touched(const Future *future, const char *schema, const char *name)
{
	ListCell   *lc;

	foreach(lc, future->tables)
	{
		FutureTable *table = lfirst(lc);

		if (!table->gone && strcmp(table->name, name) == 0 &&
			(schema ? strcmp(table->schema, schema) == 0 :
			 strcmp(table->schema, future->schema) == 0 || strcmp(table->schema, future->default_schema) == 0))
			return table;
	}
	return NULL;
}

/* Nothing more is said about the table; once, the reader is told why. */
static void
lose_table(Future *future, FutureTable *table, const char *reason)
{
	if (!table->unknown)
		future->unknown = lappend(future->unknown,
								  psprintf("migration " INT64_FORMAT ", table \"%s\": %s", future->version,
										   table->name, reason));
	table->unknown = true;
}

/* What is said of a table after a statement that may have changed its rows */
#define CHANGED_BEFORE "an earlier statement may change its rows"

/* One that no statement has touched, but for such as may do anything to it */
static FutureTable *
open_table(Future *future, Oid relid)
{
	FutureTable *table;
	ListCell   *lc;

	foreach(lc, future->tables)
	{
		if (((FutureTable *) lfirst(lc))->relid == relid)
			return NULL;		/* it is called otherwise by now, or gone */
	}
	table = future_table_open(relid);
	future->tables = lappend(future->tables, table);
	foreach(lc, future->opaque)
	{
		if (sql_words_have(lfirst(lc), table->name))
			lose_table(future, table, CHANGED_BEFORE);
	}
	return table;
}

/*
 * The table that a statement names; NULL where there is none, which is for the
 * statement to say.
 */
static FutureTable *
find_table(Future *future, const RangeVar *name)
{
	FutureTable *table = find_touched(future, name->schemaname, name->relname);
	Oid			relid;

	if (table)
		return table;
	relid = RangeVarGetRelid(name, AccessShareLock, true);
	return OidIsValid(relid) ? open_table(future, relid) : NULL;
}

/* Has it rows to be asked about? */
static bool
has_rows(const FutureTable *table)
{
	return OidIsValid(table->relid) && !table->unknown;
}

/* ------------------------------------------------------------------------
 * Queries
 * ------------------------------------------------------------------------
 */

/* The conditions of a query; of char * */
static List *
row_conditions(const FutureTable *table, const char *alias)
{
	return table->filter ? list_make1(future_table_sql(table, table->filter, alias)) : NIL;
}

static void
append_conditions(StringInfo buf, const List *conditions)
{
	const char *separator = " WHERE ";
	ListCell   *lc;

	foreach(lc, conditions)
	{
		appendStringInfo(buf, "%s%s", separator, (char *) lfirst(lc));
		separator = " AND ";
	}
}

static Demand *
add_demand(Future *future, DemandKind kind, const FutureTable *table, const char *object)
{
	Demand	   *demand = palloc0(sizeof(Demand));

	demand->kind = kind;
	demand->version = future->version;
	demand->table = pstrdup(table->name);
	demand->object = object ? pstrdup(object) : NULL;
	demand->relid = table->relid;
	future->demands = lappend(future->demands, demand);
	return demand;
}

/* Do the statements demand it already, as the validation before SET NOT NULL does? */
static bool
is_demanded(const Future *future, DemandKind kind, const char *query)
{
	ListCell   *lc;

	foreach(lc, future->demands)
	{
		const Demand *demand = lfirst(lc);

		if (demand->kind == kind && strcmp(demand->query, query) == 0)
			return true;
	}
	return false;
}

/* Rows for which the condition holds must not be there. */
static void
forbid_rows(Future *future, DemandKind kind, const FutureTable *table, const char *object,
			char *condition)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT t.* FROM %s", future_table_from(table, "t"));
	append_conditions(&buf, lappend(row_conditions(table, "t"), condition));
	if (!is_demanded(future, kind, buf.data))
		add_demand(future, kind, table, object)->query = buf.data;
}

/* The future value of a column, as an expression; raises where it is not known */
static Node *
column_value(const FutureTable *table, const char *name)
{
	ColumnRef  *ref = makeNode(ColumnRef);

	ref->fields = list_make1(makeString(pstrdup(name)));
	ref->location = -1;
	return future_table_expression(table, (Node *) ref, false);
}

/* The same as SQL */
static char *
column_sql(const FutureTable *table, const char *name, const char *alias)
{
	return future_table_sql(table, column_value(table, name), alias);
}

/* ------------------------------------------------------------------------
 * Demands
 * ------------------------------------------------------------------------
 */

/* Is it a column of today that holds no null as it is? */
static bool
holds_no_null(const FutureTable *table, const Node *expr)
{
	Relation	rel;
	bool		result;

	if (!IsA(expr, Var))
		return false;
	rel = table_open(table->relid, AccessShareLock);
	result = attribute_holds_no_null(RelationGetDescr(rel), ((const Var *) expr)->varattno - 1);
	table_close(rel, NoLock);
	return result;
}

static void
demand_not_null(Future *future, const FutureTable *table, const char *column)
{
	if (holds_no_null(table, column_value(table, column)))
		return;
	forbid_rows(future, DEMAND_NOT_NULL, table, column,
				psprintf("%s IS NULL", column_sql(table, column, "t")));
}

static void
demand_check(Future *future, const FutureTable *table, const Constraint *check)
{
	const char *column = not_null_proof_column(check->raw_expr);
	Node	   *expr;

	if (check->raw_expr == NULL)
		return;
	if (column && !type_is_rowtype(exprType(column_value(table, column))))
	{
		demand_not_null(future, table, column);
		return;
	}
	expr = future_table_expression(table, check->raw_expr, true);
	forbid_rows(future, DEMAND_CHECK, table, check->conname,
				psprintf("NOT %s", future_table_sql(table, expr, "t")));
}

/* A part of a key: what it is called, and its SQL */
typedef struct KeyPart
{
	const char *name;
	char	   *sql;
} KeyPart;

/*
 * No two rows may have the same key; where nulls are distinct, keys with a null
 * do not count.
 */
static void
demand_unique(Future *future, const FutureTable *table, const char *object, const List *parts,
			  bool nulls_not_distinct, const Node *where)
{
	List	   *conditions = row_conditions(table, "t");
	StringInfoData columns;
	StringInfoData positions;
	StringInfoData buf;
	ListCell   *lc;
	int			n = 0;

	initStringInfo(&columns);
	initStringInfo(&positions);
	foreach(lc, parts)
	{
		const KeyPart *part = lfirst(lc);

		appendStringInfo(&columns, "%s AS %s, ", part->sql, quote_name(part->name));
		appendStringInfo(&positions, "%s%d", n > 0 ? ", " : "", n + 1);
		n++;
		if (!nulls_not_distinct)
			conditions = lappend(conditions, psprintf("%s IS NOT NULL", part->sql));
	}
	if (where)
		conditions = lappend(conditions, future_table_sql(table, where, "t"));
	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT %spg_catalog.count(*) AS rows FROM %s", columns.data,
					 future_table_from(table, "t"));
	append_conditions(&buf, conditions);
	appendStringInfo(&buf, " GROUP BY %s HAVING pg_catalog.count(*) > 1", positions.data);
	add_demand(future, DEMAND_UNIQUE, table, object)->query = buf.data;
}

static List *
add_part(List *parts, const char *name, char *sql)
{
	KeyPart    *part = palloc(sizeof(KeyPart));

	part->name = name;
	part->sql = sql;
	return lappend(parts, part);
}

/* A unique constraint or a primary key.  One made of an index breaks nothing more than that. */
static void
demand_key(Future *future, const FutureTable *table, const Constraint *key, const char *column)
{
	List	   *parts = NIL;
	ListCell   *lc;

	if (key->indexname != NULL)
		return;
	foreach(lc, column ? list_make1(makeString(pstrdup(column))) : key->keys)
	{
		char	   *name = strVal(lfirst(lc));

		if (key->contype == CONSTR_PRIMARY)
			demand_not_null(future, table, name);
		parts = add_part(parts, name, column_sql(table, name, "t"));
	}
	demand_unique(future, table, key->conname, parts, treats_nulls_as_equal(key), NULL);
}

/* A unique index */
static void
demand_unique_index(Future *future, const FutureTable *table, const IndexStmt *index)
{
	Node	   *where = NULL;
	List	   *parts = NIL;
	ListCell   *lc;

	foreach(lc, index->indexParams)
	{
		const IndexElem *element = lfirst(lc);
		char	   *sql = element->name ? column_sql(table, element->name, "t") :
			future_table_sql(table, future_table_expression(table, element->expr, false), "t");

		if (element->collation != NIL)
			sql = psprintf("(%s COLLATE %s)", sql, NameListToQuotedString(element->collation));
		parts = add_part(parts, element->name ? element->name : "key", sql);
	}
	if (index->whereClause)
		where = future_table_expression(table, index->whereClause, true);
	demand_unique(future, table, index->idxname, parts, treats_nulls_as_equal(index), where);
}

/* The columns that a foreign key points to; raises where only the catalog knows several */
static List *
referenced_columns(const FutureTable *referenced, const Constraint *key)
{
	Bitmapset  *attributes;
	Oid			constraint;
	int			attribute;

	if (key->pk_attrs != NIL)
		return key->pk_attrs;
	attributes = OidIsValid(referenced->relid) ?
		get_primary_key_attnos(referenced->relid, false, &constraint) : NULL;
	if (!bms_get_singleton_member(attributes, &attribute))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("the columns that the foreign key points to are not named")));
	return list_make1(makeString(get_attname(referenced->relid,
											 attribute + FirstLowInvalidHeapAttributeNumber, false)));
}

/* "EXISTS (SELECT ...)" of the row that is referenced */
static char *
referenced_row(const FutureTable *table, const List *columns, const FutureTable *referenced,
			   const List *referenced_names)
{
	List	   *conditions = row_conditions(referenced, "r");
	StringInfoData buf;
	ListCell   *lc;
	ListCell   *lr;

	forboth(lc, columns, lr, referenced_names)
		conditions = lappend(conditions, psprintf("%s = %s", column_sql(referenced, strVal(lfirst(lr)), "r"),
												  column_sql(table, strVal(lfirst(lc)), "t")));
	initStringInfo(&buf);
	appendStringInfo(&buf, "EXISTS (SELECT FROM %s", future_table_from(referenced, "r"));
	append_conditions(&buf, conditions);
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/*
 * Every key that is not null is that of a row that is referenced.  In a table that
 * is made by then no row is there.
 */
static void
demand_reference(Future *future, const FutureTable *table, const Constraint *key, const char *column)
{
	List	   *columns = column ? list_make1(makeString(pstrdup(column))) : key->fk_attrs;
	FutureTable *referenced = find_table(future, key->pktable);
	StringInfoData buf;
	StringInfoData nulls;
	ListCell   *lc;

	if (referenced == NULL)
		return;
	if (referenced->unknown || referenced->grows)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("the rows of table \"%s\" are not known", referenced->name)));
	initStringInfo(&buf);
	initStringInfo(&nulls);
	foreach(lc, columns)
	{
		char	   *sql = column_sql(table, strVal(lfirst(lc)), "t");

		appendStringInfo(&buf, "%s%s IS NOT NULL", buf.len > 0 ? " AND " : "", sql);
		appendStringInfo(&nulls, "%s%s", nulls.len > 0 ? ", " : "", sql);
	}
	if (OidIsValid(referenced->relid))
		appendStringInfo(&buf, " AND NOT %s",
						 referenced_row(table, columns, referenced, referenced_columns(referenced, key)));
	if (key->fk_matchtype == FKCONSTR_MATCH_FULL && list_length(columns) > 1)
	{
		char	   *missing = pstrdup(buf.data);

		resetStringInfo(&buf);
		appendStringInfo(&buf, "(%s OR pg_catalog.num_nulls(%s) BETWEEN 1 AND %d)", missing, nulls.data,
						 list_length(columns) - 1);
	}
	forbid_rows(future, DEMAND_FOREIGN_KEY, table, key->conname, buf.data);
}

/*
 * A constraint as a statement adds it; "column": the column that it is written at,
 * or NULL.  What is added NOT VALID demands nothing yet.
 */
static void
demand_constraint(Future *future, FutureTable *table, Constraint *constraint, const char *column,
				  bool validate)
{
	ListCell   *lc;

	if (constraint->skip_validation && !validate)
	{
		table->not_validated = lappend(table->not_validated, copyObject(constraint));
		return;
	}
	if (!has_rows(table))
		return;
	switch (constraint->contype)
	{
		case CONSTR_NOTNULL:
			if (column)
				demand_not_null(future, table, column);
			foreach(lc, not_null_columns(constraint))
				demand_not_null(future, table, strVal(lfirst(lc)));
			break;
		case CONSTR_CHECK:
			demand_check(future, table, constraint);
			break;
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
			demand_key(future, table, constraint, column);
			break;
		case CONSTR_FOREIGN:
			demand_reference(future, table, constraint, column);
			break;
		default:
			break;
	}
}

/* The constraint of a statement that PostgreSQL prints, or NULL */
static Constraint *
parsed_constraint(const char *sql)
{
	const RawStmt *raw = linitial(pg_parse_query(sql));
	const AlterTableStmt *alter = (const AlterTableStmt *) raw->stmt;

	if (!IsA(alter, AlterTableStmt))
		return NULL;
	return (Constraint *) ((const AlterTableCmd *) linitial(alter->cmds))->def;
}

/* VALIDATE CONSTRAINT: of one that the statements have added, or that is there */
static void
demand_validation(Future *future, FutureTable *table, const char *name)
{
	Oid			oid;
	ListCell   *lc;

	foreach(lc, table->not_validated)
	{
		Constraint *constraint = lfirst(lc);

		if (constraint->conname && strcmp(constraint->conname, name) == 0)
		{
			demand_constraint(future, table, constraint, NULL, true);
			return;
		}
	}
	oid = OidIsValid(table->relid) ? get_relation_constraint_oid(table->relid, name, true) : InvalidOid;
	if (OidIsValid(oid))
		demand_constraint(future, table, parsed_constraint(pg_get_constraintdef_command(oid)), NULL, true);
}

/* ------------------------------------------------------------------------
 * Statements
 * ------------------------------------------------------------------------
 */

/* Is the value read as it is stored, whatever it is called? */
static bool
needs_no_work(const Node *expr)
{
	while (IsA(expr, RelabelType))
		expr = (const Node *) ((const RelabelType *) expr)->arg;
	return IsA(expr, Var);
}

/* ALTER COLUMN ... TYPE ... USING ... */
static void
change_type(Future *future, FutureTable *table, const AlterTableCmd *cmd)
{
	const ColumnDef *def = (const ColumnDef *) cmd->def;
	FutureColumn *column = future_table_column(table, cmd->name);
	Oid			type;
	int32		typmod;
	Node	   *expr;

	if (column == NULL)
		return;
	typenameTypeIdAndMod(NULL, def->typeName, &type, &typmod);
	expr = def->raw_default ? future_table_expression(table, def->raw_default, false) :
		column_value(table, cmd->name);
	expr = future_table_cast(expr, type, typmod);
	if (has_rows(table) && !needs_no_work(expr))
	{
		Demand	   *demand = add_demand(future, DEMAND_TYPE, table, cmd->name);

		demand->expr = expr;
		demand->filter = table->filter;
	}
	column->expr = expr;
}

/* Does a sequence, or the server, fill a new column? */
static bool
fills_itself(const ColumnDef *def)
{
	const char *type = strVal(llast(def->typeName->names));
	ListCell   *lc;

	foreach(lc, def->constraints)
	{
		const Constraint *constraint = lfirst(lc);

		if (constraint->contype == CONSTR_IDENTITY || constraint->contype == CONSTR_GENERATED)
			return true;
	}
	return strstr(type, "serial") != NULL && !OidIsValid(LookupTypeNameOid(NULL, def->typeName, true));
}

/* The default of a new column, as it is written; or NULL */
static Node *
written_default(const ColumnDef *def)
{
	ListCell   *lc;

	foreach(lc, def->constraints)
	{
		const Constraint *constraint = lfirst(lc);

		if (constraint->contype == CONSTR_DEFAULT)
			return copyObject(constraint->raw_expr);
	}
	return NULL;
}

/* What a new column has in the rows that are there: its default */
static Node *
new_value(const FutureTable *table, const ColumnDef *def)
{
	Node	   *value = written_default(def);
	Oid			type;
	int32		typmod;

	typenameTypeIdAndMod(NULL, def->typeName, &type, &typmod);
	return value ? future_table_cast(future_table_expression(table, value, false), type, typmod) :
		(Node *) makeNullConst(type, typmod, get_typcollation(type));
}

/* ADD COLUMN */
static void
add_column(Future *future, FutureTable *table, const ColumnDef *def)
{
	FutureColumn *column = palloc0(sizeof(FutureColumn));
	bool		filled = fills_itself(def);
	ListCell   *lc;

	if (future_table_column(table, def->colname) != NULL)
		return;					/* IF NOT EXISTS, or an error */
	column->name = pstrdup(def->colname);
	column->expr = filled || !has_rows(table) ? NULL : new_value(table, def);
	column->new_default = written_default(def);
	table->columns = lappend(table->columns, column);
	if (filled)
		return;
	foreach(lc, def->constraints)
		demand_constraint(future, table, lfirst(lc), def->colname, false);
}

static void
drop_column(FutureTable *table, const char *name)
{
	FutureColumn *column = future_table_column(table, name);

	if (column)
		table->columns = list_delete_ptr(table->columns, column);
}

/* SET DEFAULT, DROP DEFAULT: the rows that are there stay as they are */
static void
change_default(FutureTable *table, const AlterTableCmd *cmd)
{
	FutureColumn *column = future_table_column(table, cmd->name);

	if (column == NULL)
		return;
	column->default_of = 0;
	column->new_default = copyObject(cmd->def);
}

/* DROP CONSTRAINT: another one may take its name */
static void
drop_constraint(FutureTable *table, const char *name)
{
	ListCell   *lc;

	foreach(lc, table->not_validated)
	{
		const Constraint *constraint = lfirst(lc);

		if (constraint->conname && strcmp(constraint->conname, name) == 0)
			table->not_validated = foreach_delete_current(table->not_validated, lc);
	}
}

/* ALTER TABLE */
static void
follow_alter(Future *future, FutureTable *table, const AlterTableStmt *alter)
{
	ListCell   *lc;

	foreach(lc, alter->cmds)
	{
		const AlterTableCmd *cmd = lfirst(lc);

		switch (cmd->subtype)
		{
			case AT_AddColumn:
				add_column(future, table, (const ColumnDef *) cmd->def);
				break;
			case AT_DropColumn:
				drop_column(table, cmd->name);
				break;
			case AT_SetNotNull:
				if (has_rows(table))
					demand_not_null(future, table, cmd->name);
				break;
			case AT_AlterColumnType:
				change_type(future, table, cmd);
				break;
			case AT_AddConstraint:
				demand_constraint(future, table, (Constraint *) cmd->def, NULL, false);
				break;
			case AT_ColumnDefault:
				change_default(table, cmd);
				break;
			case AT_DropConstraint:
				drop_constraint(table, cmd->name);
				break;
			case AT_ValidateConstraint:
				demand_validation(future, table, cmd->name);
				break;
			default:
				break;
		}
	}
}

/* ALTER TABLE ... RENAME */
static void
follow_rename(FutureTable *table, const RenameStmt *rename)
{
	FutureColumn *column;

	if (rename->renameType == OBJECT_TABLE)
		table->name = pstrdup(rename->newname);
	else if (rename->renameType == OBJECT_COLUMN &&
			 (column = future_table_column(table, rename->subname)) != NULL)
		column->name = pstrdup(rename->newname);
}

/* UPDATE: what it sets is what the columns will be, in the rows that it finds. */
static void
follow_update(FutureTable *table, const UpdateStmt *update)
{
	List	   *values = NIL;
	Node	   *where = NULL;
	ListCell   *lc;
	ListCell   *lv;

	if (update->fromClause != NIL || update->withClause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("an UPDATE with FROM or WITH changes its rows")));
	if (update->whereClause)
		where = future_table_expression(table, update->whereClause, true);
	/* all of them see the rows before */
	foreach(lc, update->targetList)
	{
		const ResTarget *target = lfirst(lc);
		FutureColumn *column = future_table_column(table, target->name);
		Node	   *value;

		if (column == NULL || target->indirection != NIL || IsA(target->val, MultiAssignRef) ||
			column->expr == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
					 errmsg("an UPDATE sets what cannot be followed")));
		value = IsA(target->val, SetToDefault) ? future_table_default(table, column) :
			future_table_cast(future_table_expression(table, target->val, false),
							  exprType(column->expr), exprTypmod(column->expr));
		if (where)
		{
			CaseExpr   *choice = makeNode(CaseExpr);
			CaseWhen   *when = makeNode(CaseWhen);

			when->expr = (Expr *) copyObject(where);
			when->result = (Expr *) value;
			choice->casetype = exprType(column->expr);
			choice->casecollid = exprCollation(column->expr);
			choice->args = list_make1(when);
			choice->defresult = (Expr *) column->expr;
			value = (Node *) choice;
		}
		values = lappend(values, value);
	}
	forboth(lc, update->targetList, lv, values)
		future_table_column(table, ((const ResTarget *) lfirst(lc))->name)->expr = lfirst(lv);
}

/* DELETE: the rows that it does not find stay, and so do those of which it does not know. */
static void
follow_delete(FutureTable *table, const DeleteStmt *delete)
{
	BooleanTest *stays = makeNode(BooleanTest);

	if (delete->usingClause != NIL || delete->withClause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("a DELETE with USING or WITH changes its rows")));
	stays->arg = (Expr *) (delete->whereClause ? future_table_expression(table, delete->whereClause, true) :
						   makeBoolConst(true, false));
	stays->booltesttype = IS_NOT_TRUE;
	stays->location = -1;
	table->filter = table->filter ? (Node *) makeBoolExpr(AND_EXPR, list_make2(table->filter, stays), -1) :
		(Node *) stays;
}

/* DROP TABLE */
static void
follow_drop(Future *future, const DropStmt *drop)
{
	ListCell   *lc;

	if (drop->removeType != OBJECT_TABLE)
		return;
	foreach(lc, drop->objects)
	{
		FutureTable *table = find_table(future, makeRangeVarFromNameList(lfirst(lc)));

		if (table)
			table->gone = true;
	}
}

/* A statement that may do anything to the tables that it names */
static void
follow_opaque(Future *future, const char *sql)
{
	List	   *words = sql_words(sql);
	ListCell   *lc;

	foreach(lc, future->tables)
	{
		FutureTable *table = lfirst(lc);

		if (!table->gone && sql_words_have(words, table->name))
			lose_table(future, table, CHANGED_BEFORE);
	}
	future->opaque = lappend(future->opaque, words);
}

/* One statement, of which a table is the subject, or none (NULL) */
typedef struct Step
{
	Future	   *future;
	FutureTable *table;
	Node	   *statement;
} Step;

static void
run_step(void *arg)
{
	Step	   *step = arg;
	Node	   *statement = step->statement;

	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			follow_alter(step->future, step->table, (AlterTableStmt *) statement);
			break;
		case T_RenameStmt:
			follow_rename(step->table, (RenameStmt *) statement);
			break;
		case T_AlterObjectSchemaStmt:
			step->table->schema = pstrdup(((AlterObjectSchemaStmt *) statement)->newschema);
			break;
		case T_IndexStmt:
			if (((IndexStmt *) statement)->unique && has_rows(step->table))
				demand_unique_index(step->future, step->table, (IndexStmt *) statement);
			break;
		case T_UpdateStmt:
			if (has_rows(step->table))
				follow_update(step->table, (UpdateStmt *) statement);
			break;
		case T_DeleteStmt:
			if (has_rows(step->table))
				follow_delete(step->table, (DeleteStmt *) statement);
			break;
		case T_InsertStmt:
			step->table->grows = true;
			break;
		default:
			break;
	}
}

/* The table that is the subject of a statement, or NULL */
static RangeVar *
subject_of(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			return ((AlterTableStmt *) statement)->relation;
		case T_RenameStmt:
			return ((RenameStmt *) statement)->relation;
		case T_AlterObjectSchemaStmt:
			return ((AlterObjectSchemaStmt *) statement)->relation;
		case T_IndexStmt:
			return ((IndexStmt *) statement)->relation;
		case T_UpdateStmt:
			return ((UpdateStmt *) statement)->relation;
		case T_DeleteStmt:
			return ((DeleteStmt *) statement)->relation;
		case T_InsertStmt:
			return ((InsertStmt *) statement)->relation;
		default:
			return NULL;
	}
}

/* May a statement without such a subject change rows? */
static bool
may_change_rows(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_SelectStmt:
		case T_DoStmt:
		case T_CallStmt:
		case T_CopyStmt:
		case T_TruncateStmt:
		case T_ExecuteStmt:
			return true;
		default:
			return merge_target(statement) != NULL;
	}
}

/* A table that is made */
static void
follow_create(Future *future, const RangeVar *name)
{
	if (find_table(future, name) == NULL)
		future->tables = lappend(future->tables,
								 future_table_new(name->schemaname ? name->schemaname : future->schema,
												  name->relname));
}

/*
 * One statement.  Where it cannot be followed, nothing more is said about its
 * table.
 */
static void
follow_statement(Future *future, RawStmt *raw, const char *sql)
{
	Node	   *statement = raw->stmt;
	RangeVar   *subject = subject_of(statement);
	Step		step = {.future = future, .statement = statement};
	ErrorData  *error;

	if (IsA(statement, CreateStmt))
		follow_create(future, ((CreateStmt *) statement)->relation);
	else if (IsA(statement, DropStmt))
		follow_drop(future, (DropStmt *) statement);
	else if (subject == NULL && may_change_rows(statement))
		follow_opaque(future, sql);
	if (subject == NULL)
		return;
	step.table = find_table(future, subject);
	if (step.table == NULL || step.table->unknown)
		return;
	error = attempt(run_step, &step, true);
	if (error)
		lose_table(future, step.table, error->message);
}

/*
 * Follow the statements of a migration.
 */
void
demands_follow(Future *future, const Migration *migration)
{
	ListCell   *lc;

	future->version = migration->version;
	foreach(lc, migration->up)
	{
		char	   *sql = sql_fill(lfirst(lc), future->schema, future->default_schema);

		if (directive_is_large(sql))
			continue;			/* the one for a small table demands the same */

		foreach_node(RawStmt, raw, pg_parse_query(sql))
			follow_statement(future, raw, sql);
	}
}
