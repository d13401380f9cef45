/*
 * snapshot_store.h
 *		The snapshots that generations have recorded: the table
 *		ashmig.snapshots, and the structure that it stands for.
 *
 * Every generation adds the snapshots of the tables it changed, under its own
 * version, so that removing a migration is removing its rows.  What counts
 * is the newest row of a table; one without a snapshot says that the table is
 * gone.  Rows of dev generations count only for dev generations, for which they
 * are newer than all others.  See record/branches.h for rows that do not build
 * on each other.
 */
#ifndef ASHMIG_SNAPSHOT_STORE_H
#define ASHMIG_SNAPSHOT_STORE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"
#include "metadata/catalog_migrations.h"
#include "model/model.h"

typedef struct Recorded
{
	Model	   *model;
	List	   *snapshots;		/* of ResourceSnapshot *, as decoded, each
								 * table's first */
} Recorded;

/* The repos that have snapshots, as a List of char *. */
extern List *snapshot_store_repos(void);

/* The recorded structure of a repo. */
extern Recorded *snapshot_store_load(const char *repo, bool with_dev, Problem *problem);

/*
 * The same as it was before some generations: those "without" (of int64 *, their
 * versions) that brought snapshots to the scope.
 */
extern Recorded *snapshot_store_load_without(const char *repo, Scope scope, List *without,
											 Problem *problem);

/*
 * Those of the generations whose predecessors are gone, since snapshots were
 * squashed: the structure before them is not known.  List of int64 *.
 */
extern List *snapshot_store_squashed(const char *repo, Scope scope, List *generations);

/* A table that another repo had recorded so far */
typedef struct TakenTable
{
	char	   *repo;
	TableName	name;
} TakenTable;

/*
 * Add to "recorded", the record of "repo", those of the named tables (of
 * TableName *) that another repo of this database has recorded: there is one
 * table of a name, so it passes from one repo to the other.  Returns them as
 * a List of TakenTable *.
 */
extern List *snapshot_store_take_over(Recorded *recorded, const char *repo, List *names,
									  bool with_dev, Problem *problem);

/*
 * Are all of these snapshots (a jsonb array) recorded as they stand?  Then
 * there is nothing to decode.
 */
extern bool snapshot_store_is_current(Datum snapshots, bool with_dev);

/*
 * Record a table as of "version": the elements of the jsonb array "snapshots"
 * at these positions (NIL: the snapshot it has), and its state.
 */
extern void snapshot_store_save(const char *repo, const Table *table, Datum snapshots,
								List *positions, int64 version, bool dev);

/* Is what these positions say of a table its newest row, word for word? */
extern bool snapshot_store_has(const char *repo, const Table *table, Datum snapshots,
							   List *positions, bool with_dev);

/* A table whose structure did not change: bring its newest row up to date. */
extern void snapshot_store_refresh(const char *repo, const Table *table, Datum snapshots,
								   List *positions, bool with_dev);

/* Record that a table is gone as of "version". */
extern void snapshot_store_drop(const char *repo, const TableName *name, int64 version, bool dev);

/* A table's snapshots, all that there are, pass from one repo to another. */
extern void snapshot_store_pass(const char *from, const char *to, const TableName *name);

/* Forget the snapshots of dev generations, of all repos. */
extern void snapshot_store_forget_dev(void);

/* Keep only what counts; returns the rows that went. */
extern uint64 snapshot_store_squash(void);

#endif							/* ASHMIG_SNAPSHOT_STORE_H */
