/*
 * rights_funcs.c
 *		The SQL-callable functions about the rights of roles.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "metadata/rights.h"

PG_FUNCTION_INFO_V1(ashmig_grant);
PG_FUNCTION_INFO_V1(ashmig_revoke);

/* The statements that ran, one a row */
static Datum
return_statements(FunctionCallInfo fcinfo, List *statements)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(lc, statements)
	{
		Datum		value = CStringGetTextDatum(lfirst(lc));
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

/* Give a role all it needs */
Datum
ashmig_grant(PG_FUNCTION_ARGS)
{
	return return_statements(fcinfo, rights_grant(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* Take it back */
Datum
ashmig_revoke(PG_FUNCTION_ARGS)
{
	return return_statements(fcinfo, rights_revoke(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}
