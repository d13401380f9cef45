/*
 * model.c
 *		The model: its tables by name, and what its parts have in common with
 *		those of another.  See model.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "model/model.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* ----------
 * The model as a container
 * ----------
 */
Model *
model_create(void)
{
	Model	   *model = palloc0(sizeof(Model));

	model->by_name = table_map_create();
	return model;
}

void
model_add(Model *model, Table *table)
{
	table_map_put(model->by_name, &table->name, table);
	model->tables = lappend(model->tables, table);
}

Table *
model_find(const Model *model, const TableName *name)
{
	return table_map_get(model->by_name, name);
}

Column *
model_find_column(List *columns, const char *name)
{
	foreach_ptr(Column, column, columns)
	{
		if (strcmp(column->name, name) == 0)
			return column;
	}
	return NULL;
}

TableIndex *
model_find_index(List *indexes, const char *name)
{
	ListCell   *lc;

	foreach(lc, indexes)
	{
		if (strcmp(((TableIndex *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	}
	return NULL;
}

Check *
model_find_check(List *checks, const char *name)
{
	ListCell   *lc;

	foreach(lc, checks)
	{
		if (strcmp(((Check *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	}
	return NULL;
}

Statement *
model_find_statement(List *statements, const Statement *wanted)
{
	foreach_ptr(Statement, statement, statements)
	{
		if (strcmp(statement->name, wanted->name) == 0 &&
			strcmp(statement->up, wanted->up) == 0 &&
			strcmp(statement->down, wanted->down) == 0 &&
			statement->scope == wanted->scope)
			return statement;
	}
	return NULL;
}

/* ----------
 * Tables, columns and foreign keys
 * ----------
 */
bool
model_is_partitioned(const Table *table)
{
	const char *options = table->options ? table->options : "";

	while (isspace((unsigned char) *options))
		options++;
	return pg_strncasecmp(options, "partition", strlen("partition")) == 0;
}

Column *
model_retire(const Column *column)
{
	Column	   *retired = palloc(sizeof(Column));

	*retired = *column;
	if (column->default_sql == NULL && column->sequence == SEQUENCE_NONE)
		retired->not_null = false;
	return retired;
}

bool
column_equal(const Column *a, const Column *b)
{
	return strcmp(a->type, b->type) == 0 &&
		names_same(a->default_sql, b->default_sql) &&
		a->not_null == b->not_null && a->sequence == b->sequence;
}

bool
foreign_key_same_definition(const ForeignKey *a, const ForeignKey *b)
{
	return names_equal(a->columns, b->columns) &&
		table_name_equal(&a->target, &b->target) &&
		names_equal(a->target_columns, b->target_columns) &&
		a->match == b->match &&
		a->on_delete == b->on_delete &&
		names_equal(a->on_delete_columns, b->on_delete_columns) &&
		a->on_update == b->on_update;
}

/* ----------
 * Indexes
 * ----------
 */
bool
index_key_equal(const IndexKey *a, const IndexKey *b)
{
	return a->is_sql == b->is_sql && a->order == b->order &&
		strcmp(a->value, b->value) == 0;
}

static const char *
order_sql(KeyOrder order)
{
	switch (order)
	{
		case ORDER_NONE:
			return "";
		case ORDER_ASC:
			return " ASC";
		case ORDER_ASC_NULLS_FIRST:
			return " ASC NULLS FIRST";
		case ORDER_ASC_NULLS_LAST:
			return " ASC NULLS LAST";
		case ORDER_DESC:
			return " DESC";
		case ORDER_DESC_NULLS_FIRST:
			return " DESC NULLS FIRST";
		case ORDER_DESC_NULLS_LAST:
			return " DESC NULLS LAST";
	}
	return NULL;				/* not reached: every order is above */
}

char *
index_key_sql(const IndexKey *key)
{
	const char *value = key->is_sql ? key->value : quote_name(key->value);

	/* neither the order nor what follows may become part of a comment */
	return psprintf("%s%s%s", value, key->is_sql && strstr(value, "--") ? "\n" : "",
					order_sql(key->order));
}

char *
index_key_column_name(const IndexKey *key)
{
	Problem		problem = {0};
	const char *end;

	if (!key->is_sql)
		return key->value;
	if (strchr(key->value, '(') != NULL)
		return NULL;
	/* an operator class or an order may follow */
	end = key->value[0] == '"' ? strrchr(key->value, '"') + 1
		: key->value + strcspn(key->value, " \t\r\n");
	return fragment_name(pnstrdup(key->value, end - key->value), "$", &problem);
}

bool
index_is_key_of(const TableIndex *index, const List *columns)
{
	List	   *names = NIL;
	ListCell   *lc;

	if (!index->unique || index->where != NULL)
		return false;
	foreach(lc, index->keys)
	{
		char	   *name = index_key_column_name(lfirst(lc));

		if (name == NULL)
			return false;
		/* the tenant's column may stand there twice */
		if (!names_have(names, name))
			names = lappend(names, name);
	}
	return names_same_set(names, columns);
}

bool
index_same_definition(const TableIndex *a, const TableIndex *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (a->unique != b->unique || a->nulls_distinct != b->nulls_distinct ||
		!names_same(a->using, b->using) || !names_same(a->where, b->where) ||
		!names_equal(a->include, b->include) || !names_same(a->prefix, b->prefix) ||
		list_length(a->keys) != list_length(b->keys))
		return false;
	forboth(la, a->keys, lb, b->keys)
	{
		if (!index_key_equal(lfirst(la), lfirst(lb)))
			return false;
	}
	return true;
}

TableName
index_table(const TableName *table, const TableIndex *index)
{
	TableName	name = *table;

	if (index->prefix != NULL)
		name.schema = index->prefix;
	return name;
}
