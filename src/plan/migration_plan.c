/*
 * migration_plan.c
 *		The operations of one call that generates, as migrations: see migration_plan.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "plan/deparse.h"
#include "plan/migration_plan.h"
#include "plan/order.h"

/* What a scope's operations are split into */
typedef enum MigrationPart
{
	PART_REGULAR,
	PART_CONCURRENT,
	PART_DEFERRED				/* foreign keys that need a concurrent index */
} MigrationPart;

static const char *const part_suffixes[] = {
	[PART_REGULAR] = "",
	[PART_CONCURRENT] = "_concurrent_indexes",
	[PART_DEFERRED] = "_foreign_keys"
};

/* Does the foreign key point to exactly the columns of this index? */
static bool
foreign_key_uses(const ForeignKey *key, const Operation *add_index)
{
	const TableIndex *index = add_index->index.to;
	List	   *columns = NIL;

	if (!index->unique || !table_name_equal(&key->target, &add_index->table))
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

/* The part that an operation belongs to; "concurrent" are the indexes built so. */
static MigrationPart
migration_part(const Operation *operation, const List *concurrent)
{
	ListCell   *lc;

	if (is_concurrent_index(operation))
		return PART_CONCURRENT;
	if (operation->kind == OP_ADD_FOREIGN_KEY)
	{
		foreach(lc, concurrent)
		{
			if (foreign_key_uses(operation->foreign_key.to, lfirst(lc)))
				return PART_DEFERRED;
		}
	}
	return PART_REGULAR;
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

List *
migration_plan_make(List *operations)
{
	List	   *sorted = order_operations(operations);
	List	   *concurrent = NIL;
	List	   *migrations = NIL;
	ListCell   *lc;

	foreach(lc, sorted)
	{
		if (is_concurrent_index(lfirst(lc)))
			concurrent = lappend(concurrent, lfirst(lc));
	}
	for (Scope scope = SCOPE_PUBLIC; scope <= SCOPE_TENANT; scope++)
	{
		for (MigrationPart part = PART_REGULAR; part <= PART_DEFERRED; part++)
		{
			PlannedMigration *migration = palloc0(sizeof(PlannedMigration));

			foreach_ptr(Operation, operation, sorted)
			{
				if (operation_scope(operation) == scope &&
					migration_part(operation, concurrent) == part &&
					!is_repeated_schema(sorted, operation))
					migration->operations = lappend(migration->operations, operation);
			}
			if (migration->operations == NIL)
				continue;
			migration->scope = scope;
			migration->suffix = part_suffixes[part];
			migration->transactional = part != PART_CONCURRENT;
			migration->up = deparse_up(migration->operations);
			migration->down = deparse_down(migration->operations);
			migrations = lappend(migrations, migration);
		}
	}
	return migrations;
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
