/*
 * ecto_versions.c
 *		The table in which Ecto keeps versions: see ecto_versions.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/acting_role.h"
#include "metadata/catalog_adoption.h"
#include "metadata/catalog_tenants.h"
#include "metadata/catalog_versions.h"
#include "migrate/ecto_versions.h"
#include "migrate/execute.h"
#include "syntax/sql_text.h"

/* "org_1"."schema_migrations" */
static char *
table_name(const char *schema)
{
	return psprintf("%s.%s", quote_name(schema), quote_name(ashmig_ecto_migration_source));
}

/*
 * The table, or InvalidOid if there is none.  Anything else of that name is an
 * error.
 */
static Oid
find_table(const char *schema)
{
	Oid			table = get_relname_relid(ashmig_ecto_migration_source,
										  get_namespace_oid(schema, false));

	if (OidIsValid(table) && get_rel_relkind(table) != RELKIND_RELATION &&
		get_rel_relkind(table) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s.%s\" is not a table", schema, ashmig_ecto_migration_source),
				 errhint("Set ashmig.ecto_migration_source to the name of the table in which Ecto keeps its versions.")));
	return table;
}

/* The owner of a table */
static Oid
table_owner(Oid table)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", table);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Write versions to the table, or delete them; returns the number of rows.
 * That needs the right to do so, and is then done as the table's owner, as
 * foreign keys do it: a trigger that he has put there must not run as us.
 */
static int
change_rows(Oid table, const char *sql, AclMode right, Datum versions)
{
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1];
	Oid			user;
	int			security;
	int			level;
	int			result;
	int			rows;

	if (pg_class_aclcheck(table, GetUserId(), right) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(table));
	values[0] = versions;
	level = catalog_connect();
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(table_owner(table), security | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	result = SPI_execute_with_args(sql, 1, types, values, NULL, false, 0);
	SetUserIdAndSecContext(user, security);
	if (result < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	rows = (int) SPI_processed;
	catalog_disconnect(level);
	return rows;
}

/*
 * As whom to work on the table: as runs do in the schema.
 */
static ActingRole
acting_in(const char *schema)
{
	Oid			oid = get_namespace_oid(schema, false);

	return catalog_tenants_find(schema, NULL, NULL) ? acting_role_in_tenant(oid) :
		acting_role_in_public(oid);
}

/* As Ecto makes it */
static void
create_table(const char *schema)
{
	int			level = NewGUCNestLevel();

	settings_pin("search_path", "pg_catalog, pg_temp");
	execute_command(psprintf("CREATE TABLE %s (version bigint NOT NULL, inserted_at timestamp(0),"
							 " PRIMARY KEY (version))", table_name(schema)));
	AtEOXact_GUC(true, level);
}

int
ecto_versions_write(const char *schema, Datum versions)
{
	ActingRole	acting = acting_in(schema);
	RoleBeforeActing before;
	int			rows;

	versions = catalog_with_ecto(versions);
	before = acting_role_enter(&acting);
	if (!OidIsValid(find_table(schema)))
		create_table(schema);
	rows = change_rows(find_table(schema),
					   psprintf("INSERT INTO %s (version, inserted_at)"
								" SELECT v.version, pg_catalog.timezone('UTC', pg_catalog.clock_timestamp())"
								" FROM (SELECT DISTINCT u.version FROM pg_catalog.unnest($1) AS u (version)) AS v"
								" ON CONFLICT DO NOTHING",
								table_name(schema)),
					   ACL_INSERT, versions);
	acting_role_leave(&acting, &before);
	acting_role_finish(&acting);
	return rows;
}

/* bigint[] of the versions of executed migrations */
static Datum
executed_versions(List *executed)
{
	List	   *versions = NIL;

	foreach_ptr(const ExecutedMigration, one, executed)
	{
		int64	   *version = palloc(sizeof(int64));

		*version = one->migration->version;
		versions = lappend(versions, version);
	}
	return catalog_version_array(versions);
}

void
ecto_versions_applied(const char *schema, List *executed)
{
	if (ashmig_ecto_schema_migrations && executed != NIL)
		(void) ecto_versions_write(schema, executed_versions(executed));
}

void
ecto_versions_rolled_back(const char *schema, List *executed)
{
	ActingRole	acting;
	RoleBeforeActing before;
	Oid			table;

	if (!ashmig_ecto_schema_migrations || executed == NIL)
		return;
	acting = acting_in(schema);
	before = acting_role_enter(&acting);
	table = find_table(schema);
	if (OidIsValid(table))
		(void) change_rows(table, psprintf("DELETE FROM %s WHERE version OPERATOR(pg_catalog.=) ANY ($1)",
										   table_name(schema)),
						   ACL_DELETE | ACL_SELECT, executed_versions(executed));
	acting_role_leave(&acting, &before);
	acting_role_finish(&acting);
}

void
ecto_versions_built(const char *schema, Datum versions)
{
	if (ashmig_ecto_schema_migrations)
		(void) ecto_versions_write(schema, versions);
}

/*
 * SHARE UPDATE EXCLUSIVE is what Ecto's migrator takes, unless the repo asks
 * for advisory locks.
 */
void
ecto_versions_lock(const char *schema)
{
	ActingRole	acting;
	RoleBeforeActing before;

	if (!ashmig_ecto_schema_migrations)
		return;
	acting = acting_in(schema);
	before = acting_role_enter(&acting);
	if (OidIsValid(find_table(schema)))
		execute_command(psprintf("LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE", table_name(schema)));
	acting_role_leave(&acting, &before);
}
