/*
 * run.c
 *		Running migrations over schemas: see run.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "base/name_table.h"
#include "metadata/citus.h"
#include "migrate/migrate.h"
#include "run/leader.h"
#include "run/lock_budget.h"
#include "run/new_values.h"
#include "run/rollout.h"
#include "run/run.h"
#include "run/stages.h"
#include "run/targets.h"

/* Passes over tenants that come into being, or change names, during a run */
#define MAX_PASSES 5

/*
 * Does the caller act as another role than its session does, by a SECURITY
 * DEFINER function?  A worker, whose session it would be, cannot be bound to
 * that role as the function is: a migration there could RESET ROLE.
 */
static bool
acts_for_another(void)
{
	return InLocalUserIdChange() || InSecurityRestrictedOperation();
}

/*
 * Does a run called now commit schema by schema?  Not in a transaction block, a
 * subtransaction, a function or a DO block, and not where the transaction has
 * written: what the caller does may yet fail, and belongs together with it.
 */
bool
run_outside_transaction(const RunOptions *options)
{
	if (acts_for_another())
		return false;
	return !options->atomic && options->workers > 0 && IsUnderPostmaster && !options->nested &&
		!IsTransactionBlock() && !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/* One schema, in the transaction of the caller */
static RunResult *
run_schema_inline(const RunOptions *options, const Target *target)
{
	MemoryContext context = CurrentMemoryContext;
	RunResult  *volatile result = NULL;

	PG_TRY();
	{
		result = migrate_schema(options, target->scope, target->schema, false);
	}
	PG_CATCH();
	{
		new_values_explain(context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return result;
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
	new_values_check(options, targets);
	foreach_ptr(const Target, target, targets)
	{
		RunResult  *result;

		CHECK_FOR_INTERRUPTS();
		if (!target_is_usable(target))
			result = target_unusable(target);
		else if (rollout_time_is_over(options))
			result = results_stopped(target->scope, target->schema, STOP_RUN_UNTIL);
		else
		{
			result = run_schema_inline(options, target);
			if (target->scope == SCOPE_TENANT)
				lock_budget_measure(&measure, list_length(targets));
		}
		if (result->status != RUN_NOTHING)
			results = lappend(results, result);
	}
	return results;
}

/*
 * Run the targets in workers, one pass.  Those that are not usable just get
 * their row.
 */
static List *
run_pass(const RunOptions *options, List *targets)
{
	List	   *present = NIL;
	List	   *results = NIL;

	foreach_ptr(Target, target, targets)
	{
		if (target_is_usable(target))
			present = lappend(present, target);
		else
			results = lappend(results, target_unusable(target));
	}
	if (present == NIL)
		return results;
	return list_concat(leader_run(options, present), results);
}

/*
 * The targets that had no turn yet; their names are entered.  Public comes in
 * the first pass only, as what it left to the background is still pending then.
 */
static List *
new_targets(List *targets, HTAB *names, bool first_pass)
{
	List	   *result = NIL;

	foreach_ptr(Target, target, targets)
	{
		/* public may have a tenant's name as prefix */
		if (target->scope == SCOPE_TENANT ? name_set_add(names, target->schema) : first_pass)
			result = lappend(result, target);
	}
	return result;
}

/* ----------
 * Stages
 * ----------
 */

/* Newest first, for list_sort */
static int
compare_newest_first(const ListCell *a, const ListCell *b)
{
	int64		va = *(int64 *) lfirst(a);
	int64		vb = *(int64 *) lfirst(b);

	return va < vb ? 1 : va > vb ? -1 : 0;
}

/* Is it the version of a tenant migration?  Versions are unique over both scopes. */
static bool
is_tenant_version(const int64 *version)
{
	ListCell   *lc;

	foreach(lc, catalog_migrations_cached(SCOPE_TENANT))
	{
		if (((Migration *) lfirst(lc))->version == *version)
			return true;
	}
	return false;
}

/*
 * Run in workers, until no tenant is left that came or was renamed meanwhile.
 */
static List *
run_outside(const RunOptions *options, List *targets)
{
	HTAB	   *names = name_set_create("ashmig schemas", NIL);
	RunOptions	part = *options;
	List	   *results = NIL;

	targets = new_targets(targets, names, true);
	for (int pass = 1; targets != NIL && pass <= MAX_PASSES; pass++)
	{
		results = list_concat(results, run_pass(&part, targets));
		part.canary = 0;		/* they have shown that it works */
		if (results_have_failure(results) || !options->run_tenants || options->down ||
			options->has_only || options->step > 0)
			break;
		targets = new_targets(targets_find(options), names, false);
	}
	return results;
}

/*
 * Run what the options ask for, in the two phases, public and tenants.
 */
static List *
run_phases(const RunOptions *options)
{
	List	   *targets = targets_find(options);

	if (targets == NIL)
		return NIL;
	PreventCommandIfReadOnly(options->down ? "a rollback" : "migrations");
	if (options->down)
	{
		targets_check_reversible(options, targets);
		stages_check_rollback(options);
	}
	if (run_outside_transaction(options))
		return run_outside(options, targets);
	return run_inline(options, targets);
}

/*
 * Roll back migrations of both scopes, newest first: each stretch of one scope
 * is a stage.
 */
static List *
run_down_mirrored(const RunOptions *options)
{
	List	   *results = NIL;
	List	   *versions = list_copy(options->versions);

	list_sort(versions, compare_newest_first);
	while (versions != NIL)
	{
		RunOptions	part = *options;
		List	   *done;

		part.versions = NIL;
		part.run_tenants = is_tenant_version(linitial(versions));
		part.run_public = !part.run_tenants;
		while (versions != NIL && is_tenant_version(linitial(versions)) == part.run_tenants)
		{
			part.versions = lappend(part.versions, linitial(versions));
			versions = list_delete_first(versions);
		}
		done = run_phases(&part);
		results = results_merge(results, done);
		if (results_have_failure(done))
			break;
	}
	return results;
}

/*
 * Roll back the newest tenant migration, or so many of them, that any of the
 * tenants has.  It is a migration that is rolled back and not a count: a tenant
 * that does not have it is left alone, and gets a row that says so.
 */
static List *
run_down_newest(const RunOptions *options)
{
	RunOptions	part = *options;
	List	   *targets = targets_find(options);
	List	   *having;
	List	   *results;
	ListCell   *lh;
	ListCell   *lc;

	if (targets == NIL)
		return NIL;
	part.step = Max(options->step, 1);
	part.versions = targets_newest_versions(options, SCOPE_TENANT, targets, part.step);
	having = targets_find(&part);	/* in the same order */
	results = run_phases(&part);
	lh = list_head(having);
	foreach(lc, targets)
	{
		const Target *target = lfirst(lc);

		if (lh != NULL && strcmp(((Target *) lfirst(lh))->schema, target->schema) == 0)
			lh = lnext(having, lh);
		else
			results = lappend(results, results_without_run(target->scope, target->schema,
														   RUN_NOT_APPLIED));
	}
	return results;
}

/*
 * Run what the options ask for.
 */
List *
run_migrations(const RunOptions *options)
{
	List	   *results;

	if (options->run_tenants)
		citus_check_coordinator();
	if (!options->down)
		results = stages_run(options, run_phases);
	else if (options->run_public && options->run_tenants)
		results = run_down_mirrored(options);
	else if (options->run_tenants && options->to == 0 && !options->all &&
			 options->versions == NIL)
		results = run_down_newest(options);
	else
		results = run_phases(options);
	if (options->on_error != ON_ERROR_REPORT && !options->keep_failures &&
		run_outside_transaction(options))
		results_raise_failure(results);
	return results;
}

/*
 * Run the repairs of some schemas.
 */
List *
run_repairs(const RunOptions *options, List *targets, bool outside)
{
	List	   *results;

	if (targets == NIL)
		return NIL;
	PreventCommandIfReadOnly("repairs");
	results = outside ? run_pass(options, targets) : run_inline(options, targets);
	if (outside && options->on_error != ON_ERROR_REPORT && !options->keep_failures)
		results_raise_failure(results);
	return results;
}
