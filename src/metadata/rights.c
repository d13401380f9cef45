/*
 * rights.c
 *		What a role needs to generate, migrate and manage tenants: see rights.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/settings.h"
#include "metadata/acting_role.h"
#include "metadata/catalog_spi.h"
#include "metadata/rights.h"

/*
 * The routines that a deployer calls, and the schemas in which they lie.  Asked
 * of the catalog, so that none is forgotten.  Of the trigger functions those for
 * managed tables and shared references are needed, by whoever creates such a
 * trigger; those of the catalog's own tables are not.  Who has what is for the owner of ashmig to say.
 */
static CatalogStatement routines = {
	.sql = "SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::pg_catalog.text, ', '"
	"  ORDER BY p.proname COLLATE pg_catalog.\"C\"),"
	" pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(n.nspname), ', ')"
	" FROM pg_catalog.pg_extension AS e"
	" JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"
	"  AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass"
	" JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid"
	" JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace"
	" WHERE e.extname = 'ashmig' AND p.proname NOT IN ('ashmig_grant', 'ashmig_revoke')"
	" AND (p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype OR p.proname LIKE 'tenant\\_row\\_%'"
	"  OR p.proname LIKE 'reference%')"
};

/* The statements, without their first word, in the current context */
static List *
statements(const char *direction, const char *role)
{
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	char	   *names;
	char	   *schemas;
	List	   *rights = NIL;
	List	   *result = NIL;
	ListCell   *lc;

	catalog_query(&routines, NULL, NULL);
	names = catalog_string(0, 1, context);
	schemas = catalog_string(0, 2, context);
	catalog_disconnect(level);

	rights = lappend(rights, psprintf("USAGE ON SCHEMA %s", schemas));
	rights = lappend(rights, "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " ASHMIG_CATALOG_SCHEMA);
	rights = lappend(rights, psprintf("EXECUTE ON ROUTINE %s", names));
	rights = lappend(rights, psprintf("CREATE ON DATABASE %s",
									  quote_identifier(get_database_name(MyDatabaseId))));
	if (OidIsValid(get_namespace_oid(ashmig_default_schema, true)))
		rights = lappend(rights, psprintf("USAGE, CREATE ON SCHEMA %s",
										  quote_identifier(ashmig_default_schema)));
	foreach(lc, rights)
		result = lappend(result, psprintf("%s %s %s %s",
										  strcmp(direction, "TO") == 0 ? "GRANT" : "REVOKE",
										  (char *) lfirst(lc), direction, quote_identifier(role)));
	return result;
}

/*
 * Where a role that may not grant something does so, PostgreSQL warns at most.
 */
static void
check_grantor(void)
{
	Oid			user = GetUserId();
	Oid			catalog = get_namespace_oid(ASHMIG_CATALOG_SCHEMA, false);
	Oid			default_schema = get_namespace_oid(ashmig_default_schema, true);

	if (superuser() ||
		(has_privs_of_role(user, acting_role_schema_owner(catalog)) &&
		 has_privs_of_role(user, acting_role_database_owner()) &&
		 (!OidIsValid(default_schema) ||
		  has_privs_of_role(user, acting_role_schema_owner(default_schema)))))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to grant the rights of ashmig"),
			 errhint("Call it as a superuser, or as the owner of the extension, the database and schema %s.",
					 quote_identifier(ashmig_default_schema))));
}

static List *
run(const char *direction, const char *role)
{
	List	   *result;
	ListCell   *lc;
	int			level;

	(void) get_role_oid(role, false);
	check_grantor();
	result = statements(direction, role);
	level = catalog_connect();
	foreach(lc, result)
		SPI_execute(lfirst(lc), false, 0);
	catalog_disconnect(level);
	return result;
}

List *
rights_grant(const char *role)
{
	return run("TO", role);
}

List *
rights_revoke(const char *role)
{
	return run("FROM", role);
}
