/*
 * merge.h
 *		Several snapshots of one table as one: AshPostgres lets several
 *		resources share a table, each with a snapshot of its own.
 *
 * The rules are those of AshPostgres' deduplicate_snapshots; where it asks a
 * person or drops something silently, this is an error that shows the facts.
 */
#ifndef ASHMIG_MERGE_H
#define ASHMIG_MERGE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "problem.h"
#include "snapshot.h"

/*
 * Merge the snapshots (of ResourceSnapshot *) of one table.  "recorded_key" (of
 * char *) is the primary key that stands in the database, NIL where there is
 * no record.  NULL with the problem noted where they conflict.
 */
extern ResourceSnapshot *merge_snapshots(List *snapshots, const List *recorded_key,
								 Problem *problem);

/* The names of the primary key's columns, in their order. */
extern List *merge_primary_key(const ResourceSnapshot *snapshot);

#endif							/* ASHMIG_MERGE_H */
