/*
 * tenant.c
 *		The life of a tenant: see tenant.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"

#include "catalog.h"
#include "compat.h"
#include "errors.h"
#include "exec.h"
#include "registry.h"
#include "series.h"
#include "tenant.h"
#include "text.h"

/*
 * Does anything lie in the schema?
 */
static bool
schema_is_empty(Oid schema)
{
	static CatalogStatement find = {
		.sql = "SELECT 1 FROM pg_catalog.pg_depend"
		" WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass"
		" AND refobjid = $1 AND deptype <> 'e' LIMIT 1",
		.nargs = 1, .types = {OIDOID}
	};
	Datum		values[1];
	int			level = catalog_connect();
	bool		empty;

	values[0] = ObjectIdGetDatum(schema);
	empty = catalog_query(&find, values, NULL) == 0;
	catalog_disconnect(level);
	return empty;
}

/*
 * Does ashmig know the schema as a tenant?
 */
static bool
is_tenant(const char *schema)
{
	return registry_has(schema) || catalog_schema_versions(schema, true) != NIL;
}

/* Raise for a schema that is there and no tenant. */
static void
raise_not_a_tenant(const char *schema)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NOT_A_TENANT),
			 errmsg("schema \"%s\" exists and is no tenant", schema),
			 errdetail("It holds objects that ashmig knows nothing of."),
			 errhint("Choose another name, or rename that schema.")));
}

static void
raise_no_tenant(const char *schema)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NO_TENANT),
			 errmsg("there is no tenant \"%s\"", schema),
			 errhint("SELECT * FROM ashmig_all_tenants() lists them.")));
}

static void
raise_tenant_exists(const char *schema)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_TENANT_EXISTS),
			 errmsg("tenant \"%s\" already exists", schema)));
}

/*
 * Bring a new tenant to the newest version.
 */
int64
tenant_build(const char *schema)
{
	RunOptions	options = run_options_default();
	RunResult  *result;

	options.run_public = false;
	options.strict_version_order = false;
	result = series_run(&options, true, schema, false);
	return result->version;
}

/*
 * Make the schema, or see that the one that is there can be taken over.
 */
static void
make_schema(const char *schema)
{
	Oid			oid = get_namespace_oid(schema, true);

	if (!OidIsValid(oid))
	{
		/* what a schema of that name had, dropped behind our back */
		registry_remove(schema);
		exec_command(psprintf("CREATE SCHEMA %s", quote_name(schema)));
	}
	else if (!schema_is_empty(oid) && catalog_schema_versions(schema, true) == NIL)
		raise_not_a_tenant(schema);
}

/*
 * Create a tenant.
 */
int64
tenant_create(const char *schema)
{
	registry_check_name(schema);
	catalog_lock_tenants(RowExclusiveLock);
	series_lock_schema(schema);
	if (registry_has(schema))
		raise_tenant_exists(schema);
	make_schema(schema);
	registry_add(schema);
	return tenant_build(schema);
}

/*
 * Drop a tenant.
 */
void
tenant_drop(const char *schema, bool cascade)
{
	Oid			oid;

	catalog_lock_tenants(RowExclusiveLock);
	series_lock_schema(schema);
	if (!is_tenant(schema))
		raise_no_tenant(schema);
	oid = get_namespace_oid(schema, true);
	if (OidIsValid(oid))
	{
		if (!cascade && !schema_is_empty(oid))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("tenant \"%s\" is not empty", schema),
					 errdetail("Its schema holds tables or other objects."),
					 errhint("SELECT ashmig_drop_tenant(%s, cascade => true) drops them with their data.",
							 quote_text(schema))));
		exec_command(psprintf("DROP SCHEMA %s %s", quote_name(schema),
							  cascade ? "CASCADE" : "RESTRICT"));
	}
	registry_remove(schema);
}

/*
 * Rename a tenant.
 */
void
tenant_rename(const char *old_name, const char *new_name)
{
	bool		in_order = strcmp(old_name, new_name) < 0;

	registry_check_name(new_name);
	catalog_lock_tenants(RowExclusiveLock);
	series_lock_schema(in_order ? old_name : new_name);
	series_lock_schema(in_order ? new_name : old_name);
	if (!is_tenant(old_name))
		raise_no_tenant(old_name);
	if (strcmp(old_name, new_name) == 0)
		return;
	if (registry_has(new_name))
		raise_tenant_exists(new_name);
	if (OidIsValid(get_namespace_oid(new_name, true)))
		raise_not_a_tenant(new_name);
	registry_remove(new_name);
	exec_command(psprintf("ALTER SCHEMA %s RENAME TO %s",
						  quote_name(old_name), quote_name(new_name)));
	registry_rename(old_name, new_name);
}
