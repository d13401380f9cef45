/*
 * generate.c
 *		Code generation: see generate.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/settings.h"
#include "generate/generate.h"
#include "generate/typecheck.h"
#include "metadata/catalog_migrations.h"
#include "record/extensions.h"
#include "snapshot/snapshot_merge.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* ----------
 * The input
 * ----------
 */

/* The snapshots of the input as a jsonb array, whichever of its three forms it has */
static Datum
input_array(Datum input)
{
	static CatalogStatement query = {
		"SELECT CASE pg_catalog.jsonb_typeof($1) WHEN 'array' THEN $1"
		" WHEN 'object' THEN CASE WHEN $1 OPERATOR(pg_catalog.?) 'snapshots' THEN"
		"  CASE pg_catalog.jsonb_typeof($1 -> 'snapshots') WHEN 'array' THEN $1 -> 'snapshots'"
		"   ELSE '[]' END"
		"  ELSE pg_catalog.jsonb_build_array($1) END"
		" ELSE '[]' END",
		1, {JSONBOID}, NULL
	};
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	bool		isnull;
	Datum		array;

	catalog_query(&query, &input, NULL);
	array = catalog_datum(0, 1, &isnull);
	MemoryContextSwitchTo(context);
	array = PointerGetDatum(PG_DETOAST_DATUM_COPY(array));
	catalog_disconnect(level);
	return array;
}

/* Is the input a bundle that speaks of extensions? */
static bool
input_has_extensions(Datum input)
{
	Jsonb	   *jsonb = DatumGetJsonbP(input);

	return JB_ROOT_IS_OBJECT(jsonb) &&
		getKeyJsonValueFromContainer(&jsonb->root, "extensions", 10, NULL) != NULL;
}

/* Decode the input; raises what is wrong with it and warns of unknown keys. */
static Bundle *
input_decode(Datum input, bool quiet)
{
	Jsonb	   *jsonb = DatumGetJsonbP(input);
	Problem		problem = {0};
	Bundle	   *bundle = snapshot_decode(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)),
										 &problem);

	problem_raise(&problem);
	if (bundle->unknown_keys != NIL && !quiet)
	{
		StringInfoData keys;
		ListCell   *lc;

		initStringInfo(&keys);
		foreach(lc, bundle->unknown_keys)
			appendStringInfo(&keys, "%s%s", lc == list_head(bundle->unknown_keys) ? "" : ", ",
							 (char *) lfirst(lc));
		ereport(WARNING,
				(errcode(ERRCODE_ASHMIG_INVALID_SNAPSHOT),
				 errmsg("the snapshots have keys that ashmig does not know"),
				 errdetail("Not used: %s.", keys.data)));
	}
	return bundle;
}

/* ----------
 * Tables of a repo
 * ----------
 */

/* The snapshots that describe one table */
typedef struct SnapshotGroup
{
	TableName	name;
	List	   *snapshots;
	List	   *positions;
} SnapshotGroup;

/* Raise where two tables are one only because PostgreSQL cuts their names. */
static void
check_same_table(const ResourceSnapshot *one, const ResourceSnapshot *other)
{
	if (strcmp(one->table, other->table) != 0 ||
		(one->schema && other->schema && strcmp(one->schema, other->schema) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NAME_COLLISION),
				 errmsg("two tables would have the same name \"%s\"",
						text_cut_name(other->table)),
				 errdetail("At %s: The name is taken by %s. PostgreSQL keeps %d bytes of a name.",
						   other->path, one->path, NAMEDATALEN - 1),
				 errhint("Give one of the two a name of its own.")));
}

/* The snapshots of one repo, grouped by table, in the order of their first */
static List *
group_snapshots(List *snapshots, const char *repo)
{
	List	   *groups = NIL;
	TableMap   *by_name = table_map_create();
	ListCell   *lc;

	foreach(lc, snapshots)
	{
		ResourceSnapshot *snapshot = lfirst(lc);
		TableName	name = model_name(snapshot, ashmig_default_schema);
		SnapshotGroup *group;

		if (strcmp(snapshot->repo, repo) != 0 || !model_is_table(snapshot))
			continue;
		group = table_map_get(by_name, &name);
		if (group == NULL)
		{
			group = palloc0(sizeof(SnapshotGroup));
			group->name = name;
			table_map_put(by_name, &name, group);
			groups = lappend(groups, group);
		}
		else
			check_same_table(linitial(group->snapshots), snapshot);
		group->snapshots = lappend(group->snapshots, snapshot);
		group->positions = lappend_int(group->positions, snapshot->position);
	}
	return groups;
}

/*
 * Tables that the repo has not recorded, and another one has: there is one
 * table of that name in the database, so its history goes on here.  That is
 * what happens when an application's repo gets another name.
 */
static void
take_over(RepoGeneration *generation, List *groups, Recorded *recorded,
		  const GenerateOptions *options, Problem *problem)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, groups)
	{
		SnapshotGroup *group = lfirst(lc);

		if (model_find(recorded->model, &group->name) == NULL)
			names = lappend(names, &group->name);
	}
	if (names == NIL)
		return;
	generation->taken = recorded_take_over(recorded, generation->repo, names,
										   options->dev, problem);
	problem_raise(problem);
	foreach(lc, generation->taken)
	{
		const ForeignTable *foreign = lfirst(lc);

		if (options->quiet)
			break;
		ereport(WARNING,
				(errcode(ERRCODE_ASHMIG_CONFLICT),
				 errmsg("table \"%s\" passes from repo \"%s\" to repo \"%s\"",
						table_name_show(&foreign->name), foreign->repo, generation->repo),
				 errdetail("Both have a snapshot of it, and there is one such table in the database.")));
	}
}

/* What the recorded table (or NULL) decides when its snapshots are merged */
static MergeHistory
merge_history(const Table *recorded)
{
	MergeHistory history = {NIL, NIL};
	List	   *identities = NIL;
	ListCell   *lc;

	if (recorded == NULL)
		return history;
	foreach(lc, recorded->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (index->identity)
			identities = lappend(identities, index->identity);
	}
	history.primary_key = recorded->primary_key ? recorded->primary_key->columns : NIL;
	history.identities = identities;
	return history;
}

/*
 * The tables that the snapshots of a repo ask for.  "recorded" says which of
 * several primary keys was chosen, and what references do not say.
 */
static void
build_given(RepoGeneration *generation, List *groups, const Recorded *recorded,
			Problem *problem)
{
	List	   *merged = NIL;
	List	   *others;
	ListCell   *lg;
	ListCell   *lm;

	foreach(lg, groups)
	{
		SnapshotGroup *group = lfirst(lg);
		MergeHistory history = merge_history(model_find(recorded->model, &group->name));
		ResourceSnapshot *snapshot = merge_snapshots(group->snapshots, &history, problem);

		problem_raise(problem);
		merged = lappend(merged, snapshot);
	}
	others = list_concat_copy(merged, recorded->snapshots);
	generation->given = model_create();
	forboth(lg, groups, lm, merged)
	{
		GivenTable *given = palloc(sizeof(GivenTable));

		given->table = model_table(lfirst(lm), NULL, others, ashmig_default_schema, problem);
		problem_raise(problem);
		model_check_server(given->table, problem);
		problem_raise(problem);
		given->positions = ((SnapshotGroup *) lfirst(lg))->positions;
		model_add(generation->given, given->table);
		generation->tables = lappend(generation->tables, given);
	}
}

/* The options of a diff; raises where the answers are malformed. */
static DiffOptions
diff_options(const GenerateOptions *options)
{
	DiffOptions diff = {0};
	Problem		problem = {0};

	diff.drop_columns = options->drop_columns;
	diff.drop_tables = options->drop_tables;
	diff.concurrent_indexes = options->concurrent_indexes;
	diff.default_schema = ashmig_default_schema;
	diff.quiet = options->quiet;
	diff.ask = !options->dev;
	if (options->renames)
	{
		diff.answers = rename_decode(options->renames, &problem);
		problem_raise(&problem);
		if (diff.answers == NIL)
			diff.ask = false;
	}
	return diff;
}

/* PostgreSQL cannot change what stands after a table's column list. */
static void
warn_of_options(const RepoGeneration *generation, const Recorded *recorded)
{
	ListCell   *lc;

	foreach(lc, generation->tables)
	{
		const Table *table = ((GivenTable *) lfirst(lc))->table;
		const Table *old = model_find(recorded->model, &table->name);

		if (old != NULL && !text_equal(old->options, table->options))
			ereport(WARNING,
					(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
					 errmsg("create_table_options of table \"%s\" have changed, and a table that exists keeps those it has",
							table_name_show(&table->name)),
					 errdetail("At %s.create_table_options: \"%s\", so far \"%s\".", table->path,
							   table->options ? table->options : "",
							   old->options ? old->options : ""),
					 errhint("Make a new table and copy the rows, in a migration of ashmig_add_migration().")));
	}
}

/* Compare one repo's snapshots with what is recorded of it. */
static void
generate_repo(RepoGeneration *generation, List *groups, const Recorded *recorded,
			  const DiffOptions *options)
{
	Problem		problem = {0};

	build_given(generation, groups, recorded, &problem);
	if (!options->quiet)
		warn_of_options(generation, recorded);
	generation->diff = diff_models(recorded->model, generation->given, options, &problem);
	problem_raise(&problem);
	if (options->ask && generation->diff->questions != NIL)
		rename_report(generation->diff->questions, &problem);
	problem_raise(&problem);
	if (generation->diff->operations != NIL)
		model_check_names(generation->diff->result, &problem);
	problem_raise(&problem);
	generation->migrations = plan_migrations(generation->diff->operations);
}

/* Two repos of one call cannot both say what one table looks like. */
static void
check_repos(List *repos)
{
	TableMap   *owners = table_map_create();
	ListCell   *lr;
	ListCell   *lt;

	foreach(lr, repos)
	{
		RepoGeneration *repo = lfirst(lr);

		foreach(lt, repo->tables)
		{
			const Table *table = ((GivenTable *) lfirst(lt))->table;
			const char *owner = table_map_get(owners, &table->name);

			if (owner)
				ereport(ERROR,
						(errcode(ERRCODE_ASHMIG_CONFLICT),
						 errmsg("two repos have a snapshot of table \"%s\"",
								table_name_show(&table->name)),
						 errdetail("At %s: they are \"%s\" and \"%s\".", table->path,
								   owner, repo->repo),
						 errhint("Give the snapshots of the repo that this database belongs to.")));
			table_map_put(owners, &table->name, repo->repo);
		}
	}
}

/* The repos that the snapshots name, each once, in their order */
static List *
bundle_repos(const Bundle *bundle)
{
	List	   *repos = NIL;
	ListCell   *lc;

	foreach(lc, bundle->snapshots)
	{
		char	   *repo = ((ResourceSnapshot *) lfirst(lc))->repo;

		if (!text_list_has(repos, repo))
			repos = lappend(repos, repo);
	}
	return repos;
}

/*
 * The repos that a generation is about.  An input without any snapshot says
 * "no tables" with drop_tables; then it must be clear of which repo.
 */
static List *
generation_repos(const Bundle *bundle, const GenerateOptions *options)
{
	List	   *repos = bundle_repos(bundle);

	if (repos != NIL || !options->drop_tables)
		return repos;
	repos = recorded_repos();
	if (list_length(repos) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("no snapshot says which repo's tables are to be dropped"),
				 errdetail("Recorded are %s.", quote_names(repos)),
				 errhint("Give at least one snapshot of the repo.")));
	return repos;
}

/* ----------
 * Planning
 * ----------
 */

/* Does one of the words stand right before one of the others, but for space and comments? */
static bool
has_words(const char *text, const char *const *firsts, const char *const *seconds)
{
	for (; *text; text++)
	{
		for (const char *const *first = firsts; *first; first++)
		{
			const char *end = text + strlen(*first);
			const char *next;

			if (pg_strncasecmp(text, *first, strlen(*first)) != 0)
				continue;
			next = fragment_skip_space(end);
			for (const char *const *second = seconds; next > end && *second; second++)
			{
				if (pg_strncasecmp(next, *second, strlen(*second)) == 0)
					return true;
			}
		}
	}
	return false;
}

/*
 * May the migration bring a type, or a value of one?  A generated one does so by
 * a custom statement.
 */
static bool
may_bring_types(const Migration *migration)
{
	static const char *const verbs[] = {"create", "alter", NULL};
	static const char *const objects[] = {"type", "domain", "extension", NULL};
	ListCell   *lc;

	if (strcmp(migration->kind, "generated") != 0)
		return true;
	foreach(lc, migration->up)
	{
		if (has_words(lfirst(lc), verbs, objects))
			return true;
	}
	return false;
}

/*
 * May there be types that this database does not show: because a migration is
 * still to run, or because they are in each tenant?
 */
static bool
types_may_come(const Generation *generation)
{
	List	   *applied = catalog_applied(ashmig_default_schema, false);
	ListCell   *lc;

	if (generation->extensions != NIL)
		return true;
	foreach(lc, catalog_migrations(NULL, SCOPES_ALL))
	{
		const Migration *migration = lfirst(lc);

		if ((migration->tenant || !catalog_is_applied(migration, applied)) &&
			may_bring_types(migration))
			return true;
	}
	return false;
}

/* Raise for a type that the database does not know and nothing will bring, or a default that is none of its values. */
static void
check_types(const Generation *generation)
{
	ListCell   *lc;

	if (types_may_come(generation))
		return;
	foreach(lc, generation->repos)
		typecheck_operations(((RepoGeneration *) lfirst(lc))->diff->operations);
}

List *
generate_dev_migrations(void)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, catalog_migrations(NULL, SCOPES_ALL))
	{
		if (((Migration *) lfirst(lc))->dev)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* The same again, as in every deploy without a change? */
static bool
is_current(Datum input, Datum snapshots, const GenerateOptions *options)
{
	return !options->drop_tables && !input_has_extensions(input) &&
		JB_ROOT_COUNT(DatumGetJsonbP(snapshots)) > 0 &&
		(options->dev || generate_dev_migrations() == NIL) &&
		recorded_is_current(snapshots, options->dev);
}

bool
generate_is_current(Datum input, const GenerateOptions *options)
{
	return is_current(input, input_array(input), options);
}

Generation *
generate_plan(Datum input, const GenerateOptions *options)
{
	Generation *generation = palloc0(sizeof(Generation));
	DiffOptions diff = diff_options(options);
	Problem		problem = {0};
	ListCell   *lc;

	generation->snapshots = input_array(input);
	if (is_current(input, generation->snapshots, options))
		return generation;

	generation->bundle = input_decode(input, options->quiet);
	generation->extensions = extension_plan(generation->bundle, options->dev);
	foreach(lc, generation_repos(generation->bundle, options))
	{
		RepoGeneration *repo = palloc0(sizeof(RepoGeneration));
		List	   *groups = group_snapshots(generation->bundle->snapshots, lfirst(lc));
		Recorded   *recorded = recorded_load(lfirst(lc), options->dev, &problem);

		problem_raise(&problem);
		repo->repo = lfirst(lc);
		take_over(repo, groups, recorded, options, &problem);
		repo->recorded = recorded->model;
		generate_repo(repo, groups, recorded, &diff);
		generation->repos = lappend(generation->repos, repo);
	}
	check_repos(generation->repos);
	check_types(generation);
	return generation;
}

List *
generate_between(Datum old, Datum new, const GenerateOptions *options)
{
	Bundle	   *old_bundle = input_decode(old, false);
	Bundle	   *new_bundle = input_decode(new, false);
	DiffOptions diff = diff_options(options);
	Problem		problem = {0};
	List	   *repos = bundle_repos(new_bundle);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, bundle_repos(old_bundle))
	{
		if (!text_list_has(repos, lfirst(lc)))
			repos = lappend(repos, lfirst(lc));
	}
	foreach(lc, repos)
	{
		RepoGeneration *before = palloc0(sizeof(RepoGeneration));
		RepoGeneration *after = palloc0(sizeof(RepoGeneration));
		Recorded	nothing = {model_create(), NIL};
		Recorded	recorded = {NULL, old_bundle->snapshots};

		before->repo = after->repo = lfirst(lc);
		build_given(before, group_snapshots(old_bundle->snapshots, before->repo),
					&nothing, &problem);
		recorded.model = before->given;
		generate_repo(after, group_snapshots(new_bundle->snapshots, after->repo),
					  &recorded, &diff);
		result = lappend(result, after);
	}
	return result;
}

bool
generate_is_empty(const Generation *generation)
{
	ListCell   *lc;

	if (generation->extensions != NIL)
		return false;
	foreach(lc, generation->repos)
	{
		if (((RepoGeneration *) lfirst(lc))->migrations != NIL)
			return false;
	}
	return true;
}
