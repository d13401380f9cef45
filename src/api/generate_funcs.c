/*
 * generate_funcs.c
 *		SQL functions that record migrations from snapshots: ashmig_generate,
 *		ashmig_apply, ashmig_drop_retired, ashmig_squash_snapshots.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/args.h"
#include "api/generate_args.h"
#include "api/result_rows.h"
#include "api/run_args.h"
#include "base/compat.h"
#include "base/pin.h"
#include "generate/forget.h"
#include "generate/generate.h"
#include "metadata/catalog_migrations.h"
#include "run/leader.h"
#include "run/run.h"
#include "syntax/sql_text.h"

PG_FUNCTION_INFO_V1(ashmig_generate);
PG_FUNCTION_INFO_V1(ashmig_apply);
PG_FUNCTION_INFO_V1(ashmig_drop_retired);
PG_FUNCTION_INFO_V1(ashmig_squash_snapshots);

/* Return one row per recorded migration. */
static void
put_migrations(ReturnSetInfo *rsinfo, List *migrations)
{
	foreach_ptr(Migration, migration, migrations)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(migration->repo);
		values[1] = CStringGetTextDatum(scope_name(migration->scope));
		values[2] = Int64GetDatum(migration->version);
		values[3] = CStringGetTextDatum(migration->name);
		values[4] = BoolGetDatum(migration->transactional);
		values[5] = Int32GetDatum(list_length(migration->up));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/*
 * Before a named generation: roll back the development migrations wherever
 * they ran.  The new generation is planned first, so that a bad snapshot
 * changes nothing.
 *
 * In the caller's own transaction that takes the locks of a run, so those of a
 * generation are taken first (catalog_migrations.h has the order).
 */
static void
take_back_dev(Datum input, const GenerateOptions *options, const RunOptions *run)
{
	GenerateOptions trial = *options;
	RunOptions	back = *run;
	List	   *dev;

	if (options->dev || (dev = generate_dev_migrations()) == NIL)
		return;
	if (!run_outside_transaction(run))
	{
		catalog_lock_generation();
		dev = generate_dev_migrations();
	}
	trial.quiet = true;
	generate_check_hazards(generate_plan(input, &trial), trial.allowed);
	back.down = true;
	back.run_public = back.run_tenants = true;
	back.repo = NULL;
	back.to = 0;
	back.step = 0;
	back.only = back.except = NIL;
	back.has_only = false;
	back.on_error = ON_ERROR_ERROR;
	back.canary = 0;
	back.max_failures = 0;
	back.run_until = DT_NOEND;
	foreach_ptr(Migration, migration, dev)
		back.versions = lappend(back.versions, &migration->version);
	(void) run_migrations(&back);
}

/*
 * ashmig_generate(snapshots, name, dev, renames, drop_columns, drop_tables,
 * concurrent_indexes, allow): record what ashmig_plan shows; run nothing.
 */
Datum
ashmig_generate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	GenerateOptions options = generate_args_read(fcinfo);
	RunOptions	run = run_options_default();
	int			level = settings_pin_parser();

	call_require(fcinfo, 0, "snapshots");
	InitMaterializedSRF(fcinfo, 0);
	take_back_dev(PG_GETARG_DATUM(0), &options, &run);
	put_migrations(rsinfo, generate_record(PG_GETARG_DATUM(0), &options));
	settings_unpin(level);
	PG_RETURN_NULL();
}

/* The statement that carries a call of ashmig_generate to a worker, for the versions that it records */
#define CARRIER "SELECT pg_catalog.array_agg(version) FROM %s.ashmig_generate($1, $2, $3, $4, $5, $6, $7, $8, online => $9)"

/*
 * Run it.  An error is raised without the carrier in its context: to the
 * caller it is an error of the call.
 */
static char *
execute_carrier(const char *sql, int nargs, Oid *types, Datum *values, bool *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile value = NULL;

	PG_TRY();
	{
		value = leader_execute(sql, nargs, types, values, nulls);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		char	   *carrier;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		carrier = error->context ? strstr(error->context, psprintf("SQL statement \"%s\"", sql)) : NULL;
		if (carrier == error->context)
			error->context = NULL;
		else if (carrier != NULL)
			carrier[-1] = '\0';
		ReThrowError(error);
	}
	PG_END_TRY();
	return value;
}

/*
 * Record in a worker, which commits: the caller's transaction writes nothing,
 * so that neither an error at the end of the run nor a canceled call can take
 * away a migration that some schema already has.  Returns the versions, as the
 * text of a bigint[], or NULL where nothing was recorded.
 */
static char *
record_in_worker(FunctionCallInfo fcinfo, const char *schema, const GenerateOptions *options)
{
	Oid			types[] = {JSONBOID, TEXTOID, BOOLOID, JSONBOID, BOOLOID, BOOLOID, BOOLOID, TEXTARRAYOID, BOOLOID};
	Datum		values[lengthof(types)];
	bool		nulls[lengthof(types)] = {false};

	if (generate_is_current(PG_GETARG_DATUM(0), options))
		return NULL;
	values[0] = PG_GETARG_DATUM(0);
	nulls[1] = options->name == NULL;
	values[1] = options->name ? CStringGetTextDatum(options->name) : (Datum) 0;
	values[2] = BoolGetDatum(options->dev);
	nulls[3] = !call_argument(fcinfo, "renames", &values[3]);
	values[4] = BoolGetDatum(options->drop_columns);
	values[5] = BoolGetDatum(options->drop_tables);
	values[6] = BoolGetDatum(options->concurrent_indexes);
	nulls[7] = !call_argument(fcinfo, "allow", &values[7]);
	values[8] = BoolGetDatum(options->online);
	return execute_carrier(psprintf(CARRIER, quote_name(schema)), lengthof(types), types,
						   values, nulls);
}

/*
 * Where a table exists already, Ecto may have made it: then it is not the
 * snapshots that are to be corrected.
 */
static char *
hint_of_failures(List *results, bool forgotten)
{
	char	   *hint = forget_hint(results, forgotten);

	foreach_ptr(const RunResult, result, results)
	{
		if (result->error && result->error->sqlerrcode == ERRCODE_DUPLICATE_TABLE)
			return psprintf("%s%sIf Ecto has created the table, SELECT * FROM ashmig_adopt(snapshots, dry_run => true) shows how to take this database over.",
							hint ? hint : "", hint ? " " : "");
	}
	return hint;
}

/*
 * Run what a worker has recorded (or NULL), and whatever else is pending, in
 * workers.  What failed everywhere is forgotten again, so that corrected
 * snapshots can be applied at once.
 */
static List *
run_recorded(const char *schema, const char *versions, const RunOptions *run)
{
	RunOptions	kept = *run;
	bool		forgotten;
	List	   *results;
	char	   *hint;

	kept.keep_failures = true;
	results = run_migrations(&kept);
	if (!results_have_failure(results))
		return results;
	forgotten = versions != NULL && forget_failed(schema, versions, run, results);
	hint = hint_of_failures(results, forgotten);
	if (run->on_error != ON_ERROR_REPORT)
		results_raise_failure_with(results, hint);
	if (hint)
		ereport(NOTICE,
				(errmsg("migrations failed"),
				 errhint("%s", hint)));
	return results;
}

/*
 * ashmig_apply(snapshot, name, ..., run options): generate and run, public
 * then tenants, in one call.
 */
Datum
ashmig_apply(PG_FUNCTION_ARGS)
{
	GenerateOptions options = generate_args_read(fcinfo);
	RunOptions	run = run_options_default();
	int			level = settings_pin_parser();
	const char *schema = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));
	char	   *versions = NULL;
	List	   *results;
	bool		outside;

	call_require(fcinfo, 0, "snapshots");
	run_args_read(fcinfo, &run);
	take_back_dev(PG_GETARG_DATUM(0), &options, &run);
	outside = run_outside_transaction(&run);
	if (outside)
		versions = record_in_worker(fcinfo, schema, &options);
	else
		(void) generate_record(PG_GETARG_DATUM(0), &options);
	settings_unpin(level);
	results = outside ? run_recorded(schema, versions, &run) : run_migrations(&run);
	result_rows_return(fcinfo, results);
	PG_RETURN_NULL();
}

/*
 * ashmig_drop_retired(tables, name, repo): record the migration that drops the
 * columns of removed attributes; of all tables if NULL.
 */
Datum
ashmig_drop_retired(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			level = settings_pin_parser();
	List	   *tables = NIL;
	List	   *repos;
	Datum		value;
	char	   *name = "drop_retired";
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (call_argument(fcinfo, "tables", &value))
		tables = catalog_text_list(value);
	if (call_argument(fcinfo, "name", &value))
		name = TextDatumGetCString(value);
	repos = call_argument(fcinfo, "repo", &value)
		? list_make1(TextDatumGetCString(value)) : snapshot_store_repos();
	foreach(lc, repos)
		put_migrations(rsinfo, generate_drop_retired(lfirst(lc), tables, name));
	settings_unpin(level);
	PG_RETURN_NULL();
}

/*
 * ashmig_squash_snapshots(): keep one snapshot for each table; returns how
 * many were deleted.
 */
Datum
ashmig_squash_snapshots(PG_FUNCTION_ARGS)
{
	catalog_lock_generation();
	PG_RETURN_INT64((int64) snapshot_store_squash());
}
