/*
 * plan_funcs.c
 *		SQL functions that show what a generation would do: ashmig_plan,
 *		ashmig_check, ashmig_operations.  They record nothing.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "api/args.h"
#include "api/generate_args.h"
#include "api/plan_notes.h"
#include "base/compat.h"
#include "base/pin.h"
#include "generate/generate.h"
#include "metadata/catalog_migrations.h"
#include "plan/deparse.h"
#include "plan/operation_json.h"

PG_FUNCTION_INFO_V1(ashmig_plan);
PG_FUNCTION_INFO_V1(ashmig_check);
PG_FUNCTION_INFO_V1(ashmig_operations);

/* Statements as a script */
static char *
statements_text(List *statements)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, statements)
		appendStringInfo(&buf, "%s%s;", lc == list_head(statements) ? "" : "\n",
						 (char *) lfirst(lc));
	return buf.data;
}

/* ----------
 * ashmig_plan
 * ----------
 */
#define PLAN_COLUMNS 15

static void
set_text(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = value == NULL;
	if (value)
		values[column] = CStringGetTextDatum(value);
}

/* Put a row of ashmig_plan: an operation of a migration. */
static void
put_plan_row(ReturnSetInfo *rsinfo, int step, const char *repo, Scope scope,
			 bool transactional, const Operation *operation)
{
	Hazard		hazard = operation_hazard(operation);
	List	   *one = list_make1((void *) operation);
	Datum		values[PLAN_COLUMNS];
	bool		nulls[PLAN_COLUMNS] = {false};

	values[0] = Int32GetDatum(step);
	set_text(values, nulls, 1, repo);
	set_text(values, nulls, 2, scope_name(scope));
	set_text(values, nulls, 3, operation->table.schema);
	set_text(values, nulls, 4, operation->table.name);
	set_text(values, nulls, 5, operation_name(operation->kind));
	set_text(values, nulls, 6, operation_subject_name(operation));
	set_text(values, nulls, 7, statements_text(deparse_up(one)));
	set_text(values, nulls, 8, statements_text(deparse_down(one)));
	set_text(values, nulls, 9, lock_taken_name(hazard.lock));
	values[10] = BoolGetDatum(hazard.rewrites);
	values[11] = BoolGetDatum(hazard.scans);
	values[12] = BoolGetDatum(hazard.destroys);
	values[13] = BoolGetDatum(transactional);
	set_text(values, nulls, 14, plan_notes_add(operation, hazard.note));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Put the row of an extension that would be installed. */
static void
put_extension_row(ReturnSetInfo *rsinfo, int step, const Migration *migration)
{
	Datum		values[PLAN_COLUMNS];
	bool		nulls[PLAN_COLUMNS] = {false};

	values[0] = Int32GetDatum(step);
	set_text(values, nulls, 1, migration->repo);
	set_text(values, nulls, 2, scope_name(migration->scope));
	set_text(values, nulls, 3, NULL);
	set_text(values, nulls, 4, NULL);
	set_text(values, nulls, 5, "install_extension");
	set_text(values, nulls, 6, migration->name);
	set_text(values, nulls, 7, statements_text(migration->up));
	set_text(values, nulls, 8, statements_text(migration->down));
	set_text(values, nulls, 9, lock_taken_name(LOCK_NONE));
	values[10] = values[11] = values[12] = BoolGetDatum(false);
	values[13] = BoolGetDatum(migration->transactional);
	set_text(values, nulls, 14, NULL);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * ashmig_plan(snapshots, name, dev, renames, drop_columns, drop_tables,
 * concurrent_indexes): one row per step of what ashmig_generate would record.
 */
Datum
ashmig_plan(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	GenerateOptions options = generate_args_read(fcinfo);
	int			level = settings_pin_parser();
	Generation *generation;
	int			step = 0;
	ListCell   *lm;
	ListCell   *lo;

	call_require(fcinfo, 0, "snapshots");
	InitMaterializedSRF(fcinfo, 0);
	generation = generate_plan(PG_GETARG_DATUM(0), &options);
	foreach(lm, generation->extensions)
		put_extension_row(rsinfo, ++step, lfirst(lm));
	foreach_ptr(RepoGeneration, repo, generation->repos)
	{
		foreach_ptr(PlannedMigration, migration, repo->migrations)
		{
			foreach(lo, migration->operations)
				put_plan_row(rsinfo, ++step, repo->repo, migration->scope,
							 migration->transactional, lfirst(lo));
		}
	}
	settings_unpin(level);
	PG_RETURN_NULL();
}

/* ----------
 * ashmig_check
 * ----------
 */

/* The first operations that are pending, for a message */
static char *
pending_text(const Generation *generation, int *count)
{
	StringInfoData buf;

	*count = list_length(generation->extensions);
	initStringInfo(&buf);
	for (int i = 0; i < list_length(generation->extensions); i++)
		appendStringInfo(&buf, "%sinstall_extension", buf.len ? ", " : "");
	foreach_ptr(RepoGeneration, repo, generation->repos)
	{
		foreach_ptr(PlannedMigration, planned, repo->migrations)
		{
			foreach_ptr(const Operation, operation, planned->operations)
			{
				const char *name = operation_subject_name(operation);

				if (++(*count) > 10)
					continue;
				appendStringInfo(&buf, "%s%s %s%s%s", buf.len ? ", " : "",
								 operation_name(operation->kind),
								 table_name_show(&operation->table),
								 name ? "." : "", name ? name : "");
			}
		}
	}
	if (*count > 10)
		appendStringInfo(&buf, ", and %d more", *count - 10);
	return buf.data;
}

/*
 * ashmig_check(snapshots, ...): true, or an error that says what is pending.
 */
Datum
ashmig_check(PG_FUNCTION_ARGS)
{
	GenerateOptions options = generate_args_read(fcinfo);
	int			level = settings_pin_parser();
	List	   *dev = generate_dev_migrations();
	Generation *generation;
	char	   *pending;
	int			count;

	call_require(fcinfo, 0, "snapshots");
	if (dev != NIL)
	{
		Migration  *migration = linitial(dev);

		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_DEV_MIGRATIONS),
				 errmsg("development migrations have not been replaced"),
				 errdetail("There are %d, among them " INT64_FORMAT " \"%s\".",
						   list_length(dev), migration->version, migration->name),
				 errhint("Replace them with a named migration: SELECT ashmig_generate(snapshots, name => '...').")));
	}
	generation = generate_plan(PG_GETARG_DATUM(0), &options);
	if (!generate_is_empty(generation))
	{
		pending = pending_text(generation, &count);
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_PENDING),
				 errmsg_plural("snapshots have %d change without a migration",
							   "snapshots have %d changes without a migration",
							   count, count),
				 errdetail("Pending: %s.", pending),
				 errhint("SELECT * FROM ashmig_plan(snapshots) shows the changes; ashmig_generate(snapshots, name => '...') records them.")));
	}
	settings_unpin(level);
	PG_RETURN_BOOL(true);
}

/* ----------
 * ashmig_operations
 * ----------
 */

/*
 * ashmig_operations(old, new, renames, drop_columns, drop_tables): the
 * operations between two sets of snapshots, in order.  Reads no table.
 */
Datum
ashmig_operations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	GenerateOptions options = generate_args_read(fcinfo);
	int			level = settings_pin_parser();
	ListCell   *lo;

	call_require(fcinfo, 0, "old");
	call_require(fcinfo, 1, "new");
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach_ptr(RepoGeneration, repo, generate_between(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), &options))
	{
		foreach_ptr(PlannedMigration, planned, repo->migrations)
		{
			foreach(lo, planned->operations)
			{
				char	   *json = operation_json(repo->repo, lfirst(lo));
				Datum		value = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
				bool		isnull = false;

				tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
			}
		}
	}
	settings_unpin(level);
	PG_RETURN_NULL();
}
