/*
 * search_path.c
 *		The search_path of migrations: see search_path.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/settings.h"
#include "metadata/acting_role.h"
#include "metadata/catalog_spi.h"
#include "metadata/search_path.h"

/* What was found out last: which of these schemas may be searched, for whom */
static List *seen_schemas = NIL;	/* of Oid */
static List *seen_trusted = NIL;	/* those of them that may */
static Oid	seen_role = InvalidOid;
static Oid	seen_default = InvalidOid;

/*
 * The schemas in which extensions lie, apart from pg_catalog and the default
 * schema.
 */
static List *
extension_schemas(Oid default_schema)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	List	   *result = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;

		if (schema != PG_CATALOG_NAMESPACE && schema != default_schema)
			result = list_append_unique_oid(result, schema);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	list_sort(result, list_oid_cmp);
	return result;
}

/* Is it a registered tenant's? */
static bool
is_tenants(const char *schema)
{
	static CatalogStatement find = {
		.sql = "SELECT 1 FROM ashmig.tenants WHERE schema_name = $1",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1];
	int			level = catalog_connect();
	bool		found;

	values[0] = CStringGetTextDatum(schema);
	found = catalog_query(&find, values, NULL) > 0;
	catalog_disconnect(level);
	return found;
}

/* May migrations look for names in this schema? */
static bool
is_trusted(Oid schema, Oid default_schema, Oid role)
{
	const char *name = get_namespace_name(schema);
	Oid			owner = acting_role_schema_owner(schema);

	if (name == NULL || isAnyTempNamespace(schema) || strcmp(name, ASHMIG_CATALOG_SCHEMA) == 0 ||
		is_tenants(name))
		return false;
	return owner == role || owner == acting_role_database_owner() ||
		owner == acting_role_schema_owner(default_schema) || superuser_arg(owner);
}

/* Those that may be searched, in the current context */
static List *
trusted_schemas(Oid default_schema, Oid role)
{
	List	   *schemas = extension_schemas(default_schema);
	List	   *trusted = NIL;
	MemoryContext old;
	ListCell   *lc;

	if (schemas == NIL)
		return NIL;
	if (equal(schemas, seen_schemas) && seen_role == role && seen_default == default_schema)
		return list_copy(seen_trusted);
	foreach(lc, schemas)
	{
		if (is_trusted(lfirst_oid(lc), default_schema, role))
			trusted = lappend_oid(trusted, lfirst_oid(lc));
	}
	list_free(seen_schemas);
	list_free(seen_trusted);
	seen_schemas = seen_trusted = NIL;
	old = MemoryContextSwitchTo(TopMemoryContext);
	seen_schemas = list_copy(schemas);
	seen_trusted = list_copy(trusted);
	MemoryContextSwitchTo(old);
	seen_role = role;
	seen_default = default_schema;
	return trusted;
}

/* For list_sort */
static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

char *
search_path_for(const char *schema, const char *default_schema, Oid role)
{
	StringInfoData path;
	List	   *names = NIL;
	ListCell   *lc;

	initStringInfo(&path);
	appendStringInfoString(&path, quote_identifier(schema));
	if (strcmp(schema, default_schema) != 0)
		appendStringInfo(&path, ", %s", quote_identifier(default_schema));
	foreach(lc, trusted_schemas(get_namespace_oid(default_schema, true), role))
	{
		char	   *name = get_namespace_name(lfirst_oid(lc));

		if (name && strcmp(name, schema) != 0)
			names = lappend(names, name);
	}
	list_sort(names, compare_names);
	foreach(lc, names)
		appendStringInfo(&path, ", %s", quote_identifier(lfirst(lc)));
	/* where it is not named, it comes first: a role could slip its own in */
	appendStringInfoString(&path, ", pg_temp");
	return path.data;
}
