/*
 * generate_input.h
 *		What code generation is given: jsonb in one of three forms (a snapshot,
 *		an array of snapshots, a bundle), and what it says of repos and tables.
 */
#ifndef ASHMIG_GENERATE_INPUT_H
#define ASHMIG_GENERATE_INPUT_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "snapshot/snapshot.h"
#include "syntax/table_name.h"

/* The snapshots of the input as a jsonb array, whichever form it has */
extern Datum generate_input_snapshots(Datum input);

/* Is the input a bundle that speaks of extensions? */
extern bool generate_input_has_extensions(Datum input);

/*
 * Decode the input; raises what is wrong with it and, unless "quiet", warns of
 * unknown keys.
 */
extern Bundle *generate_input_decode(Datum input, bool quiet);

/* The snapshots that describe one table: several resources may share it */
typedef struct SnapshotGroup
{
	TableName	name;
	List	   *snapshots;		/* of ResourceSnapshot * */
	List	   *positions;		/* of int: where they stand in the input */
} SnapshotGroup;

/*
 * The snapshots (of ResourceSnapshot *) of one repo, grouped by table, in the
 * order of each table's first: a List of SnapshotGroup *.  Raises an error if
 * two tables are one only because PostgreSQL cuts their names.
 */
extern List *generate_input_group(List *snapshots, const char *repo);

/* The repos (of char *) that the snapshots of a bundle name, each once, in their order */
extern List *generate_input_repos(const Bundle *bundle);

#endif							/* ASHMIG_GENERATE_INPUT_H */
