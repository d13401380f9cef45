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
} StructureSchema;

typedef struct StructureFact
{
	char	   *schema;			/* its label */
	char	   *table;			/* "" where it is of no table */
	char	   *kind;			/* "table", "column", "index", ... */
	char	   *name;			/* with the argument types of a function */
	char	   *column;			/* that it is, or that owns the sequence; or
								 * NULL */
	char	   *definition;
} StructureFact;

/* What is expected and what is there; one of the two may be NULL */
typedef struct StructureDifference
{
	const StructureFact *expected;
	const StructureFact *actual;
} StructureDifference;

/* The facts (of StructureFact *) of the schemas (of StructureSchema *), sorted */
extern List *structure_read(List *schemas);

/*
 * The differences (of StructureDifference *) between two sorted lists, in their
 * order; NIL where they are the same structure.
 */
extern List *structure_compare(List *expected, List *actual);

/* A text with the names of the schemas replaced by their labels */
extern char *structure_label(const char *text, List *schemas);

#endif							/* ASHMIG_STRUCTURE_H */
