/*
 * remake.h
 *		What stays as it is written, and yet has to be taken down and made again,
 *		because it hangs on something that changes; and what cannot stay as it is
 *		written.
 *
 * PostgreSQL refuses to change the type of a column that a view reads, carries
 * an expression over to the new type as it was typed for the old one, and
 * drops no function that a trigger calls.  The text in the snapshots is right
 * on both sides of such a change, so it is enough to make these anew.
 *
 * What hangs on what is told by the text alone (sql_words.h).
 */
#ifndef ASHMIG_REMAKE_H
#define ASHMIG_REMAKE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"
#include "model/model.h"
#include "plan/rename.h"

/* Parts of the recorded tables (those of Renamed) to be made again */
typedef struct Remake
{
	List	   *parts;			/* of RemadePart * */
} Remake;

/* "complete": recorded tables that are not given go. */
extern Remake *remake_find(const Renamed *renamed, const Model *given, bool complete);

/*
 * Why this part (a Statement, a Check, a TableIndex; a Column: its default; the
 * text of a column's type) of a recorded table is made again: "column "n" of
 * "posts" changes its type".  NULL where it is not.
 */
extern const char *remake_reason(const Remake *remake, const void *part);

/*
 * Text that stays and names a column or a table that it cannot find any more,
 * because that is renamed or removed: a problem.  PostgreSQL carries what
 * exists along; but a tenant that is created later runs the text.
 */
extern bool remake_check_names(const Renamed *renamed, const Model *given, bool complete,
							   Problem *problem);

#endif							/* ASHMIG_REMAKE_H */
