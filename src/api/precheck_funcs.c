/*
 * precheck_funcs.c
 *		The SQL-callable functions that look ahead: what would fail, and what
 *		a run costs.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "api/run_args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_tenants.h"
#include "precheck/precheck.h"
#include "precheck/rehearsal.h"

PG_FUNCTION_INFO_V1(ashmig_precheck);
PG_FUNCTION_INFO_V1(ashmig_try);

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
 * ashmig_precheck(only_tenants, except_tenants, repo, to_version):
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

/* Names as an array; NULL where there are none */
static void
set_names(Datum *values, bool *nulls, int column, List *names)
{
	nulls[column] = names == NIL;
	values[column] = names != NIL ? catalog_text_array(names) : (Datum) 0;
}

static void
put_statement(ReturnSetInfo *rsinfo, const RehearsedStatement *row)
{
	bool		tried = row->status != REHEARSAL_NOT_TRIED;
	Interval	elapsed = {.time = row->elapsed};
	Datum		values[11];
	bool		nulls[11] = {false};

	set_text(values, nulls, 0, scope_name(row->scope));
	set_text(values, nulls, 1, row->schema);
	values[2] = Int64GetDatum(row->version);
	nulls[2] = row->version == 0;
	values[3] = Int32GetDatum(row->statement);
	nulls[3] = row->statement == 0;
	set_text(values, nulls, 4, rehearsal_status_name(row->status));
	values[5] = IntervalPGetDatum(&elapsed);
	nulls[5] = !tried;
	set_names(values, nulls, 6, row->locks);
	set_names(values, nulls, 7, row->rewritten);
	values[8] = Int64GetDatum(row->wal);
	nulls[8] = !tried;
	set_text(values, nulls, 9, row->error);
	set_text(values, nulls, 10, row->sql);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Where a schema's migrations come from: public's, or those of the tenants, of which it must be one */
static Scope
scope_of(const RunOptions *options, const char *schema)
{
	if (strcmp(schema, run_options_public_schema(options)) == 0)
		return SCOPE_PUBLIC;
	foreach_ptr(const Tenant, tenant, catalog_tenants())
	{
		if (strcmp(tenant->schema, schema) == 0 && tenant->exists && tenant->fault == NULL)
			return SCOPE_TENANT;
	}
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NO_TENANT),
			 errmsg("tenant \"%s\" does not exist", schema),
			 errhint("SELECT * FROM ashmig_all_tenants() lists all tenants.")));
	return SCOPE_TENANT;		/* keep compiler quiet */
}

/*
 * ashmig_try(schema, with_public, repo, to_version, lock_timeout): a row per
 * statement that is pending in the schema, with what it did there
 */
Datum
ashmig_try(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RunOptions	options = run_options_default();
	char	   *schema;
	Scope		scope;

	call_require(fcinfo, 0, "schema");
	schema = text_to_cstring(PG_GETARG_TEXT_PP(0));
	run_args_read(fcinfo, &options);
	scope = scope_of(&options, schema);
	InitMaterializedSRF(fcinfo, 0);
	foreach_ptr(const RehearsedStatement, row,
				rehearsal_run(&options, scope, schema,
							  scope == SCOPE_TENANT && call_boolean(fcinfo, "with_public", false)))
		put_statement(rsinfo, row);
	PG_RETURN_NULL();
}
