/*
 * precheck_funcs.c
 *		The SQL-callable functions that look ahead: what would fail, and what
 *		a run costs.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "api/run_args.h"
#include "base/compat.h"
#include "precheck/precheck.h"

PG_FUNCTION_INFO_V1(ashmig_precheck);

/* A text value of a row, or NULL */
static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
put_problem(ReturnSetInfo *rsinfo, const DataProblem *problem)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	set_text(values, nulls, 0, scope_name(problem->scope));
	set_text(values, nulls, 1, problem->schema);
	values[2] = Int64GetDatum(problem->version);
	nulls[2] = problem->version == 0;
	set_text(values, nulls, 3, problem->table);
	set_text(values, nulls, 4, problem->kind);
	set_text(values, nulls, 5, problem->object);
	nulls[6] = problem->sample == NULL;
	values[6] = problem->sample ? DirectFunctionCall1(jsonb_in, CStringGetDatum(problem->sample)) : (Datum) 0;
	set_text(values, nulls, 7, problem->error);
	set_text(values, nulls, 8, problem->query);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * ashmig_precheck(only_tenants, except_tenants, repo, to_version, lock_timeout):
 * a row per schema and demand that its data would break
 */
Datum
ashmig_precheck(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RunOptions	options = run_options_default();

	run_args_read(fcinfo, &options);
	InitMaterializedSRF(fcinfo, 0);
	foreach_ptr(const DataProblem, problem, precheck_find(&options))
		put_problem(rsinfo, problem);
	PG_RETURN_NULL();
}
