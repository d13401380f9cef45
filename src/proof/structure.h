/*
 * structure.h
 *		The structure of schemas, as PostgreSQL itself reads it, in rows that can
 *		be compared.
 *
 * One query gives a fact for each table, column, constraint, index, ... of any
 * number of schemas.  The names of the schemas are replaced by labels, so that
 * a schema built for comparison equals a live one.  The order of columns is no
 * part of the structure, nor are owners, privileges and what belongs to an
 * extension.
 *
 * The catalogs are read, and the tables neither locked nor opened.
 */
#ifndef ASHMIG_STRUCTURE_H
#define ASHMIG_STRUCTURE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A schema to read, and what stands for its name in the facts */
typedef struct StructureSchema
{
	const char *name;
	const char *label;
	const char *qualifier;		/* before a dot, in definitions; NULL: the
								 * label */
	const char *word;			/* elsewhere; NULL: the label */
	bool		only_qualifier; /* elsewhere it is left as it is */
} StructureSchema;

/* What the definition of a column says */
typedef struct ColumnParts
{
	char	   *type;
	char	   *collation;		/* "": its type's */
	bool		not_null;
	char		identity;		/* as in pg_attribute: '\0', 'a', 'd' */
	char		generated;		/* likewise: '\0', 's', 'v' */
	char	   *expression;		/* the default, or what it is generated from;
								 * "": none */
} ColumnParts;

typedef struct StructureFact
{
	char	   *schema;			/* its label */
	char	   *table;			/* "" where it is of no table */
	char	   *kind;			/* "table", "column", "index", ... */
	char	   *name;			/* with the argument types of a function */
	char	   *column;			/* that it is, or that owns the sequence; or
								 * NULL */
	char	   *definition;
	char	   *setting;		/* a comment, storage parameters and the like;
								 * or NULL */
	ColumnParts *parts;			/* of a column, or NULL */
} StructureFact;

/* What is expected and what is there; one of the two may be NULL */
typedef struct StructureDifference
{
	const StructureFact *expected;
	const StructureFact *actual;
} StructureDifference;

/*
 * The facts (of StructureFact *) of the schemas (of StructureSchema *), sorted.
 * "labels" (of StructureSchema *) are put in the place of names in them.
 */
extern List *structure_read(List *schemas, List *labels);

/* What a schema looks like, as a number */
typedef struct StructurePrint
{
	char	   *qualifier;		/* the schema's name, quoted where that is
								 * necessary, and a dot */
	char	   *print;
} StructurePrint;

/*
 * A StructurePrint for each of any number of schemas (of char *) that has
 * something of the "known" facts; comments and the like apart.  Two with the
 * same print have the same structure: to compare one of them is to compare all.
 * Only tables, and objects beside them, that are known count; "label" is what
 * stands for the name of the schema in the known facts.
 */
extern List *structure_prints(List *names, List *known, const char *label);

/*
 * The differences (of StructureDifference *) between two sorted lists, in their
 * order; NIL where they are the same structure.  Settings count where asked for.
 */
extern List *structure_compare(List *expected, List *actual, bool with_settings);

/* A text with the names of the schemas replaced by their labels */
extern char *structure_label(const char *text, List *schemas);

#endif							/* ASHMIG_STRUCTURE_H */
