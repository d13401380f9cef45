/*
 * tenant_funcs.c
 *		The SQL-callable functions about tenants.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "catalog.h"
#include "compat.h"
#include "registry.h"
#include "tenant.h"

PG_FUNCTION_INFO_V1(ashmig_create_tenant);
PG_FUNCTION_INFO_V1(ashmig_drop_tenant);
PG_FUNCTION_INFO_V1(ashmig_rename_tenant);
PG_FUNCTION_INFO_V1(ashmig_set_all_tenants);
PG_FUNCTION_INFO_V1(ashmig_all_tenants);

/* Create a tenant; returns its version, NULL where there are no migrations. */
Datum
ashmig_create_tenant(PG_FUNCTION_ARGS)
{
	int64		version = tenant_create(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (version == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(version);
}

/* Drop one */
Datum
ashmig_drop_tenant(PG_FUNCTION_ARGS)
{
	tenant_drop(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_BOOL(1));
	PG_RETURN_VOID();
}

/* Rename one */
Datum
ashmig_rename_tenant(PG_FUNCTION_ARGS)
{
	tenant_rename(text_to_cstring(PG_GETARG_TEXT_PP(0)),
				  text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

/* Set the query that lists tenants */
Datum
ashmig_set_all_tenants(PG_FUNCTION_ARGS)
{
	catalog_lock_tenants(RowExclusiveLock);
	registry_set_query(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* The tenants, and where each comes from */
Datum
ashmig_all_tenants(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, registry_tenants())
	{
		const Tenant *tenant = lfirst(lc);
		Datum		values[4];
		bool		nulls[4] = {0};

		values[0] = CStringGetTextDatum(tenant->schema);
		values[1] = BoolGetDatum(tenant->registered);
		values[2] = BoolGetDatum(tenant->listed);
		values[3] = BoolGetDatum(tenant->exists);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
