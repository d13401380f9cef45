/*
 * adopt_funcs.c
 *		The SQL-callable functions that take over schemas which exist.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "api/run_args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "drift/adopt.h"
#include "drift/attach.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"
#include "run/leader.h"
#include "syntax/sql_text.h"

PG_FUNCTION_INFO_V1(ashmig_adopt);
PG_FUNCTION_INFO_V1(ashmig_attach_tenant);

#define ADOPT_COLUMNS 11

static OnDrift
on_drift_value(const char *value)
{
	static const char *const names[] = {
		[ON_DRIFT_ERROR] = "error",
		[ON_DRIFT_RECORD] = "record",
		[ON_DRIFT_REPAIR] = "repair",
		[ON_DRIFT_PLAN] = "plan"
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(value, names[i]) == 0)
			return (OnDrift) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
			 errmsg("invalid value for argument \"on_drift\": \"%s\"", value),
			 errhint("Valid values are \"error\", \"record\", \"repair\" and \"plan\".")));
	return ON_DRIFT_ERROR;		/* keep compiler quiet */
}

/* The call, for the one that is made in a worker */
typedef struct AdoptCall
{
	FunctionCallInfo fcinfo;
	const char *schema;			/* of our functions */
} AdoptCall;

/* Record in a worker, which commits. */
static void
plan_in_worker(void *arg)
{
	const AdoptCall *call = arg;
	Oid			types[] = {JSONBOID, TEXTARRAYOID, TEXTOID};
	Datum		values[lengthof(types)] = {0};
	bool		nulls[lengthof(types)];

	nulls[0] = !call_argument(call->fcinfo, "snapshots", &values[0]);
	nulls[1] = !call_argument(call->fcinfo, "tenants", &values[1]);
	nulls[2] = !call_argument(call->fcinfo, "repo", &values[2]);
	(void) leader_execute(psprintf("SELECT pg_catalog.count(*)"
								   " FROM %s.ashmig_adopt($1, $2, on_drift => 'plan', repo => $3)",
								   quote_name(call->schema)),
						  lengthof(types), types, values, nulls);
}

/* A text value of a row, or NULL */
static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
put_row(ReturnSetInfo *rsinfo, const AdoptRow *row)
{
	const Difference *difference = row->difference;
	bool		in_table = difference && *difference->table;
	Datum		values[ADOPT_COLUMNS];
	bool		nulls[ADOPT_COLUMNS];

	set_text(values, nulls, 0, scope_name(row->scope));
	set_text(values, nulls, 1, difference && row->scope == SCOPE_PUBLIC ? difference->schema : row->schema);
	set_text(values, nulls, 2, row->status);
	set_text(values, nulls, 3, in_table ? difference->table : NULL);
	set_text(values, nulls, 4, difference ? difference->object_kind : row->object_kind);
	set_text(values, nulls, 5, difference ? difference->object : row->object);
	set_text(values, nulls, 6, difference ? difference_kind_name(difference->kind) : NULL);
	set_text(values, nulls, 7, difference ? difference_expected(difference, row->schema) : row->expected);
	set_text(values, nulls, 8, difference ? difference_actual(difference, row->schema) : row->actual);
	set_text(values, nulls, 9, difference ? difference_repair(difference, row->schema) : NULL);
	set_text(values, nulls, 10, row->error);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * ashmig_adopt(snapshots, tenants, on_drift, dry_run, repo): take over what Ecto
 * has migrated
 */
Datum
ashmig_adopt(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RunOptions	run = run_options_default();
	AdoptOptions options = {0};
	AdoptCall	call = {fcinfo, get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid))};
	int			level = settings_pin_parser();
	char	   *on_drift = call_string(fcinfo, "on_drift");
	char	   *repo = call_string(fcinfo, "repo");
	Datum		value;

	call_require(fcinfo, 0, "snapshots");
	run_args_read(fcinfo, &run);
	InitMaterializedSRF(fcinfo, 0);
	options.snapshots = PG_GETARG_DATUM(0);
	options.has_tenants = call_argument(fcinfo, "tenants", &value);
	options.tenants = options.has_tenants ? catalog_text_list(value) : NIL;
	options.on_drift = on_drift ? on_drift_value(on_drift) : ON_DRIFT_ERROR;
	options.dry_run = call_boolean(fcinfo, "dry_run", false);
	options.repo = repo ? catalog_repo_name(repo) : NULL;
	options.run = &run;
	options.plan_in_worker = plan_in_worker;
	options.arg = &call;
	foreach_ptr(const AdoptRow, row, adopt_database(&options))
		put_row(rsinfo, row);
	settings_unpin(level);
	return (Datum) 0;
}

/* ashmig_attach_tenant(schema, version): an existing schema becomes a tenant */
Datum
ashmig_attach_tenant(PG_FUNCTION_ARGS)
{
	int			level = settings_pin_parser();
	int64		version;

	call_require(fcinfo, 0, "schema");
	version = attach_tenant(text_to_cstring(PG_GETARG_TEXT_PP(0)),
							PG_ARGISNULL(1) ? 0 : catalog_check_version(PG_GETARG_INT64(1)));
	settings_unpin(level);
	PG_RETURN_INT64(version);
}
