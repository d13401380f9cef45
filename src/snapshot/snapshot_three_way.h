/*
 * snapshot_three_way.h
 *		What two branches together make of a table.
 *
 * Not to be confused with snapshot_merge.h, which makes one snapshot of those
 * that several resources have of one table.
 */
#ifndef ASHMIG_SNAPSHOT_THREE_WAY_H
#define ASHMIG_SNAPSHOT_THREE_WAY_H

#include "postgres.h"

#include "base/problem.h"
#include "snapshot/snapshot_tree.h"

/*
 * A table after one more step, which may have started from another state of
 * it; snapshot_find_clash found nothing between this step and those that led
 * from the one state to the other.  NULL with the problem noted.
 */
extern TableText *snapshot_apply_step(const TableText *table, const TableStep *step,
									  Problem *problem);

#endif							/* ASHMIG_SNAPSHOT_THREE_WAY_H */
