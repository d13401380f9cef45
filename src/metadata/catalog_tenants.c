/*
 * catalog_tenants.c
 *		Which schemas are tenants: see catalog_tenants.h.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/acting_role.h"
#include "metadata/catalog_settings.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_tenants.h"
#include "metadata/catalog_versions.h"
#include "metadata/citus.h"
#include "metadata/foreign_code.h"
#include "metadata/search_path.h"

#define ALL_TENANTS "all_tenants"	/* its name in ashmig.settings */

/* Why a name cannot be a tenant's, or NULL */
static const char *
name_fault(const char *schema)
{
	if (*schema == '\0')
		return "The name is empty.";
	if (strlen(schema) >= NAMEDATALEN)
		return "The name is longer than 63 bytes.";
	for (const char *c = schema; *c; c++)
	{
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			  (*c >= '0' && *c <= '9') || *c == '_' || *c == '-'))
			return "A tenant name may contain only ASCII letters, digits, \"_\" and \"-\".";
	}
	if (strncmp(schema, "pg_", 3) == 0)
		return "The prefix \"pg_\" is reserved for system schemas.";
	if (strcmp(schema, "information_schema") == 0)
		return "The name is reserved for a system schema.";
	if (strcmp(schema, ASHMIG_CATALOG_SCHEMA) == 0)
		return "The schema contains ashmig's catalog.";
	if (strcmp(schema, "public") == 0 || strcmp(schema, ashmig_default_schema) == 0)
		return "The schema is used for public migrations.";
	return NULL;
}

/*
 * Raise an error if a tenant cannot have that name.
 */
void
catalog_tenants_check_name(const char *schema)
{
	const char *fault = name_fault(schema);

	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_TENANT),
				 errmsg("invalid tenant name \"%s\"", schema),
				 errdetail_internal("%s", fault)));
}

/*
 * The query is the user's, so names in it are looked up, and literals read, as in
 * the public migrations; the same at each run, whatever the session's settings
 * or temporary tables.
 */
static int
enter_query_path(Oid role)
{
	int			level = NewGUCNestLevel();

	settings_pin_ddl();
	settings_pin("search_path", search_path_for(ashmig_default_schema, ashmig_default_schema, role));
	return level;
}

/*
 * The role that set the query.  A dump keeps its name.
 */
static Oid
query_role(const char *name)
{
	Oid			role = get_role_oid(name, true);

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\", which set the query that lists tenants, does not exist", name),
				 errhint("Call ashmig_set_all_tenants() again as the role that the query should run as.")));
	return role;
}

/* The names that the query gives, NULLs left out, in the current context */
static List *
run_query(const char *query)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	int			level = enter_query_path(GetUserId());
	SPIPlanPtr	plan;

	SPI_connect();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL || SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(),
											 InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("the query of ashmig_set_all_tenants() does not return rows"),
				 errdetail("Query: %s", query)));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext old = MemoryContextSwitchTo(context);

		if (name)
			result = lappend(result, pstrdup(name));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	AtEOXact_GUC(false, level); /* takes back what functions have set */
	return result;
}

/* Say where an error comes from. */
static void
query_callback(void *arg)
{
	errcontext("query of ashmig_set_all_tenants()");
}

/*
 * run_query as the role that set the query, in a security-restricted operation:
 * nothing that its functions do outlives it.
 */
static List *
run_query_as(const char *query, Oid role)
{
	ForeignCodeBefore code_before = foreign_code_refuse(role);
	List	   *volatile result = NIL;
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	PG_TRY();
	{
		SetUserIdAndSecContext(role, security | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
		result = run_query(query);
		SetUserIdAndSecContext(user, security);
	}
	PG_FINALLY();
	{
		foreign_code_restore(&code_before);
	}
	PG_END_TRY();
	return result;
}

typedef struct Listing
{
	const char *query;
	Oid			role;
	List	   *names;
} Listing;

/* The same, saying where an error comes from */
static void
run_listing(void *arg)
{
	Listing    *listing = arg;
	ErrorContextCallback callback = {.callback = query_callback, .previous = error_context_stack};

	error_context_stack = &callback;
	listing->names = run_query_as(listing->query, listing->role);
	error_context_stack = callback.previous;
}

/*
 * The names that the query lists, usable or not.  It runs in a
 * subtransaction that is rolled back, which releases its locks: otherwise a
 * run that began with the query would block its own migrations if these change
 * a table that the query reads.
 */
static List *
listed_names(Oid *set_by)
{
	Listing		listing = {0};
	ErrorData  *error;
	char	   *role;

	*set_by = InvalidOid;
	listing.query = catalog_setting(ALL_TENANTS, &role);
	if (listing.query == NULL)
		return NIL;
	*set_by = listing.role = query_role(role);
	error = attempt_any(run_listing, &listing, false);
	if (error)
		ReThrowError(error);
	return listing.names;
}

char *
catalog_tenants_describe_fault(const Tenant *tenant)
{
	return tenant->fault ? psprintf("%s\n  %s", tenant->fault, tenant->fault_detail) : NULL;
}

/*
 * May a schema that is only listed be a tenant, by its owner?  Whoever can write
 * what the query reads can list any schema, his own as well.
 */
static bool
owner_is_known(Oid owner, Oid set_by)
{
	return ashmig_allow_foreign_owner || acting_role_knows_owner(GetUserId(), owner) ||
		acting_role_knows_owner(set_by, owner);
}

/*
 * Look whether what the query lists can be a tenant.  "owner" is the schema's, or
 * InvalidOid if there is no such schema.
 */
static void
find_fault(Tenant *tenant, Oid owner, Oid set_by)
{
	const char *name = name_fault(tenant->schema);

	if (name)
	{
		tenant->fault = psprintf("invalid tenant name \"%s\"", tenant->schema);
		tenant->fault_detail = name;
	}
	else if (OidIsValid(owner) && !owner_is_known(owner, set_by))
	{
		const char *role = GetUserNameFromId(owner, true);

		tenant->fault = psprintf("schema \"%s\" belongs to role \"%s\"", tenant->schema,
								 role ? role : "?");
		tenant->fault_detail = psprintf("Neither you nor the role that set the query of ashmig_set_all_tenants() is a member of it. With ashmig.allow_foreign_owner = on, the schema is migrated, as %s.",
										role ? quote_identifier(role) : "?");
	}
}

/*
 * Where Citus has a managed table in its metadata, its rows and our triggers are in
 * a shard; people know it by the other name.
 */
static void
name_managers(List *tenants)
{
	Oid			table = InvalidOid;
	char	   *name = NULL;

	foreach_ptr(Tenant, tenant, tenants)
	{
		if (tenant->manager == NULL)
			continue;
		if (tenant->managed_by != table)
			name = citus_table_of_shard(tenant->managed_by);
		table = tenant->managed_by;
		if (name)
			tenant->manager = name;
	}
}

/*
 * All tenants, once each, ordered by name.
 */
List *
catalog_tenants(void)
{
	static CatalogStatement all = {
		.sql = "SELECT t.name, pg_catalog.bool_or(t.registered), pg_catalog.bool_or(t.listed),"
		" pg_catalog.bool_or(n.oid IS NOT NULL), pg_catalog.max(t.managed_by),"
		" pg_catalog.max(t.managed_by)::pg_catalog.regclass::pg_catalog.text,"
		" coalesce(pg_catalog.max(n.nspowner), 0)"
		" FROM (SELECT schema_name AS name, true AS registered, false AS listed,"
		"  managed_by::pg_catalog.oid FROM ashmig.tenants"
		" UNION ALL SELECT l.name, false, true, NULL FROM pg_catalog.unnest($1) AS l (name)) AS t"
		" LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname::pg_catalog.text = t.name"
		" GROUP BY t.name ORDER BY t.name COLLATE pg_catalog.\"C\"",
		.nargs = 1, .types = {TEXTARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	List	   *result = NIL;
	Oid			set_by;
	int			level;
	uint64		rows;

	values[0] = catalog_text_array(listed_names(&set_by));
	level = catalog_connect();
	rows = catalog_query(&all, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		Tenant	   *tenant = palloc0(sizeof(Tenant));
		bool		isnull;

		tenant->schema = catalog_string(i, 1, context);
		tenant->registered = DatumGetBool(catalog_datum(i, 2, &isnull));
		tenant->listed = DatumGetBool(catalog_datum(i, 3, &isnull));
		tenant->exists = DatumGetBool(catalog_datum(i, 4, &isnull));
		tenant->managed_by = DatumGetObjectId(catalog_datum(i, 5, &isnull));
		tenant->manager = catalog_string(i, 6, context);
		if (!tenant->registered)
			find_fault(tenant, DatumGetObjectId(catalog_datum(i, 7, &isnull)), set_by);
		result = lappend(result, tenant);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	if (citus_is_used())
		name_managers(result);
	return result;
}

/* Raise an error for a query that ashmig_set_all_tenants does not accept. */
static void
refuse_query(const char *fault)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
			 errmsg("query must be a single SELECT of one text column"),
			 errdetail_internal("%s", fault),
			 errhint("For example: SELECT 'org_' || id FROM public.organizations")));
}

/*
 * Raise an error if it is not one SELECT that writes nothing, of one text
 * column.
 */
static void
check_query(const char *text)
{
	List	   *raw = pg_parse_query(text);
	List	   *queries;
	Query	   *query;
	TargetEntry *column;
	char		category;
	bool		preferred;

	if (list_length(raw) != 1)
		refuse_query("The text does not contain exactly one statement.");
	if (!IsA(linitial_node(RawStmt, raw)->stmt, SelectStmt))
		refuse_query("The statement is not a SELECT.");
	queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, raw), text, NULL, 0, NULL);
	if (list_length(queries) != 1)
		refuse_query("The statement is not a plain SELECT.");
	query = linitial_node(Query, queries);
	if (query->commandType != CMD_SELECT || query->hasModifyingCTE || query->rowMarks != NIL)
		refuse_query("The statement is not read-only.");
	if (ExecCleanTargetListLength(query->targetList) != 1)
		refuse_query("The statement does not return exactly one column.");
	column = linitial_node(TargetEntry, query->targetList);
	get_type_category_preferred(getBaseType(exprType((Node *) column->expr)), &category, &preferred);
	if (category != TYPCATEGORY_STRING && exprType((Node *) column->expr) != UNKNOWNOID)
		refuse_query("The column does not have type text.");
}

/*
 * Is there a query that lists tenants?
 */
bool
catalog_tenants_have_query(void)
{
	return catalog_setting(ALL_TENANTS, NULL) != NULL;
}

/*
 * Set or clear (NULL) the query.
 */
void
catalog_tenants_set_query(const char *query)
{
	if (query)
	{
		int			level = enter_query_path(GetUserId());

		PushActiveSnapshot(GetTransactionSnapshot());
		check_query(query);
		PopActiveSnapshot();
		AtEOXact_GUC(true, level);
	}
	catalog_set_setting(ALL_TENANTS, query);
}

/*
 * Where OIDs are noted.
 */
char *
catalog_tenants_place(void)
{
	return psprintf(UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId);
}

/*
 * Tenants whose OID was noted elsewhere, or is no schema's any more: theirs came
 * later, or was dropped and restored.
 */
#define NOT_NOTED_HERE \
	" FROM pg_catalog.pg_namespace AS n RIGHT JOIN ashmig.tenants AS t ON n.nspname::pg_catalog.text = t.schema_name" \
	" WHERE t.noted_in IS DISTINCT FROM $1 OR n.oid IS NOT NULL AND NOT EXISTS" \
	"  (SELECT FROM pg_catalog.pg_namespace AS o WHERE o.oid = t.schema_oid)"

/*
 * Note these OIDs again; the trigger on the table does it.
 */
void
catalog_tenants_refresh(void)
{
	static CatalogStatement stale = {
		.sql = "SELECT 1" NOT_NOTED_HERE " LIMIT 1",
		.nargs = 1, .types = {TEXTOID}
	};
	static CatalogStatement refresh = {
		.sql = "UPDATE ashmig.tenants SET schema_name = schema_name WHERE schema_name IN"
		" (SELECT t.schema_name" NOT_NOTED_HERE ")",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1];
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(catalog_tenants_place());
	if (catalog_query(&stale, values, NULL) > 0)
		catalog_execute(&refresh, values, NULL);
	catalog_disconnect(level);
}

/*
 * Is there a registered tenant of that name?
 */
bool
catalog_tenants_find(const char *schema, Oid *schema_oid, Oid *managed_by)
{
	static CatalogStatement find = {
		.sql = "SELECT CASE WHEN noted_in = $2 THEN coalesce(schema_oid, 0) ELSE 0 END,"
		" coalesce(managed_by, 0)::pg_catalog.oid"
		" FROM ashmig.tenants WHERE schema_name = $1",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};
	Datum		values[2];
	int			level = catalog_connect();
	bool		found;
	bool		isnull;

	values[0] = CStringGetTextDatum(schema);
	values[1] = CStringGetTextDatum(catalog_tenants_place());
	found = catalog_query(&find, values, NULL) > 0;
	if (schema_oid)
		*schema_oid = found ? DatumGetObjectId(catalog_datum(0, 1, &isnull)) : InvalidOid;
	if (managed_by)
		*managed_by = found ? DatumGetObjectId(catalog_datum(0, 2, &isnull)) : InvalidOid;
	catalog_disconnect(level);
	return found;
}

/*
 * Does ashmig know the schema as a tenant?
 */
bool
catalog_tenants_known(const char *schema)
{
	return catalog_tenants_find(schema, NULL, NULL) ||
		catalog_schema_versions(schema, SCOPE_TENANT) != NIL;
}

/*
 * Register a tenant.
 */
void
catalog_tenants_add(const char *schema, Oid managed_by)
{
	static CatalogStatement add = {
		.sql = "INSERT INTO ashmig.tenants (schema_name, managed_by) VALUES ($1, $2)",
		.nargs = 2, .types = {TEXTOID, REGCLASSOID}
	};
	Datum		values[2];
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(schema);
	values[1] = ObjectIdGetDatum(managed_by);
	catalog_execute(&add, values, OidIsValid(managed_by) ? NULL : " n");
	catalog_disconnect(level);
}

/*
 * Delete the records of a tenant and of what was applied in it.
 */
void
catalog_tenants_remove(const char *schema)
{
	static CatalogStatement forget[] = {
		{.sql = "DELETE FROM ashmig.versions WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 1, .types = {TEXTOID}},
		{.sql = "DELETE FROM ashmig.schema_versions WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 1, .types = {TEXTOID}},
		{.sql = "DELETE FROM ashmig.partial_migrations WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 1, .types = {TEXTOID}},
		{.sql = "DELETE FROM ashmig.adopted_schemas WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 1, .types = {TEXTOID}},
		{.sql = "DELETE FROM ashmig.known_drift WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 1, .types = {TEXTOID}},
		{.sql = "DELETE FROM ashmig.repairs WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 1, .types = {TEXTOID}},
		{.sql = "DELETE FROM ashmig.tenants WHERE schema_name = $1",
		.nargs = 1, .types = {TEXTOID}}
	};
	Datum		values[1];
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(schema);
	for (int i = 0; i < lengthof(forget); i++)
		catalog_execute(&forget[i], values, NULL);
	catalog_disconnect(level);
}

/*
 * Move the records of a tenant and of what was applied in it to another name.
 */
void
catalog_tenants_rename(const char *old_name, const char *new_name)
{
	static CatalogStatement carry[] = {
		{.sql = "UPDATE ashmig.versions SET schema_name = $2 WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 2, .types = {TEXTOID, TEXTOID}},
		{.sql = "UPDATE ashmig.schema_versions SET schema_name = $2 WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 2, .types = {TEXTOID, TEXTOID}},
		{.sql = "UPDATE ashmig.partial_migrations SET schema_name = $2 WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 2, .types = {TEXTOID, TEXTOID}},
		{.sql = "UPDATE ashmig.adopted_schemas SET schema_name = $2 WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 2, .types = {TEXTOID, TEXTOID}},
		{.sql = "UPDATE ashmig.known_drift SET schema_name = $2 WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 2, .types = {TEXTOID, TEXTOID}},
		{.sql = "UPDATE ashmig.repairs SET schema_name = $2 WHERE schema_name = $1 AND scope = 'tenant'",
		.nargs = 2, .types = {TEXTOID, TEXTOID}},
		{.sql = "UPDATE ashmig.tenants SET schema_name = $2 WHERE schema_name = $1",
		.nargs = 2, .types = {TEXTOID, TEXTOID}}
	};
	Datum		values[2];
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(old_name);
	values[1] = CStringGetTextDatum(new_name);
	for (int i = 0; i < lengthof(carry); i++)
		catalog_execute(&carry[i], values, NULL);
	catalog_disconnect(level);
}
