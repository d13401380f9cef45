/*
 * run_funcs.c
 *		The SQL-callable functions that run migrations.
 */
#include "postgres.h"

#include "api/result_rows.h"
#include "api/run_args.h"
#include "base/compat.h"
#include "run/run.h"

PG_FUNCTION_INFO_V1(ashmig_migrate);
PG_FUNCTION_INFO_V1(ashmig_migrate_tenants);
PG_FUNCTION_INFO_V1(ashmig_migrate_all);
PG_FUNCTION_INFO_V1(ashmig_rollback);
PG_FUNCTION_INFO_V1(ashmig_rollback_tenants);

/*
 * Run as the arguments say, and return the results as rows.
 */
static Datum
run_call(FunctionCallInfo fcinfo, bool run_public, bool run_tenants, bool down)
{
	RunOptions	options = run_options_default();

	options.run_public = run_public;
	options.run_tenants = run_tenants;
	options.down = down;
	run_args_read(fcinfo, &options);
	result_rows_return(fcinfo, run_migrations(&options));
	return (Datum) 0;
}

/* Pending public migrations */
Datum
ashmig_migrate(PG_FUNCTION_ARGS)
{
	return run_call(fcinfo, true, false, false);
}

/* Pending tenant migrations in every tenant */
Datum
ashmig_migrate_tenants(PG_FUNCTION_ARGS)
{
	return run_call(fcinfo, false, true, false);
}

/* Public, then tenants */
Datum
ashmig_migrate_all(PG_FUNCTION_ARGS)
{
	return run_call(fcinfo, true, true, false);
}

/* Roll back public migrations */
Datum
ashmig_rollback(PG_FUNCTION_ARGS)
{
	return run_call(fcinfo, true, false, true);
}

/* Roll back tenant migrations in every tenant */
Datum
ashmig_rollback_tenants(PG_FUNCTION_ARGS)
{
	return run_call(fcinfo, false, true, true);
}
