/*
 * snapshot_tree.h
 *		Recorded snapshots as JSON trees: when two parts mean the same, and
 *		which parts have names.
 *
 * For what compares and merges snapshots as they are recorded, rather than
 * what they ask for.
 */
#ifndef ASHMIG_SNAPSHOT_TREE_H
#define ASHMIG_SNAPSHOT_TREE_H

#include "postgres.h"

#include "base/problem.h"
#include "snapshot/json_reader.h"

/* A table as a row of ashmig.snapshots has it, as JSON text */
typedef struct TableText
{
	char	   *snapshot;		/* an object, or a list of them; NULL: there
								 * is no such table */
	char	   *state;			/* see model/table_state.h; or NULL */
} TableText;

/* The step from one to the next */
typedef struct TableStep
{
	const TableText *from;
	const TableText *to;
} TableStep;

/*
 * A snapshot as text that is the same for what means the same: members that
 * say nothing are left out, members and named parts are sorted.  NULL with the
 * problem noted where it is not JSON.
 */
extern char *snapshot_canonical(const char *snapshot, Problem *problem);

/* JSON text as a tree; no root: there was no text */
typedef struct Tree
{
	JsonReader	reader;
	cJSON	   *root;
} Tree;

/*
 * Parse a text, or NULL; false with the problem noted.  Close it in any case.
 */
extern bool snapshot_tree_open(Tree *tree, const char *text, Problem *problem);
extern void snapshot_tree_close(Tree *tree);

/* How many snapshots it has, and one of them */
extern int	snapshot_tree_count(const Tree *tree);
extern cJSON *snapshot_tree_at(const Tree *tree, int index);

/* A member of an object, or NULL */
extern cJSON *snapshot_tree_member(const cJSON *object, const char *key);

/* A value as text, NULL where there is none; "canonical": see above */
extern char *snapshot_tree_show(const cJSON *value, bool canonical);

/* Do two values, either of which may be missing, mean the same? */
extern bool snapshot_tree_same(const cJSON *a, const cJSON *b);

/* Is it one of these words? */
extern bool snapshot_tree_one_of(const char *word, const char *const *words, int nwords);

/* ----------
 * Parts that have names
 * ----------
 */

/* Named parts of a snapshot, or of a table's state */
typedef enum ThingKind
{
	THING_TABLE,				/* all of it */
	THING_FIELD,
	THING_PRIMARY_KEY,
	THING_ATTRIBUTE,			/* its type, or that it is there */
	THING_DEFAULT,
	THING_ALLOW_NIL,
	THING_REFERENCES,
	THING_IDENTITY,
	THING_INDEX,
	THING_CHECK,
	THING_STATEMENT,
	THING_RETIRED
} ThingKind;

/* A list of parts that have names */
typedef struct PartList
{
	const char *key;
	ThingKind	kind;
} PartList;

#define SNAPSHOT_PART_LISTS	5

extern const PartList snapshot_part_lists[SNAPSHOT_PART_LISTS];
extern const PartList snapshot_retired_list;	/* in the state */

/* Is it the key of such a list in a snapshot? */
extern bool snapshot_is_part_list(const char *key);

/* The name of a part; NULL for what has none, as in no snapshot of AshPostgres */
extern const char *snapshot_part_name(const PartList *list, const cJSON *part);

/* The part of that name, or NULL */
extern cJSON *snapshot_part_find(const PartList *list, const cJSON *parts, const char *name);

#endif							/* ASHMIG_SNAPSHOT_TREE_H */
