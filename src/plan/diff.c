/*
 * diff.c
 *		The operations that lead from one model to another: see diff.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "plan/diff.h"
#include "plan/historic_names.h"
#include "plan/makers.h"
#include "plan/remake.h"
#include "syntax/sql_text.h"

/* Columns of a table that something happens to */
typedef struct TouchedColumns
{
	TableName	table;
	List	   *columns;		/* of char * */
} TouchedColumns;

typedef struct DiffContext
{
	const DiffOptions *options;
	const Model *from;			/* the recorded structure, renamed */
	List	   *historic;		/* of TableName *: names of keys and sequences
								 * that a rename left */
	const Remake *remake;		/* what stays, and is made again */
	List	   *added_makers;	/* of Maker *: statements that come */
	List	   *removed_makers; /* of Maker *: statements that go */
	List	   *operations;
	List	   *retyped;		/* of TouchedColumns *: columns whose type
								 * changes */
	List	   *lost_keys;		/* of TouchedColumns *: keys that are dropped */
} DiffContext;

/*
 * Append an operation and return it, for the caller to fill in the old and the
 * new state.
 */
static Operation *
diff_emit(DiffContext *context, OperationKind kind, const Table *table)
{
	Operation  *operation = operation_make(kind, &table->name);

	context->operations = lappend(context->operations, operation);
	return operation;
}

/* Note that the operation takes something down only to make it again, and why. */
static void
note_remade(Operation *operation, const char *reason)
{
	if (reason != NULL)
		operation->note = psprintf("%s, as %s",
								   operation->any.to == NULL ? "dropped for now" : "recreated",
								   reason);
}

static List *
touch(List *touched, const TableName *table, List *columns)
{
	TouchedColumns *entry = palloc(sizeof(TouchedColumns));

	entry->table = *table;
	entry->columns = columns;
	return lappend(touched, entry);
}

/* ----------
 * Names that are free
 * ----------
 */

/* Give the key that a table gets a name that is free. */
static void
free_key_name(const DiffContext *context, const Table *table)
{
	PrimaryKey *key = table->primary_key;

	if (context->historic != NIL && key != NULL)
		key->name = historic_names_avoid(context->historic, &table->name, NULL, "pkey", key->name);
}

/* Give the sequence that a column gets a name that is free. */
static void
free_sequence_name(const DiffContext *context, const Table *table, Column *column)
{
	if (context->historic != NIL && column->sequence != SEQUENCE_NONE)
		column->sequence_name = historic_names_avoid(context->historic, &table->name, column->name,
													 "seq", column->sequence_name);
}

/* ----------
 * Columns
 * ----------
 */

/* The column as it is between losing its old sequence and getting its new one */
static Column *
column_without_sequence(const Column *column)
{
	Column	   *copy = palloc(sizeof(Column));

	*copy = *column;
	copy->sequence = SEQUENCE_NONE;
	copy->sequence_name = NULL;
	return copy;
}

static void
emit_column_change(DiffContext *context, OperationKind kind, const Table *table,
				   const Column *from, const Column *to)
{
	Operation  *operation = diff_emit(context, kind, table);

	operation->column.from = from;
	operation->column.to = to;
}

/*
 * A column that both sides have: "kind" is the operation that alters it.
 */
static void
diff_column(DiffContext *context, OperationKind kind, const Table *table,
			Column *from, Column *to)
{
	const Column *step = from;
	const Column *last = to;

	if (from->sequence == to->sequence)
		to->sequence_name = from->sequence_name;
	else
		free_sequence_name(context, table, to);
	if (strcmp(from->type, to->type) != 0)
		context->retyped = touch(context->retyped, &table->name, list_make1(to->name));
	if (from->sequence != to->sequence && from->sequence != SEQUENCE_NONE)
	{
		step = column_without_sequence(from);
		emit_column_change(context, OP_REMOVE_SEQUENCE, table, from, step);
	}
	if (from->sequence != to->sequence && to->sequence != SEQUENCE_NONE)
		last = column_without_sequence(to);
	if (kind != OP_ALTER_ATTRIBUTE || !column_equal(step, last))
		emit_column_change(context, kind, table, step, last);
	if (last != to)
		emit_column_change(context, OP_ADD_SEQUENCE, table, last, to);
}

static void
diff_columns(DiffContext *context, const Table *from, Table *to)
{
	foreach_ptr(Column, column, from->columns)
	{
		if (model_find_column(to->columns, column->name) != NULL)
			continue;
		if (context->options->drop_columns)
			diff_emit(context, OP_REMOVE_ATTRIBUTE, to)->column.from = column;
		else
		{
			Column	   *retired = model_retire(column);

			emit_column_change(context, OP_RETIRE_ATTRIBUTE, to, column, retired);
			to->retired = lappend(to->retired, retired);
		}
	}
	foreach_ptr(Column, column, to->columns)
	{
		Column	   *old = model_find_column(from->columns, column->name);
		Column	   *retired = model_find_column(from->retired, column->name);

		if (old != NULL)
			diff_column(context, OP_ALTER_ATTRIBUTE, to, old, column);
		else if (retired != NULL)
			diff_column(context, OP_RESUME_ATTRIBUTE, to, retired, column);
		else
		{
			free_sequence_name(context, to, column);
			diff_emit(context, OP_ADD_ATTRIBUTE, to)->column.to = column;
		}
	}
	foreach_ptr(Column, column, from->retired)
	{
		if (model_find_column(to->columns, column->name) == NULL)
			to->retired = lappend(to->retired, column);
	}
}

/* The operation that alters a column, or NULL */
static Operation *
find_alter(const DiffContext *context, const Table *table, const char *column)
{
	foreach_ptr(Operation, operation, context->operations)
	{
		if ((operation->kind == OP_ALTER_ATTRIBUTE || operation->kind == OP_RETIRE_ATTRIBUTE) &&
			table_name_equal(&operation->table, &table->name) &&
			strcmp(operation->column.from->name, column) == 0)
			return operation;
	}
	return NULL;
}

/* The column while what its default or its type uses is made again: a text */
static const Column *
column_meanwhile(const Column *column, bool retyped)
{
	Column	   *meanwhile = makers_column_without_default(column);
	const char *brackets = strchr(column->type, '[');

	if (retyped)
		meanwhile->type = psprintf("text%s", brackets ? brackets : "");
	return meanwhile;
}

/*
 * Defaults and types that use what is made again.  Where the column is altered
 * anyway, that starts from what it is meanwhile.
 */
static void
diff_remade_columns(DiffContext *context, const Table *from, const Table *to)
{
	foreach_ptr(const Column, column, from->columns)
	{
		const Column *new = model_find_column(to->columns, column->name);
		const char *retyped = remake_reason(context->remake, column->type);
		const Column *meanwhile;
		Operation  *alter;

		if (retyped == NULL && remake_reason(context->remake, column) == NULL)
			continue;
		alter = find_alter(context, to, column->name);
		if (new == NULL && alter == NULL)
			continue;			/* it goes */
		meanwhile = column_meanwhile(column, retyped != NULL);
		if (retyped != NULL)
			context->retyped = touch(context->retyped, &to->name, list_make1(column->name));
		emit_column_change(context, OP_ALTER_ATTRIBUTE, to, column, meanwhile);
		if (alter != NULL)
			alter->column.from = meanwhile;
		else
			emit_column_change(context, OP_ALTER_ATTRIBUTE, to, meanwhile, new);
	}
}

/* ----------
 * Primary key
 * ----------
 */
static void
diff_primary_key(DiffContext *context, const Table *from, Table *to)
{
	/* the same columns: what stands there stays, name and order included */
	if (from->primary_key && to->primary_key &&
		names_same_set(from->primary_key->columns, to->primary_key->columns))
	{
		to->primary_key = from->primary_key;
		return;
	}
	if (from->primary_key)
	{
		context->lost_keys = touch(context->lost_keys, &to->name,
								   from->primary_key->columns);
		diff_emit(context, OP_REMOVE_PRIMARY_KEY, to)->primary_key.from = from->primary_key;
	}
	free_key_name(context, to);
	if (to->primary_key)
		diff_emit(context, OP_ADD_PRIMARY_KEY, to)->primary_key.to = to->primary_key;
}

/* ----------
 * Indexes
 * ----------
 */
static const OperationKind index_add[] = {
	[INDEX_IDENTITY] = OP_ADD_UNIQUE_INDEX,
	[INDEX_CUSTOM] = OP_ADD_CUSTOM_INDEX,
	[INDEX_REFERENCE] = OP_ADD_REFERENCE_INDEX
};

static const OperationKind index_remove[] = {
	[INDEX_IDENTITY] = OP_REMOVE_UNIQUE_INDEX,
	[INDEX_CUSTOM] = OP_REMOVE_CUSTOM_INDEX,
	[INDEX_REFERENCE] = OP_REMOVE_REFERENCE_INDEX
};

static Operation *
diff_remove_index(DiffContext *context, const Table *table, const TableIndex *index)
{
	Operation  *operation = diff_emit(context, index_remove[index->kind], table);

	operation->index.from = index;
	return operation;
}

static Operation *
diff_add_index(DiffContext *context, const Table *table, const TableIndex *index)
{
	Operation  *operation = diff_emit(context, index_add[index->kind], table);

	operation->index.to = index;
	/* PostgreSQL builds no index of a partitioned table concurrently */
	operation->concurrently = !model_is_partitioned(table) &&
		(index->concurrently ||
		 (context->options->concurrent_indexes && index->kind == INDEX_IDENTITY));
	return operation;
}

/* The columns of an index that a foreign key can point to, or NIL */
static List *
index_key_columns(const TableIndex *index)
{
	List	   *columns = NIL;

	if (!index->unique || index->where != NULL)
		return NIL;
	foreach_ptr(const IndexKey, key, index->keys)
	{
		if (key->is_sql)
			return NIL;
		columns = lappend(columns, key->value);
	}
	return columns;
}

/*
 * Is an index of that name in the way?  One that is removed by the same diff is
 * still there when indexes are renamed.
 */
static bool
index_name_taken(const DiffContext *context, const Table *table, const TableIndex *index)
{
	TableName	wanted = index_table(&table->name, index);

	foreach_ptr(const Table, other, context->from->tables)
	{
		const TableIndex *taken = model_find_index(other->indexes, index->name);

		if (taken != NULL)
		{
			TableName	on = index_table(&other->name, taken);

			if (on.scope == wanted.scope && names_same(on.schema, wanted.schema))
				return true;
		}
	}
	return false;
}

/* An index of "left" that this one would be under another name, or NULL */
static TableIndex *
find_renamed_index(List *left, const TableIndex *index)
{
	ListCell   *lc;

	foreach(lc, left)
	{
		if (index_same_definition(lfirst(lc), index))
			return lfirst(lc);
	}
	return NULL;
}

/* Does the index hold SQL text, which PostgreSQL would rename columns in and we cannot? */
static bool
index_has_sql(const TableIndex *index)
{
	if (index->where != NULL)
		return true;
	foreach_ptr(IndexKey, key, index->keys)
	{
		if (key->is_sql)
			return true;
	}
	return false;
}

/*
 * What is removed from a table with new names, and holds SQL text that speaks
 * of the old ones, is removed before the renames: so the down recreates it
 * after restoring the old names.  The caller makes sure that what is removed
 * is described with the old names, too.
 */
static void
remove_before_renames(Operation *operation, const Table *from)
{
	operation->before_renames = true;
	operation->table = from->before->name;
}

static Operation *
diff_lost_index(DiffContext *context, const Table *from, const Table *to, const TableIndex *index)
{
	List	   *columns = index_key_columns(index);
	Operation  *remove = diff_remove_index(context, to, index);

	if (from->before != NULL && index_has_sql(index))
	{
		remove_before_renames(remove, from);
		remove->index.from = model_find_index(from->before->indexes, index->name);
	}
	if (columns != NIL)
		context->lost_keys = touch(context->lost_keys, &to->name, columns);
	return remove;
}

/*
 * Indexes are matched by name first, then by definition: one that differs from
 * the old one only in its name is renamed, not rebuilt.
 */
static void
diff_indexes(DiffContext *context, const Table *from, const Table *to)
{
	List	   *left = list_copy(from->indexes);	/* not matched so far */
	List	   *added = NIL;

	foreach_ptr(TableIndex, index, to->indexes)
	{
		TableIndex *old = model_find_index(left, index->name);
		const char *reason;

		if (old == NULL || !index_same_definition(old, index))
		{
			added = lappend(added, index);
			continue;
		}
		left = list_delete_ptr(left, old);
		reason = remake_reason(context->remake, old);
		if (reason != NULL)
		{
			Operation  *again;

			note_remade(diff_lost_index(context, from, to, old), reason);
			again = diff_add_index(context, to, index);
			again->concurrently = false;	/* as PostgreSQL would build it */
			note_remade(again, reason);
		}
	}
	foreach_ptr(TableIndex, index, added)
	{
		TableIndex *old = find_renamed_index(left, index);

		if (old != NULL && !index_name_taken(context, to, index) &&
			remake_reason(context->remake, old) == NULL)
		{
			Operation  *rename = diff_emit(context, OP_RENAME_INDEX, to);

			rename->index.from = old;
			rename->index.to = index;
			left = list_delete_ptr(left, old);
		}
		else
			diff_add_index(context, to, index);
	}
	foreach_ptr(TableIndex, index, left)
		diff_lost_index(context, from, to, index);
}

/* ----------
 * Checks and statements
 * ----------
 */
static bool
check_same(const Check *a, const Check *b)
{
	return a != NULL && b != NULL && strcmp(a->expression, b->expression) == 0;
}

static void
diff_checks(DiffContext *context, const Table *from, const Table *to)
{
	foreach_ptr(Check, old, from->checks)
	{
		const char *reason = remake_reason(context->remake, old);
		bool		same = check_same(old, model_find_check(to->checks, old->name));
		Operation  *remove;

		if (same && reason == NULL)
			continue;
		remove = diff_emit(context, OP_REMOVE_CHECK, to);
		remove->check.from = old;
		if (same)
			note_remade(remove, reason);
		if (from->before != NULL)
			remove_before_renames(remove, from);
	}
	foreach_ptr(Check, new, to->checks)
	{
		Check	   *old = model_find_check(from->checks, new->name);
		const char *reason = old == NULL ? NULL : remake_reason(context->remake, old);
		bool		same = check_same(old, new);
		Operation  *add;

		if (same && reason == NULL)
			continue;
		add = diff_emit(context, OP_ADD_CHECK, to);
		add->check.to = new;
		if (same)
			note_remade(add, reason);
	}
}

static void
diff_statements(DiffContext *context, const Table *from, const Table *to)
{
	ListCell   *lc;

	foreach(lc, from->statements)
	{
		const char *reason = remake_reason(context->remake, lfirst(lc));
		Operation  *remove;

		if (model_find_statement(to->statements, lfirst(lc)) != NULL && reason == NULL)
			continue;
		remove = diff_emit(context, OP_REMOVE_STATEMENT, to);
		remove->statement.from = lfirst(lc);
		note_remade(remove, reason);
	}
	foreach(lc, to->statements)
	{
		const Statement *old = model_find_statement(from->statements, lfirst(lc));
		const char *reason = old == NULL ? NULL : remake_reason(context->remake, old);
		Operation  *add;

		if (old != NULL && reason == NULL)
			continue;
		add = diff_emit(context, OP_ADD_STATEMENT, to);
		add->statement.to = lfirst(lc);
		note_remade(add, reason);
	}
}

/* ----------
 * Foreign keys
 * ----------
 */
static ForeignKey *
find_foreign_key(List *keys, const char *name)
{
	foreach_ptr(ForeignKey, key, keys)
	{
		if (strcmp(key->name, name) == 0)
			return key;
	}
	return NULL;
}

static ForeignKey *
find_renamed_foreign_key(List *keys, const ForeignKey *wanted)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		if (foreign_key_same_definition(lfirst(lc), wanted))
			return lfirst(lc);
	}
	return NULL;
}

/* Is one of the columns of that table among those touched? */
static bool
is_retyped(const DiffContext *context, const TableName *table, const List *columns)
{
	foreach_ptr(TouchedColumns, touched, context->retyped)
	{
		if (table_name_equal(&touched->table, table) &&
			names_have(columns, linitial(touched->columns)))
			return true;
	}
	return false;
}

/* Is a key dropped that the foreign key may rest on? */
static bool
rests_on_lost_key(const DiffContext *context, const ForeignKey *key)
{
	foreach_ptr(TouchedColumns, touched, context->lost_keys)
	{
		if (table_name_equal(&touched->table, &key->target) &&
			names_same_set(touched->columns, key->target_columns))
			return true;
	}
	return false;
}

/* Must the foreign key be dropped during the other changes? */
static bool
is_in_the_way(const DiffContext *context, const TableName *table, const ForeignKey *key)
{
	return is_retyped(context, table, key->columns) ||
		is_retyped(context, &key->target, key->target_columns) ||
		rests_on_lost_key(context, key);
}

/* The columns of a foreign key that may be NULL, or that may not (of char *) */
static List *
key_columns(const Table *table, const ForeignKey *key, bool not_null)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, key->columns)
	{
		const Column *column = model_find_column(table->columns, lfirst(lc));

		if (column != NULL && column->not_null == not_null)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/*
 * MATCH FULL wants all columns or none, so a reference that looks optional is
 * not, where another column of the key is NOT NULL.
 */
static const char *
note_match_full(const Table *table, const ForeignKey *key)
{
	List	   *required = key_columns(table, key, true);
	List	   *optional = key_columns(table, key, false);

	if (key->match != MATCH_FULL || required == NIL || optional == NIL)
		return NULL;
	return psprintf("MATCH FULL: a row with %s cannot leave %s NULL%s", quote_names(required),
					quote_names(optional),
					key->on_delete == ACTION_SET_NULL ? ", and ON DELETE SET NULL fails" : "");
}

static Operation *
diff_add_foreign_key(DiffContext *context, const Table *table, const ForeignKey *key)
{
	Operation  *add = diff_emit(context, OP_ADD_FOREIGN_KEY, table);

	add->foreign_key.to = key;
	add->note = note_match_full(table, key);
	return add;
}

/* A foreign key that differs from the old one only in name or deferrability */
static void
diff_foreign_key(DiffContext *context, const Table *table, const ForeignKey *old,
				 const ForeignKey *new)
{
	if (is_in_the_way(context, &table->name, old))
	{
		diff_emit(context, OP_DROP_FOREIGN_KEY, table)->foreign_key.from = old;
		diff_add_foreign_key(context, table, new);
		return;
	}
	if (strcmp(old->name, new->name) != 0)
	{
		Operation  *rename = diff_emit(context, OP_RENAME_CONSTRAINT, table);

		rename->name.from = old->name;
		rename->name.to = new->name;
	}
	if (old->deferrable != new->deferrable)
	{
		Operation  *alter = diff_emit(context, OP_ALTER_DEFERRABILITY, table);
		ForeignKey *renamed = palloc(sizeof(ForeignKey));

		*renamed = *old;
		renamed->name = new->name;
		alter->foreign_key.from = renamed;
		alter->foreign_key.to = new;
	}
}

/*
 * Foreign keys come last, when it is known which keys and types change: also
 * those of tables that stay as they are.
 */
static void
diff_foreign_keys(DiffContext *context, const Table *from, const Table *to)
{
	List	   *left = list_copy(from->foreign_keys);
	List	   *added = NIL;
	ListCell   *lc;

	foreach_ptr(ForeignKey, key, to->foreign_keys)
	{
		ForeignKey *old = find_foreign_key(left, key->name);

		if (old != NULL && foreign_key_same_definition(old, key))
		{
			diff_foreign_key(context, to, old, key);
			left = list_delete_ptr(left, old);
		}
		else
			added = lappend(added, key);
	}
	foreach_ptr(ForeignKey, key, added)
	{
		ForeignKey *old = find_renamed_foreign_key(left, key);

		if (old != NULL && find_foreign_key(from->foreign_keys, key->name) == NULL)
		{
			diff_foreign_key(context, to, old, key);
			left = list_delete_ptr(left, old);
		}
		else
			diff_add_foreign_key(context, to, key);
	}
	foreach(lc, left)
		diff_emit(context, OP_DROP_FOREIGN_KEY, to)->foreign_key.from = lfirst(lc);
}

/* ----------
 * Tables
 * ----------
 */
static void
diff_create_table(DiffContext *context, const Table *table)
{
	SplitTable	split;
	ListCell   *lc;

	free_key_name(context, table);
	foreach(lc, table->columns)
		free_sequence_name(context, table, lfirst(lc));
	split = makers_split(context->added_makers, table);
	if (table->name.schema != NULL)
		diff_emit(context, OP_CREATE_SCHEMA, table)->name.to = table->name.schema;
	diff_emit(context, OP_CREATE_TABLE, table)->whole_table.to = split.first;
	foreach(lc, split.columns)
		diff_emit(context, OP_ADD_ATTRIBUTE, table)->column.to = lfirst(lc);
	foreach(lc, split.defaults)
		emit_column_change(context, OP_ALTER_ATTRIBUTE, table,
						   makers_column_without_default(lfirst(lc)), lfirst(lc));
	foreach(lc, split.checks)
		diff_emit(context, OP_ADD_CHECK, table)->check.to = lfirst(lc);
	foreach(lc, table->indexes)
		diff_add_index(context, table, lfirst(lc))->with_table =
		!makers_index_uses(context->added_makers, table, lfirst(lc));
	foreach(lc, table->foreign_keys)
		diff_add_foreign_key(context, table, lfirst(lc))->with_table = true;
	foreach(lc, table->statements)
		diff_emit(context, OP_ADD_STATEMENT, table)->statement.to = lfirst(lc);
}

/*
 * Dropping a table: its foreign keys are dropped first, so that the order of
 * the tables does not matter and the down can create the tables before the
 * keys.
 */
static void
diff_drop_table(DiffContext *context, const Table *table)
{
	SplitTable	split = makers_split(context->removed_makers, table);
	ListCell   *lc;

	foreach(lc, table->statements)
		diff_emit(context, OP_REMOVE_STATEMENT, table)->statement.from = lfirst(lc);
	foreach(lc, table->foreign_keys)
		diff_emit(context, OP_DROP_FOREIGN_KEY, table)->foreign_key.from = lfirst(lc);
	foreach(lc, split.checks)
		diff_emit(context, OP_REMOVE_CHECK, table)->check.from = lfirst(lc);
	foreach(lc, table->indexes)
		diff_remove_index(context, table, lfirst(lc))->with_table =
		!makers_index_uses(context->removed_makers, table, lfirst(lc));
	foreach(lc, split.columns)
		diff_emit(context, OP_REMOVE_ATTRIBUTE, table)->column.from = lfirst(lc);
	foreach(lc, split.defaults)
		emit_column_change(context, OP_ALTER_ATTRIBUTE, table, lfirst(lc),
						   makers_column_without_default(lfirst(lc)));
	diff_emit(context, OP_DROP_TABLE, table)->whole_table.from = split.first;
}

/* Tables are left that point to one that is dropped: who would, and by what */
static void
check_dropped(const Model *result, const List *dropped, Problem *problem)
{
	foreach_ptr(const Table, gone, dropped)
	{
		foreach_ptr(const Table, table, result->tables)
		{
			foreach_ptr(const ForeignKey, key, table->foreign_keys)
			{
				if (table_name_equal(&key->target, &gone->name))
					problem_note(problem, ERRCODE_ASHMIG_CONFLICT, key->path,
								 psprintf("Foreign key \"%s\" of \"%s\" references it.",
										  key->name, table_name_show(&table->name)),
								 "Pass the snapshot of the referenced table as well, or remove the reference.",
								 "cannot drop table \"%s\": \"%s\" references it",
								 table_name_show(&gone->name),
								 table_name_show(&table->name));
			}
		}
	}
}

/* What may have to be made again, though nothing of the table itself changes */
static void
diff_texts(DiffContext *context, const Table *from, const Table *to)
{
	diff_remade_columns(context, from, to);
	diff_indexes(context, from, to);
	diff_checks(context, from, to);
	diff_statements(context, from, to);
}

/* Everything of two versions of a table but the foreign keys */
static void
diff_table(DiffContext *context, const Table *from, Table *to)
{
	diff_columns(context, from, to);
	diff_primary_key(context, from, to);
	diff_texts(context, from, to);
}

/* Tables of the result: what is given, and what is recorded and not given. */
static List *
diff_tables(DiffContext *context, Model *result, const Renamed *renamed,
			const Model *given)
{
	List	   *dropped = NIL;

	foreach_ptr(Table, table, given->tables)
	{
		const Table *old = model_find(renamed->from, &table->name);

		model_add(result, table);
		if (old == NULL)
			diff_create_table(context, table);
		else
			diff_table(context, old, table);
	}
	foreach_ptr(Table, table, renamed->from->tables)
	{
		if (model_find(given, &table->name) != NULL)
			continue;
		if (context->options->drop_tables && !table->opted_out)
			dropped = lappend(dropped, table);
		else
		{
			model_add(result, table);
			if (context->remake->parts != NIL)
				diff_texts(context, table, table);
		}
	}
	return dropped;
}

/* A table can move only into a schema that exists. */
static void
diff_moves(DiffContext *context, List *operations)
{
	foreach_ptr(Operation, operation, operations)
	{
		if (operation->kind == OP_MOVE_TABLE && operation->table_name.to->schema != NULL)
		{
			Operation  *create = operation_make(OP_CREATE_SCHEMA, operation->table_name.to);

			create->name.to = create->table.schema;
			context->operations = lappend(context->operations, create);
		}
		context->operations = lappend(context->operations, operation);
	}
}

/* Find the statements that come or go and make something that parts of tables may use. */
static void
find_makers(DiffContext *context, const Model *given)
{
	List	   *added = NIL;
	List	   *removed = NIL;
	ListCell   *ls;

	foreach_ptr(const Table, table, given->tables)
	{
		const Table *old = model_find(context->from, &table->name);

		foreach(ls, table->statements)
		{
			const Statement *same = old == NULL ? NULL
				: model_find_statement(old->statements, lfirst(ls));

			if (same == NULL || remake_reason(context->remake, same) != NULL)
				added = lappend(added, lfirst(ls));
		}
	}
	foreach_ptr(const Table, table, context->options->drop_tables ? context->from->tables : NIL)
	{
		if (model_find(given, &table->name) == NULL && !table->opted_out)
			removed = list_concat(removed, list_copy(table->statements));
	}
	context->added_makers = makers_of(added);
	context->removed_makers = makers_of(removed);
}

Diff *
diff_models(const Model *from, Model *given, const DiffOptions *options,
			Problem *problem)
{
	Diff	   *diff = palloc0(sizeof(Diff));
	DiffContext context = {0};
	RenameOptions rename = {
		.answers = options->answers,
		.complete = options->drop_tables,
		.whole = options->whole,
		.default_schema = options->default_schema
	};
	Renamed    *renamed = rename_resolve(from, given, &rename, problem);
	List	   *dropped;

	if (renamed == NULL)
		return NULL;
	context.options = options;
	context.from = renamed->from;
	context.historic = historic_names_collect(context.from);
	if (!(options->ask && renamed->questions != NIL) &&
		!remake_check_names(renamed, given, options->drop_tables, problem))
		return NULL;
	context.remake = remake_find(renamed, given, options->drop_tables);
	find_makers(&context, given);
	diff_moves(&context, renamed->operations);
	diff->questions = renamed->questions;
	diff->forgotten = renamed->forgotten;
	diff->result = model_create();
	dropped = diff_tables(&context, diff->result, renamed, given);

	foreach_ptr(Table, table, diff->result->tables)
	{
		const Table *old = model_find(renamed->from, &table->name);

		if (old != NULL && (old != table || context.retyped || context.lost_keys))
			diff_foreign_keys(&context, old, table);
	}
	foreach_ptr(Table, table, dropped)
	{
		diff_drop_table(&context, table);
		diff->forgotten = lappend(diff->forgotten, &table->name);
	}
	check_dropped(diff->result, dropped, problem);
	diff->operations = context.operations;
	return problem->sqlerrcode == 0 ? diff : NULL;
}
