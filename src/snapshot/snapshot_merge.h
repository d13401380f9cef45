/*
 * snapshot_merge.h
 *		Several snapshots of one table as one: AshPostgres lets several
 *		resources share a table, each with its own snapshot.
 *
 * The rules are those of AshPostgres' deduplicate_snapshots; where it prompts
 * the user or drops something silently, this raises an error that shows the
 * facts.
 */
#ifndef ASHMIG_SNAPSHOT_MERGE_H
#define ASHMIG_SNAPSHOT_MERGE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"
#include "snapshot/snapshot.h"

/*
 * What exists in the database decides between several choices; NIL if nothing
 * does.
 */
typedef struct MergeHistory
{
	const List *primary_key;	/* of char *: its columns */
	const List *identities;		/* of char *: names of the identities that
								 * have an index */
} MergeHistory;

/*
 * Merge the snapshots (of ResourceSnapshot *) of one table.  NULL with the
 * problem noted if they conflict.
 */
extern ResourceSnapshot *snapshot_merge(List *snapshots, const MergeHistory *history,
										Problem *problem);

#endif							/* ASHMIG_SNAPSHOT_MERGE_H */
