/*
 * adopt.c
 *		Taking over a database: see adopt.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/settings.h"
#include "drift/adopt.h"
#include "drift/attach.h"
#include "drift/candidates.h"
#include "drift/drift.h"
#include "drift/repair.h"
#include "generate/generate.h"
#include "metadata/catalog_adoption.h"
#include "metadata/catalog_tenants.h"
#include "metadata/catalog_versions.h"
#include "proof/reference.h"
#include "run/run.h"

/* The name of a base migration */
#define BASE_NAME "adopted"

/* What is to be said of a schema */
typedef struct Verdict
{
	Scope		scope;
	const char *schema;
	const Candidate *candidate;
	const FleetGroup *group;	/* NULL: not compared, or it matches a version */
	int64		version;		/* what it has the structure of, where the
								 * base is recorded already; else 0 */
	const char *status;			/* why it is left out, or what became of it;
								 * or NULL */
	char	   *error;			/* or NULL */
} Verdict;

/* A table of others that few schemas have, for the dry run */
typedef struct LoneTable
{
	char	   *schema;
	char	   *table;
} LoneTable;

typedef struct Adoption
{
	const AdoptOptions *options;
	Generation *generation;
	bool		is_known;		/* the base is recorded already */
	Model	   *model;			/* what the snapshots describe */
	List	   *candidates;		/* of Candidate * */
	const Candidate *public;
	const Expected *expected[NUM_SCOPES];	/* NULL: nothing in the scope */
	List	   *verdicts;		/* of Verdict * */
	List	   *lone;			/* of LoneTable * */
	List	   *versions[NUM_SCOPES];	/* of int64 *: the base, once recorded */
	int64		newest;			/* of Ecto's versions */
} Adoption;

/* ----------
 * The base
 * ----------
 */

/* The repos that are adopted */
static List *
adopted_repos(const Adoption *adoption)
{
	List	   *repos = NIL;

	foreach_ptr(RepoGeneration, repo, adoption->generation->repos)
	{
		if (adoption->options->repo == NULL || strcmp(repo->repo, adoption->options->repo) == 0)
			repos = lappend(repos, repo);
	}
	return repos;
}

static void
raise_managed(const char *repo)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_PENDING),
			 errmsg("repo \"%s\" has recorded snapshots already, which differ from these", repo),
			 errdetail("ashmig_adopt records the snapshots of a database that has no migrations of ashmig, and takes in schemas that were left out."),
			 errhint("Apply them with ashmig_apply(). Migrations of an earlier attempt that no schema has are removed by ashmig_remove_migration().")));
}

/*
 * Plan the generation as if from nothing.  Where the snapshots are recorded as
 * they stand, what is left to do is to take in more schemas.
 */
static void
plan_base(Adoption *adoption)
{
	GenerateOptions options = {.name = BASE_NAME, .renames = "[]", .quiet = adoption->options->on_drift == ON_DRIFT_PLAN};

	adoption->model = model_create();
	adoption->generation = generate_plan(adoption->options->snapshots, &options);
	adoption->is_known = generate_is_empty(adoption->generation);
	foreach_ptr(const RepoGeneration, repo, adoption->is_known ? NIL : adopted_repos(adoption))
	{
		if (repo->recorded->tables != NIL)
			raise_managed(repo->repo);
		foreach_ptr(Table, table, repo->diff->result->tables)
			model_add(adoption->model, table);
	}
}

static bool
has_scope(const Adoption *adoption, Scope scope)
{
	foreach_ptr(const Table, table, adoption->model->tables)
	{
		if (table->name.scope == scope)
			return true;
	}
	return scope == SCOPE_PUBLIC && adoption->generation->extensions != NIL;
}

/* The newest adopted migration of a scope; 0: none */
static int64
recorded_base(Scope scope)
{
	int64		version = 0;

	foreach_ptr(const Migration, migration, catalog_migrations(NULL, scope_filter(scope)))
	{
		if (migration->kind == MIGRATION_ADOPTED)
			version = migration->version;
	}
	return version;
}

/* ----------
 * Comparing
 * ----------
 */
static Verdict *
add_verdict(Adoption *adoption, Scope scope, const char *schema, const Candidate *candidate)
{
	Verdict    *verdict = palloc0(sizeof(Verdict));

	verdict->scope = scope;
	verdict->schema = schema;
	verdict->candidate = candidate;
	adoption->verdicts = lappend(adoption->verdicts, verdict);
	return verdict;
}

static const Candidate *
candidate_of(const Adoption *adoption, const char *schema)
{
	foreach_ptr(const Candidate, candidate, adoption->candidates)
	{
		if (strcmp(candidate->schema, schema) == 0)
			return candidate;
	}
	return adoption->public;
}

static void
judge_groups(Adoption *adoption, List *groups, int64 version)
{
	ListCell   *lc;

	foreach_ptr(const FleetGroup, group, groups)
	{
		foreach(lc, group->schemas)
		{
			Verdict    *verdict = add_verdict(adoption, group->expected->scope, lfirst(lc),
											  candidate_of(adoption, lfirst(lc)));

			verdict->group = group;
			verdict->version = version;
		}
	}
}

/* Schemas that can be compared; the others have their verdict. */
static List *
comparable(Adoption *adoption)
{
	List	   *schemas = NIL;

	foreach_ptr(Candidate, candidate, adoption->candidates)
	{
		if (candidate->is_tenant)
			continue;
		if (!candidate->exists)
			add_verdict(adoption, SCOPE_TENANT, candidate->schema, candidate)->status = "missing";
		else if (!candidate->owned)
			add_verdict(adoption, SCOPE_TENANT, candidate->schema, candidate)->status = "not_owned";
		else if (candidate->behind)
			add_verdict(adoption, SCOPE_TENANT, candidate->schema, candidate)->status = "behind";
		else
			schemas = lappend(schemas, candidate->schema);
	}
	return schemas;
}

static void
compare_with_model(Adoption *adoption, List *tenants)
{
	for (Scope scope = SCOPE_PUBLIC; scope <= SCOPE_TENANT; scope++)
	{
		List	   *schemas = scope == SCOPE_TENANT ? tenants : list_make1(ashmig_default_schema);

		if (!has_scope(adoption, scope))
			continue;
		adoption->expected[scope] = expected_of_model(scope, adoption->model, adoption->generation->extensions);
		judge_groups(adoption, fleet_compare(adoption->expected[scope], schemas), 0);
	}
}

/* The base is recorded: tenants have it, or a later version, or differ from it. */
static void
compare_with_base(Adoption *adoption, List *tenants)
{
	int64		public = recorded_base(SCOPE_PUBLIC);
	int64		tenant = recorded_base(SCOPE_TENANT);
	List	   *matches;
	List	   *rest;
	ListCell   *lc;

	if (public != 0 && catalog_newest_version(SCOPE_PUBLIC, ashmig_default_schema) < public)
	{
		adoption->expected[SCOPE_PUBLIC] = fleet_expected_at(SCOPE_PUBLIC, public);
		judge_groups(adoption, fleet_compare(adoption->expected[SCOPE_PUBLIC], list_make1(ashmig_default_schema)), public);
	}
	if (tenant == 0 || tenants == NIL)
		return;
	adoption->expected[SCOPE_TENANT] = fleet_expected_at(SCOPE_TENANT, tenant);
	matches = attach_match(tenants, tenant, &rest);
	foreach_ptr(const VersionMatch, match, matches)
	{
		foreach(lc, match->schemas)
			add_verdict(adoption, SCOPE_TENANT, lfirst(lc), candidate_of(adoption, lfirst(lc)))->version = match->version;
	}
	judge_groups(adoption, rest, tenant);
}

/*
 * Tables that no snapshot speaks of and that less than half of the tenants have:
 * no difference, but of interest to whoever takes the database over.
 */
static void
find_lone_tables(Adoption *adoption, List *tenants)
{
	static CatalogStatement find = {
		.sql = "SELECT schema_name, table_name FROM (SELECT n.nspname::pg_catalog.text AS schema_name,"
		"  c.relname::pg_catalog.text AS table_name, pg_catalog.count(*) OVER (PARTITION BY c.relname) AS schemas"
		"  FROM pg_catalog.unnest($1) AS s (name) JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.name::pg_catalog.name"
		"  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid WHERE c.relkind IN ('r', 'p')"
		"  AND c.relname::pg_catalog.text <> ALL ($2)) AS t"
		" WHERE schemas * 2 < pg_catalog.cardinality($1)"
		" ORDER BY schema_name COLLATE pg_catalog.\"C\", table_name COLLATE pg_catalog.\"C\"",
		.nargs = 2, .types = {TEXTARRAYOID, TEXTARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *known = list_make1(ashmig_ecto_migration_source);
	Datum		values[2];
	uint64		rows;
	int			level;

	if (adoption->expected[SCOPE_TENANT] == NULL)
		return;
	foreach_ptr(const StructureFact, fact, adoption->expected[SCOPE_TENANT]->facts)
	{
		if (strcmp(fact->kind, "table") == 0)
			known = lappend(known, fact->name);
	}
	values[0] = catalog_text_array(tenants);
	values[1] = catalog_text_array(known);
	level = catalog_connect();
	rows = catalog_query(&find, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		LoneTable  *lone = palloc(sizeof(LoneTable));

		lone->schema = catalog_string(i, 1, context);
		lone->table = catalog_string(i, 2, context);
		adoption->lone = lappend(adoption->lone, lone);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
}

static void
compare(void *arg)
{
	Adoption   *adoption = arg;
	List	   *tenants = comparable(adoption);

	if (adoption->is_known)
		compare_with_base(adoption, tenants);
	else
		compare_with_model(adoption, tenants);
	if (adoption->options->dry_run)
		find_lone_tables(adoption, tenants);
}

/* By scope and name, whatever became of them */
static int
compare_verdicts(const ListCell *a, const ListCell *b)
{
	const Verdict *va = lfirst(a);
	const Verdict *vb = lfirst(b);

	return va->scope != vb->scope ? (int) va->scope - (int) vb->scope : strcmp(va->schema, vb->schema);
}

/* Find out what there is and what is to be said of it; changes nothing. */
static void
look_at_database(Adoption *adoption)
{
	const AdoptOptions *options = adoption->options;
	ErrorData  *error;
	ListCell   *lc;

	foreach(lc, options->tenants)
		catalog_tenants_check_name(lfirst(lc));
	plan_base(adoption);
	adoption->candidates = candidates_find(options->tenants, options->has_tenants);
	adoption->public = candidates_find_one(ashmig_default_schema);
	foreach_ptr(const Candidate, candidate, adoption->candidates)
		adoption->newest = Max(adoption->newest, candidate_version(candidate));
	error = attempt(compare, adoption, false);
	if (error)
		ReThrowError(error);
	list_sort(adoption->verdicts, compare_verdicts);
}

/* ----------
 * Recording
 * ----------
 */

/* Record a migration that is not to be run, nor rolled back. */
static void
record_base(Adoption *adoption, Migration *migration)
{
	int64	   *version = palloc(sizeof(int64));

	migration->transactional = true;
	migration->reversible = false;
	migration->down = NIL;
	migration->version = migration->generation = *version = catalog_next_version();
	catalog_add_migration(migration);
	adoption->versions[migration->scope] = lappend(adoption->versions[migration->scope], version);
}

/* The base of a repo in one scope; its version, or 0 where there is nothing in it */
static int64
record_repo_base(Adoption *adoption, const RepoGeneration *repo, Scope scope)
{
	Migration  *migration = palloc0(sizeof(Migration));

	foreach_ptr(const PlannedMigration, planned, reference_compile(repo->diff->result, false))
	{
		if (planned->scope == scope)
			migration->up = list_concat(migration->up, planned->up);
	}
	if (migration->up == NIL)
		return 0;
	migration->repo = repo->repo;
	migration->scope = scope;
	migration->name = BASE_NAME;
	migration->kind = MIGRATION_ADOPTED;
	record_base(adoption, migration);
	return migration->version;
}

/* The snapshots go under the base of their scope. */
static void
record_repo(Adoption *adoption, const RepoGeneration *repo)
{
	int64		versions[NUM_SCOPES];

	for (Scope scope = SCOPE_PUBLIC; scope <= SCOPE_TENANT; scope++)
		versions[scope] = record_repo_base(adoption, repo, scope);
	foreach_ptr(const GivenTable, given, repo->tables)
	{
		Scope		scope = given->table->name.scope;
		Scope		other = scope == SCOPE_TENANT ? SCOPE_PUBLIC : SCOPE_TENANT;

		snapshot_store_save(repo->repo, given->table, adoption->generation->snapshots, given->positions,
							versions[scope] != 0 ? versions[scope] : versions[other], false);
	}
}

static void
record_bases(Adoption *adoption)
{
	foreach_ptr(Migration, migration, adoption->generation->extensions)
		record_base(adoption, migration);
	foreach_ptr(const RepoGeneration, repo, adopted_repos(adoption))
		record_repo(adoption, repo);
	catalog_adopt_ecto(SCOPE_PUBLIC, adoption->public->versions);
	catalog_adopt_ecto(SCOPE_TENANT, candidates_common(adoption->candidates));
}

/* ----------
 * What becomes of each schema
 * ----------
 */

/* The migrations that the schema counts as having */
static List *
adopted_versions(const Adoption *adoption, const Verdict *verdict)
{
	return verdict->version != 0 ? attach_versions(verdict->scope, verdict->version)
		: adoption->versions[verdict->scope];
}

static AdoptedSchema *
adopted_schema(const Verdict *verdict)
{
	AdoptedSchema *schema = palloc(sizeof(AdoptedSchema));

	schema->name = verdict->schema;
	schema->ecto_version = candidate_version(verdict->candidate);
	return schema;
}

static void
adopt_schema(Adoption *adoption, Verdict *verdict, const char *status)
{
	catalog_adopt(verdict->scope, list_make1(adopted_schema(verdict)), adopted_versions(adoption, verdict));
	verdict->status = status;
}

static void
accept_differences(const Verdict *verdict)
{
	DriftSchema drift = {verdict->scope, verdict->schema, verdict->group, verdict->group->differences};

	drift_accept(&drift, verdict->group->differences);
}

/* How many differences no DDL of ours removes */
static int
by_hand(List *differences)
{
	int			n = 0;

	foreach_ptr(const Difference, difference, differences)
		n += !difference->informs && difference->repairs == NIL;
	return n;
}

/* The repair after which a schema is adopted; NULL: it cannot be repaired */
static SchemaRepair *
repair_of(const Adoption *adoption, Verdict *verdict)
{
	SchemaRepair *repair = palloc0(sizeof(SchemaRepair));
	int			left = by_hand(verdict->group->differences);

	if (left > 0)
	{
		verdict->status = "different";
		verdict->error = psprintf(ngettext("%d difference has to be removed by hand",
										   "%d differences have to be removed by hand", left), left);
		return NULL;
	}
	repair->scope = verdict->scope;
	repair->schema = pstrdup(verdict->schema);
	repair->statements = differences_repair(verdict->group->differences);
	repair->version = catalog_newest_version(verdict->scope, verdict->schema);
	repair->adopts = adopted_versions(adoption, verdict);
	repair->ecto_version = candidate_version(verdict->candidate);
	return repair;
}

static bool
is_different(const Verdict *verdict)
{
	return verdict->group != NULL && verdict->group->differences != NIL;
}

/* The repairs (of SchemaRepair *) of the schemas that differ */
static List *
make_repairs(const Adoption *adoption)
{
	List	   *repairs = NIL;

	foreach_ptr(Verdict, verdict, adoption->verdicts)
	{
		SchemaRepair *repair = is_different(verdict) ? repair_of(adoption, verdict) : NULL;

		if (repair)
			repairs = lappend(repairs, repair);
	}
	return repairs;
}

/* All schemas of a scope that are as they should be, at once */
static void
adopt_equal(Adoption *adoption, Scope scope)
{
	List	   *schemas = NIL;

	foreach_ptr(Verdict, verdict, adoption->verdicts)
	{
		if (verdict->scope != scope || verdict->status || is_different(verdict) || verdict->version != 0)
			continue;
		schemas = lappend(schemas, adopted_schema(verdict));
		verdict->status = "adopted";
	}
	catalog_adopt(scope, schemas, adoption->versions[scope]);
}

/* Record the base and who has it. */
static void
record_adoption(Adoption *adoption)
{
	OnDrift		on_drift = adoption->options->on_drift;

	if (!adoption->is_known)
		record_bases(adoption);
	catalog_lock_versions(RowExclusiveLock);
	for (Scope scope = SCOPE_PUBLIC; scope <= SCOPE_TENANT; scope++)
		adopt_equal(adoption, scope);
	foreach_ptr(Verdict, verdict, adoption->verdicts)
	{
		if (verdict->status)
			continue;
		if (!is_different(verdict) || on_drift == ON_DRIFT_ERROR)
			adopt_schema(adoption, verdict, "adopted");
		else if (on_drift == ON_DRIFT_RECORD)
		{
			accept_differences(verdict);
			adopt_schema(adoption, verdict, "recorded");
		}
	}
}

/* Say of the repaired schemas how it went. */
static void
note_results(Adoption *adoption, List *results)
{
	foreach_ptr(Verdict, verdict, adoption->verdicts)
	{
		foreach_ptr(const RunResult, result, results)
		{
			if (result->scope != verdict->scope || strcmp(result->schema, verdict->schema) != 0)
				continue;
			verdict->status = run_status_name(result->status);
			verdict->error = results_error(result);
		}
	}
}

/* ----------
 * Errors
 * ----------
 */
static void
raise_different(const Adoption *adoption)
{
	StringInfoData detail;
	int			schemas = 0;
	const Verdict *first = NULL;

	initStringInfo(&detail);
	foreach_ptr(const Verdict, verdict, adoption->verdicts)
	{
		if (!is_different(verdict) || !attach_is_stopped(verdict->group->differences))
			continue;
		first = first ? first : verdict;
		if (++schemas <= 3)
			appendStringInfo(&detail, "%s%s", detail.len > 0 ? "\n" : "",
							 attach_describe(verdict->schema, verdict->group->differences));
	}
	if (schemas == 0)
		return;
	if (schemas > 3)
		appendStringInfo(&detail, "\n%d more schemas.", schemas - 3);
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_DRIFT),
			 errmsg_plural("%d schema, \"%s\", does not have the structure that the snapshots describe",
						   "%d schemas, among them \"%s\", do not have the structure that the snapshots describe",
						   schemas, schemas, first->schema),
			 errdetail_internal("%s", detail.data),
			 errhint("dry_run => true shows all differences with the DDL that removes them; on_drift => 'repair' runs it, on_drift => 'record' leaves the schemas as they are.")));
}

/* ----------
 * Rows
 * ----------
 */
static AdoptRow *
add_row(List **rows, const Verdict *verdict, const char *status)
{
	AdoptRow   *row = palloc0(sizeof(AdoptRow));

	row->scope = verdict->scope;
	row->schema = verdict->schema;
	row->status = status;
	row->error = verdict->error;
	*rows = lappend(*rows, row);
	return row;
}

/* What is said of a schema that is left out, or done */
static void
add_schema_row(const Adoption *adoption, List **rows, const Verdict *verdict)
{
	AdoptRow   *row = add_row(rows, verdict, verdict->status);

	if (strcmp(verdict->status, "behind") == 0)
	{
		row->object_kind = "table";
		row->object = ashmig_ecto_migration_source;
		row->expected = psprintf(INT64_FORMAT, adoption->newest);
		row->actual = psprintf(INT64_FORMAT, candidate_version(verdict->candidate));
	}
	else if (strcmp(verdict->status, "missing") == 0)
		row->error = "the schema does not exist";
	else if (strcmp(verdict->status, "not_owned") == 0)
		row->error = psprintf("must be owner of schema %s", verdict->schema);
}

static List *
dry_rows(const Adoption *adoption)
{
	List	   *rows = NIL;

	foreach_ptr(const Verdict, verdict, adoption->verdicts)
	{
		if (verdict->status)
			add_schema_row(adoption, &rows, verdict);
		foreach_ptr(const Difference, difference, is_different(verdict) ? verdict->group->differences : NIL)
			add_row(&rows, verdict, difference->informs ? "information" : "different")->difference = difference;
	}
	foreach_ptr(const LoneTable, lone, adoption->lone)
	{
		Verdict		verdict = {.scope = SCOPE_TENANT, .schema = lone->schema};
		AdoptRow   *row = add_row(&rows, &verdict, "information");

		row->object_kind = "table";
		row->object = lone->table;
	}
	return rows;
}

static List *
result_rows(const Adoption *adoption)
{
	List	   *rows = NIL;

	foreach_ptr(const Verdict, verdict, adoption->verdicts)
	{
		if (verdict->status)
			add_schema_row(adoption, &rows, verdict);
	}
	return rows;
}

/* ----------
 * Adopting
 * ----------
 */

/*
 * With repairs, each schema in a transaction of its own: a worker records and
 * commits first, so that the workers find what they are to do.
 */
static void
adopt_outside(Adoption *adoption)
{
	const AdoptOptions *options = adoption->options;
	RunOptions	run = *options->run;
	List	   *repairs;

	run.keep_failures = true;
	look_at_database(adoption);
	repairs = make_repairs(adoption);
	options->plan_in_worker(options->arg);
	foreach_ptr(Verdict, verdict, adoption->verdicts)
	{
		if (verdict->status == NULL && !is_different(verdict))
			verdict->status = "adopted";
	}
	if (repairs != NIL)
	{
		List	   *results = repair_run_recorded(&run, repairs, true);

		note_results(adoption, results);
		results_raise_failure_with(results, "What was adopted stays so. Fix the cause, and call ashmig_adopt again for the schemas that failed.");
	}
}

static void
adopt_inside(Adoption *adoption)
{
	OnDrift		on_drift = adoption->options->on_drift;

	if (!adoption->options->dry_run)
		catalog_lock_generation();
	look_at_database(adoption);
	if (adoption->options->dry_run)
		return;
	if (on_drift == ON_DRIFT_ERROR)
		raise_different(adoption);
	record_adoption(adoption);
	if (on_drift == ON_DRIFT_PLAN)
	{
		List	   *repairs = make_repairs(adoption);

		if (repairs != NIL)
			catalog_repairs_add(repairs);
	}
	else if (on_drift == ON_DRIFT_REPAIR)
		note_results(adoption, repair_run(adoption->options->run, make_repairs(adoption), false));
}

List *
adopt_database(const AdoptOptions *options)
{
	Adoption	adoption = {.options = options};

	if (options->on_drift == ON_DRIFT_REPAIR && !options->dry_run && run_outside_transaction(options->run))
		adopt_outside(&adoption);
	else
		adopt_inside(&adoption);
	return options->dry_run ? dry_rows(&adoption) : result_rows(&adoption);
}
