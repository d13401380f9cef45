/*
 * online.c
 *		Changes of large tables in their online forms: see online.h.
 */
#include "postgres.h"

#include "commands/defrem.h"

#include "base/compat.h"
#include "plan/online.h"
#include "plan/online_type.h"
#include "plan/operation.h"
#include "syntax/fragment.h"

typedef struct OnlineContext
{
	List	   *operations;		/* as they were found */
	const Model *result;
	TableMap   *created;		/* tables of the same generation */
	List	   *types;			/* of OnlineType * */
	List	   *online;			/* of Operation *: what comes of them */
} OnlineContext;

char *
online_check_name(const TableName *table, const Column *column)
{
	return makeObjectName(table->name, column->name, "ashmig_not_null");
}

/* A copy, so that what diff found stays as it is */
static Operation *
copy_operation(const Operation *operation)
{
	Operation  *copy = palloc(sizeof(Operation));

	*copy = *operation;
	return copy;
}

static void
put(OnlineContext *context, Operation *operation)
{
	context->online = lappend(context->online, operation);
}

/* Is there an operation of this kind on the table, and (unless NULL) on this column? */
static bool
has_operation(const OnlineContext *context, OperationKind kind, const TableName *table,
			  const char *column)
{
	foreach_ptr(const Operation, operation, context->operations)
	{
		if (operation->kind == kind && table_name_equal(&operation->table, table) &&
			(column == NULL || strcmp(OPERATION_SIDE(operation->column)->name, column) == 0))
			return true;
	}
	return false;
}

/*
 * Does a primary key replace another?  That stays as it is, and so does what it
 * makes NOT NULL: between the two, others would have none.
 */
static bool
replaces_key(const OnlineContext *context, const TableName *table)
{
	return has_operation(context, OP_ADD_PRIMARY_KEY, table, NULL) &&
		has_operation(context, OP_REMOVE_PRIMARY_KEY, table, NULL);
}

/* Is it a plain table that was there before? */
static bool
may_be_large(const OnlineContext *context, const Operation *operation)
{
	const Table *table = model_find(context->result, &operation->table);

	return table != NULL && !model_is_partitioned(table) && !operation->with_table &&
		table_map_get(context->created, &operation->table) == NULL;
}

/* ----------
 * Constraints
 * ----------
 */

/*
 * Add it NOT VALID, and validate it afterwards.  What is about a column that
 * changes its type online comes after that as a whole.
 */
static void
put_not_valid(OnlineContext *context, const Operation *operation, const List *columns,
			  OperationKind validation)
{
	Operation  *add = copy_operation(operation);
	Operation  *validate = copy_operation(operation);

	add->not_valid = true;
	add->online = online_type_has_column(context->types, &operation->table, columns);
	put(context, add);
	validate->kind = validation;
	validate->online = true;
	validate->note = NULL;
	put(context, validate);
}

static void
put_online(OnlineContext *context, const Operation *operation)
{
	Operation  *online = copy_operation(operation);

	online->online = true;
	put(context, online);
}

/* ----------
 * Indexes
 * ----------
 */

/* Is an index of that name removed by the same generation? */
static bool
replaces_index(const OnlineContext *context, const Operation *operation)
{
	foreach_ptr(const Operation, other, context->operations)
	{
		if (operation_subject(other->kind) == SUBJECT_INDEX && other->index.to == NULL &&
			strcmp(other->index.from->name, operation->index.to->name) == 0)
			return true;
	}
	return false;
}

/*
 * A unique index that replaces another of its name stays as it is: between the
 * two, others could insert what it forbids.
 */
static void
put_index(OnlineContext *context, const Operation *operation)
{
	const TableIndex *index = operation->index.to;
	Operation  *online = copy_operation(operation);

	if (!operation->concurrently && operation->note == NULL && index->prefix == NULL &&
		!(index->unique && replaces_index(context, operation)))
	{
		online->concurrently = true;
		online->online = true;
	}
	put(context, online);
}

/* ----------
 * Columns
 * ----------
 */
static Operation *
column_change(const Operation *operation, const Column *from, const Column *to)
{
	Operation  *change = operation_make(OP_ALTER_ATTRIBUTE, &operation->table);

	change->column.from = from;
	change->column.to = to;
	return change;
}

static Column *
column_with(const Column *column, bool with_default, bool not_null)
{
	Column	   *copy = palloc(sizeof(Column));

	*copy = *column;
	copy->not_null = not_null;
	if (!with_default)
		copy->default_sql = NULL;
	return copy;
}

/*
 * A new column whose default is evaluated for each row: nullable and without
 * it at first.
 */
static void
put_new_column(OnlineContext *context, const Operation *operation)
{
	const Column *column = operation->column.to;
	Operation  *add;
	Operation  *fill;

	if (column->sequence != SEQUENCE_NONE || column->default_sql == NULL ||
		!fragment_is_volatile(column->default_sql) ||
		replaces_key(context, &operation->table))
	{
		put(context, copy_operation(operation));
		return;
	}
	add = copy_operation(operation);
	add->column.to = column_with(column, false, false);
	put(context, add);
	fill = column_change(operation, add->column.to, column);
	fill->online = true;
	put(context, fill);
}

/* Is it a change of type that rewrites the table? */
static const OnlineType *
find_type(const OnlineContext *context, const Operation *operation)
{
	foreach_ptr(const OnlineType, type, context->types)
	{
		if (type->operation == operation)
			return type;
	}
	return NULL;
}

/* With all that hangs on the column */
static void
put_type(OnlineContext *context, const OnlineType *type)
{
	Operation  *online = copy_operation(type->operation);

	online->online = type->obstacle == NULL;
	online->no_online_form = type->obstacle;
	if (online->online)
	{
		online->carried = type->carried;
		online->plain = online_type_plain(type);
	}
	put(context, online);
}

/* Is it part of a change of type that is online? */
static bool
is_absorbed(const OnlineContext *context, const Operation *operation)
{
	foreach_ptr(const OnlineType, type, context->types)
	{
		if (type->obstacle == NULL && list_member_ptr(type->absorbed, operation))
			return true;
	}
	return false;
}

/*
 * A column that becomes NOT NULL: whatever else changes does so before.  A
 * change of type that keeps the table has it read anyway, and an identity
 * column must be NOT NULL from the start.
 */
static void
put_changed_column(OnlineContext *context, const Operation *operation)
{
	const Column *from = operation->column.from;
	const Column *to = operation->column.to;
	const OnlineType *type = find_type(context, operation);
	const Column *nullable;
	Operation  *require;

	if (type != NULL)
	{
		put_type(context, type);
		return;
	}
	if (!to->not_null || from->not_null || strcmp(from->type, to->type) != 0 ||
		has_operation(context, OP_ADD_SEQUENCE, &operation->table, to->name) ||
		replaces_key(context, &operation->table))
	{
		put(context, copy_operation(operation));
		return;
	}
	nullable = column_with(to, true, false);
	if (!column_equal(from, nullable))
		put(context, column_change(operation, from, nullable));
	require = column_change(operation, nullable, to);
	require->online = true;
	require->note = operation->note;
	put(context, require);
}

/* ----------
 * All
 * ----------
 */
static void
put_forms(OnlineContext *context, Operation *operation)
{
	if (is_absorbed(context, operation))
		return;
	if (!may_be_large(context, operation))
	{
		put(context, operation);
		return;
	}
	switch (operation->kind)
	{
		case OP_ADD_CHECK:
			if (operation->note != NULL)
				put(context, operation);	/* made again, see online.h */
			else
				put_not_valid(context, operation, fragment_columns(operation->check.to->expression),
							  OP_VALIDATE_CHECK);
			break;
		case OP_ADD_FOREIGN_KEY:
			put_not_valid(context, operation, operation->foreign_key.to->columns,
						  OP_VALIDATE_FOREIGN_KEY);
			break;
		case OP_ADD_PRIMARY_KEY:
			if (replaces_key(context, &operation->table))
				put(context, operation);
			else
				put_online(context, operation);
			break;
		case OP_ADD_UNIQUE_INDEX:
		case OP_ADD_CUSTOM_INDEX:
		case OP_ADD_REFERENCE_INDEX:
			put_index(context, operation);
			break;
		case OP_ADD_ATTRIBUTE:
			put_new_column(context, operation);
			break;
		case OP_ALTER_ATTRIBUTE:
			put_changed_column(context, operation);
			break;
		default:
			put(context, operation);
	}
}

static OnlineContext
make_context(List *operations, const Model *result)
{
	OnlineContext context = {operations, result, table_map_create(), NIL, NIL};

	foreach_ptr(Operation, operation, operations)
	{
		if (operation->kind == OP_CREATE_TABLE)
			table_map_put(context.created, &operation->table, operation);
	}
	context.types = online_type_find(operations, result);
	return context;
}

List *
online_operations(List *operations, const Model *result)
{
	OnlineContext context = make_context(operations, result);

	foreach_ptr(Operation, operation, operations)
		put_forms(&context, operation);
	return context.online;
}

void
online_note_forms(List *operations, const Model *result)
{
	OnlineContext context = make_context(operations, result);

	foreach_ptr(Operation, operation, operations)
	{
		context.online = NIL;
		put_forms(&context, operation);
		foreach_ptr(const Operation, form, context.online)
		{
			operation->has_online_form |= form->online || form->not_valid;
			operation->no_online_form = form->no_online_form;
		}
	}
}
