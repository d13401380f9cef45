/*
 * snapshot_clash.h
 *		Do two branches touch the same thing of a table?
 *
 * A step leads from one recorded snapshot of a table to the next.  It touches
 * things: attributes (their type, default, nullability and references apart),
 * identities, indexes, checks, statements, the primary key, and what else a
 * snapshot says of its table.  Two steps that touch nothing in common can be
 * taken in any order.
 */
#ifndef ASHMIG_SNAPSHOT_CLASH_H
#define ASHMIG_SNAPSHOT_CLASH_H

#include "postgres.h"

#include "base/problem.h"
#include "snapshot/snapshot_tree.h"

/* What two steps both touch */
typedef struct StepClash
{
	char	   *thing;			/* "attribute \"title\"", "" for the table
								 * itself */
	char	   *path;			/* where "other" is in its snapshot, without
								 * the "$", or NULL */
	char	   *before;			/* values as JSON, NULL where there is none */
	char	   *one;
	char	   *other;
} StepClash;

/* The first thing that both steps touch, or NULL */
extern StepClash *snapshot_find_clash(const TableStep *one, const TableStep *other,
									  Problem *problem);

#endif							/* ASHMIG_SNAPSHOT_CLASH_H */
