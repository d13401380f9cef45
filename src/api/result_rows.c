/*
 * result_rows.c
 *		What a run did, as rows: see result_rows.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "api/result_rows.h"
#include "base/compat.h"
#include "metadata/catalog_migrations.h"
#include "migrate/results.h"

/* The columns scope, schema, applied, version, status, elapsed, error */
#define RESULT_COLUMNS 7

void
result_rows_return(FunctionCallInfo fcinfo, List *results)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	foreach_ptr(const RunResult, result, results)
	{
		Datum		values[RESULT_COLUMNS];
		bool		nulls[RESULT_COLUMNS] = {0};
		Interval   *elapsed = palloc0(sizeof(Interval));
		char	   *error = results_error(result);

		if (result->status == RUN_NOTHING)
			continue;
		elapsed->time = result->elapsed;
		values[0] = CStringGetTextDatum(scope_name(result->scope));
		values[1] = CStringGetTextDatum(result->schema);
		values[2] = Int32GetDatum(result->applied);
		values[3] = Int64GetDatum(result->version);
		nulls[3] = result->version == 0;
		values[4] = CStringGetTextDatum(run_status_name(result->status));
		values[5] = IntervalPGetDatum(elapsed);
		values[6] = error ? CStringGetTextDatum(error) : (Datum) 0;
		nulls[6] = error == NULL;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}
