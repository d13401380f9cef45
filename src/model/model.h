/*
 * model.h
 *		The structure that snapshots ask for: tables with their columns, keys,
 *		indexes, checks and statements, in PostgreSQL's terms.
 *
 * A snapshot says how a resource is described; the model says what stands in
 * the database because of it.  Two snapshots that mean the same structure
 * give equal models, so a difference between models is work to do, and
 * nothing else is.  Names are cut to what PostgreSQL keeps.
 *
 * Everything is palloc'd in the current memory context; parts may be shared
 * between models.  A model that another is compared with is not changed (what
 * is renamed in it is copied); the tables of the other, given one take over what
 * history decides: names of keys and sequences, the order of a key, retired
 * columns.
 */
#ifndef ASHMIG_MODEL_H
#define ASHMIG_MODEL_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"
#include "base/scope.h"
#include "model/column_type.h"
#include "snapshot/snapshot.h"
#include "syntax/table_name.h"

typedef struct Column
{
	char	   *name;
	char	   *type;
	char	   *default_sql;	/* or NULL */
	bool		not_null;
	SequenceKind sequence;
	char	   *sequence_name;	/* of a serial or identity column */
	char	   *path;			/* JSON path, or NULL */
	const Attribute *attribute; /* what it was built from */
} Column;

typedef struct PrimaryKey
{
	char	   *name;
	List	   *columns;		/* of char * */
} PrimaryKey;

typedef struct ForeignKey
{
	char	   *name;
	List	   *columns;		/* of char * */
	TableName	target;
	List	   *target_columns; /* of char * */
	MatchType	match;
	ReferenceAction on_delete;
	List	   *on_delete_columns;	/* of char * */
	ReferenceAction on_update;
	Deferrable	deferrable;
	char	   *path;
} ForeignKey;

typedef enum IndexKind
{
	INDEX_IDENTITY,
	INDEX_CUSTOM,
	INDEX_REFERENCE
} IndexKind;

typedef struct TableIndex
{
	IndexKind	kind;
	char	   *name;
	char	   *identity;		/* name of the identity, or NULL */
	bool		chosen;			/* there are other identities that would be
								 * this index */
	List	   *keys;			/* of IndexKey * */
	bool		unique;
	bool		nulls_distinct;
	bool		concurrently;
	char	   *using;			/* or NULL */
	char	   *where;			/* SQL with its parentheses, or NULL */
	List	   *include;		/* of char * */
	char	   *prefix;			/* schema of the table, where the index says
								 * another; or NULL */
	char	   *path;
} TableIndex;

typedef struct Check
{
	char	   *name;
	char	   *expression;		/* SQL with its parentheses */
	char	   *path;
} Check;

typedef struct Statement
{
	char	   *name;
	char	   *up;
	char	   *down;
	Scope		scope;			/* tenant: runs in each of them */
	char	   *path;
} Statement;

typedef struct Table
{
	TableName	name;
	const struct Table *before; /* the recorded table, where an answer renamed
								 * this copy of it, or its columns */
	List	   *columns;		/* of Column *, in the snapshot's order */
	List	   *retired;		/* of Column *: removed attributes whose
								 * columns stay */
	PrimaryKey *primary_key;	/* or NULL */
	List	   *foreign_keys;
	List	   *indexes;
	List	   *checks;
	List	   *statements;
	char	   *options;		/* after the column list, or NULL */
	bool		opted_out;		/* drop_table_opted_out */
	char	   *path;
} Table;

typedef struct Model
{
	List	   *tables;			/* of Table *, in the order they came */
	TableMap   *by_name;		/* the same */
} Model;

/* Names that history gave, and the snapshot alone would not (a renamed table's key) */
typedef struct TableState
{
	char	   *primary_key_name;	/* or NULL */
	List	   *primary_key_columns;	/* of char *: which of several keys
										 * was chosen; NIL */
	List	   *sequences;		/* of char *: column and sequence name in turn */
	List	   *identities;		/* of char *: which of several names of an
								 * index was chosen */
	List	   *retired;		/* of Column * */
} TableState;

/* ----------
 * model_build.c: a model from snapshots
 * ----------
 */

/*
 * The table of one (merged) snapshot.  "state" may be NULL.  "others" (of
 * ResourceSnapshot *) are looked up for what a reference does not say of its
 * destination; "default_schema" is what a NULL schema means, so that a table
 * that names it counts as one that names none.
 */
extern Table *model_table(const ResourceSnapshot *snapshot, const TableState *state,
						  List *others, const char *default_schema,
						  Problem *problem);

/* Does the snapshot ask for a table at all? */
extern bool model_is_table(const ResourceSnapshot *snapshot);

/* The key under which a snapshot's table is known. */
extern TableName model_table_name(const ResourceSnapshot *snapshot, const char *default_schema);

/* ----------
 * model_check.c: what a model cannot have
 * ----------
 */

/* A problem if the table asks for what this server's SQL does not have */
extern bool model_check_server(const Table *table, Problem *problem);

/*
 * A problem where a key, an index or a foreign key of the table is over a
 * column that the table does not have, or has only as a retired one.  SQL in
 * it is not looked into.
 */
extern bool model_check_columns(const Table *table, Problem *problem);

/*
 * Names that PostgreSQL's 63 bytes make the same, within each schema and
 * table: an error that names both.
 */
extern bool model_check_names(const Model *model, Problem *problem);

/* ----------
 * model.c: the model and its parts
 * ----------
 */
extern Model *model_create(void);
extern void model_add(Model *model, Table *table);
extern Table *model_find(const Model *model, const TableName *name);
extern Column *model_find_column(List *columns, const char *name);
extern TableIndex *model_find_index(List *indexes, const char *name);
extern Check *model_find_check(List *checks, const char *name);

/* The same statement: other SQL under its name is another one */
extern Statement *model_find_statement(List *statements, const Statement *wanted);

/* Do its options make it a partitioned table? */
extern bool model_is_partitioned(const Table *table);

/*
 * A column of a removed attribute, without its NOT NULL if inserts would fail.
 */
extern Column *model_retire(const Column *column);

/* Equal but for the name, which is the caller's to compare */
extern bool column_equal(const Column *a, const Column *b);

/* Equal but for the name and the deferrability, which can be altered */
extern bool foreign_key_same_definition(const ForeignKey *a, const ForeignKey *b);

/* Equal but for the name, and for being built concurrently, which leaves no trace */
extern bool index_same_definition(const TableIndex *a, const TableIndex *b);

/* Is it the same column or SQL, in the same order? */
extern bool index_key_equal(const IndexKey *a, const IndexKey *b);

/* A key as it stands in CREATE INDEX */
extern char *index_key_sql(const IndexKey *key);

/* The column that a key of an index is, also where it is written as SQL; NULL for an expression */
extern char *index_key_column_name(const IndexKey *key);

/* Can a foreign key point to these columns (of char *, in any order) because of the index? */
extern bool index_is_key_of(const TableIndex *index, const List *columns);

/* The table that an index of "table" lies on */
extern TableName index_table(const TableName *table, const TableIndex *index);

#endif							/* ASHMIG_MODEL_H */
