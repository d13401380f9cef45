/*
 * plan_funcs.c
 *		SQL functions that show what a generation would do: ashmig_plan,
 *		ashmig_check, ashmig_operations.  They record nothing.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "api/args.h"
#include "api/generate_args.h"
#include "api/plan_notes.h"
#include "base/compat.h"
#include "base/pin.h"
#include "generate/generate.h"
#include "metadata/catalog_migrations.h"
#include "plan/deparse.h"
#include "plan/operation_hazard.h"
#include "plan/operation_json.h"
#include "run/extent.h"
#include "run/pace.h"

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
#define PLAN_COLUMNS 24

/* What the rows of a plan have in common */
typedef struct PlanRows
{
	ReturnSetInfo *rsinfo;
	int			step;			/* of the last row */
	HazardSet	allowed;
	HazardReader reader;		/* has read the operations so far */
	Extents		extents;
	Pace		pace;
} PlanRows;

static void
set_text(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = value == NULL;
	if (value)
		values[column] = CStringGetTextDatum(value);
}

/* Seconds; a negative number is NULL */
static void
set_seconds(Datum *values, bool *nulls, int column, double seconds)
{
	nulls[column] = seconds < 0;
	if (seconds >= 0)
		values[column] = DirectFunctionCall7(make_interval, Int32GetDatum(0), Int32GetDatum(0),
											 Int32GetDatum(0), Int32GetDatum(0), Int32GetDatum(0),
											 Int32GetDatum(0), Float8GetDatum(seconds));
}

/* The columns that say what a step does to tables in use */
static void
set_hazards(const PlanRows *rows, Datum *values, bool *nulls, const Hazards *hazards)
{
	JsonWriter	locks;

	json_write_init(&locks);
	hazard_write_locks(&locks, NULL, hazards);
	set_text(values, nulls, 9, hazard_lock_name(hazard_strongest_lock(hazards)));
	values[10] = BoolGetDatum(hazards->rewrites);
	values[11] = BoolGetDatum(hazards->scans);
	values[12] = BoolGetDatum(hazard_has(hazards, HAZARD_DATA_LOSS));
	values[15] = catalog_text_array(hazard_words(hazards->kinds));
	values[16] = BoolGetDatum((hazards->kinds & ~rows->allowed) == 0);
	values[17] = DirectFunctionCall1(jsonb_in, CStringGetDatum(locks.text.data));
	set_text(values, nulls, 18, hazard_text(hazards->notices));
	set_text(values, nulls, 19, hazard_text(hazards->safer));
}

/* The columns that say how much of this database a step concerns */
static void
set_extent(const PlanRows *rows, Datum *values, bool *nulls, Scope scope,
		   const TableName *table, const Hazards *hazards)
{
	int64		schemas = scope == SCOPE_TENANT ? rows->extents.tenants : 1;
	Extent		extent = extent_of(&rows->extents, table);

	values[20] = Int64GetDatum(schemas);
	values[21] = Int64GetDatum(extent.rows);
	values[22] = Int64GetDatum(extent.bytes);
	set_seconds(values, nulls, 23, pace_estimate(&rows->pace, schemas,
												 hazards->rewrites || hazards->scans,
												 extent.bytes));
}

/*
 * Put a row of ashmig_plan: an operation of a migration.  "table" is what its
 * table is called so far.
 */
static void
put_plan_row(PlanRows *rows, const char *repo, const PlannedMigration *planned,
			 const Operation *operation, const TableName *table)
{
	List	   *one = list_make1((void *) operation);
	List	   *up = deparse_up(one);
	Hazards    *hazards = operation_hazards(&rows->reader, operation, up);
	Datum		values[PLAN_COLUMNS];
	bool		nulls[PLAN_COLUMNS] = {false};

	values[0] = Int32GetDatum(++rows->step);
	set_text(values, nulls, 1, repo);
	set_text(values, nulls, 2, scope_name(planned->scope));
	set_text(values, nulls, 3, operation->table.schema);
	set_text(values, nulls, 4, operation->table.name);
	set_text(values, nulls, 5, operation_name(operation->kind));
	set_text(values, nulls, 6, operation_subject_name(operation));
	set_text(values, nulls, 7, statements_text(up));
	set_text(values, nulls, 8, statements_text(deparse_down(one)));
	values[13] = BoolGetDatum(planned->transactional);
	set_text(values, nulls, 14, plan_notes_add(operation, operation_note(operation)));
	set_hazards(rows, values, nulls, hazards);
	set_extent(rows, values, nulls, planned->scope, table, hazards);
	tuplestore_putvalues(rows->rsinfo->setResult, rows->rsinfo->setDesc, values, nulls);
}

/* Put the row of an extension that would be installed. */
static void
put_extension_row(PlanRows *rows, const Migration *migration)
{
	TableName	none = table_name_bare("");
	Hazards		hazards = {0};
	Datum		values[PLAN_COLUMNS];
	bool		nulls[PLAN_COLUMNS] = {false};

	values[0] = Int32GetDatum(++rows->step);
	set_text(values, nulls, 1, migration->repo);
	set_text(values, nulls, 2, scope_name(migration->scope));
	set_text(values, nulls, 3, NULL);
	set_text(values, nulls, 4, NULL);
	set_text(values, nulls, 5, "install_extension");
	set_text(values, nulls, 6, migration->name);
	set_text(values, nulls, 7, statements_text(migration->up));
	set_text(values, nulls, 8, statements_text(migration->down));
	values[13] = BoolGetDatum(migration->transactional);
	set_text(values, nulls, 14, NULL);
	set_hazards(rows, values, nulls, &hazards);
	set_extent(rows, values, nulls, migration->scope, &none, &hazards);
	tuplestore_putvalues(rows->rsinfo->setResult, rows->rsinfo->setDesc, values, nulls);
}

/*
 * What the table of each operation is called before the plan runs, in the order
 * of the plan (of TableName *).  One that the plan creates has the name of no
 * table.
 */
static List *
present_names(const Generation *generation)
{
	static const TableName none = {SCOPE_PUBLIC, "", ""};
	TableMap   *present = table_map_create();
	List	   *names = NIL;

	foreach_ptr(RepoGeneration, repo, generation->repos)
	{
		foreach_ptr(PlannedMigration, planned, repo->migrations)
		{
			foreach_ptr(const Operation, operation, planned->operations)
			{
				const TableName *name = table_map_get(present, &operation->table);

				if (operation->kind == OP_CREATE_TABLE)
					table_map_put(present, &operation->table, (void *) (name = &none));
				if (name == NULL)
					name = &operation->table;
				if (operation->kind == OP_RENAME_TABLE || operation->kind == OP_MOVE_TABLE)
					table_map_put(present, operation->table_name.to, (void *) name);
				names = lappend(names, (void *) name);
			}
		}
	}
	return names;
}

static void
put_plan(PlanRows *rows, const Generation *generation)
{
	List	   *names = present_names(generation);
	ListCell   *name = list_head(names);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ashmig plan rows",
												  ALLOCSET_DEFAULT_SIZES);

	rows->extents = extent_read(names);
	rows->pace = pace_read();
	foreach_ptr(const Migration, migration, generation->extensions)
		put_extension_row(rows, migration);
	foreach_ptr(RepoGeneration, repo, generation->repos)
	{
		foreach_ptr(PlannedMigration, planned, repo->migrations)
		{
			foreach_ptr(const Operation, operation, planned->operations)
			{
				MemoryContext old = MemoryContextSwitchTo(scratch);

				put_plan_row(rows, repo->repo, planned, operation, lfirst(name));
				MemoryContextSwitchTo(old);
				MemoryContextReset(scratch);
				name = lnext(names, name);
			}
		}
	}
	MemoryContextDelete(scratch);
}

/*
 * ashmig_plan(snapshots, name, dev, renames, drop_columns, drop_tables,
 * concurrent_indexes, allow): one row per step of what ashmig_generate would
 * record.
 */
Datum
ashmig_plan(PG_FUNCTION_ARGS)
{
	GenerateOptions options = generate_args_read(fcinfo);
	int			level = settings_pin_parser();
	PlanRows	rows = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo, .allowed = options.allowed,
	.reader = hazard_reader()};
	Generation *generation;

	call_require(fcinfo, 0, "snapshots");
	InitMaterializedSRF(fcinfo, 0);
	generation = generate_plan(PG_GETARG_DATUM(0), &options);
	if (!generate_is_empty(generation))
		put_plan(&rows, generation);
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
 * ashmig_check(snapshots, ...): true, or an error that says what is pending, or
 * which recorded migrations have hazards that are not allowed.
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
	gate_check_recorded(options.allowed);
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
	HazardReader reader = hazard_reader();
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
				char	   *json = operation_json(repo->repo, &reader, lfirst(lo));
				Datum		value = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
				bool		isnull = false;

				tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
			}
		}
	}
	settings_unpin(level);
	PG_RETURN_NULL();
}
