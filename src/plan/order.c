/*
 * order.c
 *		The order in which operations can be carried out.
 *
 * Operations do not point at each other; what they need follows from their
 * kind.  A foreign key needs two tables, their columns and a key, and nothing
 * but a statement needs a foreign key.  A table needs no other table once its
 * foreign keys are operations of their own, so there is no cycle to cut.  A
 * custom statement may need anything, so custom statements are added after
 * everything and removed before everything.
 *
 * This gives phases: removed statements were written for the old names, so
 * they come first, followed by everything else that contains SQL text with old
 * names; then what stays is renamed (a name that is taken is rejected as a new
 * name, so nothing has to make room); then objects are removed before those
 * they depend on (foreign keys, indexes and columns, tables), and new ones are
 * created in the opposite order.  Within a phase the operations of one table
 * stand together, so that they can share one ALTER TABLE, and ties keep the
 * order of the snapshots.
 *
 * Then comes what a kind does not say: a custom statement may make what a part
 * of a table uses (makers.h).  Such a statement is moved before the part, with
 * what it needs itself; and such a part is removed before the statement is.
 * Everything else stays in its place.
 */
#include "postgres.h"

#include "base/compat.h"
#include "plan/makers.h"
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
		case OP_VALIDATE_CHECK:
		case OP_VALIDATE_FOREIGN_KEY:
			return PHASE_ADD_FOREIGN_KEYS;
		case OP_ADD_STATEMENT:
			return PHASE_ADD_STATEMENTS;
	}
	return PHASE_BUILD;			/* not reached: every kind is above */
}

static Phase
operation_phase(const Operation *operation)
{
	return operation->before_renames ? PHASE_REMOVE_BEFORE_RENAMES
		: order_phase(operation->kind);
}

bool
order_lets_go(const Operation *operation)
{
	return operation_phase(operation) <= PHASE_DROP_FOREIGN_KEYS;
}

/* What an operation is sorted by */
typedef struct SortItem
{
	Operation  *operation;
	Phase		phase;
	int			table;			/* rank of its table's first mention */
	int			position;
	SqlFacts   *facts;			/* of a statement */
	bool		read;			/* are the words below those of the part? */
	List	   *before;			/* of SqlWord *: of its SQL as it was */
	List	   *after;			/* as it is to be */
	bool		done;
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

/* ----------
 * Needs that the words tell
 * ----------
 */
typedef struct OrderContext
{
	SortItem   *items;			/* in the order of their phases */
	int			count;
	int			next;			/* those before it are done */
	List	   *makers;			/* of int: statements that make something */
	List	   *sorted;			/* of Operation * */
} OrderContext;

static void order_visit(OrderContext *context, int i);

static void
read_words(SortItem *item)
{
	if (item->read)
		return;
	item->read = true;
	item->before = makers_words(item->operation, item->operation->any.from);
	item->after = makers_words(item->operation, item->operation->any.to);
}

static bool
same_scope(const SortItem *a, const SortItem *b)
{
	return operation_scope(a->operation) == operation_scope(b->operation);
}

/* What a part that comes uses is made before it. */
static void
visit_makers(OrderContext *context, SortItem *item)
{
	ListCell   *lc;

	read_words(item);
	if (item->after == NIL)
		return;
	foreach(lc, context->makers)
	{
		const SortItem *maker = &context->items[lfirst_int(lc)];

		if (!maker->done && maker->operation->kind == OP_ADD_STATEMENT &&
			same_scope(maker, item) &&
			makers_used(maker->facts, item->after, item->operation->table.name))
			order_visit(context, lfirst_int(lc));
	}
}

/* Does a part that goes, or changes, stop using what this statement makes? */
static bool
stops_using(SortItem *item, const SortItem *maker)
{
	const char *table = item->operation->table.name;

	read_words(item);
	return makers_used(maker->facts, item->before, table) &&
		!makers_used(maker->facts, item->after, table);
}

/* What uses the things that a statement made goes before it does. */
static void
visit_users(OrderContext *context, const SortItem *maker)
{
	if (maker->facts->makes == NIL)
		return;
	for (int i = context->next; i < context->count; i++)
	{
		SortItem   *item = &context->items[i];
		const Operation *operation = item->operation;

		if (item->done || !same_scope(item, maker))
			continue;
		if (operation->kind == OP_REMOVE_STATEMENT
			? !table_name_equal(&operation->table, &maker->operation->table) &&
			makers_used_by(maker->facts, maker->operation->table.name, item->facts)
			: stops_using(item, maker))
			order_visit(context, i);
	}
}

/* Does a statement speak of what this operation brings, or changes? */
static bool
speaks_of(const SortItem *statement, const Operation *operation)
{
	const List *words = statement->facts->words;

	if (!sql_words_name(words, operation->table.name))
		return false;
	return operation->kind == OP_CREATE_TABLE || operation->kind == OP_DROP_TABLE ||
		(operation_subject(operation->kind) == SUBJECT_COLUMN &&
		 sql_words_name(words, operation_subject_name(operation)));
}

/* Would an earlier "SELECT *" get to read the columns that the statement adds? */
static bool
reads_all_columns(const SortItem *earlier, const SortItem *statement)
{
	return earlier->operation->kind == OP_ADD_STATEMENT && earlier->facts->all_columns &&
		statement->facts->adds != NIL && same_scope(earlier, statement) &&
		sql_words_name(earlier->facts->words, statement->operation->table.name);
}

/*
 * What an added statement needs: other statements, and, as it is brought
 * forward, the tables and columns that it speaks of.
 */
static void
visit_needs_of_statement(OrderContext *context, int at)
{
	const SortItem *item = &context->items[at];
	ListCell   *lc;

	for (int i = context->next; i < at; i++)
	{
		if (context->items[i].facts == NULL && speaks_of(item, context->items[i].operation))
			order_visit(context, i);
	}
	for (int i = context->next; i < at; i++)
	{
		if (!context->items[i].done && reads_all_columns(&context->items[i], item))
			order_visit(context, i);
	}
	foreach(lc, context->makers)
	{
		int			i = lfirst_int(lc);
		const SortItem *maker = &context->items[i];

		if (!maker->done && maker->operation->kind == OP_ADD_STATEMENT &&
			same_scope(maker, item) &&
			(i < at || !table_name_equal(&maker->operation->table, &item->operation->table)) &&
			makers_used_by(maker->facts, maker->operation->table.name, item->facts))
			order_visit(context, i);
	}
}

/*
 * Does an operation on the same table have to come before the other?  All that
 * is in an earlier phase, or removes something, does.  What builds a column
 * needs the table, and what is done to the same column before.
 */
static bool
precedes(const OrderContext *context, int one, int other)
{
	const SortItem *before = &context->items[one];
	const SortItem *item = &context->items[other];
	OperationKind kind = before->operation->kind;

	if (before->facts != NULL ||
		!table_name_equal(&before->operation->table, &item->operation->table))
		return false;
	if (item->operation->kind == OP_DROP_TABLE)
		return true;			/* it goes last, whatever is done to it */
	if (one > other || kind == OP_DROP_TABLE)
		return false;
	if (before->phase != PHASE_BUILD || kind == OP_CREATE_TABLE)
		return true;
	return operation_subject(item->operation->kind) != SUBJECT_COLUMN ||
		(operation_subject(kind) == SUBJECT_COLUMN &&
		 strcmp(operation_subject_name(before->operation),
				operation_subject_name(item->operation)) == 0);
}

/*
 * What comes before an operation that is brought forward: the earlier ones of
 * its table, and what would be in the way of one that goes.
 */
static void
visit_earlier(OrderContext *context, int at)
{
	const Operation *operation = context->items[at].operation;

	for (int i = context->next; i < context->count; i++)
	{
		const SortItem *item = &context->items[i];
		const Operation *other = item->operation;

		if (item->done)
			continue;
		if (precedes(context, i, at) ||
			(i < at && other->kind == OP_DROP_FOREIGN_KEY &&
			 table_name_equal(&other->foreign_key.from->target, &operation->table)) ||
			(other->kind == OP_REMOVE_STATEMENT && speaks_of(item, operation)))
			order_visit(context, i);
	}
}

/* Append an operation after all that it needs; a circle is cut where it closes. */
static void
order_visit(OrderContext *context, int at)
{
	SortItem   *item = &context->items[at];

	if (item->done)
		return;
	item->done = true;
	switch (item->operation->kind)
	{
		case OP_REMOVE_STATEMENT:
			visit_users(context, item);
			break;
		case OP_ADD_STATEMENT:
			visit_needs_of_statement(context, at);
			break;
		default:
			if (at != context->next || item->operation->kind == OP_DROP_TABLE)
				visit_earlier(context, at);
			visit_makers(context, item);
	}
	context->sorted = lappend(context->sorted, item->operation);
}

static List *
order_by_needs(SortItem *items, int count)
{
	OrderContext context = {0};

	context.items = items;
	context.count = count;
	for (int i = 0; i < count; i++)
	{
		if (items[i].facts != NULL && items[i].facts->makes != NIL)
			context.makers = lappend_int(context.makers, i);
	}
	for (context.next = 0; context.next < count; context.next++)
	{
		if (context.makers != NIL)
			order_visit(&context, context.next);
		else
			context.sorted = lappend(context.sorted, items[context.next].operation);
	}
	return context.sorted;
}

/* ----------
 * The whole
 * ----------
 */

/* The custom statement of an operation, as it was added or is to be added */
static SqlFacts *
statement_facts(const Operation *operation)
{
	if (operation_subject(operation->kind) != SUBJECT_STATEMENT)
		return NULL;
	return sql_facts(OPERATION_SIDE(operation->statement)->up);
}

List *
order_operations(List *operations)
{
	int			count = list_length(operations);
	SortItem   *items = palloc(sizeof(SortItem) * Max(count, 1));
	List	   *drops = order_drops(operations);
	ListCell   *next_drop = list_head(drops);
	TableMap   *ranks = table_map_create();
	int			tables = 0;
	int			i = 0;

	foreach_ptr(Operation, operation, operations)
	{
		items[i].operation = operation;
		items[i].phase = operation_phase(operation);
		items[i].table = order_rank(ranks, &operation->table, &tables);
		items[i].position = i;
		items[i].facts = statement_facts(operation);
		items[i].read = false;
		items[i].done = false;
		i++;
	}
	qsort(items, count, sizeof(SortItem), sort_item_compare);

	for (i = 0; i < count; i++)
	{
		if (items[i].operation->kind == OP_DROP_TABLE)
		{
			items[i].operation = lfirst(next_drop);
			next_drop = lnext(drops, next_drop);
		}
	}
	return order_by_needs(items, count);
}
