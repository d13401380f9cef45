/*
 * tenant_funcs.c
 *		The SQL-callable functions about tenants.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_tenants.h"
#include "tenant/tenant.h"

PG_FUNCTION_INFO_V1(ashmig_create_tenant);
PG_FUNCTION_INFO_V1(ashmig_create_missing_tenants);
PG_FUNCTION_INFO_V1(ashmig_drop_tenant);
PG_FUNCTION_INFO_V1(ashmig_drop_tenant_serial);
PG_FUNCTION_INFO_V1(ashmig_rename_tenant);
PG_FUNCTION_INFO_V1(ashmig_set_all_tenants);
PG_FUNCTION_INFO_V1(ashmig_all_tenants);

/* Create a tenant; returns its version, NULL if there are no migrations. */
Datum
ashmig_create_tenant(PG_FUNCTION_ARGS)
{
	int64		version = tenant_create(text_to_cstring(PG_GETARG_TEXT_PP(0)), true, InvalidOid);

	if (version == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(version);
}

/*
 * Enter a procedure that commits.  Returns the memory that outlives its
 * transactions; it is the current one.
 */
static MemoryContext
begin_procedure(FunctionCallInfo fcinfo, const char *name)
{
	MemoryContext context;

	call_check_not_atomic(fcinfo, name);
	context = AllocSetContextCreate(PortalContext, "ashmig procedure", ALLOCSET_DEFAULT_SIZES);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	return context;
}

/* Create a tenant and commit. */
static void
create_and_commit(const char *schema, MemoryContext scratch)
{
	MemoryContext old = MemoryContextSwitchTo(scratch);

	CHECK_FOR_INTERRUPTS();
	(void) tenant_create(schema, true, InvalidOid);
	SPI_commit();
	MemoryContextSwitchTo(old);
	MemoryContextReset(scratch);
}

/*
 * Create the tenants that are listed but do not exist, with a commit after
 * each.  One that is registered has lost its schema, and is left for the user
 * to look into.
 */
Datum
ashmig_create_missing_tenants(PG_FUNCTION_ARGS)
{
	MemoryContext context = begin_procedure(fcinfo, "ashmig_create_missing_tenants");
	MemoryContext scratch = AllocSetContextCreate(context, "ashmig tenant", ALLOCSET_DEFAULT_SIZES);
	int			created = 0;

	foreach_ptr(const Tenant, tenant, catalog_tenants())
	{
		if (tenant->fault)
			ereport(WARNING,
					(errcode(ERRCODE_ASHMIG_INVALID_TENANT),
					 errmsg_internal("%s", tenant->fault),
					 errdetail_internal("%s", tenant->fault_detail)));
		if (!tenant->listed || tenant->exists || tenant->registered || tenant->fault)
			continue;
		create_and_commit(tenant->schema, scratch);
		created++;
	}
	ereport(NOTICE,
			(errmsg_plural("%d tenant created", "%d tenants created", created, created)));
	SPI_finish();
	PG_RETURN_VOID();
}

/* Drop one */
Datum
ashmig_drop_tenant(PG_FUNCTION_ARGS)
{
	tenant_drop(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_BOOL(1));
	PG_RETURN_VOID();
}

/*
 * Drop one with a commit after each batch of tables.
 */
Datum
ashmig_drop_tenant_serial(PG_FUNCTION_ARGS)
{
	char	   *schema;
	int			batch = PG_ARGISNULL(1) ? 500 : PG_GETARG_INT32(1);

	(void) begin_procedure(fcinfo, "ashmig_drop_tenant_serial");
	call_require(fcinfo, 0, "schema");
	if (batch < 1)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("argument \"batch\" must be positive")));
	schema = text_to_cstring(PG_GETARG_TEXT_PP(0));
	tenant_drop_serial(schema, batch);
	SPI_finish();
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
	catalog_tenants_set_query(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* The tenants, and where each comes from */
Datum
ashmig_all_tenants(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	foreach_ptr(const Tenant, tenant, catalog_tenants())
	{
		Datum		values[6] = {0};
		bool		nulls[6] = {0};

		values[0] = CStringGetTextDatum(tenant->schema);
		values[1] = BoolGetDatum(tenant->registered);
		values[2] = BoolGetDatum(tenant->listed);
		if (tenant->manager)
			values[3] = CStringGetTextDatum(tenant->manager);
		else
			nulls[3] = true;
		values[4] = BoolGetDatum(tenant->exists);
		if (tenant->fault)
			values[5] = CStringGetTextDatum(catalog_tenants_describe_fault(tenant));
		else
			nulls[5] = true;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
