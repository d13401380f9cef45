/*
 * not_null_proof.c
 *		Checks that prove that a column holds no NULL: see not_null_proof.h.
 */
#include "postgres.h"

#include "nodes/primnodes.h"

#include "base/compat.h"
#include "base/names.h"
#include "syntax/not_null_proof.h"

typedef struct NotNullCheck
{
	char	   *schema;			/* or NULL */
	char	   *table;
	char	   *name;
	char	   *column;
	bool		valid;
} NotNullCheck;

const char *
not_null_proof_column(const Node *check)
{
	const NullTest *test = (const NullTest *) check;
	const ColumnRef *ref;

	if (check == NULL || !IsA(check, NullTest) || test->nulltesttype != IS_NOT_NULL ||
		!IsA(test->arg, ColumnRef))
		return NULL;
	ref = (const ColumnRef *) test->arg;
	return IsA(llast(ref->fields), String) ? strVal(llast(ref->fields)) : NULL;
}

static bool
is_of_table(const NotNullCheck *check, const RangeVar *table)
{
	return strcmp(check->table, table->relname) == 0 &&
		names_same(check->schema, table->schemaname);
}

static NotNullCheck *
find_check(const NotNullProofs *proofs, const RangeVar *table, const char *name)
{
	foreach_ptr(NotNullCheck, check, proofs->checks)
	{
		if (is_of_table(check, table) && strcmp(check->name, name) == 0)
			return check;
	}
	return NULL;
}

static void
add_check(NotNullProofs *proofs, const RangeVar *table, const Constraint *constraint)
{
	const char *column = constraint->contype == CONSTR_CHECK && constraint->conname ?
		not_null_proof_column(constraint->raw_expr) : NULL;
	MemoryContext old;
	NotNullCheck *check;

	if (column == NULL)
		return;
	old = MemoryContextSwitchTo(proofs->context);
	check = palloc(sizeof(NotNullCheck));
	check->schema = table->schemaname ? pstrdup(table->schemaname) : NULL;
	check->table = pstrdup(table->relname);
	check->name = pstrdup(constraint->conname);
	check->column = pstrdup(column);
	check->valid = !constraint->skip_validation;
	proofs->checks = lappend(proofs->checks, check);
	MemoryContextSwitchTo(old);
}

void
not_null_proof_read(NotNullProofs *proofs, const RangeVar *table, const AlterTableCmd *command)
{
	NotNullCheck *check;

	switch (command->subtype)
	{
		case AT_AddConstraint:
			add_check(proofs, table, castNode(Constraint, command->def));
			break;
		case AT_ValidateConstraint:
			check = find_check(proofs, table, command->name);
			if (check)
				check->valid = true;
			break;
		case AT_DropConstraint:
			proofs->checks = list_delete_ptr(proofs->checks, find_check(proofs, table, command->name));
			break;
		default:
			break;
	}
}

void
not_null_proof_rename(NotNullProofs *proofs, const RangeVar *table, const char *from, const char *to)
{
	foreach_ptr(NotNullCheck, check, proofs->checks)
	{
		if (is_of_table(check, table) && strcmp(check->column, from) == 0)
			check->column = MemoryContextStrdup(proofs->context, to);
	}
}

bool
not_null_proof_known(const NotNullProofs *proofs, const RangeVar *table, const char *name)
{
	return find_check(proofs, table, name) != NULL;
}

bool
not_null_proof_has(const NotNullProofs *proofs, const RangeVar *table, const char *column)
{
	foreach_ptr(const NotNullCheck, check, proofs->checks)
	{
		if (check->valid && is_of_table(check, table) && strcmp(check->column, column) == 0)
			return true;
	}
	return false;
}
