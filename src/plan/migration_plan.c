/*
 * migration_plan.c
 *		The operations of one call that generates, as migrations: see migration_plan.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "plan/deparse.h"
#include "plan/makers.h"
#include "plan/migration_plan.h"
#include "plan/order.h"

/* What a scope's operations are split into */
typedef enum MigrationPart
{
	PART_REGULAR,
	PART_OUTSIDE,				/* of a transaction */
	PART_DEFERRED				/* what needs that: foreign keys, statements */
} MigrationPart;

/* Does the foreign key point to exactly the columns of this index, or of this primary key? */
static bool
foreign_key_uses(const ForeignKey *key, const Operation *add)
{
	const TableIndex *index = add->index.to;
	List	   *columns = NIL;

	if (!table_name_equal(&key->target, &add->table))
		return false;
	if (add->kind == OP_ADD_PRIMARY_KEY)
		return names_same_set(add->primary_key.to->columns, key->target_columns);
	if (!index->unique)
		return false;
	foreach_ptr(IndexKey, index_key, index->keys)
		columns = lappend(columns, index_key->value);
	return names_same_set(columns, key->target_columns);
}

static bool
is_concurrent_index(const Operation *operation)
{
	return operation_subject(operation->kind) == SUBJECT_INDEX &&
		operation->concurrently && operation->index.to != NULL && operation->index.from == NULL;
}

/* The operations that build an index outside a transaction */
static List *
find_concurrent(List *operations)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, operations)
	{
		const Operation *operation = lfirst(lc);

		if (is_concurrent_index(operation) ||
			(operation->kind == OP_ADD_PRIMARY_KEY && operation->online))
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/*
 * The part that an operation belongs to; "concurrent" is what builds an index
 * outside a transaction.
 */
static MigrationPart
migration_part(const Operation *operation, const List *concurrent)
{
	ListCell   *lc;

	if (is_concurrent_index(operation) || operation->online)
		return PART_OUTSIDE;
	if (operation->kind == OP_ADD_FOREIGN_KEY)
	{
		foreach(lc, concurrent)
		{
			if (foreign_key_uses(operation->foreign_key.to, lfirst(lc)))
				return operation->not_valid ? PART_OUTSIDE : PART_DEFERRED;
		}
	}
	return PART_REGULAR;
}

/*
 * The position from which custom statements come after online forms: the last
 * ones, which nothing else waits for.  They may need what those make.
 */
static int
last_statements(List *operations)
{
	int			from = list_length(operations);
	bool		online = false;

	foreach_ptr(const Operation, operation, operations)
		online = online || operation->online;
	if (!online)
		return from;
	while (from > 0 && ((Operation *) list_nth(operations, from - 1))->kind == OP_ADD_STATEMENT)
		from--;
	return from;
}

/* How the name of a migration ends */
static const char *
part_suffix(MigrationPart part, const List *operations)
{
	bool		online = false;
	bool		statements = false;

	foreach_ptr(const Operation, operation, operations)
	{
		online = online || operation->online;
		statements = statements || operation->kind == OP_ADD_STATEMENT;
	}
	switch (part)
	{
		case PART_REGULAR:
			return "";
		case PART_OUTSIDE:
			return online ? "_online" : "_concurrent_indexes";
		case PART_DEFERRED:
			return statements ? "_after_online" : "_foreign_keys";
	}
	return "";					/* not reached: every part is above */
}

/* Does any of the operations create this schema before? Each schema once is enough. */
static bool
is_repeated_schema(const List *operations, const Operation *operation)
{
	if (operation->kind != OP_CREATE_SCHEMA)
		return false;
	foreach_ptr(const Operation, before, operations)
	{
		if (before == operation)
			return false;
		if (before->kind == OP_CREATE_SCHEMA &&
			strcmp(before->name.to, operation->name.to) == 0)
			return true;
	}
	return false;
}

/* ----------
 * Letting go
 * ----------
 */

/* Does a public operation take away, or change, what something may refer to? */
static bool
takes_away(const Operation *operation)
{
	switch (operation->kind)
	{
		case OP_DROP_TABLE:
		case OP_REMOVE_PRIMARY_KEY:
		case OP_REMOVE_UNIQUE_INDEX:
		case OP_REMOVE_ATTRIBUTE:
		case OP_DROP_RETIRED:
			return true;
		case OP_ALTER_ATTRIBUTE:
		case OP_RESUME_ATTRIBUTE:
			return strcmp(operation->column.from->type, operation->column.to->type) != 0;
		default:
			return false;
	}
}

/* Does it rename something?  A statement that goes holds the old name. */
static bool
renames(const Operation *operation)
{
	return operation->kind == OP_MOVE_TABLE || operation->kind == OP_RENAME_TABLE ||
		operation->kind == OP_RENAME_ATTRIBUTE;
}

/* What the public operations of a generation do to things that tenants may refer to */
typedef struct PublicChanges
{
	List	   *taken;			/* of Operation *: takes_away() */
	List	   *renamed;		/* of Operation *: renames() */
	List	   *makers;			/* of Maker *: statements that go */
} PublicChanges;

static PublicChanges
find_public_changes(const List *public)
{
	PublicChanges changes = {NIL, NIL, NIL};
	List	   *statements = NIL;

	foreach_ptr(Operation, operation, public)
	{
		if (takes_away(operation))
			changes.taken = lappend(changes.taken, operation);
		else if (renames(operation))
			changes.renamed = lappend(changes.renamed, operation);
		else if (operation->kind == OP_REMOVE_STATEMENT)
			statements = lappend(statements, (void *) operation->statement.from);
	}
	changes.makers = makers_of(statements);
	return changes;
}

/* Is any of the operations on a table that the words name? */
static bool
words_name_table_of(const List *words, const List *operations)
{
	foreach_ptr(const Operation, operation, operations)
	{
		if (sql_words_name(words, operation->table.name))
			return true;
	}
	return false;
}

/* Do the words use what any of the statements makes? */
static bool
words_use_any(const List *makers, const List *words, const char *table)
{
	foreach_ptr(const Maker, maker, makers)
	{
		if (makers_used(maker->facts, words, table))
			return true;
	}
	return false;
}

/* Must a tenant's operation be carried out before the public ones can be? */
static bool
must_let_go(const Operation *operation, const PublicChanges *changes)
{
	const char *table = operation->table.name;
	const ForeignKey *key;
	const List *words;

	switch (operation->kind)
	{
		case OP_DROP_FOREIGN_KEY:
			key = operation->foreign_key.from;
			foreach_ptr(const Operation, taken, changes->taken)
			{
				if (table_name_equal(&key->target, &taken->table))
					return true;
			}
			return false;
		case OP_REMOVE_STATEMENT:
			words = sql_words(operation->statement.from->up);
			return words_name_table_of(words, changes->taken) ||
				words_name_table_of(words, changes->renamed) ||
				words_use_any(changes->makers, words, table);
		default:
			return changes->makers != NIL &&
				words_use_any(changes->makers,
							  makers_words(operation, operation->any.from), table) &&
				!words_use_any(changes->makers,
							   makers_words(operation, operation->any.to), table);
	}
}

/*
 * How many of the tenants' operations (in order) are to run before the public
 * ones: 0 where no public operation waits for any.
 */
static int
count_released(const List *public, const List *tenant)
{
	PublicChanges changes = find_public_changes(public);
	int			released = 0;
	bool		waits = false;
	int			at = 0;

	if (changes.taken == NIL && changes.renamed == NIL && changes.makers == NIL)
		return 0;
	foreach_ptr(const Operation, operation, tenant)
	{
		bool		needed = must_let_go(operation, &changes);

		at++;
		waits = waits || needed;
		if (needed || order_lets_go(operation))
			released = at;
	}
	return waits ? released : 0;
}

/* ----------
 * The migrations
 * ----------
 */

/* The operations of one scope, in order; each schema is created once */
static List *
scope_operations(const List *sorted, Scope scope)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, sorted)
	{
		if (operation_scope(lfirst(lc)) == scope && !is_repeated_schema(sorted, lfirst(lc)))
			result = lappend(result, lfirst(lc));
	}
	return result;
}

static PlannedMigration *
plan_migration(Scope scope, const char *suffix, bool transactional, List *operations)
{
	PlannedMigration *migration = palloc0(sizeof(PlannedMigration));

	migration->scope = scope;
	migration->suffix = suffix;
	migration->transactional = transactional;
	migration->operations = operations;
	migration->up = deparse_up(operations);
	migration->down = deparse_down(operations);
	return migration;
}

/* The migrations of one scope: the parts that there are */
static List *
plan_scope(Scope scope, List *operations, const List *concurrent)
{
	List	   *parts[PART_DEFERRED + 1] = {NIL};
	List	   *migrations = NIL;
	int			last = last_statements(operations);

	for (int i = 0; i < list_length(operations); i++)
	{
		Operation  *operation = list_nth(operations, i);
		MigrationPart part = i < last ? migration_part(operation, concurrent) : PART_DEFERRED;

		if (part == PART_OUTSIDE && operation->not_valid)
			operation->online = true;	/* its index is, so it is too */
		parts[part] = lappend(parts[part], operation);
	}
	for (MigrationPart part = PART_REGULAR; part <= PART_DEFERRED; part++)
	{
		if (parts[part] != NIL)
			migrations = lappend(migrations,
								 plan_migration(scope, part_suffix(part, parts[part]),
												part != PART_OUTSIDE, parts[part]));
	}
	return migrations;
}

List *
migration_plan_make(List *operations)
{
	List	   *sorted = order_operations(operations);
	List	   *public = scope_operations(sorted, SCOPE_PUBLIC);
	List	   *tenant = scope_operations(sorted, SCOPE_TENANT);
	int			released = count_released(public, tenant);
	List	   *concurrent = find_concurrent(sorted);
	List	   *migrations = NIL;

	if (released > 0)
	{
		List	   *first = list_truncate(list_copy(tenant), released);

		migrations = list_make1(plan_migration(SCOPE_TENANT, "_release", true, first));
		tenant = list_copy_tail(tenant, released);
	}
	migrations = list_concat(migrations, plan_scope(SCOPE_PUBLIC, public, concurrent));
	return list_concat(migrations, plan_scope(SCOPE_TENANT, tenant, concurrent));
}

char *
migration_plan_name(List *migrations)
{
	const PlannedMigration *first = linitial(migrations);
	const Operation *operation = linitial(first->operations);
	int			count = 0;

	foreach_ptr(PlannedMigration, planned, migrations)
		count += list_length(planned->operations);
	if (count == 1)
		return psprintf("%s_%s", operation_name(operation->kind), operation->table.name);
	return psprintf("%s_%s_and_%d_more", operation_name(operation->kind),
					operation->table.name, count - 1);
}
