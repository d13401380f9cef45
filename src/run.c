/*
 * run.c
 *		Running migrations over schemas: see run.h.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "run.h"
#include "series.h"
#include "targets.h"

/* The result for a schema that is not there */
static RunResult *
missing_result(const Target *target)
{
	RunResult  *result = palloc0(sizeof(RunResult));

	result->tenant = target->tenant;
	result->schema = target->schema;
	result->status = RUN_MISSING;
	return result;
}

/*
 * Run everything in the transaction of the caller: all or nothing.
 */
static List *
run_inline(const RunOptions *options, List *targets)
{
	List	   *results = NIL;
	ListCell   *lc;

	foreach(lc, targets)
	{
		const Target *target = lfirst(lc);
		RunResult  *result;

		CHECK_FOR_INTERRUPTS();
		if (!target->exists)
			result = missing_result(target);
		else
			result = series_run(options, target->tenant, target->schema, false);
		if (result->status != RUN_NOTHING)
			results = lappend(results, result);
	}
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
	if (options->down)
		targets_check_reversible(options, targets);
	return run_inline(options, targets);
}
