/*
 * operation.h
 *		One typed change of the structure, and all the kinds there are.
 *
 * An operation holds the old state (from) and the new state (to): additions
 * have no from, removals no to.  So its inverse is the inverse kind with the
 * two swapped, and the down of a migration is the same printer on the inverted
 * operations in reverse order.
 *
 * What the two are depends on the kind: a column, an index, a check...  Each
 * such subject has its own typed pair in Operation, and the comments below say
 * which of them a kind uses (as operation_subject does).
 *
 * The kinds stand in the order in which they are carried out; order.c relies
 * on it.
 */
#ifndef ASHMIG_OPERATION_H
#define ASHMIG_OPERATION_H

#include "postgres.h"

#include "base/scope.h"
#include "model/model.h"

typedef enum OperationKind
{
	OP_CREATE_SCHEMA,			/* name.to */
	OP_DROP_SCHEMA,				/* name.from */
	OP_REMOVE_STATEMENT,		/* statement.from */
	OP_MOVE_TABLE,				/* table_name, both */
	OP_RENAME_TABLE,			/* table_name, both */
	OP_RENAME_ATTRIBUTE,		/* name, both */
	OP_RENAME_INDEX,			/* index, both */
	OP_RENAME_CONSTRAINT,		/* name, both */
	OP_DROP_FOREIGN_KEY,		/* foreign_key.from */
	OP_REMOVE_CHECK,			/* check.from */
	OP_REMOVE_UNIQUE_INDEX,		/* index.from */
	OP_REMOVE_CUSTOM_INDEX,		/* index.from */
	OP_REMOVE_REFERENCE_INDEX,	/* index.from */
	OP_REMOVE_PRIMARY_KEY,		/* primary_key.from */
	OP_REMOVE_ATTRIBUTE,		/* column.from */
	OP_DROP_RETIRED,			/* column.from */
	OP_DROP_TABLE,				/* whole_table.from */
	OP_CREATE_TABLE,			/* whole_table.to */
	OP_RESTORE_RETIRED,			/* column.to: undoes OP_DROP_RETIRED */
	OP_ADD_ATTRIBUTE,			/* column.to */
	OP_REMOVE_SEQUENCE,			/* column, both: a serial or identity lost */
	OP_ALTER_ATTRIBUTE,			/* column, both */
	OP_RETIRE_ATTRIBUTE,		/* column, both */
	OP_RESUME_ATTRIBUTE,		/* column, both: reuses a retired one */
	OP_ADD_SEQUENCE,			/* column, both */
	OP_ADD_PRIMARY_KEY,			/* primary_key.to */
	OP_ADD_UNIQUE_INDEX,		/* index.to */
	OP_ADD_CUSTOM_INDEX,		/* index.to */
	OP_ADD_REFERENCE_INDEX,		/* index.to */
	OP_ADD_CHECK,				/* check.to */
	OP_ADD_FOREIGN_KEY,			/* foreign_key.to */
	OP_ALTER_DEFERRABILITY,		/* foreign_key, both */
	OP_VALIDATE_CHECK,			/* check.to: was added NOT VALID */
	OP_VALIDATE_FOREIGN_KEY,	/* foreign_key.to: likewise */
	OP_ADD_STATEMENT			/* statement.to */
} OperationKind;

#define OPERATION_KINDS (OP_ADD_STATEMENT + 1)

/* What an operation is about: the pair of Operation that is set */
typedef enum OperationSubject
{
	SUBJECT_NAME,				/* of a schema, a column, a constraint */
	SUBJECT_TABLE_NAME,
	SUBJECT_TABLE,
	SUBJECT_COLUMN,
	SUBJECT_PRIMARY_KEY,
	SUBJECT_FOREIGN_KEY,
	SUBJECT_INDEX,
	SUBJECT_CHECK,
	SUBJECT_STATEMENT
} OperationSubject;

/* The old and the new state; NULL if there is none */
#define OPERATION_PAIR(type) struct { const type *from; const type *to; }

typedef struct Operation
{
	OperationKind kind;
	TableName	table;			/* as it is called when the operation runs */
	bool		with_table;		/* created and dropped with its table, so
								 * removing it prints nothing */
	bool		concurrently;	/* an index built without blocking writers */
	bool		online;			/* in a form for large tables, outside a
								 * transaction; see online.h */
	bool		not_valid;		/* a constraint that is validated later */
	bool		has_online_form;	/* it would be done in another form with
									 * online => true */
	bool		before_renames; /* removes SQL text that holds the old names */
	bool		inverted;		/* undoes another one, which may have been
								 * carried out in part */
	const Table *carried;		/* a change of type that is online: what hangs
								 * on the column; see online_type.h */
	List	   *plain;			/* of Operation *: the same for a small table */
	const char *no_online_form; /* why there is none of a change of type that
								 * rewrites the table; or NULL */
	const char *note;			/* what diff has to say of it, or NULL */
	union
	{
		OPERATION_PAIR(char) name;
		OPERATION_PAIR(TableName) table_name;
		OPERATION_PAIR(Table) whole_table;
		OPERATION_PAIR(Column) column;
		OPERATION_PAIR(PrimaryKey) primary_key;
		OPERATION_PAIR(ForeignKey) foreign_key;
		OPERATION_PAIR(TableIndex) index;
		OPERATION_PAIR(Check) check;
		OPERATION_PAIR(Statement) statement;
		OPERATION_PAIR(void) any;	/* whichever is set */
	};
} Operation;

/* One side of a pair: the new state, or the old one if there is no new one */
#define OPERATION_SIDE(pair) ((pair).to ? (pair).to : (pair).from)

/* The word for it: "add_attribute" */
extern const char *operation_name(OperationKind kind);

extern OperationSubject operation_subject(OperationKind kind);

/* An operation without flags, whose subject the caller sets */
extern Operation *operation_make(OperationKind kind, const TableName *table);

/* What it is about: "title", "posts_title_index"; NULL: the table itself */
extern const char *operation_subject_name(const Operation *operation);

/* What undoes it; its table is called what it is called afterwards. */
extern Operation *operation_invert(const Operation *operation);

/* Where the operation is carried out */
extern Scope operation_scope(const Operation *operation);

/* What is to be known of the operation, but for what running code notices; or NULL */
extern const char *operation_note(const Operation *operation);

#endif							/* ASHMIG_OPERATION_H */
