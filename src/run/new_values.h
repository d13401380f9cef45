/*
 * new_values.h
 *		Values of enums that one transaction would add and use.
 *
 * PostgreSQL lets nobody use a new value of an enum before the transaction that
 * adds it has committed.  A run that commits schema by schema is no trouble:
 * there values are added outside a transaction, and what comes after that waits.
 * One that does everything in the caller's transaction is refused, with what to
 * do instead.
 */
#ifndef ASHMIG_NEW_VALUES_H
#define ASHMIG_NEW_VALUES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/options.h"

/*
 * Raise, before anything is changed, where running the targets (List of
 * Target *) in one transaction adds a value and uses it, as far as the texts of
 * the migrations show.
 */
extern void new_values_check(const RunOptions *options, List *targets);

/*
 * For a PG_CATCH block: raise the same where the error is PostgreSQL's about
 * such a use that the texts did not show; return where it is another one.
 */
extern void new_values_explain(MemoryContext context);

#endif							/* ASHMIG_NEW_VALUES_H */
