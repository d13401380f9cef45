/*
 * run.c
 *		Running migrations over schemas: see run.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/hsearch.h"

#include "base/compat.h"
#include "migrate/migrate.h"
#include "run/leader.h"
#include "run/lock_budget.h"
#include "run/run.h"
#include "run/targets.h"

/* Passes over tenants that come into being, or change names, during a run */
#define MAX_PASSES 5

/*
 * Does a run called now commit schema by schema?  Not in a transaction block, a
 * subtransaction, a function or a DO block, and not where the transaction has
 * written: what the caller does may yet fail, and belongs together with it.
 */
bool
run_outside_transaction(const RunOptions *options)
{
	return !options->atomic && options->workers > 0 && IsUnderPostmaster && !options->nested &&
		!IsTransactionBlock() && !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/*
 * Run everything in the transaction of the caller: all or nothing.
 */
static List *
run_inline(const RunOptions *options, List *targets)
{
	List	   *results = NIL;
	LockBudgetMeasure measure = {0};

	lock_budget_check(options, targets);
	foreach_ptr(const Target, target, targets)
	{
		RunResult  *result;

		CHECK_FOR_INTERRUPTS();
		if (!target->exists)
			result = results_without_run(target->scope, target->schema, RUN_MISSING);
		else
		{
			result = migrate_schema(options, target->scope, target->schema, false);
			if (target->scope == SCOPE_TENANT)
				lock_budget_measure(&measure, list_length(targets));
		}
		if (result->status != RUN_NOTHING)
			results = lappend(results, result);
	}
	return results;
}

/* Names of the schemas that have had a turn */
static HTAB *
make_names(void)
{
	HASHCTL		control = {.keysize = NAMEDATALEN, .entrysize = NAMEDATALEN,
	.hcxt = CurrentMemoryContext};

	return hash_create("ashmig schemas", 256, &control,
					   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/*
 * Run the targets in workers, one pass.  Those whose schema is missing just
 * get their row.
 */
static List *
run_pass(const RunOptions *options, List *targets)
{
	List	   *present = NIL;
	List	   *results = NIL;

	foreach_ptr(Target, target, targets)
	{
		if (target->exists)
			present = lappend(present, target);
		else
			results = lappend(results, results_without_run(target->scope, target->schema, RUN_MISSING));
	}
	if (present == NIL)
		return results;
	return list_concat(leader_run(options, present), results);
}

/*
 * The targets that had no turn yet; their names are entered.  Public comes in
 * the first pass only: what it left to the background is still pending then.
 */
static List *
new_targets(List *targets, HTAB *names, bool first_pass)
{
	List	   *result = NIL;

	foreach_ptr(Target, target, targets)
	{
		bool		found;

		/* public may have a tenant's name as prefix */
		if (target->scope == SCOPE_TENANT)
			(void) hash_search(names, target->schema, HASH_ENTER, &found);
		else
			found = !first_pass;
		if (!found)
			result = lappend(result, target);
	}
	return result;
}

/*
 * Run in workers, until no tenant is left that came or was renamed meanwhile.
 */
static List *
run_outside(const RunOptions *options, List *targets)
{
	HTAB	   *names = make_names();
	List	   *results = NIL;

	targets = new_targets(targets, names, true);
	for (int pass = 1; targets != NIL && pass <= MAX_PASSES; pass++)
	{
		results = list_concat(results, run_pass(options, targets));
		if (results_have_failure(results) || !options->run_tenants || options->down ||
			options->has_only || options->step > 0)
			break;
		targets = new_targets(targets_find(options), names, false);
	}
	if (options->on_error != ON_ERROR_REPORT)
		results_raise_failure(results);
	return results;
}

/*
 * Run what the options ask for.
 */
List *
run_migrations(const RunOptions *options)
{
	List	   *targets = targets_find(options);

	if (targets == NIL)
		return NIL;
	PreventCommandIfReadOnly(options->down ? "a rollback" : "migrations");
	if (options->down)
		targets_check_reversible(options, targets);
	if (run_outside_transaction(options))
		return run_outside(options, targets);
	return run_inline(options, targets);
}
