/*
 * snapshot_three_way.h
 *		What two branches have made of one table: do their changes touch the
 *		same thing, and what do both together give?
 *
 * A change is the step from one recorded snapshot of a table to the next.  It
 * touches things: attributes (their type, default, nullability and references
 * apart), identities, indexes, checks, statements, the primary key, and what
 * else a snapshot says of its table.  Two changes that touch nothing in common
 * can be applied in any order.
 *
 * Not to be confused with snapshot_merge.h, which makes one snapshot of those
 * that several resources have of one table.
 */
#ifndef ASHMIG_SNAPSHOT_THREE_WAY_H
#define ASHMIG_SNAPSHOT_THREE_WAY_H

#include "postgres.h"

#include "base/problem.h"

/* A table as a row of ashmig.snapshots has it, as JSON text */
typedef struct TableText
{
	char	   *snapshot;		/* an object, or a list of them; NULL: there
								 * is no such table */
	char	   *state;			/* see model/table_state.h; or NULL */
} TableText;

/* The step from one to the next */
typedef struct TableStep
{
	const TableText *from;
	const TableText *to;
} TableStep;

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

/*
 * A snapshot as text that is the same for what means the same: members that
 * say nothing are left out, members and named parts are sorted.  NULL with the
 * problem noted where it is not JSON.
 */
extern char *snapshot_canonical(const char *snapshot, Problem *problem);

/* The first thing that both steps touch, or NULL */
extern StepClash *snapshot_find_clash(const TableStep *one, const TableStep *other,
									  Problem *problem);

/*
 * A table after one more step, which may have started from another state of
 * it; snapshot_find_clash found nothing between this step and those that led
 * from the one state to the other.  NULL with the problem noted.
 */
extern TableText *snapshot_apply_step(const TableText *table, const TableStep *step,
									  Problem *problem);

#endif							/* ASHMIG_SNAPSHOT_THREE_WAY_H */
