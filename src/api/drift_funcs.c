/*
 * drift_funcs.c
 *		The SQL-callable functions that compare schemas with what is recorded,
 *		and repair them.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "api/result_rows.h"
#include "api/run_args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "drift/drift.h"
#include "drift/repair.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"

PG_FUNCTION_INFO_V1(ashmig_drift);
PG_FUNCTION_INFO_V1(ashmig_drift_summary);
PG_FUNCTION_INFO_V1(ashmig_repair);

/* Names of schemas that a row of ashmig_drift_summary shows */
#define NAMES_SHOWN 10

static List *
names_argument(FunctionCallInfo fcinfo, const char *name)
{
	Datum		value;

	return call_argument(fcinfo, name, &value) ? catalog_text_list(value) : NIL;
}

static DriftOptions
drift_options(FunctionCallInfo fcinfo)
{
	DriftOptions options = {0};
	Datum		value;

	options.has_only = call_argument(fcinfo, "only_tenants", &value);
	options.only = names_argument(fcinfo, "only_tenants");
	options.except = names_argument(fcinfo, "except_tenants");
	options.public = call_boolean(fcinfo, "public", true);
	if (call_argument(fcinfo, "repo", &value))
		options.repo = catalog_repo_name(TextDatumGetCString(value));
	if (options.has_only && options.except != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"only_tenants\" and \"except_tenants\" cannot be used together")));
	return options;
}

/* A text value of a row, or NULL */
static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
put_difference(ReturnSetInfo *rsinfo, const DriftSchema *drift, const Difference *difference)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	set_text(values, nulls, 0, scope_name(drift->scope));
	set_text(values, nulls, 1, drift_schema_name(drift, difference));
	set_text(values, nulls, 2, *difference->table ? difference->table : NULL);
	set_text(values, nulls, 3, difference->object_kind);
	set_text(values, nulls, 4, difference->object);
	set_text(values, nulls, 5, difference_kind_name(difference->kind));
	set_text(values, nulls, 6, difference_expected(difference, drift->schema));
	set_text(values, nulls, 7, difference_actual(difference, drift->schema));
	set_text(values, nulls, 8, difference_repair(difference, drift->schema));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* A tenant that is registered, and has no schema */
static void
put_missing(ReturnSetInfo *rsinfo, const DriftSchema *drift)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	for (int i = 0; i < lengthof(values); i++)
		set_text(values, nulls, i, NULL);
	set_text(values, nulls, 0, scope_name(drift->scope));
	set_text(values, nulls, 1, drift->schema);
	set_text(values, nulls, 3, "schema");
	set_text(values, nulls, 4, drift->schema);
	set_text(values, nulls, 5, difference_kind_name(DIFFERENCE_MISSING));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * ashmig_drift(only_tenants, except_tenants, public, repo): a row per difference
 */
Datum
ashmig_drift(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DriftOptions options = drift_options(fcinfo);
	int			level = settings_pin_parser();

	InitMaterializedSRF(fcinfo, 0);
	foreach_ptr(const DriftSchema, drift, drift_find(&options))
	{
		if (drift->group == NULL)
			put_missing(rsinfo, drift);
		foreach_ptr(const Difference, difference, drift->differences)
			put_difference(rsinfo, drift, difference);
	}
	settings_unpin(level);
	return (Datum) 0;
}

/* The largest group of its scope: the first one, as they are sorted */
static bool
is_majority(List *groups, const FleetGroup *group)
{
	foreach_ptr(const FleetGroup, other, groups)
	{
		if (other->expected->scope == group->expected->scope)
			return other == group;
	}
	return false;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* The first names of a group, as text[] */
static Datum
group_names(const FleetGroup *group)
{
	List	   *names = list_copy(group->schemas);

	list_sort(names, compare_names);
	return catalog_text_array(list_truncate(names, NAMES_SHOWN));
}

/* By scope, and then by how many schemas look like it */
static int
compare_groups(const ListCell *a, const ListCell *b)
{
	const FleetGroup *ga = lfirst(a);
	const FleetGroup *gb = lfirst(b);

	if (ga->expected->scope != gb->expected->scope)
		return (int) ga->expected->scope - (int) gb->expected->scope;
	return list_length(gb->schemas) - list_length(ga->schemas);
}

/*
 * ashmig_drift_summary(): a row per group of schemas that look the same
 */
Datum
ashmig_drift_summary(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DriftOptions options = {.public = true};
	int			level = settings_pin_parser();
	List	   *groups = drift_groups(&options);

	InitMaterializedSRF(fcinfo, 0);
	list_sort(groups, compare_groups);
	foreach_ptr(const FleetGroup, group, groups)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		set_text(values, nulls, 0, scope_name(group->expected->scope));
		nulls[1] = group->expected->version == 0;
		values[1] = Int64GetDatum(group->expected->version);
		values[2] = Int32GetDatum(list_length(group->schemas));
		values[3] = BoolGetDatum(is_majority(groups, group));
		values[4] = Int32GetDatum(list_length(group->differences));
		values[5] = group_names(group);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	settings_unpin(level);
	return (Datum) 0;
}

/*
 * ashmig_repair(schemas, ...): bring schemas back to what is recorded for them
 */
Datum
ashmig_repair(PG_FUNCTION_ARGS)
{
	RunOptions	options = run_options_default();
	int			level = settings_pin_parser();
	List	   *results;
	Datum		value;

	run_args_read(fcinfo, &options);
	if (call_argument(fcinfo, "schemas", &value) && catalog_text_list(value) == NIL)
		results = NIL;
	else
		results = repair_schemas(&options, names_argument(fcinfo, "schemas"));
	settings_unpin(level);
	result_rows_return(fcinfo, results);
	return (Datum) 0;
}
