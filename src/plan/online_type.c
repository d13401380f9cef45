/*
 * online_type.c
 *		Changes of type in their online form: see online_type.h.
 */
#include "postgres.h"

#include "commands/defrem.h"

#include "base/compat.h"
#include "base/names.h"
#include "plan/online_type.h"
#include "plan/order.h"
#include "plan/retype.h"
#include "syntax/fragment.h"
#include "syntax/sql_words.h"

/* The end of the names that exist only meanwhile */
#define MEANWHILE "ashmig_new"

/* A change of type that is being looked at */
typedef struct TypeSearch
{
	List	   *operations;		/* as they were found */
	const Model *result;
	const Table *table;			/* afterwards */
	const char *column;
	List	   *others;			/* of char *: other columns of the table that
								 * change their types */
	OnlineType *type;
} TypeSearch;

/* ----------
 * Names
 * ----------
 */
char *
online_type_successor(const Column *column)
{
	return makeObjectName(column->name, NULL, MEANWHILE);
}

/*
 * Triggers fire in the order of their names (as bytes): this one comes after
 * those that may change the column.
 */
char *
online_type_trigger(const Column *column)
{
	return makeObjectName("~" MEANWHILE, column->name, NULL);
}

char *
online_type_function(const TableName *table, const Column *column)
{
	return makeObjectName(table->name, column->name, MEANWHILE);
}

/* The number keeps long names apart, which are cut. */
static char *
name_meanwhile(const char *name, int *number)
{
	return makeObjectName(name, NULL, psprintf(MEANWHILE "_%d", ++(*number)));
}

/* ----------
 * The parts of the successor
 * ----------
 */

/* The list with "from" called "to" */
static List *
rename_in(const List *names, const char *from, const char *to)
{
	List	   *result = NIL;

	foreach_ptr(char, name, (List *) names)
		result = lappend(result, strcmp(name, from) == 0 ? (char *) to : name);
	return result;
}

/* An SQL text with the column called "to"; NULL where that cannot be told from the text */
static char *
rename_in_text(const char *sql, const char *from, const char *to, bool index_element)
{
	List	   *columns = index_element ? fragment_index_columns(sql) : fragment_columns(sql);

	if (!names_have(columns, from))
		return pstrdup(sql);
	return index_element ? fragment_index_rename(sql, from, to) : fragment_rename(sql, from, to);
}

/* NULL if a text of it cannot be changed */
static TableIndex *
copy_index(const TableIndex *index, const char *from, const char *to)
{
	TableIndex *copy = palloc(sizeof(TableIndex));

	*copy = *index;
	copy->keys = NIL;
	foreach_ptr(const IndexKey, key, index->keys)
	{
		IndexKey   *renamed = palloc(sizeof(IndexKey));

		*renamed = *key;
		if (key->is_sql)
			renamed->value = rename_in_text(key->value, from, to, true);
		else if (strcmp(key->value, from) == 0)
			renamed->value = pstrdup(to);
		if (renamed->value == NULL)
			return NULL;
		copy->keys = lappend(copy->keys, renamed);
	}
	copy->include = rename_in(index->include, from, to);
	if (index->where != NULL &&
		(copy->where = rename_in_text(index->where, from, to, false)) == NULL)
		return NULL;
	return copy;
}

/* Likewise */
static Check *
copy_check(const Check *check, const char *from, const char *to)
{
	Check	   *copy = palloc(sizeof(Check));

	*copy = *check;
	copy->expression = rename_in_text(check->expression, from, to, false);
	return copy->expression == NULL ? NULL : copy;
}

static ForeignKey *
copy_foreign_key(const ForeignKey *key, const char *from, const char *to)
{
	ForeignKey *copy = palloc(sizeof(ForeignKey));

	*copy = *key;
	copy->columns = rename_in(key->columns, from, to);
	copy->on_delete_columns = rename_in(key->on_delete_columns, from, to);
	return copy;
}

const Table *
online_type_copies(const Table *carried, const Column *column)
{
	Table	   *copies = palloc0(sizeof(Table));
	char	   *successor = online_type_successor(column);
	int			number = 0;

	foreach_ptr(const TableIndex, index, carried->indexes)
	{
		TableIndex *copy = copy_index(index, column->name, successor);

		copy->name = name_meanwhile(index->name, &number);
		copies->indexes = lappend(copies->indexes, copy);
	}
	if (carried->primary_key)
	{
		copies->primary_key = palloc(sizeof(PrimaryKey));
		copies->primary_key->name = name_meanwhile(carried->primary_key->name, &number);
		copies->primary_key->columns = rename_in(carried->primary_key->columns, column->name, successor);
	}
	foreach_ptr(const Check, check, carried->checks)
	{
		Check	   *copy = copy_check(check, column->name, successor);

		copy->name = name_meanwhile(check->name, &number);
		copies->checks = lappend(copies->checks, copy);
	}
	foreach_ptr(const ForeignKey, key, carried->foreign_keys)
	{
		ForeignKey *copy = copy_foreign_key(key, column->name, successor);

		copy->name = name_meanwhile(key->name, &number);
		copies->foreign_keys = lappend(copies->foreign_keys, copy);
	}
	return copies;
}

/* ----------
 * Operations
 * ----------
 */
static bool
is_retype(const Operation *operation)
{
	return operation->kind == OP_ALTER_ATTRIBUTE &&
		strcmp(operation->column.from->type, operation->column.to->type) != 0;
}

/* The operation of this kind on a part of the table that is called so, or NULL */
static Operation *
find_operation(const TypeSearch *search, OperationKind kind, const char *name)
{
	foreach_ptr(Operation, operation, search->operations)
	{
		if (operation->kind == kind && table_name_equal(&operation->table, &search->table->name) &&
			strcmp(operation_subject_name(operation), name) == 0)
			return operation;
	}
	return NULL;
}

/* The operation that adds the part, or removes it, whichever of the three kinds of index it is */
static Operation *
find_index_operation(const TypeSearch *search, const char *name, bool adds)
{
	static const OperationKind kinds[][2] = {
		{OP_REMOVE_UNIQUE_INDEX, OP_ADD_UNIQUE_INDEX},
		{OP_REMOVE_CUSTOM_INDEX, OP_ADD_CUSTOM_INDEX},
		{OP_REMOVE_REFERENCE_INDEX, OP_ADD_REFERENCE_INDEX},
	};

	for (int i = 0; i < lengthof(kinds); i++)
	{
		Operation  *operation = find_operation(search, kinds[i][adds], name);

		if (operation != NULL)
			return operation;
	}
	return NULL;
}

/* The part stays as it is: it is enough to make it for the successor. */
static void
absorb(TypeSearch *search, Operation *remove, Operation *add)
{
	search->type->absorbed = lappend(lappend(search->type->absorbed, remove), add);
}

static void
note_obstacle(TypeSearch *search, const char *obstacle)
{
	if (search->type->obstacle == NULL)
		search->type->obstacle = obstacle;
}

/* ----------
 * What hangs on the column
 * ----------
 */

/* A part is made for one successor: its columns must not have several. */
static void
check_columns(TypeSearch *search, const List *columns, const char *what, const char *name)
{
	foreach_ptr(const char, other, search->others)
	{
		if (names_have(columns, other))
			note_obstacle(search, psprintf("%s \"%s\" is about several columns that change their types",
										   what, name));
	}
}

/* Does the index hang on the column?  *texts are the columns that its SQL names. */
static bool
index_has_column(const TableIndex *index, const char *column, List **texts)
{
	bool		plain = names_have(index->include, column);

	*texts = index->where ? fragment_columns(index->where) : NIL;
	foreach_ptr(const IndexKey, key, index->keys)
	{
		if (key->is_sql)
			*texts = list_concat(*texts, fragment_index_columns(key->value));
		else
			plain = plain || strcmp(key->value, column) == 0;
	}
	return plain || names_have(*texts, column);
}

static void
look_at_index(TypeSearch *search, TableIndex *index)
{
	Operation  *add = find_index_operation(search, index->name, true);
	Operation  *remove = find_index_operation(search, index->name, false);
	List	   *texts;

	if (!index_has_column(index, search->column, &texts))
		return;
	if (add != NULL && remove == NULL && add->note == NULL && index->prefix == NULL)
		return;					/* new, and built afterwards */
	if (add != NULL && remove != NULL && add->note != NULL &&
		index_same_definition(remove->index.from, index))
		absorb(search, remove, add);
	else if (add != NULL)
		note_obstacle(search, psprintf("index \"%s\" is replaced", index->name));
	if (index->prefix != NULL ||
		copy_index(index, search->column, search->column) == NULL)
		note_obstacle(search, psprintf("index \"%s\" cannot be built for another column", index->name));
	check_columns(search, texts, "index", index->name);
	search->type->carried->indexes = lappend(search->type->carried->indexes, index);
}

static void
look_at_check(TypeSearch *search, Check *check)
{
	Operation  *add = find_operation(search, OP_ADD_CHECK, check->name);
	Operation  *remove = find_operation(search, OP_REMOVE_CHECK, check->name);
	List	   *columns = fragment_columns(check->expression);

	if (!names_have(columns, search->column))
		return;
	if (add != NULL && add->note == NULL)
		return;					/* new, and added afterwards */
	if (add != NULL && remove != NULL)
		absorb(search, remove, add);
	if (copy_check(check, search->column, search->column) == NULL)
		note_obstacle(search, psprintf("check \"%s\" cannot be made for another column", check->name));
	check_columns(search, columns, "check", check->name);
	search->type->carried->checks = lappend(search->type->carried->checks, check);
}

/* Does a column that is referenced change its type as well? */
static bool
target_is_retyped(const TypeSearch *search, const ForeignKey *key)
{
	foreach_ptr(const Operation, operation, search->operations)
	{
		if (is_retype(operation) && table_name_equal(&operation->table, &key->target) &&
			names_have(key->target_columns, operation->column.to->name))
			return true;
	}
	return false;
}

static void
look_at_foreign_key(TypeSearch *search, ForeignKey *key)
{
	Operation  *add = find_operation(search, OP_ADD_FOREIGN_KEY, key->name);
	Operation  *drop = find_operation(search, OP_DROP_FOREIGN_KEY, key->name);

	if (!names_have(key->columns, search->column))
		return;
	if (target_is_retyped(search, key))
		note_obstacle(search, psprintf("foreign key \"%s\" joins columns that both change their types", key->name));
	if (add != NULL && (drop == NULL || drop->foreign_key.from->deferrable != key->deferrable ||
						!foreign_key_same_definition(drop->foreign_key.from, key)))
		return;					/* new, and added afterwards */
	if (add != NULL)
		absorb(search, drop, add);
	check_columns(search, key->columns, "foreign key", key->name);
	search->type->carried->foreign_keys = lappend(search->type->carried->foreign_keys, key);
}

static void
look_at_primary_key(TypeSearch *search)
{
	PrimaryKey *key = search->table->primary_key;

	if (key == NULL || !names_have(key->columns, search->column))
		return;
	if (find_operation(search, OP_ADD_PRIMARY_KEY, key->name) == NULL)
		search->type->carried->primary_key = key;
	else if (find_operation(search, OP_REMOVE_PRIMARY_KEY, key->name) != NULL)
		note_obstacle(search, "the primary key is replaced");
}

/* ----------
 * What cannot be carried over
 * ----------
 */

/* Foreign keys that refer to the column */
static void
look_at_references(TypeSearch *search)
{
	foreach_ptr(const Table, table, search->result->tables)
	{
		foreach_ptr(const ForeignKey, key, table->foreign_keys)
		{
			if (table_name_equal(&key->target, &search->table->name) &&
				names_have(key->target_columns, search->column))
				note_obstacle(search, psprintf("foreign key \"%s\" of \"%s\" refers to the column", key->name,
											   table_name_show(&table->name)));
		}
	}
}

/*
 * Custom statements that may have made something that hangs on the column: a
 * view, a trigger, an index
 */
static void
look_at_statements(TypeSearch *search)
{
	foreach_ptr(const Table, table, search->result->tables)
	{
		foreach_ptr(const Statement, statement, table->statements)
		{
			const SqlFacts *facts = sql_facts(statement->up);

			if (table != search->table && !sql_words_name(facts->words, search->table->name.name))
				continue;
			if (sql_words_name_column(facts->words, search->column, false) ||
				(facts->all_columns && facts->hangs))
				note_obstacle(search, psprintf("custom statement \"%s\" of \"%s\" may need the column",
											   statement->name, table_name_show(&table->name)));
		}
	}
}

/* The column itself */
static void
look_at_column(TypeSearch *search)
{
	const Operation *change = search->type->operation;

	if (model_is_partitioned(search->table))
		note_obstacle(search, "the table is partitioned");
	if (change->column.from->sequence != SEQUENCE_NONE || change->column.to->sequence != SEQUENCE_NONE)
		note_obstacle(search, "the column has a sequence");
	foreach_ptr(const Operation, operation, search->operations)
	{
		if (operation != change && operation_subject(operation->kind) == SUBJECT_COLUMN &&
			table_name_equal(&operation->table, &change->table) &&
			strcmp(operation_subject_name(operation), search->column) == 0)
			note_obstacle(search, "the column changes in several steps");
	}
}

/* ----------
 * All
 * ----------
 */

/* The other columns of the table that change their types (of char *) */
static List *
other_columns(const List *operations, const Operation *change)
{
	List	   *result = NIL;

	foreach_ptr(const Operation, operation, (List *) operations)
	{
		if (operation != change && is_retype(operation) &&
			table_name_equal(&operation->table, &change->table) &&
			strcmp(operation->column.to->name, change->column.to->name) != 0)
			result = lappend(result, operation->column.to->name);
	}
	return result;
}

static OnlineType *
look_at(List *operations, const Model *result, const Operation *change, const Table *table)
{
	OnlineType *type = palloc0(sizeof(OnlineType));
	TypeSearch	search = {
		.operations = operations, .result = result, .table = table,
		.column = change->column.to->name, .others = other_columns(operations, change), .type = type
	};

	type->operation = change;
	type->carried = palloc0(sizeof(Table));
	look_at_column(&search);
	look_at_primary_key(&search);
	look_at_references(&search);
	look_at_statements(&search);
	foreach_ptr(TableIndex, index, table->indexes)
		look_at_index(&search, index);
	foreach_ptr(Check, check, table->checks)
		look_at_check(&search, check);
	foreach_ptr(ForeignKey, key, table->foreign_keys)
		look_at_foreign_key(&search, key);
	return type;
}

List *
online_type_find(List *operations, const Model *result)
{
	List	   *types = NIL;

	foreach_ptr(const Operation, operation, operations)
	{
		const Table *table = model_find(result, &operation->table);

		if (is_retype(operation) && table != NULL &&
			!retype_in_place(operation->column.from->type, operation->column.to->type))
			types = lappend(types, look_at(operations, result, operation, table));
	}
	return types;
}

List *
online_type_plain(const OnlineType *type)
{
	return order_operations(lappend(list_copy(type->absorbed), (void *) type->operation));
}

bool
online_type_has_column(const List *types, const TableName *table, const List *columns)
{
	foreach_ptr(const OnlineType, type, (List *) types)
	{
		if (type->obstacle == NULL && table_name_equal(&type->operation->table, table) &&
			names_have(columns, type->operation->column.to->name))
			return true;
	}
	return false;
}
