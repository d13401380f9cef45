/*
 * branches.h
 *		Histories that meet: recorded snapshots of one table that do not all
 *		build on each other.
 *
 * Each row of ashmig.snapshots names the rows that it started from (column
 * base_versions).  Where migrations of another database are imported, these
 * need not be the newest ones: the rows of a table form branches.
 *
 * The column snapshot of a row is what all rows up to its version give
 * together; so the newest one is current, and nobody else has to know of
 * branches.  Where that is not what the row's own generation recorded, the
 * latter is in the column brought.  Two rows of which neither builds on the
 * other may touch nothing in common (snapshot_three_way.h).  Then what they
 * give together depends neither on the order in which they came, nor on that
 * of their versions.
 *
 * Rows of dev generations count as newer than all others.
 */
#ifndef ASHMIG_BRANCHES_H
#define ASHMIG_BRANCHES_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"
#include "syntax/table_name.h"

/* A table of a repo */
typedef struct BranchTable
{
	char	   *repo;
	TableName	name;
} BranchTable;

/*
 * The tables (of BranchTable *) of a query of repo, "is it tenant", schema or
 * null, and name.
 */
extern List *branches_tables(CatalogStatement *query, Datum *values);

/* What a new row of a table starts from */
typedef struct BranchBase
{
	Datum		versions;		/* bigint[]: rows on which no other builds */
	char	   *hash;			/* of what is current, or NULL: no such table */
} BranchBase;

/* What a generation that is recorded now starts from; "dev": a dev one */
extern BranchBase branches_base(const char *repo, const TableName *table, bool dev);

/*
 * Record the snapshots that an imported migration brought: a jsonb array as
 * export_script writes it.  "generation" is the version that they have.  An
 * error where another branch has changed the same thing of a table, or where
 * the rows that one starts from are not recorded.  True where it met other
 * branches, or where a reference and its target are to be compared.
 */
extern bool branches_import(const Migration *migration, int64 generation, Datum snapshots);

/* Rows of a table were deleted: bring the others up to date. */
extern void branches_refold(const char *repo, const TableName *table);

/* A row that does not fit the others */
typedef struct BranchProblem
{
	char	   *repo;
	TableName	table;
	int64		version;
	char	   *problem;
	char	   *recorded;		/* hashes, or NULL */
	char	   *actual;
} BranchProblem;

/*
 * Rows that start from what is not recorded, or from something else than what
 * is, and tables whose newest row is not what its branches give together: a
 * List of BranchProblem *.
 */
extern List *branches_problems(void);

/* Older rows are gone: those that were merged stand for themselves from now on. */
extern void branches_squashed(void);

#endif							/* ASHMIG_BRANCHES_H */
