/*
 * operation.h
 *		One typed change of the structure, and all the kinds there are.
 *
 * An operation holds what was (from) and what shall be (to): additions have no
 * from, removals no to.  So its inverse is the inverse kind with the two
 * swapped, and the down of a migration is the same printer on the inverted
 * operations in reverse order.
 *
 * The kinds stand in the order in which they are carried out; order.c relies
 * on it.
 */
#ifndef ASHMIG_OPERATION_H
#define ASHMIG_OPERATION_H

#include "postgres.h"

#include "model/model.h"

typedef enum OperationKind
{
	OP_CREATE_SCHEMA,			/* from, to: char * */
	OP_DROP_SCHEMA,
	OP_REMOVE_STATEMENT,		/* Statement */
	OP_MOVE_TABLE,				/* TableName */
	OP_RENAME_TABLE,			/* TableName */
	OP_RENAME_ATTRIBUTE,		/* char * */
	OP_RENAME_INDEX,			/* TableIndex */
	OP_RENAME_CONSTRAINT,		/* char * */
	OP_DROP_FOREIGN_KEY,		/* ForeignKey */
	OP_REMOVE_CHECK,			/* Check */
	OP_REMOVE_UNIQUE_INDEX,		/* TableIndex */
	OP_REMOVE_CUSTOM_INDEX,
	OP_REMOVE_REFERENCE_INDEX,
	OP_REMOVE_PRIMARY_KEY,		/* PrimaryKey */
	OP_REMOVE_ATTRIBUTE,		/* Column */
	OP_DROP_RETIRED,			/* Column */
	OP_DROP_TABLE,				/* Table */
	OP_CREATE_TABLE,			/* Table */
	OP_RESTORE_RETIRED,			/* Column: the inverse of dropping a retired one */
	OP_ADD_ATTRIBUTE,			/* Column */
	OP_REMOVE_SEQUENCE,			/* Column, both: a serial or identity lost */
	OP_ALTER_ATTRIBUTE,			/* Column, both */
	OP_RETIRE_ATTRIBUTE,		/* Column, both */
	OP_RESUME_ATTRIBUTE,		/* Column, both: a retired one is an attribute again */
	OP_ADD_SEQUENCE,			/* Column, both */
	OP_ADD_PRIMARY_KEY,
	OP_ADD_UNIQUE_INDEX,
	OP_ADD_CUSTOM_INDEX,
	OP_ADD_REFERENCE_INDEX,
	OP_ADD_CHECK,
	OP_ADD_FOREIGN_KEY,
	OP_ALTER_DEFERRABILITY,		/* ForeignKey, both */
	OP_ADD_STATEMENT
} OperationKind;

#define OPERATION_KINDS (OP_ADD_STATEMENT + 1)

/* What from and to point to */
typedef enum OperationSubject
{
	SUBJECT_NAME,				/* char * */
	SUBJECT_TABLE_NAME,
	SUBJECT_TABLE,
	SUBJECT_COLUMN,
	SUBJECT_PRIMARY_KEY,
	SUBJECT_FOREIGN_KEY,
	SUBJECT_INDEX,
	SUBJECT_CHECK,
	SUBJECT_STATEMENT
} OperationSubject;

typedef struct Operation
{
	OperationKind kind;
	TableName	table;			/* as it is called when the operation runs */
	const void *from;
	const void *to;
	bool		with_table;		/* comes and goes with its table: removing says nothing */
	bool		concurrently;	/* an index built without blocking writers */
	bool		before_renames; /* removes SQL text that holds the old names */
	int			position;		/* where diff put it: breaks ties */
} Operation;

/* The strongest lock on the table that an operation takes */
typedef enum LockTaken
{
	LOCK_NONE,
	LOCK_SHARE_UPDATE_EXCLUSIVE,
	LOCK_SHARE,
	LOCK_SHARE_ROW_EXCLUSIVE,
	LOCK_ACCESS_EXCLUSIVE
} LockTaken;

/* What an operation does to a table with rows in it */
typedef struct Hazard
{
	LockTaken	lock;
	bool		rewrites;		/* writes the whole table anew */
	bool		scans;			/* reads the whole table */
	bool		destroys;		/* data is gone afterwards */
	const char *note;			/* or NULL */
} Hazard;

/* The word for it: "add_attribute" */
extern const char *operation_name(OperationKind kind);

extern OperationSubject operation_subject(OperationKind kind);

/* What it is about: "title", "posts_title_index"; NULL: the table itself */
extern const char *operation_subject_name(const Operation *operation);

/* What undoes it; its table is called what it is called afterwards. */
extern Operation *operation_invert(const Operation *operation);

/* Is the operation carried out in the tenants? */
extern bool operation_is_tenant(const Operation *operation);

extern Hazard operation_hazard(const Operation *operation);
extern const char *lock_name(LockTaken lock);

#endif							/* ASHMIG_OPERATION_H */
