/*
 * drift.c
 *		Where schemas differ from what is recorded: see drift.h.
 */
#include "postgres.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/settings.h"
#include "drift/drift.h"
#include "generate/snapshot_store.h"
#include "metadata/catalog_known_drift.h"
#include "metadata/catalog_tenants.h"
#include "proof/comparison.h"

/* What is looked for, and what was found */
typedef struct Search
{
	const DriftOptions *options;
	List	   *groups;			/* of FleetGroup * */
	List	   *missing;		/* of char *: tenants without a schema */
} Search;

/* ----------
 * Which schemas
 * ----------
 */

/* Raise for the first of these names that is no tenant. */
static void
check_names(List *names, List *tenants)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		bool		found = false;

		foreach_ptr(const Tenant, tenant, tenants)
			found |= strcmp(tenant->schema, lfirst(lc)) == 0;
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_NO_TENANT),
					 errmsg("tenant \"%s\" does not exist", (char *) lfirst(lc)),
					 errhint("SELECT * FROM ashmig_all_tenants() lists all tenants.")));
	}
}

/* The tenants that there are; those that are registered and gone are noted. */
static List *
selected_tenants(Search *search)
{
	const DriftOptions *options = search->options;
	List	   *tenants = catalog_tenants();
	List	   *result = NIL;

	check_names(options->has_only ? options->only : options->except, tenants);
	foreach_ptr(const Tenant, tenant, tenants)
	{
		if (options->has_only ? !names_have(options->only, tenant->schema)
			: names_have(options->except, tenant->schema))
			continue;
		if (tenant->exists && tenant->fault == NULL)
			result = lappend(result, tenant->schema);
		else if (tenant->registered)
			search->missing = lappend(search->missing, tenant->schema);
	}
	return result;
}

/*
 * In a subtransaction that is rolled back: printing the definitions of views
 * locks what they read.
 */
static void
search_groups(void *arg)
{
	Search	   *search = arg;

	if (search->options->public)
		search->groups = fleet_compare_recorded(SCOPE_PUBLIC, list_make1(ashmig_default_schema));
	search->groups = list_concat(search->groups,
								 fleet_compare_recorded(SCOPE_TENANT, selected_tenants(search)));
}

static Search
run_search(const DriftOptions *options)
{
	Search		search = {.options = options};
	ErrorData  *error = attempt(search_groups, &search, false);

	if (error)
		ReThrowError(error);
	return search;
}

List *
drift_groups(const DriftOptions *options)
{
	return run_search(options).groups;
}

/* ----------
 * What of them
 * ----------
 */
const char *
drift_schema_name(const DriftSchema *drift, const Difference *difference)
{
	return drift->scope == SCOPE_TENANT ? drift->schema : difference->schema;
}

static KnownDrift
known_drift(const DriftSchema *drift, const Difference *difference)
{
	KnownDrift	known = {0};

	known.scope = drift->scope;
	known.schema = drift_schema_name(drift, difference);
	known.table = difference->table;
	known.object_kind = difference->object_kind;
	known.object = difference->object;
	known.difference = difference_kind_name(difference->kind);
	known.actual = difference_actual(difference, drift->schema);
	return known;
}

/* Is the difference about a table of the repo, or about no table at all? */
static bool
is_of_repo(const Model *repo, const Difference *difference)
{
	return repo == NULL || *difference->table == '\0' ||
		comparison_table(repo, difference->expected ? difference->expected : difference->actual) != NULL;
}

/* The differences of one schema of a group that are to be reported */
static List *
reported(const DriftOptions *options, const DriftSchema *drift, const Model *repo, KnownDriftSet *known)
{
	List	   *result = NIL;

	foreach_ptr(Difference, difference, drift->group->differences)
	{
		KnownDrift	one;

		if (!is_of_repo(repo, difference))
			continue;
		if (!options->with_known && hash_get_num_entries(known) > 0)
		{
			one = known_drift(drift, difference);
			if (catalog_drift_is_known(known, &one))
				continue;
		}
		result = lappend(result, difference);
	}
	return result;
}

static DriftSchema *
drift_of(Scope scope, const char *schema, const FleetGroup *group)
{
	DriftSchema *drift = palloc0(sizeof(DriftSchema));

	drift->scope = scope;
	drift->schema = schema;
	drift->group = group;
	return drift;
}

List *
drift_find(const DriftOptions *options)
{
	Search		search = run_search(options);
	KnownDriftSet *known = catalog_known_drift();
	Model	   *repo = NULL;
	List	   *result = NIL;
	ListCell   *lc;

	if (options->repo)
	{
		Problem		problem = {0};
		Recorded   *recorded = snapshot_store_load(options->repo, true, &problem);

		problem_raise(&problem);
		repo = recorded->model;
	}
	foreach_ptr(const FleetGroup, group, search.groups)
	{
		foreach(lc, group->differences == NIL ? NIL : group->schemas)
		{
			DriftSchema *drift = drift_of(group->expected->scope, lfirst(lc), group);

			drift->differences = reported(options, drift, repo, known);
			if (drift->differences != NIL)
				result = lappend(result, drift);
		}
	}
	foreach(lc, search.missing)
		result = lappend(result, drift_of(SCOPE_TENANT, lfirst(lc), NULL));
	return result;
}

void
drift_accept(const DriftSchema *drift, List *differences)
{
	List	   *known = NIL;

	foreach_ptr(const Difference, difference, differences)
	{
		KnownDrift *one = palloc(sizeof(KnownDrift));

		*one = known_drift(drift, difference);
		known = lappend(known, one);
	}
	catalog_known_drift_add(known);
}
