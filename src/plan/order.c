/*
 * order.c
 *		The order in which operations can be carried out.
 *
 * Operations do not point at each other; what they need follows from their
 * kind.  A foreign key needs two tables, their columns and a key, and nothing
 * but a statement needs a foreign key.  A table needs no other table once its
 * foreign keys are operations of their own, so there is no cycle to cut.  A
 * custom statement may need anything, and we cannot see what, so custom
 * statements are added after everything and removed before everything.
 *
 * This gives phases: removed statements were written for the old names, so
 * they come first, followed by everything else that contains SQL text with old
 * names; then what stays is renamed (a name that is taken is rejected as a new
 * name, so nothing has to make room); then objects are removed before those
 * they depend on (foreign keys, indexes and columns, tables), and new ones are
 * created in the opposite order.  Within a phase the operations of one table
 * stand together, so that they can share one ALTER TABLE, and ties keep the
 * order of the snapshots.
 */
#include "postgres.h"

#include "base/compat.h"
#include "plan/order.h"
#include "syntax/sql_text.h"

typedef enum Phase
{
	PHASE_SCHEMAS,
	PHASE_REMOVE_STATEMENTS,
	PHASE_REMOVE_BEFORE_RENAMES,	/* checks and indexes that speak of old
									 * names */
	PHASE_RENAME,
	PHASE_DROP_FOREIGN_KEYS,
	PHASE_REMOVE_PARTS,			/* indexes, keys, checks, columns */
	PHASE_DROP_TABLES,
	PHASE_BUILD,				/* tables, columns, keys, indexes, checks */
	PHASE_ADD_FOREIGN_KEYS,
	PHASE_ADD_STATEMENTS
} Phase;

/* The phase of a kind; the compiler finds a kind that is forgotten. */
static Phase
order_phase(OperationKind kind)
{
	switch (kind)
	{
		case OP_CREATE_SCHEMA:
		case OP_DROP_SCHEMA:
			return PHASE_SCHEMAS;
		case OP_REMOVE_STATEMENT:
			return PHASE_REMOVE_STATEMENTS;
		case OP_DROP_FOREIGN_KEY:
			return PHASE_DROP_FOREIGN_KEYS;
		case OP_REMOVE_CHECK:
		case OP_REMOVE_UNIQUE_INDEX:
		case OP_REMOVE_CUSTOM_INDEX:
		case OP_REMOVE_REFERENCE_INDEX:
		case OP_REMOVE_PRIMARY_KEY:
		case OP_REMOVE_ATTRIBUTE:
		case OP_DROP_RETIRED:
			return PHASE_REMOVE_PARTS;
		case OP_DROP_TABLE:
			return PHASE_DROP_TABLES;
		case OP_MOVE_TABLE:
		case OP_RENAME_TABLE:
		case OP_RENAME_ATTRIBUTE:
		case OP_RENAME_INDEX:
		case OP_RENAME_CONSTRAINT:
			return PHASE_RENAME;
		case OP_CREATE_TABLE:
		case OP_RESTORE_RETIRED:
		case OP_ADD_ATTRIBUTE:
		case OP_REMOVE_SEQUENCE:
		case OP_ALTER_ATTRIBUTE:
		case OP_RETIRE_ATTRIBUTE:
		case OP_RESUME_ATTRIBUTE:
		case OP_ADD_SEQUENCE:
		case OP_ADD_PRIMARY_KEY:
		case OP_ADD_UNIQUE_INDEX:
		case OP_ADD_CUSTOM_INDEX:
		case OP_ADD_REFERENCE_INDEX:
		case OP_ADD_CHECK:
			return PHASE_BUILD;
		case OP_ADD_FOREIGN_KEY:
		case OP_ALTER_DEFERRABILITY:
			return PHASE_ADD_FOREIGN_KEYS;
		case OP_ADD_STATEMENT:
			return PHASE_ADD_STATEMENTS;
	}
	return PHASE_BUILD;			/* not reached: every kind is above */
}

/* What an operation is sorted by */
typedef struct SortItem
{
	Operation  *operation;
	Phase		phase;
	int			table;			/* rank of its table's first mention */
	int			position;
} SortItem;

static int
sort_item_compare(const void *a, const void *b)
{
	const SortItem *ia = a;
	const SortItem *ib = b;

	if (ia->phase != ib->phase)
		return ia->phase < ib->phase ? -1 : 1;
	if (ia->phase == PHASE_REMOVE_STATEMENTS)	/* last come, first gone */
		return ib->position - ia->position;
	if (ia->phase != PHASE_RENAME && ia->phase != PHASE_ADD_STATEMENTS)
	{
		if (ia->table != ib->table)
			return ia->table - ib->table;
		if (ia->operation->kind != ib->operation->kind)
			return ia->operation->kind < ib->operation->kind ? -1 : 1;
	}
	return ia->position - ib->position;
}

/* A table's rank, under the name that it has after the renames; counted from 1 */
static int
order_rank(TableMap *ranks, const TableName *name, int *count)
{
	int			rank = (int) (intptr_t) table_map_get(ranks, name);

	if (rank == 0)
	{
		rank = ++(*count);
		table_map_put(ranks, name, (void *) (intptr_t) rank);
	}
	return rank;
}

/* ----------
 * Dropped tables
 * ----------
 */

/* The first of "drops" whose table points to this one, or NULL */
static Operation *
find_dependent(List *drops, const Table *table)
{
	foreach_ptr(Operation, drop, drops)
	{
		foreach_ptr(ForeignKey, key, drop->whole_table.from->foreign_keys)
		{
			if (table_name_equal(&key->target, &table->name))
				return drop;
		}
	}
	return NULL;
}

/*
 * The tables that are dropped, each after those that point to it.  Their
 * foreign keys are gone by then, so any order works; this is the one that a
 * reader expects.
 */
static List *
order_drops(List *operations)
{
	List	   *left = NIL;
	List	   *path = NIL;		/* each points to the one before it */
	List	   *sorted = NIL;

	foreach_ptr(Operation, operation, operations)
	{
		if (operation->kind == OP_DROP_TABLE)
			left = lappend(left, operation);
	}
	while (left != NIL || path != NIL)
	{
		Operation  *last = path == NIL ? NULL : llast(path);
		Operation  *next = last == NULL ? linitial(left)
			: find_dependent(left, last->whole_table.from);

		if (next != NULL)
		{
			left = list_delete_ptr(left, next);
			path = lappend(path, next);
		}
		else
		{
			sorted = lappend(sorted, last);
			path = list_delete_last(path);
		}
	}
	return sorted;
}

List *
order_operations(List *operations)
{
	int			count = list_length(operations);
	SortItem   *items = palloc(sizeof(SortItem) * Max(count, 1));
	List	   *drops = order_drops(operations);
	ListCell   *next_drop = list_head(drops);
	List	   *sorted = NIL;
	TableMap   *ranks = table_map_create();
	int			tables = 0;
	int			i = 0;

	foreach_ptr(Operation, operation, operations)
	{
		items[i].operation = operation;
		items[i].phase = operation->before_renames ? PHASE_REMOVE_BEFORE_RENAMES
			: order_phase(operation->kind);
		items[i].table = order_rank(ranks, &operation->table, &tables);
		items[i].position = i;
		i++;
	}
	qsort(items, count, sizeof(SortItem), sort_item_compare);

	for (i = 0; i < count; i++)
	{
		Operation  *operation = items[i].operation;

		if (operation->kind == OP_DROP_TABLE)
		{
			operation = lfirst(next_drop);
			next_drop = lnext(drops, next_drop);
		}
		sorted = lappend(sorted, operation);
	}
	return sorted;
}
