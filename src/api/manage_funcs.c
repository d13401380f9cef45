/*
 * manage_funcs.c
 *		The SQL-callable functions about tables whose rows have tenants, and
 *		the triggers.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_tenants.h"
#include "tenant/managed_rows.h"
#include "tenant/managed_setup.h"

PG_FUNCTION_INFO_V1(ashmig_manage_tenant);
PG_FUNCTION_INFO_V1(ashmig_unmanage_tenant);
PG_FUNCTION_INFO_V1(ashmig_tenant_row_inserted);
PG_FUNCTION_INFO_V1(ashmig_tenant_row_updated);
PG_FUNCTION_INFO_V1(ashmig_tenant_row_deleted);
PG_FUNCTION_INFO_V1(ashmig_tenant_registered);
PG_FUNCTION_INFO_V1(ashmig_managed_table_registered);
PG_FUNCTION_INFO_V1(ashmig_setting_written);

/*
 * Triggers on a table.
 */
Datum
ashmig_manage_tenant(PG_FUNCTION_ARGS)
{
	ManagedTable managed = {0};
	char	   *on_delete = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));

	call_require(fcinfo, 0, "relation");
	call_require(fcinfo, 1, "template");
	if (on_delete && strcmp(on_delete, "drop") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("invalid value for \"on_delete\": \"%s\"", on_delete),
				 errhint("Use 'drop' to drop the row's tenant, or NULL (the default) to keep it.")));
	managed.table = PG_GETARG_OID(0);
	managed.template = catalog_text_list(PG_GETARG_DATUM(1));
	managed.on_insert = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	managed.on_update = PG_ARGISNULL(3) || PG_GETARG_BOOL(3);
	managed.drop_on_delete = on_delete != NULL;
	managed.default_schema = ashmig_default_schema;
	managed.owner = GetUserNameFromId(GetUserId(), false);
	managed_setup_apply(&managed);
	PG_RETURN_VOID();
}

/* Take them away */
Datum
ashmig_unmanage_tenant(PG_FUNCTION_ARGS)
{
	managed_setup_remove(PG_GETARG_OID(0));
	PG_RETURN_VOID();
}

/*
 * The data of a trigger on a managed table.  That the table is managed, the
 * rooms below see for themselves.
 */
static TriggerData *
row_trigger(FunctionCallInfo fcinfo, const char *name)
{
	return call_trigger(fcinfo, name, TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW);
}

/* The tenant of a new row */
Datum
ashmig_tenant_row_inserted(PG_FUNCTION_ARGS)
{
	TriggerData *data = row_trigger(fcinfo, "tenant_row_inserted");

	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		managed_rows_inserted(data->tg_relation, data->tg_trigtuple);
	return PointerGetDatum(NULL);
}

/* The tenant of a row whose name changes */
Datum
ashmig_tenant_row_updated(PG_FUNCTION_ARGS)
{
	TriggerData *data = row_trigger(fcinfo, "tenant_row_updated");

	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		managed_rows_updated(data->tg_relation, data->tg_trigtuple, data->tg_newtuple);
	return PointerGetDatum(NULL);
}

/* The tenant of a row that is gone */
Datum
ashmig_tenant_row_deleted(PG_FUNCTION_ARGS)
{
	TriggerData *data = row_trigger(fcinfo, "tenant_row_deleted");

	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		managed_rows_deleted(data->tg_relation, data->tg_trigtuple);
	return PointerGetDatum(NULL);
}

/* The row that a BEFORE INSERT or UPDATE trigger returns */
static HeapTuple
passing_row(TriggerData *data)
{
	return TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
}

/*
 * Trigger on ashmig.tenants: note the schema's OID, and where.  A trigger does it so
 * that restoring a dump, where schemas have other OIDs, notes the right one.
 */
Datum
ashmig_tenant_registered(PG_FUNCTION_ARGS)
{
	TriggerData *data = call_catalog_trigger(fcinfo, "tenant_registered", "tenants",
											 TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	HeapTuple	row = passing_row(data);
	char	   *name = SPI_getvalue(row, desc, SPI_fnumber(desc, "schema_name"));
	Oid			schema = name ? get_namespace_oid(name, true) : InvalidOid;
	int			columns[2] = {SPI_fnumber(desc, "schema_oid"), SPI_fnumber(desc, "noted_in")};
	Datum		values[2] = {ObjectIdGetDatum(schema), CStringGetTextDatum(catalog_tenants_place())};
	bool		nulls[2] = {!OidIsValid(schema), false};

	return PointerGetDatum(heap_modify_tuple_by_cols(row, desc, 2, columns, values, nulls));
}

/*
 * Raise an error if the caller may not become the role that owns a
 * registration.  If that role does not exist, only a superuser may name it
 * (restoring a dump), and anyone may remove it.
 */
static void
check_registration_owner(TriggerData *data, HeapTuple row, bool is_new)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	char	   *owner = SPI_getvalue(row, desc, SPI_fnumber(desc, "owner"));
	Oid			role = owner ? get_role_oid(owner, true) : InvalidOid;

	if (OidIsValid(role) ? !role_can_become(GetUserId(), role) : is_new && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be able to SET ROLE \"%s\"", owner ? owner : "")));
}

/*
 * Trigger on ashmig.managed_tables: a role that may write there must not make
 * triggers run as another role, nor take over another role's registration.
 */
Datum
ashmig_managed_table_registered(PG_FUNCTION_ARGS)
{
	TriggerData *data = call_catalog_trigger(fcinfo, "managed_table_registered", "managed_tables",
											 TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW);

	if (!TRIGGER_FIRED_BY_INSERT(data->tg_event))
		check_registration_owner(data, data->tg_trigtuple, false);
	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		return PointerGetDatum(data->tg_trigtuple);
	check_registration_owner(data, passing_row(data), true);
	return PointerGetDatum(passing_row(data));
}

/*
 * Trigger on ashmig.settings: the query that lists tenants runs as the role that
 * wrote it, so nobody can say it was another.  A superuser can, as a dump is
 * restored by one; where he changes a value and names nobody, it was he.
 */
Datum
ashmig_setting_written(PG_FUNCTION_ARGS)
{
	TriggerData *data = call_catalog_trigger(fcinfo, "setting_written", "settings",
											 TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	HeapTuple	row = passing_row(data);
	int			column = SPI_fnumber(desc, "set_by");
	NameData	user;
	Datum		value = NameGetDatum(&user);
	bool		isnull = false;

	if (superuser())
	{
		char	   *set_by = SPI_getvalue(row, desc, column);

		if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event) ||
			strcmp(set_by ? set_by : "", SPI_getvalue(data->tg_trigtuple, desc, column)) != 0)
			return PointerGetDatum(row);
	}
	namestrcpy(&user, GetUserNameFromId(GetUserId(), false));
	return PointerGetDatum(heap_modify_tuple_by_cols(row, desc, 1, &column, &value, &isnull));
}
