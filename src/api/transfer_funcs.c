/*
 * transfer_funcs.c
 *		The SQL-callable functions that move a tenant to another database.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "drift/transfer.h"

PG_FUNCTION_INFO_V1(ashmig_export_tenant);
PG_FUNCTION_INFO_V1(ashmig_import_tenant);

/* What the argument on_drift means; NULL: its default */
static TransferDrift
on_drift_value(const char *value)
{
	static const char *const names[] = {
		[TRANSFER_DRIFT_ERROR] = "error",
		[TRANSFER_DRIFT_RECORD] = "record",
		[TRANSFER_DRIFT_IGNORE] = "ignore"
	};

	if (value == NULL)
		return TRANSFER_DRIFT_ERROR;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(value, names[i]) == 0)
			return (TransferDrift) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
			 errmsg("invalid value for argument \"on_drift\": \"%s\"", value),
			 errhint("Valid values are \"error\", \"record\" and \"ignore\".")));
	return TRANSFER_DRIFT_ERROR;	/* keep compiler quiet */
}

/* ashmig_export_tenant(schema, on_drift): what is recorded of a tenant, as a script */
Datum
ashmig_export_tenant(PG_FUNCTION_ARGS)
{
	char	   *on_drift = call_string(fcinfo, "on_drift");

	call_require(fcinfo, 0, "schema");
	(void) on_drift_value(on_drift);
	PG_RETURN_TEXT_P(cstring_to_text(transfer_export(call_string(fcinfo, "schema"), on_drift)));
}

/* ashmig_import_tenant(tenant, on_drift): what that script calls */
Datum
ashmig_import_tenant(PG_FUNCTION_ARGS)
{
	TransferDrift on_drift = on_drift_value(call_string(fcinfo, "on_drift"));
	bool		imported;
	int			level;

	call_require(fcinfo, 0, "tenant");
	level = settings_pin_parser();
	imported = transfer_import(PG_GETARG_DATUM(0), on_drift);
	settings_unpin(level);
	PG_RETURN_BOOL(imported);
}
