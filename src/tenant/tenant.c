/*
 * tenant.c
 *		The life of a tenant: see tenant.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_tenants.h"
#include "metadata/catalog_versions.h"
#include "metadata/citus.h"
#include "migrate/citus_tables.h"
#include "migrate/ecto_versions.h"
#include "migrate/execute.h"
#include "migrate/migrate.h"
#include "migrate/schema_lock.h"
#include "run/backend_memory.h"
#include "run/lock_budget.h"
#include "run/public_references.h"
#include "syntax/sql_text.h"
#include "tenant/tenant.h"
#include "tenant/tenant_ddl.h"

/* ------------------------------------------------------------------------
 * What there is
 * ------------------------------------------------------------------------
 */

/*
 * Is the schema empty?
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

/* Raise an error for a schema that exists but is not a tenant. */
static void
raise_not_a_tenant(const char *schema)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NOT_A_TENANT),
			 errmsg("schema \"%s\" exists but is not a tenant", schema),
			 errdetail("ashmig did not create it and has no versions for it."),
			 errhint("SELECT ashmig_attach_tenant(%s) makes it a tenant if it has the structure of one; ashmig_adopt() takes over a whole database that Ecto has migrated.",
					 quote_text(schema))));
}

/* Raise an error for a name that no tenant has. */
static void
raise_no_tenant(const char *schema)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NO_TENANT),
			 errmsg("tenant \"%s\" does not exist", schema),
			 errhint("SELECT * FROM ashmig_all_tenants() lists all tenants.")));
}

/*
 * Raise an error for a tenant that already exists; "managed_by" is its table.
 */
static void
raise_tenant_exists(const char *schema, Oid managed_by)
{
	bool		exists = OidIsValid(get_namespace_oid(schema, true));
	char	   *table = OidIsValid(managed_by) ? get_rel_name(managed_by) : NULL;

	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_TENANT_EXISTS),
			 errmsg("tenant \"%s\" already exists", schema),
			 !exists ? errdetail("It is registered, but its schema is missing.") :
			 table ? errdetail("It belongs to a row of table \"%s\", or was kept when that row was deleted.", table) : 0,
			 !exists ? errhint("SELECT ashmig_drop_tenant(%s) unregisters it.", quote_text(schema)) : 0));
}

/* ------------------------------------------------------------------------
 * Creating
 * ------------------------------------------------------------------------
 */

/* What the error context callback needs */
typedef struct BuildContext
{
	const char *schema;
	int			statement;		/* counted from 1 */
} BuildContext;

/* Say where an error in a compiled statement comes from. */
static void
build_callback(void *arg)
{
	const BuildContext *build = arg;

	errcontext("compiled statement %d of new tenant \"%s\"", build->statement, build->schema);
}

/*
 * Record all migrations as applied in a new tenant.
 */
static void
record_compiled(const char *schema, const Compiled *compiled)
{
	static CatalogStatement record = {
		.sql = "WITH applied AS (INSERT INTO ashmig.versions (schema_name, scope, repo, version, checksum)"
		"  SELECT $1, 'tenant', a.repo, a.version, a.checksum"
		"  FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))"
		"  AS a (repo, version, checksum) RETURNING repo, version)"
		" INSERT INTO ashmig.schema_versions (schema_name, scope, repo, version, applied)"
		" SELECT $1, 'tenant', repo, pg_catalog.max(version), pg_catalog.count(*)"
		" FROM applied GROUP BY repo",
		.nargs = 4, .types = {TEXTOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID}
	};
	Datum		values[4];
	int			level;

	if (compiled->migrations == 0)
		return;
	level = catalog_connect();
	values[0] = CStringGetTextDatum(schema);
	values[1] = compiled->repos;
	values[2] = compiled->versions;
	values[3] = compiled->checksums;
	catalog_execute(&record, values, NULL);
	catalog_disconnect(level);
	ecto_versions_built(schema, compiled->versions);
}

/*
 * Run the statements of the compiled structure, filled in, in the schema.
 */
static void
run_compiled(const char *schema, List *statements)
{
	BuildContext build = {schema, 0};
	ErrorContextCallback callback;
	ExecuteEnvironment environment;
	ListCell   *lc;

	callback.callback = build_callback;
	callback.arg = &build;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	citus_tables_prepare(ashmig_lock_timeout);
	environment = execute_enter(ashmig_lock_timeout, !ashmig_log_sql);
	execute_go_into(&environment, SCOPE_TENANT, schema, ashmig_default_schema);
	foreach(lc, statements)
	{
		build.statement++;
		if (ashmig_log_sql)
			ereport(INFO, (errmsg_internal("\"%s\": %s", schema, (char *) lfirst(lc))));
		execute_statement(&environment, lfirst(lc), NULL);
		citus_tables_finish(&environment, schema, true);
	}
	execute_leave(&environment);
	error_context_stack = callback.previous;
}

/*
 * Build a tenant from the compiled structure.  What is in the cache is read
 * before any statement runs: one could fire a trigger that creates another
 * tenant, and with it take the cache away.
 */
static int64
build_compiled(const char *schema, const Compiled *compiled)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ashmig tenant",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64		version = compiled->version;
	List	   *statements = NIL;
	ListCell   *lc;

	foreach(lc, compiled->statements)
		statements = lappend(statements, sql_fill(lfirst(lc), schema, ashmig_default_schema));
	catalog_lock_versions(RowExclusiveLock);
	record_compiled(schema, compiled);
	run_compiled(schema, statements);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return version;
}

/* Build one by running every migration. */
static int64
build_by_history(const char *schema)
{
	RunOptions	options = run_options_default();
	RunResult  *result;

	options.run_public = false;
	options.strict_version_order = false;
	options.new_tenant = true;
	result = migrate_schema(&options, SCOPE_TENANT, schema, false);
	return result->version;
}

/*
 * Bring a new, empty tenant to the newest version; returns that.
 */
static int64
build_tenant(const char *schema)
{
	const Compiled *compiled = NULL;
	int64		version;

	lock_budget_note_tenant(tenant_ddl_locks());
	if (catalog_schema_versions(schema, SCOPE_TENANT) == NIL)
		compiled = tenant_ddl_compiled();
	version = compiled ? build_compiled(schema, compiled) : build_by_history(schema);
	citus_tables_distribute(schema);
	public_references_note_tenant();
	return version;
}

/*
 * Raise an error if an existing schema's owner is somebody for whom the caller
 * does not vouch: it may be his on purpose, and not meant to be a tenant.
 */
static void
check_owner(const char *schema, Oid owner)
{
	const char *role = GetUserNameFromId(owner, true);

	if (ashmig_allow_foreign_owner || acting_role_knows_owner(GetUserId(), owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_FOREIGN_OWNER),
			 errmsg("schema \"%s\" belongs to role \"%s\"", schema, role ? role : "?"),
			 errdetail("It is neither yours nor the database owner's."),
			 errhint("ALTER SCHEMA %s OWNER TO ..., or SET ashmig.allow_foreign_owner = on: then it becomes a tenant, and its migrations run as %s.",
					 quote_identifier(schema), role ? quote_identifier(role) : "?")));
}

/*
 * Create the schema.  It is the caller's; a superuser's is that of the role as
 * which public migrations run, so that neither that role's functions ever run as a
 * superuser nor foreign keys to its tables need a grant.
 */
static void
create_schema(const char *schema)
{
	ActingRole	acting = acting_role_by_default();
	int			guc_level = NewGUCNestLevel();

	citus_check_coordinator();
	citus_pin(!citus_is_below_utility());
	if (acting.is_other && superuser())
		execute_command(psprintf("CREATE SCHEMA %s AUTHORIZATION %s", quote_name(schema),
								 quote_name(GetUserNameFromId(acting.role, false))));
	else
		execute_command(psprintf("CREATE SCHEMA %s", quote_name(schema)));
	AtEOXact_GUC(true, guc_level);
}

/*
 * Create the schema, or check that the existing one can be taken over.
 */
static void
make_schema(const char *schema, bool take_over)
{
	Oid			oid = get_namespace_oid(schema, true);

	if (!OidIsValid(oid))
	{
		/* what a schema of that name had, dropped behind our back */
		if (catalog_schema_versions(schema, SCOPE_TENANT) != NIL)
			catalog_tenants_remove(schema);
		create_schema(schema);
		return;
	}
	if (!take_over || (!schema_is_empty(oid) && catalog_schema_versions(schema, SCOPE_TENANT) == NIL))
		raise_not_a_tenant(schema);
	check_owner(schema, acting_role_schema_owner(oid));
	(void) acting_role_in_tenant(oid);
}

/*
 * Create a tenant.
 */
int64
tenant_create(const char *schema, bool take_over, Oid managed_by)
{
	Oid			manager;

	catalog_tenants_check_name(schema);
	backend_memory_trim();
	catalog_lock_tenants(RowExclusiveLock);
	schema_lock_acquire(schema);
	if (catalog_tenants_find(schema, NULL, &manager))
		raise_tenant_exists(schema, manager);
	make_schema(schema, take_over);
	catalog_tenants_add(schema, managed_by);
	return build_tenant(schema);
}

/* ------------------------------------------------------------------------
 * Dropping
 * ------------------------------------------------------------------------
 */

/*
 * Exclude runs from a schema until the end of the transaction; a run that is
 * working there now, or anything else that changes it, is an error.
 */
void
tenant_lock_idle(const char *schema)
{
	catalog_lock_tenants(RowExclusiveLock);
	if (!schema_lock_try(schema))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_BUSY),
				 errmsg("tenant \"%s\" is locked by another run or transaction", schema),
				 errdetail("A run, or a transaction that creates or renames it, is still in progress."),
				 errhint("Retry when it has finished; SELECT * FROM ashmig.progress shows active runs.")));
}

/* Locks that dropping a schema takes: its relations, TOAST tables included */
static int64
count_relations(Oid schema)
{
	static CatalogStatement count = {
		.sql = "SELECT pg_catalog.count(*)"
		" + 2 * pg_catalog.count(*) FILTER (WHERE reltoastrelid <> 0)"
		" FROM pg_catalog.pg_class WHERE relnamespace = $1",
		.nargs = 1, .types = {OIDOID}
	};
	Datum		values[1];
	int			level = catalog_connect();
	bool		isnull;
	int64		result;

	values[0] = ObjectIdGetDatum(schema);
	catalog_query(&count, values, NULL);
	result = DatumGetInt64(catalog_datum(0, 1, &isnull));
	catalog_disconnect(level);
	return result;
}

/* Run a statement of ours, with the waits for locks that runs have. */
static void
command_with_timeout(const char *sql)
{
	ExecuteEnvironment environment = execute_enter(ashmig_lock_timeout, true);

	execute_command(sql);
	execute_leave(&environment);
}

/* Drop the schema of a tenant. */
static void
drop_schema(const char *schema, Oid oid, bool cascade)
{
	if (!cascade && !schema_is_empty(oid))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("tenant \"%s\" is not empty", schema),
				 errdetail("Its schema contains tables or other objects."),
				 errhint("SELECT ashmig_drop_tenant(%s, cascade => true) drops them with their data.",
						 quote_text(schema))));
	lock_budget_check_drop(schema, count_relations(oid));
	command_with_timeout(psprintf("DROP SCHEMA %s %s", quote_name(schema),
								  cascade ? "CASCADE" : "RESTRICT"));
}

/*
 * Drop a tenant.
 */
void
tenant_drop(const char *schema, bool cascade)
{
	Oid			oid;

	tenant_lock_idle(schema);
	if (!catalog_tenants_known(schema))
		raise_no_tenant(schema);
	oid = get_namespace_oid(schema, true);
	if (OidIsValid(oid))
		drop_schema(schema, oid, cascade);
	catalog_tenants_remove(schema);
}

/*
 * A statement that drops some tables of a schema, or NULL if there are none.
 * Tables that inherit from them are dropped with them.
 */
static char *
drop_some(const char *schema, int batch)
{
	static CatalogStatement find = {
		.sql = "SELECT relname::pg_catalog.text FROM pg_catalog.pg_class AS c"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE n.nspname = $1::pg_catalog.name AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
		" ORDER BY c.oid DESC LIMIT $2",
		.nargs = 2, .types = {TEXTOID, INT4OID}
	};
	MemoryContext context = CurrentMemoryContext;
	StringInfoData sql;
	Datum		values[2];
	int			level;
	uint64		rows;

	initStringInfo(&sql);
	level = catalog_connect();
	values[0] = CStringGetTextDatum(schema);
	values[1] = Int32GetDatum(batch);
	rows = catalog_query(&find, values, NULL);
	for (uint64 i = 0; i < rows; i++)
		appendStringInfo(&sql, "%s%s.%s", i == 0 ? "DROP TABLE " : ", ", quote_name(schema),
						 quote_name(catalog_string(i, 1, context)));
	catalog_disconnect(level);
	if (rows == 0)
		return NULL;
	appendStringInfoString(&sql, " CASCADE");
	return sql.data;
}

/*
 * Drop tables until there are none, with a commit after each batch.
 */
static void
drop_tables(const char *schema, int batch)
{
	for (;;)
	{
		char	   *sql;

		CHECK_FOR_INTERRUPTS();
		catalog_lock_tenants(RowExclusiveLock);
		if (!catalog_tenants_known(schema))
			raise_no_tenant(schema);
		sql = drop_some(schema, batch);
		if (sql == NULL)
			break;
		command_with_timeout(sql);
		SPI_commit();
	}
}

/*
 * Drop a tenant in several transactions; runs stay excluded in between.  If it
 * is interrupted, the tenant is still registered, without some of its tables;
 * calling it again continues.
 */
void
tenant_drop_serial(const char *schema, int batch)
{
	tenant_lock_idle(schema);
	schema_lock_hold(schema);
	drop_tables(schema, batch);
	tenant_drop(schema, true);
	SPI_commit();
	schema_lock_release();
}

/* ------------------------------------------------------------------------
 * Renaming
 * ------------------------------------------------------------------------
 */

/*
 * Rename the schema, unless that was done behind our back.
 */
static void
rename_schema(const char *old_name, Oid noted, const char *new_name)
{
	Oid			old_oid = get_namespace_oid(old_name, true);
	Oid			new_oid = get_namespace_oid(new_name, true);

	if (!OidIsValid(old_oid) && OidIsValid(new_oid) && new_oid == noted)
		return;
	if (!OidIsValid(old_oid))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_TENANT),
				 errmsg("the schema of tenant \"%s\" does not exist", old_name),
				 errhint("SELECT * FROM ashmig_status() shows whether it was renamed; ashmig_drop_tenant() unregisters the tenant.")));
	if (OidIsValid(new_oid))
		raise_not_a_tenant(new_name);
	command_with_timeout(psprintf("ALTER SCHEMA %s RENAME TO %s",
								  quote_name(old_name), quote_name(new_name)));
}

/*
 * Lock both names, in the order of the names.
 */
void
tenant_lock_both(const char *old_name, const char *new_name)
{
	bool		in_order = strcmp(old_name, new_name) < 0;

	catalog_lock_tenants(RowExclusiveLock);
	schema_lock_acquire(in_order ? old_name : new_name);
	schema_lock_acquire(in_order ? new_name : old_name);
}

/*
 * Rename a tenant.
 */
void
tenant_rename(const char *old_name, const char *new_name)
{
	Oid			noted;
	Oid			manager;

	catalog_tenants_check_name(new_name);
	tenant_lock_both(old_name, new_name);
	if (!catalog_tenants_known(old_name))
		raise_no_tenant(old_name);
	if (strcmp(old_name, new_name) == 0)
		return;
	if (catalog_tenants_find(new_name, NULL, &manager))
		raise_tenant_exists(new_name, manager);
	(void) catalog_tenants_find(old_name, &noted, NULL);
	catalog_tenants_refresh();
	rename_schema(old_name, noted, new_name);
	catalog_tenants_remove(new_name);	/* what a schema of that name left
										 * behind */
	catalog_tenants_rename(old_name, new_name);
}
