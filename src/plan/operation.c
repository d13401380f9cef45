/*
 * operation.c
 *		What each kind of operation is and does: see operation.h.
 */
#include "postgres.h"

#include "base/names.h"
#include "plan/operation.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* Everything about a kind */
typedef struct OperationInfo
{
	const char *name;			/* AshPostgres' term, in snake case */
	OperationSubject subject;
	OperationKind inverse;
	LockTaken	lock;
	bool		scans;			/* of a table that has rows */
	bool		destroys;
	const char *note;
} OperationInfo;

static const OperationInfo operation_info[] = {
	[OP_CREATE_SCHEMA] = {"create_schema", SUBJECT_NAME, OP_DROP_SCHEMA, LOCK_NONE, false, false,
	"rolling back keeps the schema"},
	[OP_DROP_SCHEMA] = {"drop_schema", SUBJECT_NAME, OP_CREATE_SCHEMA, LOCK_NONE, false, false,
	"the schema is kept"},
	[OP_REMOVE_STATEMENT] = {"remove_custom_statement", SUBJECT_STATEMENT, OP_ADD_STATEMENT,
	LOCK_ACCESS_EXCLUSIVE, false, false, "the statement's SQL determines what it locks"},
	[OP_DROP_FOREIGN_KEY] = {"drop_foreign_key", SUBJECT_FOREIGN_KEY, OP_ADD_FOREIGN_KEY,
	LOCK_ACCESS_EXCLUSIVE, false, false, "locks the referenced table as well"},
	[OP_REMOVE_CHECK] = {"remove_check_constraint", SUBJECT_CHECK, OP_ADD_CHECK,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_REMOVE_UNIQUE_INDEX] = {"remove_unique_index", SUBJECT_INDEX, OP_ADD_UNIQUE_INDEX,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_REMOVE_CUSTOM_INDEX] = {"remove_custom_index", SUBJECT_INDEX, OP_ADD_CUSTOM_INDEX,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_REMOVE_REFERENCE_INDEX] = {"remove_reference_index", SUBJECT_INDEX, OP_ADD_REFERENCE_INDEX,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_REMOVE_PRIMARY_KEY] = {"remove_primary_key", SUBJECT_PRIMARY_KEY, OP_ADD_PRIMARY_KEY,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_REMOVE_ATTRIBUTE] = {"remove_attribute", SUBJECT_COLUMN, OP_ADD_ATTRIBUTE,
	LOCK_ACCESS_EXCLUSIVE, false, true, "rolling back recreates the column, not its values"},
	[OP_DROP_RETIRED] = {"drop_retired", SUBJECT_COLUMN, OP_RESTORE_RETIRED,
	LOCK_ACCESS_EXCLUSIVE, false, true, "rolling back recreates the column, not its values"},
	[OP_DROP_TABLE] = {"drop_table", SUBJECT_TABLE, OP_CREATE_TABLE,
	LOCK_ACCESS_EXCLUSIVE, false, true, "rolling back recreates the table, not its rows"},
	[OP_MOVE_TABLE] = {"move_table", SUBJECT_TABLE_NAME, OP_MOVE_TABLE,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_RENAME_TABLE] = {"rename_table", SUBJECT_TABLE_NAME, OP_RENAME_TABLE,
	LOCK_ACCESS_EXCLUSIVE, false, false, "running code that uses the old name fails"},
	[OP_RENAME_ATTRIBUTE] = {"rename_attribute", SUBJECT_NAME, OP_RENAME_ATTRIBUTE,
	LOCK_ACCESS_EXCLUSIVE, false, false, "running code that uses the old name fails"},
	[OP_RENAME_INDEX] = {"rename_index", SUBJECT_INDEX, OP_RENAME_INDEX,
	LOCK_SHARE_UPDATE_EXCLUSIVE, false, false, NULL},
	[OP_RENAME_CONSTRAINT] = {"rename_constraint", SUBJECT_NAME, OP_RENAME_CONSTRAINT,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_CREATE_TABLE] = {"create_table", SUBJECT_TABLE, OP_DROP_TABLE, LOCK_NONE, false, false, NULL},
	[OP_RESTORE_RETIRED] = {"restore_retired", SUBJECT_COLUMN, OP_DROP_RETIRED,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_ADD_ATTRIBUTE] = {"add_attribute", SUBJECT_COLUMN, OP_REMOVE_ATTRIBUTE,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_REMOVE_SEQUENCE] = {"remove_sequence", SUBJECT_COLUMN, OP_ADD_SEQUENCE,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_ALTER_ATTRIBUTE] = {"alter_attribute", SUBJECT_COLUMN, OP_ALTER_ATTRIBUTE,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_RETIRE_ATTRIBUTE] = {"retire_attribute", SUBJECT_COLUMN, OP_RESUME_ATTRIBUTE,
	LOCK_ACCESS_EXCLUSIVE, false, false, "the column stays until ashmig_drop_retired()"},
	[OP_RESUME_ATTRIBUTE] = {"resume_attribute", SUBJECT_COLUMN, OP_RETIRE_ATTRIBUTE,
	LOCK_ACCESS_EXCLUSIVE, false, false, "reuses the column that was retired earlier"},
	[OP_ADD_SEQUENCE] = {"add_sequence", SUBJECT_COLUMN, OP_REMOVE_SEQUENCE,
	LOCK_ACCESS_EXCLUSIVE, true, false, "starts after the largest existing value"},
	[OP_ADD_PRIMARY_KEY] = {"add_primary_key", SUBJECT_PRIMARY_KEY, OP_REMOVE_PRIMARY_KEY,
	LOCK_ACCESS_EXCLUSIVE, true, false, NULL},
	[OP_ADD_UNIQUE_INDEX] = {"add_unique_index", SUBJECT_INDEX, OP_REMOVE_UNIQUE_INDEX,
	LOCK_SHARE, true, false, NULL},
	[OP_ADD_CUSTOM_INDEX] = {"add_custom_index", SUBJECT_INDEX, OP_REMOVE_CUSTOM_INDEX,
	LOCK_SHARE, true, false, NULL},
	[OP_ADD_REFERENCE_INDEX] = {"add_reference_index", SUBJECT_INDEX, OP_REMOVE_REFERENCE_INDEX,
	LOCK_SHARE, true, false, NULL},
	[OP_ADD_CHECK] = {"add_check_constraint", SUBJECT_CHECK, OP_REMOVE_CHECK,
	LOCK_ACCESS_EXCLUSIVE, true, false, NULL},
	[OP_ADD_FOREIGN_KEY] = {"add_foreign_key", SUBJECT_FOREIGN_KEY, OP_DROP_FOREIGN_KEY,
	LOCK_SHARE_ROW_EXCLUSIVE, true, false, "locks the referenced table as well"},
	[OP_ALTER_DEFERRABILITY] = {"alter_deferrability", SUBJECT_FOREIGN_KEY, OP_ALTER_DEFERRABILITY,
	LOCK_ACCESS_EXCLUSIVE, false, false, NULL},
	[OP_VALIDATE_CHECK] = {"validate_check_constraint", SUBJECT_CHECK, OP_VALIDATE_CHECK,
	LOCK_SHARE_UPDATE_EXCLUSIVE, true, false, "reads the table while others write"},
	[OP_VALIDATE_FOREIGN_KEY] = {"validate_foreign_key", SUBJECT_FOREIGN_KEY, OP_VALIDATE_FOREIGN_KEY,
	LOCK_SHARE_UPDATE_EXCLUSIVE, true, false, "reads the table while others write"},
	[OP_ADD_STATEMENT] = {"add_custom_statement", SUBJECT_STATEMENT, OP_REMOVE_STATEMENT,
	LOCK_ACCESS_EXCLUSIVE, false, false, "the statement's SQL determines what it locks"},
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

/* ----------
 * Hazards
 * ----------
 */

/* The number in "varchar(n)": 0 if it has none, -1 if it is another type */
static int
varchar_limit(const char *type)
{
	const char *prefix = "varchar(";

	if (strcmp(type, "text") == 0 || strcmp(type, "varchar") == 0)
		return 0;
	if (strncmp(type, prefix, strlen(prefix)) == 0 && type[strlen(type) - 1] == ')')
		return atoi(type + strlen(prefix));
	return -1;
}

/*
 * Does PostgreSQL rewrite the table for this change of type?
 *
 * It does not if the old values are valid for the new type as they are: a
 * wider text type.  For others we say yes, which is true for most changes of
 * snapshots.
 */
static bool
type_change_rewrites(const char *from, const char *to)
{
	int			old_limit = varchar_limit(from);
	int			new_limit = varchar_limit(to);

	if (old_limit < 0 || new_limit < 0)
		return true;
	return new_limit != 0 && (old_limit == 0 || new_limit < old_limit);
}

/*
 * Is this default evaluated for each row, so that adding it rewrites the
 * table?
 */
static bool
default_is_volatile(const char *default_sql)
{
	return default_sql != NULL && fragment_is_volatile(default_sql);
}

/* What altering a column does, which depends on what changes */
static void
hazard_alter(const Column *from, const Column *to, Hazard *hazard)
{
	if (strcmp(from->type, to->type) != 0)
	{
		hazard->rewrites = type_change_rewrites(from->type, to->type);
		hazard->scans = hazard->rewrites;
		if (hazard->rewrites && varchar_limit(to->type) > 0)
		{
			hazard->destroys = true;
			hazard->note = "the cast truncates longer values";
		}
		if (column_type_loses_elements(from->type, to->type))
		{
			hazard->destroys = true;
			hazard->note = "keeps the first element of each array";
		}
	}
	if (to->not_null && !from->not_null)
	{
		hazard->scans = true;
		hazard->note = "fails if a row contains NULL";
	}
}

/* What is to be said of a column that changes in several steps */
static const char *
online_note(const Operation *operation)
{
	const Column *from = operation->column.from;
	const Column *to = operation->column.to;

	if (names_same(from->default_sql, to->default_sql))
		return "fails if a row contains NULL; reads the table while others write";
	return "fills the rows in batches, outside a transaction";
}

Hazard
operation_hazard(const Operation *operation)
{
	const OperationInfo *info = &operation_info[operation->kind];
	Hazard		hazard = {info->lock, false, info->scans, info->destroys, info->note};

	switch (operation_subject(operation->kind))
	{
		case SUBJECT_INDEX:
			if (operation->with_table)
			{
				hazard.lock = LOCK_NONE;
				hazard.scans = false;
			}
			else if (operation->concurrently)
			{
				hazard.lock = LOCK_SHARE_UPDATE_EXCLUSIVE;
				hazard.note = "built without blocking writers, outside a transaction";
			}
			break;
		case SUBJECT_PRIMARY_KEY:
			if (operation->online)
			{
				hazard.scans = false;
				hazard.note = "takes over an index that is built without blocking writers";
			}
			break;
		case SUBJECT_COLUMN:
			if (operation->column.from != NULL && operation->column.to != NULL)
			{
				if (column_equal(operation->column.from, operation->column.to))
					hazard.lock = LOCK_NONE;
				hazard_alter(operation->column.from, operation->column.to, &hazard);
				if (operation->online)
					hazard.note = online_note(operation);
			}
			else if (operation->kind == OP_ADD_ATTRIBUTE)
			{
				const Column *column = operation->column.to;

				hazard.rewrites = column->sequence != SEQUENCE_NONE ||
					default_is_volatile(column->default_sql);
				if (column->not_null && column->default_sql == NULL &&
					column->sequence == SEQUENCE_NONE)
					hazard.note = "fails if the table has rows: NOT NULL without a default";
			}
			break;
		case SUBJECT_FOREIGN_KEY:
			if (operation->with_table || operation->not_valid)
				hazard.scans = false;
			break;
		case SUBJECT_CHECK:
			if (operation->not_valid)
				hazard.scans = false;
			break;
		case SUBJECT_NAME:
		case SUBJECT_TABLE_NAME:
		case SUBJECT_TABLE:
		case SUBJECT_STATEMENT:
			break;
	}
	if (operation->note != NULL)
		hazard.note = hazard.note == NULL ? operation->note
			: psprintf("%s; %s", operation->note, hazard.note);
	return hazard;
}

const char *
lock_taken_name(LockTaken lock)
{
	switch (lock)
	{
		case LOCK_NONE:
			return "none";
		case LOCK_SHARE_UPDATE_EXCLUSIVE:
			return "SHARE UPDATE EXCLUSIVE";
		case LOCK_SHARE:
			return "SHARE";
		case LOCK_SHARE_ROW_EXCLUSIVE:
			return "SHARE ROW EXCLUSIVE";
		case LOCK_ACCESS_EXCLUSIVE:
			return "ACCESS EXCLUSIVE";
	}
	return NULL;				/* not reached: every lock is above */
}
