/*
 * options.c
 *		What a run is asked to do: see options.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"
#include "migrate/options.h"

/*
 * Migrate everything up, by the settings of the session.
 */
RunOptions
run_options_default(void)
{
	RunOptions	options = {
		.run_public = true,
		.run_tenants = true,
		.on_error = ON_ERROR_ERROR,
		.workers = ashmig_workers,
		.strict_version_order = ashmig_strict_version_order,
		.log_sql = ashmig_log_sql,
		.quiet = ashmig_quiet,
		.lock_timeout = ashmig_lock_timeout,
		.lock_retries = ashmig_lock_retries
	};

	return options;
}

/*
 * The schema that public migrations run in.
 */
const char *
run_options_public_schema(const RunOptions *options)
{
	return options->prefix ? options->prefix : ashmig_default_schema;
}

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
			 errmsg("on_error cannot be \"%s\"", value),
			 errhint("It is \"error\", \"report\" or \"stop\".")));
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

/*
 * Set the option of that name; a name that is none is left alone.
 */
static void
set_option(RunOptions *options, const char *name, Datum value)
{
	if (strcmp(name, "to") == 0)
		options->to = positive(DatumGetInt64(value), name);
	else if (strcmp(name, "step") == 0)
		options->step = positive(DatumGetInt32(value), name);
	else if (strcmp(name, "all") == 0)
		options->all = DatumGetBool(value);
	else if (strcmp(name, "only") == 0)
	{
		options->only = catalog_text_list(value);
		options->has_only = true;
	}
	else if (strcmp(name, "except") == 0)
		options->except = catalog_text_list(value);
	else if (strcmp(name, "repo") == 0)
		options->repo = catalog_repo_name(TextDatumGetCString(value));
	else if (strcmp(name, "prefix") == 0)
		options->prefix = TextDatumGetCString(value);
	else if (strcmp(name, "on_error") == 0)
		options->on_error = on_error_value(TextDatumGetCString(value));
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
 * Are we called from a function or a DO block?  PostgreSQL does not say so, but
 * there are signs.  Procedural languages leave an error context, and so does SPI,
 * which they all use; that makes two, where the top level has one (of the
 * extended protocol) or none.  A function in SQL leaves one, and has an executor
 * of its own, other than that of the portal.
 */
static bool
is_nested(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	QueryDesc  *query = ActivePortal ? ActivePortal->queryDesc : NULL;

	if (error_context_stack == NULL)
		return false;
	if (error_context_stack->previous != NULL)
		return true;
	return query != NULL && rsinfo != NULL && IsA(rsinfo, ReturnSetInfo) &&
		rsinfo->econtext->ecxt_estate != query->estate;
}

/*
 * Fill in options from the arguments of a call.
 */
void
run_options_from_call(FunctionCallInfo fcinfo, RunOptions *options)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Datum		names;
	Datum		modes;
	bool		no_names;
	bool		no_modes;
	char	  **argument_names;
	int			n;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	options->nested = is_nested(fcinfo);
	names = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargnames, &no_names);
	modes = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargmodes, &no_modes);
	if (!no_names)
	{
		n = get_func_input_arg_names(names, no_modes ? PointerGetDatum(NULL) : modes,
									 &argument_names);
		for (int i = 0; i < n && i < PG_NARGS(); i++)
		{
			if (argument_names[i] != NULL && !PG_ARGISNULL(i))
				set_option(options, argument_names[i], PG_GETARG_DATUM(i));
		}
	}
	ReleaseSysCache(tuple);

	if (options->has_only && options->except != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"only\" and \"except\" exclude each other")));
	if (options->all && (options->to != 0 || options->step != 0))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"all\" excludes \"to\" and \"step\"")));
	if (options->to != 0 && options->step != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"to\" and \"step\" exclude each other")));
}
