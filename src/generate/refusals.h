/*
 * refusals.h
 *		What cannot be made, refused before it is recorded.
 *
 * A key or an index over a column that the snapshot does not have may even be
 * made today, where a retired column of that name is left; but an empty
 * database could not be built from it.
 *
 * PostgreSQL makes a foreign key only where a unique key is over exactly the
 * columns that it points to.  The snapshots say whether there is one; for what
 * they do not speak of, the catalogs and the recorded migrations do.
 */
#ifndef ASHMIG_REFUSALS_H
#define ASHMIG_REFUSALS_H

#include "postgres.h"

#include "generate/generate.h"

/*
 * Raise ERRCODE_ASHMIG_NO_COLUMN for the first key or index of a given table
 * over a column that is not there, ERRCODE_ASHMIG_NO_KEY for the first foreign
 * key that the generation makes and that points to columns without a unique
 * key.  In doubt it is let through: a hand-written migration or a custom
 * statement may bring the column or the key.  What does not change is not looked at.
 * Where Citus is at work, ERRCODE_ASHMIG_CITUS for what it does not do in tenants.
 */
extern void refusals_check(const Generation *generation, bool with_dev);

/*
 * Branches may have touched different things and yet not fit: two indexes of
 * one name, a foreign key to columns whose unique key the other branch has
 * removed.  Raise ERRCODE_ASHMIG_BRANCH_CONFLICT, which names the imported
 * migration at which they met.
 */
extern void refusals_check_merged(const Migration *migration);

#endif							/* ASHMIG_REFUSALS_H */
