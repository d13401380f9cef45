/*
 * drop_guard.c
 *		The event trigger that keeps a plain DROP EXTENSION from removing what
 *		is known of tables that stay.
 *
 * What the extension owns goes with it, also without CASCADE: the record of what
 * is applied where.  The tables that the migrations have made stay, and nobody
 * could migrate them any further.  So CASCADE has to be said.
 *
 * A dependency of the tenants' schemas on the extension would refuse a plain
 * DROP as well, but CASCADE would then drop the tenants.
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_versions.h"
#include "metadata/citus.h"

PG_FUNCTION_INFO_V1(ashmig_extension_dropped);

/*
 * Is the extension of that name among those that a statement drops without
 * CASCADE?
 */
static bool
is_dropped(const DropStmt *stmt, const char *extension)
{
	ListCell   *lc;

	if (stmt->removeType != OBJECT_EXTENSION || stmt->behavior == DROP_CASCADE)
		return false;
	foreach(lc, stmt->objects)
	{
		if (strcmp(strVal(lfirst(lc)), extension) == 0)
			return true;
	}
	return false;
}

/*
 * Is the owner among the roles whose objects a statement drops without CASCADE?
 */
static bool
is_owned(const DropOwnedStmt *stmt, Oid owner)
{
	if (stmt->behavior == DROP_CASCADE)
		return false;
	foreach_node(RoleSpec, role, stmt->roles)
	{
		if (get_rolespec_oid(role, true) == owner)
			return true;
	}
	return false;
}

/* Owner of an extension */
static Oid
extension_owner(Oid extension)
{
	static CatalogStatement find = {
		.sql = "SELECT extowner FROM pg_catalog.pg_extension WHERE oid = $1",
		.nargs = 1, .types = {OIDOID}
	};
	Datum		values[1] = {ObjectIdGetDatum(extension)};
	int			level = catalog_connect();
	bool		isnull;
	Oid			owner = InvalidOid;

	if (catalog_query(&find, values, NULL) > 0)
		owner = DatumGetObjectId(catalog_datum(0, 1, &isnull));
	catalog_disconnect(level);
	return owner;
}

/*
 * Raise an error if there are tables whose migrations would be forgotten.
 */
static void
refuse_if_used(const char *extension)
{
	char	   *example;
	int			schemas = catalog_schemas_in_use(&example);

	if (schemas == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop extension %s because its migrations are applied", extension),
			 errdetail_plural("What is applied in %d schema, \"%s\", would be forgotten. Its tables would stay.",
							  "What is applied in %d schemas, such as \"%s\", would be forgotten. Their tables would stay.",
							  schemas, schemas, example),
			 errhint("DROP EXTENSION %s CASCADE drops it all the same, with the triggers of managed tables.",
					 quote_identifier(extension))));
}

/*
 * Before DROP EXTENSION and DROP OWNED.  The server says what else stands in
 * the way, so this is silent for whoever may not drop the extension.
 */
Datum
ashmig_extension_dropped(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	Node	   *stmt;
	Oid			extension;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function ashmig.extension_dropped() must be called as an event trigger")));
	stmt = data->parsetree;
	extension = getExtensionOfObject(ProcedureRelationId, fcinfo->flinfo->fn_oid);
	if (!OidIsValid(extension) || !extension_owned_by(extension, GetUserId()))
		PG_RETURN_NULL();
	if (citus_is_worker())
		PG_RETURN_NULL();		/* the coordinator has looked, and sends it on */
	if ((IsA(stmt, DropStmt) && is_dropped((DropStmt *) stmt, get_extension_name(extension))) ||
		(IsA(stmt, DropOwnedStmt) && is_owned((DropOwnedStmt *) stmt, extension_owner(extension))))
		refuse_if_used(get_extension_name(extension));
	PG_RETURN_NULL();
}
