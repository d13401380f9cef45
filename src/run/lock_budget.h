/*
 * lock_budget.h
 *		Will the locks of a run in one transaction fit into the lock table?
 */
#ifndef ASHMIG_LOCK_BUDGET_H
#define ASHMIG_LOCK_BUDGET_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/options.h"

/*
 * Raise, before anything is changed, where running the targets (List of
 * Target *) in one transaction takes more locks than there is room for.
 */
extern void lock_budget_check(const RunOptions *options, List *targets);

/*
 * The same after each schema, measured by what the first ones have taken; the
 * error rolls these back.  "schemas" is the number of all; the measure is zero
 * before the first.
 */
typedef struct LockBudgetMeasure
{
	int			done;
	int64		locks;			/* of this session, after the last */
} LockBudgetMeasure;

extern void lock_budget_measure(LockBudgetMeasure *measure, int schemas);

/* Locks that the lock table is made for, whoever holds them */
extern int64 lock_budget_room(void);

/* Does the lock table have room for so many more? */
extern bool budget_has_room(int locks);

/* The max_locks_per_transaction that gives room for so many more, with some to spare */
extern int64 lock_budget_setting(int64 locks);

/* Locks that statements (List of char *, with placeholders) take and keep */
extern int	lock_budget_statement(List *statements);

/*
 * A tenant is about to be created, which takes about that many locks: warn,
 * once a transaction, where they will soon not fit any more.
 */
extern void lock_budget_note_tenant(int locks);

/* Raise where dropping a schema with so many relations cannot fit. */
extern void lock_budget_check_drop(const char *schema, int64 relations);

#endif							/* ASHMIG_LOCK_BUDGET_H */
