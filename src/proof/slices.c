/*
 * slices.c
 *		Parts of a large generation: see slices.h.
 */
#include "postgres.h"

#include "plan/migration_plan.h"
#include "proof/mentions.h"
#include "proof/reference.h"
#include "proof/slices.h"
#include "run/lock_budget.h"
#include "syntax/sql_text.h"

/* A table that the generation touches; those that hang together have one root. */
typedef struct TouchedTable
{
	struct TouchedTable *parent;	/* itself: it is the root */
	List	   *operations;		/* of Operation *; of the root, all of the
								 * group */
	List	   *before;			/* of Table *: likewise, as they are recorded */
	int			tables;
} TouchedTable;

typedef struct TouchedTables
{
	TableMap   *by_name;		/* of TouchedTable *, under all their names */
	TableMap   *by_word;		/* the same, of the names that SQL texts use;
								 * the key is the name alone */
	List	   *all;			/* of TouchedTable *, in the order of the
								 * operations */
} TouchedTables;

/* ----------
 * Groups
 * ----------
 */
static TouchedTable *
root_of(TouchedTable *table)
{
	while (table->parent != table)
		table = table->parent = table->parent->parent;
	return table;
}

static void
join(TouchedTable *a, TouchedTable *b)
{
	if (a && b)
		root_of(b)->parent = root_of(a);
}

static TouchedTable *
touch(TouchedTables *touched, const TableName *name)
{
	TouchedTable *table = table_map_get(touched->by_name, name);

	if (table == NULL)
	{
		table = palloc0(sizeof(TouchedTable));
		table->parent = table;
		table->tables = 1;
		table_map_put(touched->by_name, name, table);
		touched->all = lappend(touched->all, table);
	}
	return table;
}

/* What has a word as its name: two tables that have the same are not told apart. */
static void
note_word(TouchedTables *touched, const char *word, TouchedTable *table)
{
	TableName	key = table_name_bare(word);
	TouchedTable *other = table_map_get(touched->by_word, &key);

	if (other)
		join(other, table);
	else
		table_map_put(touched->by_word, &key, table);
}

/* Note the operations' tables; one that is renamed or moved is the same table. */
static void
touch_tables(TouchedTables *touched, List *migrations)
{
	ListCell   *lm;
	ListCell   *lo;

	foreach(lm, migrations)
	{
		foreach(lo, ((const PlannedMigration *) lfirst(lm))->operations)
		{
			Operation  *operation = lfirst(lo);
			TouchedTable *table = touch(touched, &operation->table);

			table->operations = lappend(table->operations, operation);
			if (operation->kind == OP_RENAME_TABLE || operation->kind == OP_MOVE_TABLE)
				join(table, touch(touched, operation->table_name.to));
		}
	}
}

/* The names that a table brings */
static void
note_words(TouchedTables *touched, const Model *model)
{
	ListCell   *lt;
	ListCell   *ls;
	ListCell   *ln;

	foreach(lt, model->tables)
	{
		const Table *table = lfirst(lt);
		TouchedTable *of = table_map_get(touched->by_name, &table->name);

		if (of == NULL)
			continue;
		note_word(touched, table->name.name, of);
		foreach(ls, table->statements)
		{
			foreach(ln, mention_created(sql_fill(((Statement *) lfirst(ls))->up, "schema", "schema")))
				note_word(touched, lfirst(ln), of);
		}
	}
}

static void
join_mentioned(TouchedTables *touched, TouchedTable *table, const char *sql)
{
	MentionScan scan;
	Mention		mention;

	mention_begin(&scan, sql);
	while (mention_next(&scan, &mention))
	{
		TableName	key = table_name_bare(mention.name);

		join(table, table_map_get(touched->by_word, &key));
	}
}

/* Join what foreign keys and SQL texts of one of the models connect. */
static void
join_connected(TouchedTables *touched, const Model *model)
{
	ListCell   *lt;
	ListCell   *lc;

	foreach(lt, model->tables)
	{
		const Table *table = lfirst(lt);
		TouchedTable *of = table_map_get(touched->by_name, &table->name);

		if (of == NULL)
			continue;
		foreach(lc, table->foreign_keys)
			join(of, table_map_get(touched->by_name, &((ForeignKey *) lfirst(lc))->target));
		foreach(lc, table->statements)
			join_mentioned(touched, of, ((Statement *) lfirst(lc))->up);
		foreach(lc, table->checks)
			join_mentioned(touched, of, ((Check *) lfirst(lc))->expression);
		foreach(lc, table->columns)
		{
			if (((Column *) lfirst(lc))->default_sql)
				join_mentioned(touched, of, ((Column *) lfirst(lc))->default_sql);
		}
	}
}

/* Give the tables' operations to the roots; the roots, List of TouchedTable * */
static List *
gather(TouchedTables *touched, const Model *before)
{
	List	   *roots = NIL;
	ListCell   *lc;

	foreach(lc, touched->all)
	{
		TouchedTable *table = lfirst(lc);
		TouchedTable *root = root_of(table);

		if (root == table)
			roots = lappend(roots, root);
		else
		{
			root->operations = list_concat(root->operations, table->operations);
			root->tables++;
		}
	}
	foreach(lc, before->tables)
	{
		TouchedTable *table = table_map_get(touched->by_name, &((Table *) lfirst(lc))->name);

		if (table)
			root_of(table)->before = lappend(root_of(table)->before, lfirst(lc));
	}
	return roots;
}

/* ----------
 * Slices
 * ----------
 */

/* Locks of the tables as they are, and of what is done to them */
static int
group_locks(const TouchedTable *group)
{
	Model	   *before = model_create();
	List	   *migrations = migration_plan_make(list_copy(group->operations));
	List	   *ups = NIL;
	ListCell   *lc;

	foreach(lc, group->before)
		model_add(before, lfirst(lc));
	foreach(lc, list_concat(reference_compile(before, true), migrations))
		ups = list_concat(ups, list_copy(((PlannedMigration *) lfirst(lc))->up));
	return lock_budget_statement(ups);
}

static ProofSlice *
make_slice(const ProofSubject *subject, List *operations, int tables, int locks)
{
	ProofSlice *slice = palloc(sizeof(ProofSlice));

	slice->subject = *subject;
	slice->subject.migrations = migration_plan_make(operations);
	slice->tables = tables;
	slice->locks = locks;
	return slice;
}

List *
slices_make(const ProofSubject *subject)
{
	TouchedTables touched = {table_map_create(), table_map_create(), NIL};
	List	   *slices = NIL;
	List	   *operations = NIL;
	int			tables = 0;
	int			locks = 0;
	ListCell   *lc;

	touch_tables(&touched, subject->migrations);
	note_words(&touched, subject->before);
	note_words(&touched, subject->after);
	join_connected(&touched, subject->before);
	join_connected(&touched, subject->after);
	foreach(lc, gather(&touched, subject->before))
	{
		const TouchedTable *group = lfirst(lc);
		int			more = group_locks(group);

		if (operations != NIL && !budget_has_room(locks + more))
		{
			slices = lappend(slices, make_slice(subject, operations, tables, locks));
			operations = NIL;
			tables = locks = 0;
		}
		operations = list_concat(operations, list_copy(group->operations));
		tables += group->tables;
		locks += more;
	}
	if (operations != NIL)
		slices = lappend(slices, make_slice(subject, operations, tables, locks));
	return slices;
}
