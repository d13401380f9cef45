/*
 * snapshot.h
 *		Resource snapshots, decoded: what AshPostgres writes to
 *		priv/resource_snapshots, every format since 2022.
 *
 * A decoded snapshot says what the file said, with the defaults of missing
 * keys filled in and older spellings brought to today's; what it means for a
 * table is model.h's business.
 *
 * Everything is palloc'd in the current memory context.
 */
#ifndef ASHMIG_SNAPSHOT_H
#define ASHMIG_SNAPSHOT_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"
#include "snapshot/elixir.h"

typedef enum Strategy
{
	STRATEGY_NONE,
	STRATEGY_ATTRIBUTE,
	STRATEGY_CONTEXT
} Strategy;

typedef struct Multitenancy
{
	Strategy	strategy;
	char	   *attribute;		/* tenant column, or NULL */
	bool		global;
} Multitenancy;

typedef enum ReferenceAction
{
	ACTION_NONE,				/* null, "nothing" */
	ACTION_RESTRICT,
	ACTION_CASCADE,				/* "delete", "update" */
	ACTION_SET_NULL				/* "nilify" */
} ReferenceAction;

typedef enum MatchType
{
	MATCH_UNSET,
	MATCH_SIMPLE,
	MATCH_PARTIAL,
	MATCH_FULL
} MatchType;

typedef enum Deferrable
{
	DEFERRABLE_NOT,
	DEFERRABLE_IMMEDIATE,		/* true: INITIALLY IMMEDIATE */
	DEFERRABLE_DEFERRED			/* "initially": INITIALLY DEFERRED */
} Deferrable;

/* A tri-state: merging must tell a missing key from false. */
typedef enum Maybe
{
	MAYBE_UNSET,
	MAYBE_FALSE,
	MAYBE_TRUE
} Maybe;

/* One pair of "match_with": a composite key's further columns */
typedef struct MatchPair
{
	char	   *source;
	char	   *destination;
} MatchPair;

typedef struct Reference
{
	char	   *path;			/* JSON path, for errors */
	char	   *table;
	char	   *schema;			/* or NULL */
	char	   *destination_attribute;
	char	   *name;			/* "<table>_<column>_fkey" filled in */
	ReferenceAction on_delete;
	List	   *on_delete_columns;	/* of char *, for ["nilify", columns] */
	ReferenceAction on_update;
	List	   *match_with;		/* of MatchPair *, in the file's order */
	MatchType	match_type;
	Maybe		match_tenant;
	Deferrable	deferrable;
	Maybe		index;
	char	   *index_where;	/* or NULL */
	Maybe		primary_key;	/* destination is the primary key */
	Multitenancy multitenancy;	/* of the destination */
	char	   *destination_default;	/* or NULL */
	Maybe		destination_generated;
	bool		ignore;
} Reference;

typedef struct Attribute
{
	char	   *path;
	char	   *source;			/* column */
	int			array_depth;	/* 1 for ["array", T] */
	char	   *type;			/* the innermost type's name */
	int64		size;			/* -1: none */
	int64		precision;
	int64		scale;
	char	   *default_source; /* Elixir text, "nil" for none */
	ElixirTerm *default_value;	/* the same, parsed */
	bool		allow_nil;
	bool		generated;
	bool		primary_key;
	Reference  *references;		/* or NULL */
} Attribute;

typedef enum KeyOrder
{
	ORDER_NONE,
	ORDER_ASC,
	ORDER_ASC_NULLS_FIRST,
	ORDER_ASC_NULLS_LAST,
	ORDER_DESC,
	ORDER_DESC_NULLS_FIRST,
	ORDER_DESC_NULLS_LAST
} KeyOrder;

/* A column or an SQL expression of an index */
typedef struct IndexKey
{
	bool		is_sql;			/* value is SQL: "lower(email)", "title
								 * gin_trgm_ops" */
	bool		is_string;		/* to Elixir a string, so another key than the
								 * atom of that name */
	char	   *value;
	KeyOrder	order;
} IndexKey;

typedef struct Identity
{
	char	   *path;
	char	   *name;
	char	   *index_name;		/* "<table>_<name>_unique_index" filled in */
	bool		chosen;			/* by merging, from several names of one index */
	List	   *keys;			/* of IndexKey * */
	bool		all_tenants;
	bool		nils_distinct;
	char	   *where;			/* or NULL */
	char	   *base_filter;	/* or NULL */
} Identity;

typedef struct CustomIndex
{
	char	   *path;
	char	   *name;			/* or NULL: derived from table and fields */
	List	   *fields;			/* of IndexKey * */
	bool		unique;
	bool		concurrently;
	bool		all_tenants;
	bool		nulls_distinct;
	bool		include_base_filter;
	char	   *using;			/* or NULL */
	char	   *where;			/* or NULL */
	char	   *prefix;			/* or NULL */
	List	   *include;		/* of char * */
} CustomIndex;

typedef struct CheckConstraint
{
	char	   *path;
	char	   *name;
	char	   *check;
	char	   *base_filter;	/* or NULL */
	List	   *attributes;		/* of char * */
} CheckConstraint;

typedef struct CustomStatement
{
	char	   *path;
	char	   *name;
	char	   *up;
	char	   *down;
	bool		global;			/* belongs to the public scope */
	List	   *after_tables;	/* of char * */
} CustomStatement;

typedef struct ResourceSnapshot
{
	char	   *path;			/* "$[3]", or "$" where one was given alone */
	int			position;		/* in the input, from 0; -1: not in it */
	char	   *table;
	char	   *schema;			/* or NULL */
	char	   *repo;			/* "MyApp.Repo", without "Elixir."; "" where
								 * null */
	Multitenancy multitenancy;
	List	   *attributes;
	List	   *identities;
	List	   *custom_indexes;
	List	   *check_constraints;
	List	   *custom_statements;
	char	   *base_filter;	/* or NULL */
	bool		has_create_action;
	char	   *create_table_options;	/* or NULL */
	bool		drop_table_opted_out;
} ResourceSnapshot;

/* What a caller passes: one snapshot, an array, or a bundle */
typedef struct Bundle
{
	List	   *snapshots;		/* of ResourceSnapshot *, in the order given */
	List	   *extensions;		/* of char *: "installed", or NIL */
	bool		is_object;		/* {"snapshots": [...]}, as a whole folder is
								 * given */
	bool		has_extensions; /* the bundle has the key */
	int			ash_functions_version;	/* 0: not said */
	List	   *unknown_keys;	/* of char *: each unknown key once, with one
								 * path */
} Bundle;

/*
 * Decode JSON text (NUL-terminated).  NULL with the problem noted if it is
 * malformed: nothing is guessed.
 */
extern Bundle *snapshot_decode(const char *json, Problem *problem);

#endif							/* ASHMIG_SNAPSHOT_H */
