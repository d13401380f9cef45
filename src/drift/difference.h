/*
 * difference.h
 *		The differences between the structure that a schema is expected to have
 *		and the one that it has, each with the DDL that removes it.
 *
 * What no snapshot and no migration speaks of is no difference: tables, types,
 * functions, triggers and policies of others.  A column, constraint or index on
 * a table that is known is.  Retired columns, comments, storage parameters and
 * the order of columns are none either.
 *
 * Names of schemas are placeholders (sql_text.h), so that the same differences
 * hold for every schema that looks the same.
 */
#ifndef ASHMIG_DIFFERENCE_H
#define ASHMIG_DIFFERENCE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "drift/expected.h"

typedef enum DifferenceKind
{
	DIFFERENCE_MISSING,
	DIFFERENCE_EXTRA,
	DIFFERENCE_DIFFERENT
} DifferenceKind;

/*
 * The order of repairs.  Names come first, so that they are free; then what is
 * in the way goes, and what others need comes before them.
 */
typedef enum RepairStep
{
	REPAIR_EXTENSION,
	REPAIR_RENAME,
	REPAIR_DROP_FOREIGN_KEY,
	REPAIR_DROP_DEPENDENT,		/* views, triggers */
	REPAIR_DROP_CONSTRAINT,
	REPAIR_DROP_INDEX,
	REPAIR_DROP_COLUMN,
	REPAIR_TYPE,
	REPAIR_FUNCTION,
	REPAIR_SEQUENCE,
	REPAIR_TABLE,
	REPAIR_COLUMN,
	REPAIR_OWNER,				/* of a sequence */
	REPAIR_INDEX,
	REPAIR_KEY,					/* primary and unique keys */
	REPAIR_CHECK,
	REPAIR_FOREIGN_KEY,
	REPAIR_VALIDATE,
	REPAIR_DEPENDENT
} RepairStep;

typedef struct Repair
{
	RepairStep	step;
	char	   *sql;
} Repair;

typedef struct Difference
{
	DifferenceKind kind;
	const char *schema;			/* label of the fact */
	const char *table;			/* "" where it is of no table */
	const char *object_kind;
	const char *object;
	const StructureFact *expected;	/* NULL: nothing */
	const StructureFact *actual;	/* likewise */
	bool		is_renamed;		/* the same under another name */
	bool		informs;		/* it stops nothing: no row is refused that
								 * the application writes */
	List	   *repairs;		/* of Repair *; NIL: by hand */
} Difference;

extern const char *difference_kind_name(DifferenceKind kind);

/*
 * The differences (of Difference *) of a schema with these facts.  "schema" is
 * its name, which SQL texts of the application may mention.
 */
extern List *differences_find(const Expected *expected, List *actual, const char *schema);

/* Definitions as a row shows them, for one schema; NULL: there is none */
extern char *difference_expected(const Difference *difference, const char *schema);
extern char *difference_actual(const Difference *difference, const char *schema);

/* The DDL for one schema; NULL: there is none */
extern char *difference_repair(const Difference *difference, const char *schema);

/* The statements (of char *, with placeholders) that remove differences, in order */
extern List *differences_repair(List *differences);

#endif							/* ASHMIG_DIFFERENCE_H */
