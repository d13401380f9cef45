/*
 * operation.c
 *		What each kind of operation is and does: see operation.h.
 */
#include "postgres.h"

#include "plan/operation.h"

/* Everything about a kind */
typedef struct OperationInfo
{
	const char *name;			/* AshPostgres' term, in snake case */
	OperationSubject subject;
	OperationKind inverse;
	const char *note;			/* what is to be known of it; or NULL */
} OperationInfo;

static const OperationInfo operation_info[] = {
	[OP_CREATE_SCHEMA] = {"create_schema", SUBJECT_NAME, OP_DROP_SCHEMA,
	"rolling back keeps the schema"},
	[OP_DROP_SCHEMA] = {"drop_schema", SUBJECT_NAME, OP_CREATE_SCHEMA,
	"the schema is kept"},
	[OP_REMOVE_STATEMENT] = {"remove_custom_statement", SUBJECT_STATEMENT, OP_ADD_STATEMENT, NULL},
	[OP_DROP_FOREIGN_KEY] = {"drop_foreign_key", SUBJECT_FOREIGN_KEY, OP_ADD_FOREIGN_KEY, NULL},
	[OP_REMOVE_CHECK] = {"remove_check_constraint", SUBJECT_CHECK, OP_ADD_CHECK, NULL},
	[OP_REMOVE_UNIQUE_INDEX] = {"remove_unique_index", SUBJECT_INDEX, OP_ADD_UNIQUE_INDEX, NULL},
	[OP_REMOVE_CUSTOM_INDEX] = {"remove_custom_index", SUBJECT_INDEX, OP_ADD_CUSTOM_INDEX, NULL},
	[OP_REMOVE_REFERENCE_INDEX] = {"remove_reference_index", SUBJECT_INDEX, OP_ADD_REFERENCE_INDEX, NULL},
	[OP_REMOVE_PRIMARY_KEY] = {"remove_primary_key", SUBJECT_PRIMARY_KEY, OP_ADD_PRIMARY_KEY, NULL},
	[OP_REMOVE_ATTRIBUTE] = {"remove_attribute", SUBJECT_COLUMN, OP_ADD_ATTRIBUTE,
	"rolling back recreates the column, not its values"},
	[OP_DROP_RETIRED] = {"drop_retired", SUBJECT_COLUMN, OP_RESTORE_RETIRED,
	"rolling back recreates the column, not its values"},
	[OP_DROP_TABLE] = {"drop_table", SUBJECT_TABLE, OP_CREATE_TABLE,
	"rolling back recreates the table, not its rows"},
	[OP_MOVE_TABLE] = {"move_table", SUBJECT_TABLE_NAME, OP_MOVE_TABLE, NULL},
	[OP_RENAME_TABLE] = {"rename_table", SUBJECT_TABLE_NAME, OP_RENAME_TABLE, NULL},
	[OP_RENAME_ATTRIBUTE] = {"rename_attribute", SUBJECT_NAME, OP_RENAME_ATTRIBUTE, NULL},
	[OP_RENAME_INDEX] = {"rename_index", SUBJECT_INDEX, OP_RENAME_INDEX, NULL},
	[OP_RENAME_CONSTRAINT] = {"rename_constraint", SUBJECT_NAME, OP_RENAME_CONSTRAINT, NULL},
	[OP_CREATE_TABLE] = {"create_table", SUBJECT_TABLE, OP_DROP_TABLE, NULL},
	[OP_RESTORE_RETIRED] = {"restore_retired", SUBJECT_COLUMN, OP_DROP_RETIRED, NULL},
	[OP_ADD_ATTRIBUTE] = {"add_attribute", SUBJECT_COLUMN, OP_REMOVE_ATTRIBUTE, NULL},
	[OP_REMOVE_SEQUENCE] = {"remove_sequence", SUBJECT_COLUMN, OP_ADD_SEQUENCE, NULL},
	[OP_ALTER_ATTRIBUTE] = {"alter_attribute", SUBJECT_COLUMN, OP_ALTER_ATTRIBUTE, NULL},
	[OP_RETIRE_ATTRIBUTE] = {"retire_attribute", SUBJECT_COLUMN, OP_RESUME_ATTRIBUTE,
	"the column stays until ashmig_drop_retired()"},
	[OP_RESUME_ATTRIBUTE] = {"resume_attribute", SUBJECT_COLUMN, OP_RETIRE_ATTRIBUTE,
	"reuses the column that was retired earlier"},
	[OP_ADD_SEQUENCE] = {"add_sequence", SUBJECT_COLUMN, OP_REMOVE_SEQUENCE,
	"starts after the largest existing value"},
	[OP_ADD_PRIMARY_KEY] = {"add_primary_key", SUBJECT_PRIMARY_KEY, OP_REMOVE_PRIMARY_KEY, NULL},
	[OP_ADD_UNIQUE_INDEX] = {"add_unique_index", SUBJECT_INDEX, OP_REMOVE_UNIQUE_INDEX, NULL},
	[OP_ADD_CUSTOM_INDEX] = {"add_custom_index", SUBJECT_INDEX, OP_REMOVE_CUSTOM_INDEX, NULL},
	[OP_ADD_REFERENCE_INDEX] = {"add_reference_index", SUBJECT_INDEX, OP_REMOVE_REFERENCE_INDEX, NULL},
	[OP_ADD_CHECK] = {"add_check_constraint", SUBJECT_CHECK, OP_REMOVE_CHECK, NULL},
	[OP_ADD_FOREIGN_KEY] = {"add_foreign_key", SUBJECT_FOREIGN_KEY, OP_DROP_FOREIGN_KEY, NULL},
	[OP_ALTER_DEFERRABILITY] = {"alter_deferrability", SUBJECT_FOREIGN_KEY, OP_ALTER_DEFERRABILITY, NULL},
	[OP_VALIDATE_CHECK] = {"validate_check_constraint", SUBJECT_CHECK, OP_VALIDATE_CHECK, NULL},
	[OP_VALIDATE_FOREIGN_KEY] = {"validate_foreign_key", SUBJECT_FOREIGN_KEY, OP_VALIDATE_FOREIGN_KEY, NULL},
	[OP_ADD_STATEMENT] = {"add_custom_statement", SUBJECT_STATEMENT, OP_REMOVE_STATEMENT, NULL},
};

StaticAssertDecl(lengthof(operation_info) == OPERATION_KINDS,
				 "every operation kind is described");

const char *
operation_name(OperationKind kind)
{
	return operation_info[kind].name;
}

OperationSubject
operation_subject(OperationKind kind)
{
	return operation_info[kind].subject;
}

Operation *
operation_make(OperationKind kind, const TableName *table)
{
	Operation  *operation = palloc0(sizeof(Operation));

	operation->kind = kind;
	operation->table = *table;
	return operation;
}

const char *
operation_subject_name(const Operation *operation)
{
	switch (operation_subject(operation->kind))
	{
		case SUBJECT_NAME:
			return OPERATION_SIDE(operation->name);
		case SUBJECT_TABLE_NAME:
			return OPERATION_SIDE(operation->table_name)->name;
		case SUBJECT_TABLE:
			return NULL;
		case SUBJECT_COLUMN:
			return OPERATION_SIDE(operation->column)->name;
		case SUBJECT_PRIMARY_KEY:
			return OPERATION_SIDE(operation->primary_key)->name;
		case SUBJECT_FOREIGN_KEY:
			return OPERATION_SIDE(operation->foreign_key)->name;
		case SUBJECT_INDEX:
			return OPERATION_SIDE(operation->index)->name;
		case SUBJECT_CHECK:
			return OPERATION_SIDE(operation->check)->name;
		case SUBJECT_STATEMENT:
			return OPERATION_SIDE(operation->statement)->name;
	}
	return NULL;				/* not reached: every subject is above */
}

/*
 * What undoes the operation.
 */
Operation *
operation_invert(const Operation *operation)
{
	Operation  *inverse = palloc(sizeof(Operation));

	*inverse = *operation;
	inverse->kind = operation_info[operation->kind].inverse;
	inverse->any.from = operation->any.to;
	inverse->any.to = operation->any.from;
	inverse->inverted = !operation->inverted;
	/* these two change what the table is called, or where it lies */
	if (operation->kind == OP_RENAME_TABLE || operation->kind == OP_MOVE_TABLE)
		inverse->table = *operation->table_name.to;
	return inverse;
}

Scope
operation_scope(const Operation *operation)
{
	if (operation_subject(operation->kind) == SUBJECT_STATEMENT)
		return OPERATION_SIDE(operation->statement)->scope;
	return operation->table.scope;
}

const char *
operation_note(const Operation *operation)
{
	const char *note = operation_info[operation->kind].note;

	if (operation_subject(operation->kind) == SUBJECT_INDEX && operation->concurrently &&
		!operation->with_table)
		note = "built without blocking writers, outside a transaction";
	if (operation->note == NULL)
		return note;
	return note == NULL ? operation->note : psprintf("%s; %s", operation->note, note);
}
