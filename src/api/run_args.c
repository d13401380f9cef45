/*
 * run_args.c
 *		What a run is asked to do, from the arguments of a call: see
 *		run_args.h.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "nodes/memnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/args.h"
#include "api/run_args.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "record/record.h"

/* An argument that must be positive */
static int64
positive(int64 value, const char *name)
{
	if (value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("argument \"%s\" must be positive", name)));
	return value;
}

static OnError
on_error_value(const char *value)
{
	if (strcmp(value, "error") == 0)
		return ON_ERROR_ERROR;
	if (strcmp(value, "report") == 0)
		return ON_ERROR_REPORT;
	if (strcmp(value, "stop") == 0)
		return ON_ERROR_STOP;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
			 errmsg("invalid value for \"on_error\": \"%s\"", value),
			 errhint("Valid values are \"error\", \"report\", and \"stop\".")));
	return ON_ERROR_ERROR;		/* keep compiler quiet */
}

/* An interval in milliseconds, as lock_timeout takes them */
static int
milliseconds(Interval *interval, const char *name)
{
	int64		days = interval->month * INT64CONST(30) + interval->day;
	int64		ms = days * INT64CONST(86400000) + interval->time / 1000;

	if (ms < 0 || ms > INT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("argument \"%s\" is out of range", name)));
	return ms;
}

/* A schema for public migrations */
static char *
prefix_value(char *schema)
{
	const char *fault = settings_schema_fault(schema);

	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("invalid value for \"prefix\": \"%s\"", schema),
				 errdetail_internal("%s", fault)));
	return schema;
}

/*
 * Set the option of that name; other names are ignored.
 */
static void
set_option(RunOptions *options, const char *name, Datum value)
{
	if (strcmp(name, "to_version") == 0)
		options->to = positive(DatumGetInt64(value), name);
	else if (strcmp(name, "step") == 0)
		options->step = positive(DatumGetInt32(value), name);
	else if (strcmp(name, "all_versions") == 0)
		options->all = DatumGetBool(value);
	else if (strcmp(name, "only_tenants") == 0)
	{
		options->only = catalog_text_list(value);
		options->has_only = true;
	}
	else if (strcmp(name, "except_tenants") == 0)
		options->except = catalog_text_list(value);
	else if (strcmp(name, "repo") == 0)
		options->repo = catalog_repo_name(TextDatumGetCString(value));
	else if (strcmp(name, "prefix") == 0)
		options->prefix = prefix_value(TextDatumGetCString(value));
	else if (strcmp(name, "on_error") == 0)
		options->on_error = on_error_value(TextDatumGetCString(value));
	else if (strcmp(name, "canary") == 0)
		options->canary = positive(DatumGetInt32(value), name);
	else if (strcmp(name, "max_failures") == 0)
		options->max_failures = positive(DatumGetInt32(value), name);
	else if (strcmp(name, "run_until") == 0)
		options->run_until = DatumGetTimestampTz(value);
	else if (strcmp(name, "workers") == 0)
	{
		options->workers = DatumGetInt32(value);
		if (options->workers < 0 || options->workers > 64)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("argument \"%s\" must be between 0 and 64", name)));
	}
	else if (strcmp(name, "atomic") == 0)
		options->atomic = DatumGetBool(value);
	else if (strcmp(name, "strict_version_order") == 0)
		options->strict_version_order = DatumGetBool(value);
	else if (strcmp(name, "log_sql") == 0)
		options->log_sql = DatumGetBool(value);
	else if (strcmp(name, "quiet") == 0)
		options->quiet = DatumGetBool(value);
	else if (strcmp(name, "lock_timeout") == 0)
		options->lock_timeout = milliseconds(DatumGetIntervalP(value), name);
}

/*
 * Are we connected to SPI?  SPI has no function for this question, but one
 * that does nothing else if no relation has that name.
 */
static bool
spi_is_connected(void)
{
	return SPI_unregister_relation("") != SPI_ERROR_UNCONNECTED;
}

/*
 * Are we called from a function or a DO block?  Procedural languages are
 * connected to SPI while their code runs.  Functions in SQL are not; but what
 * they call is run by an executor inside the one of the calling statement.
 */
static bool
is_nested(FunctionCallInfo fcinfo)
{
	int			executors = 0;

	for (MemoryContext context = fcinfo->flinfo->fn_mcxt; context != NULL;
		 context = MemoryContextGetParent(context))
	{
		if (strcmp(context->name, "ExecutorState") == 0)
			executors++;
	}
	return executors > 1 || spi_is_connected();
}

/*
 * Set each option that an argument is named after.
 */
void
run_args_read(FunctionCallInfo fcinfo, RunOptions *options)
{
	char	  **names;
	int			count = call_argument_names(fcinfo, &names);

	options->nested = is_nested(fcinfo);
	for (int i = 0; i < count; i++)
	{
		if (names[i] != NULL && !PG_ARGISNULL(i))
			set_option(options, names[i], PG_GETARG_DATUM(i));
	}

	if (options->has_only && options->except != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"only_tenants\" and \"except_tenants\" cannot be used together")));
	if (options->atomic && (options->canary > 0 || options->run_until != DT_NOEND))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"atomic\" cannot be used together with \"canary\" or \"run_until\""),
				 errdetail("With \"atomic\", either all schemas are migrated or none.")));
	if (options->all && (options->to != 0 || options->step != 0))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"all_versions\" cannot be used together with \"to_version\" or \"step\"")));
	if (options->to != 0 && options->step != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"to_version\" and \"step\" cannot be used together")));
}
