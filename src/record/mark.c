/*
 * mark.c
 *		What is applied where, said rather than done: see mark.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_partial.h"
#include "metadata/catalog_tenants.h"
#include "metadata/catalog_versions.h"
#include "migrate/ecto_versions.h"
#include "migrate/schema_lock.h"
#include "record/mark.h"
#include "syntax/sql_text.h"

/* ------------------------------------------------------------------------
 * Marking
 * ------------------------------------------------------------------------
 */

/* Is it a tenant, by registration or by the query? */
static bool
is_tenant(const char *schema)
{
	if (catalog_tenants_find(schema, NULL, NULL))
		return true;
	if (!catalog_tenants_have_query())
		return false;
	foreach_ptr(const Tenant, tenant, catalog_tenants())
	{
		if (strcmp(tenant->schema, schema) == 0 && tenant->fault == NULL)
			return true;
	}
	return false;
}

/*
 * The schema of a call, checked: a tenant for a tenant migration, and none for
 * a public one.
 */
static const char *
check_schema(const Migration *migration, const char *schema)
{
	if (schema == NULL && migration->scope == SCOPE_TENANT)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("schema must not be null for a tenant migration")));
	if (schema == NULL)
		schema = ashmig_default_schema;
	if (migration->scope == SCOPE_TENANT && !is_tenant(schema))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_TENANT),
				 errmsg("tenant \"%s\" does not exist", schema),
				 errhint("SELECT * FROM ashmig_all_tenants() lists all tenants.")));
	if (migration->scope == SCOPE_PUBLIC && catalog_tenants_find(schema, NULL, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"%s\" is a tenant, but migration " INT64_FORMAT " is public",
						schema, migration->version),
				 errhint("For a tenant migration, pass tenant => true.")));
	if (!OidIsValid(get_namespace_oid(schema, true)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" does not exist", schema)));
	return schema;
}

/* Keep runs out of the schema. */
static void
lock_schema(const char *schema)
{
	if (schema_lock_is_held_outside(schema))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_BUSY),
				 errmsg("schema \"%s\" is locked by another run", schema),
				 errhint("Retry when it has finished; SELECT * FROM ashmig.progress shows active runs.")));
	schema_lock_acquire(schema);
	catalog_lock_versions(RowExclusiveLock);
}

/* Enter the schema of a call; returns whether the migration is applied there. */
static bool
enter(const Migration *migration, const char *schema)
{
	lock_schema(schema);
	catalog_partial_forget(migration, schema);
	return catalog_is_applied(migration, catalog_applied(schema, migration->scope));
}

bool
mark_applied(const Migration *migration, const char *schema)
{
	ExecutedMigration executed = {migration, -1};

	schema = check_schema(migration, schema);
	if (enter(migration, schema))
		return false;
	catalog_record_applied(schema, migration->scope, list_make1(&executed));
	ecto_versions_applied(schema, list_make1(&executed));
	return true;
}

bool
mark_rolled_back(const Migration *migration, const char *schema)
{
	ExecutedMigration executed = {migration, -1};

	schema = check_schema(migration, schema);
	if (!enter(migration, schema))
		return false;
	catalog_record_rolled_back(schema, migration->scope, list_make1(&executed));
	ecto_versions_rolled_back(schema, list_make1(&executed));
	return true;
}

/* ------------------------------------------------------------------------
 * Releasing
 * ------------------------------------------------------------------------
 */

List *
mark_schemas(void)
{
	static CatalogStatement read = {
		.sql = "SELECT DISTINCT s.schema_name FROM ashmig.schema_versions s"
		" JOIN pg_catalog.pg_namespace n ON n.nspname = s.schema_name::pg_catalog.name"
		" ORDER BY s.schema_name"
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	int			level = catalog_connect();
	uint64		rows = catalog_query(&read, NULL, NULL);

	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, catalog_string(i, 1, context));
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/* The versions of all scopes and repos that are applied in a schema: bigint[], or 0 for none */
static Datum
applied_versions(const char *schema)
{
	static CatalogStatement read = {
		.sql = "SELECT pg_catalog.array_agg(DISTINCT version) FROM ashmig.versions WHERE schema_name = $1",
		.nargs = 1, .types = {TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	Datum		versions;
	bool		isnull;
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(schema);
	catalog_query(&read, values, NULL);
	versions = catalog_datum(0, 1, &isnull);
	MemoryContextSwitchTo(context);
	versions = isnull ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM_COPY(versions));
	catalog_disconnect(level);
	return versions;
}

Released *
mark_release(const char *schema)
{
	Released   *released = palloc(sizeof(Released));
	Datum		versions;

	lock_schema(schema);
	versions = applied_versions(schema);
	released->schema = pstrdup(schema);
	released->written = versions ? ecto_versions_write(schema, versions) : 0;
	return released;
}
