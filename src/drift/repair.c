/*
 * repair.c
 *		Bringing schemas back to what is recorded: see repair.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/settings.h"
#include "drift/drift.h"
#include "drift/repair.h"
#include "metadata/catalog_tenants.h"
#include "metadata/catalog_versions.h"
#include "run/leader.h"
#include "run/run.h"
#include "run/targets.h"

List *
repair_run_recorded(const RunOptions *run, List *repairs, bool outside)
{
	RunOptions	options = *run;
	List	   *targets = NIL;

	options.repair = true;
	foreach_ptr(const SchemaRepair, repair, repairs)
	{
		Target	   *target = palloc0(sizeof(Target));

		target->scope = repair->scope;
		target->exists = true;
		target->schema = repair->schema;
		targets = lappend(targets, target);
	}
	return run_repairs(&options, targets, outside);
}

List *
repair_run(const RunOptions *run, List *repairs, bool outside)
{
	if (repairs == NIL)
		return NIL;
	if (outside)
	{
		Oid			types[REPAIRS_ARGS];
		Datum		values[REPAIRS_ARGS];
		bool		nulls[REPAIRS_ARGS] = {false};

		catalog_repairs_arguments(repairs, types, values);
		(void) leader_execute(catalog_repairs_insert, REPAIRS_ARGS, types, values, nulls);
	}
	else
		catalog_repairs_add(repairs);
	return repair_run_recorded(run, repairs, outside);
}

/* The repair of a schema; NULL: nothing can be done about its differences */
static SchemaRepair *
repair_of(const DriftSchema *drift)
{
	SchemaRepair *repair = palloc0(sizeof(SchemaRepair));

	repair->scope = drift->scope;
	repair->schema = pstrdup(drift->schema);
	repair->statements = differences_repair(drift->differences);
	repair->version = drift->group->expected->version;
	return repair->statements == NIL ? NULL : repair;
}

/* Say how much is left to the caller. */
static void
report_left(int differences)
{
	if (differences > 0)
		ereport(NOTICE,
				(errmsg_plural("%d difference has to be removed by hand", "%d differences have to be removed by hand",
							   differences, differences),
				 errhint("SELECT * FROM ashmig_drift() WHERE repair IS NULL shows what is left.")));
}

/* The options of ashmig_drift for these schemas */
static DriftOptions
drift_options(List *schemas)
{
	DriftOptions options = {.public = schemas == NIL, .has_only = schemas != NIL};
	ListCell   *lc;

	foreach(lc, schemas)
	{
		if (strcmp(lfirst(lc), ashmig_default_schema) == 0)
			options.public = true;
		else
			options.only = lappend(options.only, lfirst(lc));
	}
	return options;
}

List *
repair_schemas(const RunOptions *run, List *schemas)
{
	bool		outside = run_outside_transaction(run);
	DriftOptions options = drift_options(schemas);
	List	   *repairs = NIL;
	List	   *missing = NIL;
	int			left = 0;

	foreach_ptr(const DriftSchema, drift, drift_find(&options))
	{
		SchemaRepair *repair;

		if (drift->group == NULL)
		{
			missing = lappend(missing, results_without_run(drift->scope, drift->schema, RUN_MISSING));
			continue;
		}
		foreach_ptr(const Difference, difference, drift->differences)
			left += difference->repairs == NIL;
		repair = repair_of(drift);
		if (repair)
			repairs = lappend(repairs, repair);
	}
	if (!run->quiet)
		report_left(left);
	return list_concat(repair_run(run, repairs, outside), missing);
}
