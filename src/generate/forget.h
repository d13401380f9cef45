/*
 * forget.h
 *		A generation that failed everywhere is forgotten again.
 *
 * ashmig_apply records before it runs.  A migration that fails in each schema
 * (its SQL is wrong) would stay pending, in the way of what comes after it; so
 * it is forgotten, as if the call had been an error of the plan.  What some
 * schema has stays, and so does what may succeed when it is tried again.
 */
#ifndef ASHMIG_FORGET_H
#define ASHMIG_FORGET_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/options.h"

/*
 * Forget the migrations that a call has recorded ("versions": the text of a
 * bigint[]) if the results of its run say that they are wrong and that no
 * schema can have them.  True: they are forgotten, all of them.
 *
 * A worker does it and commits, since the call will end in an error.  "schema"
 * is that of our functions.
 */
extern bool forget_failed(const char *schema, const char *versions, const RunOptions *run,
						  List *results);

/*
 * The HINT for a run that failed, after forget_failed: what was forgotten, and
 * which migration that no schema has may be wrong.  NULL: nothing to say.
 */
extern char *forget_hint(List *results, bool forgotten);

#endif							/* ASHMIG_FORGET_H */
