/*
 * stages.c
 *		The order between public and tenant migrations: see stages.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "metadata/catalog_spi.h"
#include "migrate/pending.h"
#include "utils/builtins.h"

#include "base/errors.h"
#include "metadata/catalog_migrations.h"
#include "migrate/crossing.h"
#include "migrate/migrate.h"
#include "run/stages.h"
#include "run/targets.h"
#include "syntax/sql_text.h"

/* Tenants that an error names; their number tells the rest. */
#define MAX_NAMED 5

/* A pending public migration that has to wait for the tenants */
typedef struct Stage
{
	int64		version;
	char	   *name;
	char	   *subject;		/* what it takes away: the name of a table,
								 * say */
} Stage;

/* The stage before a crossing, which no change of the cache can take away */
static Stage *
copy_stage(const Crossing *crossing)
{
	Stage	   *stage = palloc(sizeof(Stage));

	stage->version = crossing->version;
	stage->name = pstrdup(crossing->name);
	stage->subject = pstrdup(crossing->subject);
	return stage;
}

/*
 * The stages of a run that migrates up, by version: List of Stage *.  NIL for
 * nearly all runs, and where public migrations are not asked for.
 */
static List *
find_stages(const RunOptions *options)
{
	RunOptions	any_order = *options;
	List	   *stages = NIL;
	List	   *pending;
	List	   *crossings;
	ListCell   *lp;
	ListCell   *lc;

	if (!options->run_public || options->down || options->prefix)
		return NIL;
	any_order.strict_version_order = false; /* the run itself raises */
	pending = pending_migrations(&any_order, SCOPE_PUBLIC, run_options_public_schema(options));
	if (pending == NIL)
		return NIL;
	pending = pending_copy(pending);
	crossings = crossing_list();
	foreach(lp, pending)
	{
		const Migration *migration = lfirst(lp);

		foreach(lc, crossings)
		{
			const Crossing *crossing = lfirst(lc);

			if (crossing->version == migration->version &&
				strcmp(crossing->repo, migration->repo) == 0)
				stages = lappend(stages, copy_stage(crossing));
		}
	}
	return stages;
}

/*
 * The tenants that lack a migration older than the stage: List of char *.  Those
 * that the caller excludes by name do not count, nor those without a schema.
 */
static List *
lagging_tenants(const RunOptions *options, const Stage *stage)
{
	RunOptions	before = *options;
	List	   *result = NIL;
	ListCell   *lc;

	before.run_public = false;
	before.run_tenants = true;
	before.repo = NULL;
	before.to = stage->version - 1;
	before.step = 0;
	before.only = NIL;
	before.has_only = false;
	foreach(lc, targets_find(&before))
	{
		Target	   *target = lfirst(lc);

		if (target_is_usable(target) && pending_migrations(&before, SCOPE_TENANT, target->schema) != NIL)
			result = lappend(result, target->schema);
	}
	return result;
}

/* The first of the names, and how many more there are */
static char *
describe_names(List *names)
{
	int			more = list_length(names) - MAX_NAMED;
	char	   *shown = quote_names(list_truncate(list_copy(names), MAX_NAMED));

	return more > 0 ? psprintf("%s and %d more", shown, more) : shown;
}

/* Raise for a stage that these tenants hold back. */
static void
raise_waiting(const Stage *stage, List *lagging)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_WAITS_FOR_TENANTS),
			 errmsg_plural("public migration " INT64_FORMAT " (%s) has to wait for %d tenant",
						   "public migration " INT64_FORMAT " (%s) has to wait for %d tenants",
						   list_length(lagging), stage->version, stage->name,
						   list_length(lagging)),
			 errdetail("It changes \"%s\", which older tenant migrations refer to, and these tenants do not have them all: %s.",
					   stage->subject, describe_names(lagging)),
			 errhint("Migrate them first: SELECT * FROM ashmig_migrate_all(to_version => " INT64_FORMAT "). A tenant named in except_tenants is not waited for.",
					 stage->version - 1)));
}

/* Tell that the stage waits for tenants that failed, or go on in the background. */
static void
tell_waiting(const Stage *stage)
{
	ereport(NOTICE,
			(errmsg("public migration " INT64_FORMAT " (%s) and what comes after it stay pending until every tenant has the migrations before it",
					stage->version, stage->name),
			 errdetail("It changes \"%s\", which older tenant migrations refer to.", stage->subject),
			 errhint("Run again when these tenants are done. A tenant named in except_tenants is not waited for.")));
}

/*
 * What comes before a stage: everything older, in public and in the tenants.
 * False where the stage has to wait all the same; *results grows.
 */
static bool
run_before(const RunOptions *options, const Stage *stage, StageRunner run, List **results)
{
	RunOptions	before = *options;
	List	   *lagging = lagging_tenants(options, stage);
	List	   *done;

	if (lagging == NIL)
		return true;
	if (!options->run_tenants || options->step > 0)
		raise_waiting(stage, lagging);
	before.to = stage->version - 1;
	done = run(&before);
	*results = results_merge(*results, done);
	if (results_have_failure(done) || results_are_left(done))
	{
		tell_waiting(stage);
		return false;
	}
	lagging = lagging_tenants(options, stage);
	if (lagging != NIL)
		raise_waiting(stage, lagging);
	return true;
}

/*
 * Migrate up, in one stage or in several.
 */
List *
stages_run(const RunOptions *options, StageRunner run)
{
	List	   *results = NIL;
	ListCell   *lc;

	foreach(lc, find_stages(options))
	{
		if (!run_before(options, lfirst(lc), run, &results))
			return results;
	}
	return results_merge(results, run(options));
}

/* ----------
 * Rolling back
 * ----------
 */

/* The tenants that have one of these versions: List of char * */
static List *
tenants_with(List *versions)
{
	static CatalogStatement find = {
		.sql = "SELECT DISTINCT schema_name FROM ashmig.versions"
		" WHERE scope = 'tenant' AND version = ANY ($1) ORDER BY schema_name",
		.nargs = 1, .types = {INT8ARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	List	   *result;
	int			level = catalog_connect();

	values[0] = catalog_version_array(versions);
	result = catalog_strings(catalog_query(&find, values, NULL), 1, context);
	catalog_disconnect(level);
	return result;
}

/* Raise where a tenant has a newer migration that names what this down takes away. */
static void
check_rollback(const Migration *migration)
{
	char	   *subject;
	List	   *versions = crossing_of_rollback(migration, &subject);
	List	   *tenants;

	if (versions == NIL || (tenants = tenants_with(versions)) == NIL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_WAITS_FOR_TENANTS),
			 errmsg("public migration " INT64_FORMAT " (%s) cannot be rolled back before newer tenant migrations",
					migration->version, migration->name),
			 errdetail("They refer to \"%s\", and these tenants have them: %s.",
					   subject, describe_names(tenants)),
			 errhint("First: SELECT * FROM ashmig_rollback_tenants(to_version => " INT64_FORMAT ").",
					 *(int64 *) linitial(versions))));
}

/*
 * Raise where newer tenant migrations rest on what is to be rolled back.
 */
void
stages_check_rollback(const RunOptions *options)
{
	ListCell   *lc;

	if (!options->run_public || options->prefix)
		return;
	foreach(lc, pending_copy(pending_migrations(options, SCOPE_PUBLIC, run_options_public_schema(options))))
		check_rollback(lfirst(lc));
}
