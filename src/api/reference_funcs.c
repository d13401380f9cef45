/*
 * reference_funcs.c
 *		The SQL-callable function about shared references, and their triggers.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "utils/builtins.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_spi.h"
#include "tenant/shared_reference_actions.h"
#include "tenant/shared_reference_check.h"
#include "tenant/shared_reference_setup.h"

PG_FUNCTION_INFO_V1(ashmig_add_reference);
PG_FUNCTION_INFO_V1(ashmig_reference_row_written);
PG_FUNCTION_INFO_V1(ashmig_referenced_row_deleted);
PG_FUNCTION_INFO_V1(ashmig_referenced_row_updated);
PG_FUNCTION_INFO_V1(ashmig_referenced_table_truncated);

/* An argument that is an action */
static ReferenceAction
action_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	ReferenceAction action = REFERENCE_NO_ACTION;
	char	   *value = PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));

	if (value && !reference_action_parse(value, &action))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("invalid value for \"%s\": \"%s\"", name, value),
				 errhint("Use 'no action', 'restrict', 'cascade' or 'set null'.")));
	return action;
}

/* Triggers in the place of a foreign key */
Datum
ashmig_add_reference(PG_FUNCTION_ARGS)
{
	NewReference wanted = {0};

	call_require(fcinfo, 0, "relation");
	call_require(fcinfo, 1, "name");
	call_require(fcinfo, 2, "columns");
	call_require(fcinfo, 3, "referenced");
	wanted.table = PG_GETARG_OID(0);
	wanted.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	wanted.columns = catalog_text_list(PG_GETARG_DATUM(2));
	wanted.referenced = PG_GETARG_OID(3);
	wanted.on_delete = action_argument(fcinfo, 4, "on_delete");
	wanted.on_update = action_argument(fcinfo, 5, "on_update");
	shared_reference_add(&wanted);
	PG_RETURN_VOID();
}

/* A tenant's row with a reference */
Datum
ashmig_reference_row_written(PG_FUNCTION_ARGS)
{
	TriggerData *data = call_trigger(fcinfo, "reference_row_written",
									 TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW);

	if (!TRIGGER_FIRED_BY_DELETE(data->tg_event))
		shared_reference_row_written(data, fcinfo->flinfo);
	PG_RETURN_POINTER(NULL);
}

/* A public row is gone */
Datum
ashmig_referenced_row_deleted(PG_FUNCTION_ARGS)
{
	TriggerData *data = call_trigger(fcinfo, "referenced_row_deleted",
									 TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW);

	if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		shared_reference_row_gone(data, fcinfo->flinfo);
	PG_RETURN_POINTER(NULL);
}

/* Its key has changed */
Datum
ashmig_referenced_row_updated(PG_FUNCTION_ARGS)
{
	TriggerData *data = call_trigger(fcinfo, "referenced_row_updated",
									 TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW);

	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		shared_reference_row_gone(data, fcinfo->flinfo);
	PG_RETURN_POINTER(NULL);
}

/* The public table is to be emptied */
Datum
ashmig_referenced_table_truncated(PG_FUNCTION_ARGS)
{
	shared_reference_refuse_truncate(call_trigger(fcinfo, "referenced_table_truncated",
												  TRIGGER_EVENT_BEFORE));
	PG_RETURN_POINTER(NULL);
}
