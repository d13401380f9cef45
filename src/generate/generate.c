/*
 * generate.c
 *		Code generation: see generate.h.
 */
#include "postgres.h"

#include "utils/jsonb.h"

#include "base/compat.h"
#include "base/names.h"
#include "base/settings.h"
#include "generate/generate.h"
#include "generate/generate_input.h"
#include "generate/refusals.h"
#include "generate/typecheck.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_versions.h"
#include "plan/online.h"
#include "record/extensions.h"
#include "snapshot/snapshot_merge.h"
#include "syntax/sql_text.h"

/* ----------
 * Tables of a repo
 * ----------
 */

/*
 * Tables that another repo has recorded, instead of this one: there is only
 * one table of that name in the database, so its history continues here.  This
 * happens when an application's repo is renamed.
 */
static void
take_over(RepoGeneration *repo, List *groups, Recorded *recorded,
		  const GenerateOptions *options, Problem *problem)
{
	List	   *names = NIL;

	foreach_ptr(SnapshotGroup, group, groups)
	{
		if (model_find(recorded->model, &group->name) == NULL)
			names = lappend(names, &group->name);
	}
	if (names == NIL)
		return;
	repo->taken = snapshot_store_take_over(recorded, repo->repo, names, options->dev, problem);
	problem_raise(problem);
	foreach_ptr(const TakenTable, table, repo->taken)
	{
		if (options->quiet)
			break;
		ereport(WARNING,
				(errcode(ERRCODE_ASHMIG_CONFLICT),
				 errmsg("table \"%s\" moves from repo \"%s\" to repo \"%s\"",
						table_name_show(&table->name), table->repo, repo->repo),
				 errdetail("Both repos have a snapshot of it, but the database has only one such table.")));
	}
}

/*
 * Tables that the input gives to another repo are that one's from now on: they
 * are not missing here.
 */
static void
hand_over(Recorded *recorded, const Bundle *bundle, const char *repo)
{
	Model	   *rest = model_create();
	TableMap   *given = table_map_create();
	TableMap   *elsewhere = table_map_create();
	ListCell   *lc;

	foreach(lc, bundle->snapshots)
	{
		ResourceSnapshot *snapshot = lfirst(lc);
		TableName	name = model_table_name(snapshot, ashmig_default_schema);

		if (model_is_table(snapshot))
			table_map_put(strcmp(snapshot->repo, repo) == 0 ? given : elsewhere, &name, snapshot);
	}
	foreach(lc, recorded->model->tables)
	{
		Table	   *table = lfirst(lc);

		if (table_map_get(given, &table->name) != NULL ||
			table_map_get(elsewhere, &table->name) == NULL)
			model_add(rest, table);
	}
	recorded->model = rest;
}

/* What the recorded table (or NULL) decides when its snapshots are merged */
static MergeHistory
merge_history(const Table *recorded)
{
	MergeHistory history = {NIL, NIL};
	List	   *identities = NIL;

	if (recorded == NULL)
		return history;
	foreach_ptr(TableIndex, index, recorded->indexes)
	{
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
build_given(RepoGeneration *repo, List *groups, const Recorded *recorded,
			Problem *problem)
{
	List	   *merged = NIL;
	List	   *others;
	ListCell   *lg;
	ListCell   *lm;

	foreach_ptr(SnapshotGroup, group, groups)
	{
		MergeHistory history = merge_history(model_find(recorded->model, &group->name));
		ResourceSnapshot *snapshot = snapshot_merge(group->snapshots, &history, problem);

		problem_raise(problem);
		merged = lappend(merged, snapshot);
	}
	others = list_concat_copy(merged, recorded->snapshots);
	repo->given = model_create();
	forboth(lg, groups, lm, merged)
	{
		GivenTable *given = palloc(sizeof(GivenTable));

		given->table = model_table(lfirst(lm), NULL, others, ashmig_default_schema, problem);
		problem_raise(problem);
		model_check_server(given->table, problem);
		problem_raise(problem);
		given->positions = ((SnapshotGroup *) lfirst(lg))->positions;
		model_add(repo->given, given->table);
		repo->tables = lappend(repo->tables, given);
	}
}

/* The options of a diff; raises an error if the answers are malformed. */
static DiffOptions
diff_options(const GenerateOptions *options)
{
	DiffOptions diff = {0};
	Problem		problem = {0};

	diff.drop_columns = options->drop_columns;
	diff.drop_tables = options->drop_tables;
	diff.concurrent_indexes = options->concurrent_indexes;
	diff.online = options->online;
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
warn_of_options(const RepoGeneration *repo, const Recorded *recorded)
{
	foreach_ptr(GivenTable, given, repo->tables)
	{
		const Table *table = given->table;
		const Table *old = model_find(recorded->model, &table->name);

		if (old != NULL && !names_same(old->options, table->options))
			ereport(WARNING,
					(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
					 errmsg("changed create_table_options are not applied to existing table \"%s\"",
							table_name_show(&table->name)),
					 errdetail("At %s.create_table_options: The options are now \"%s\"; they were \"%s\".", table->path,
							   table->options ? table->options : "",
							   old->options ? old->options : ""),
					 errhint("Create a new table and copy the rows, in a migration recorded with ashmig_add_migration().")));
	}
}

/* Compare one repo's snapshots with what is recorded of it. */
static void
compare_repo(RepoGeneration *repo, List *groups, const Recorded *recorded,
			 const DiffOptions *options)
{
	DiffOptions own = *options;
	Problem		problem = {0};

	repo->recorded = recorded->model;
	build_given(repo, groups, recorded, &problem);
	if (!options->quiet)
		warn_of_options(repo, recorded);
	own.whole = own.whole || list_length(groups) > 1;
	repo->diff = diff_models(recorded->model, repo->given, &own, &problem);
	problem_raise(&problem);
}

/* The comparisons as migrations; raises for answers that do not fit, and for questions left open. */
static void
plan_repos(List *repos, const DiffOptions *options)
{
	Problem		problem = {0};
	ListCell   *lc;

	rename_check_answers(options->answers, &problem);
	problem_raise(&problem);
	foreach(lc, repos)
	{
		RepoGeneration *repo = lfirst(lc);
		List	   *operations = repo->diff->operations;

		if (options->ask && repo->diff->questions != NIL)
			rename_report(repo->diff->questions, &problem);
		problem_raise(&problem);
		if (repo->diff->operations != NIL)
			model_check_names(repo->diff->result, &problem);
		problem_raise(&problem);
		if (options->online)
			operations = online_operations(operations, repo->diff->result);
		else
			online_note_forms(operations, repo->diff->result);
		repo->migrations = migration_plan_make(operations);
	}
}

/* Two repos of one call cannot both say what one table looks like. */
static void
check_repos(List *repos)
{
	TableMap   *owners = table_map_create();

	foreach_ptr(RepoGeneration, repo, repos)
	{
		foreach_ptr(GivenTable, given, repo->tables)
		{
			const Table *table = given->table;
			const char *owner = table_map_get(owners, &table->name);

			if (owner)
				ereport(ERROR,
						(errcode(ERRCODE_ASHMIG_CONFLICT),
						 errmsg("two repos have a snapshot of table \"%s\"",
								table_name_show(&table->name)),
						 errdetail("At %s: The repos are \"%s\" and \"%s\".", table->path,
								   owner, repo->repo),
						 errhint("Pass only the snapshots of the repo that this database belongs to.")));
			table_map_put(owners, &table->name, repo->repo);
		}
	}
}

/*
 * The repos that a generation is about.  An input without any snapshot says
 * "no tables" with drop_tables; then it must be clear of which repo.
 */
static List *
generation_repos(const Bundle *bundle, const GenerateOptions *options)
{
	List	   *repos = generate_input_repos(bundle);

	if (repos != NIL || !options->drop_tables)
		return repos;
	repos = snapshot_store_repos();
	if (list_length(repos) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("could not determine which repo's tables to drop"),
				 errdetail("Recorded repos: %s.", quote_names(repos)),
				 errhint("Pass at least one snapshot of the repo.")));
	return repos;
}

/* ----------
 * Planning
 * ----------
 */

/* Does a custom statement of this very generation make types? */
static bool
statements_make_types(const RepoGeneration *repo)
{
	foreach_ptr(const Operation, operation, repo->diff->operations)
	{
		if (operation->kind == OP_ADD_STATEMENT &&
			typecheck_text_may_bring_types(operation->statement.to->up))
			return true;
	}
	return false;
}

/*
 * May there be types that this database does not have yet, because a migration
 * is still pending or because they are in each tenant?
 */
static bool
types_may_come(const Generation *generation)
{
	List	   *applied = catalog_applied(ashmig_default_schema, SCOPE_PUBLIC);

	if (generation->extensions != NIL)
		return true;
	foreach_ptr(const RepoGeneration, repo, generation->repos)
	{
		if (statements_make_types(repo))
			return true;
	}
	foreach_ptr(const Migration, migration, catalog_migrations(NULL, SCOPES_ALL))
	{
		if ((migration->scope == SCOPE_TENANT || !catalog_is_applied(migration, applied)) &&
			typecheck_may_bring_types(migration))
			return true;
	}
	return false;
}

/*
 * Raise an error for a type that does not exist and that nothing will create,
 * or for a default that is not valid for its type.
 */
static void
check_types(const Generation *generation)
{
	if (types_may_come(generation))
		return;
	foreach_ptr(RepoGeneration, repo, generation->repos)
		typecheck_operations(repo->diff->operations);
}

List *
generate_dev_migrations(void)
{
	List	   *result = NIL;

	foreach_ptr(Migration, migration, catalog_migrations(NULL, SCOPES_ALL))
	{
		if (migration->dev)
			result = lappend(result, migration);
	}
	return result;
}

/* The same again, as in every deploy without a change? */
static bool
is_current(Datum input, Datum snapshots, const GenerateOptions *options)
{
	return !options->drop_tables && !generate_input_has_extensions(input) &&
		(options->renames == NULL || strcmp(options->renames, "[]") == 0) &&
		JB_ROOT_COUNT(DatumGetJsonbP(snapshots)) > 0 &&
		(options->dev || generate_dev_migrations() == NIL) &&
		snapshot_store_is_current(snapshots, options->dev);
}

bool
generate_is_current(Datum input, const GenerateOptions *options)
{
	return is_current(input, generate_input_snapshots(input), options);
}

Generation *
generate_plan(Datum input, const GenerateOptions *options)
{
	Generation *generation = palloc0(sizeof(Generation));
	DiffOptions diff = diff_options(options);
	Problem		problem = {0};
	ListCell   *lc;

	generation->snapshots = generate_input_snapshots(input);
	if (is_current(input, generation->snapshots, options))
		return generation;

	generation->bundle = generate_input_decode(input, options->quiet);
	diff.whole = generation->bundle->is_object;
	generation->extensions = extensions_missing(generation->bundle, options->dev);
	foreach(lc, generation_repos(generation->bundle, options))
	{
		RepoGeneration *repo = palloc0(sizeof(RepoGeneration));
		List	   *groups = generate_input_group(generation->bundle->snapshots, lfirst(lc));
		Recorded   *recorded = snapshot_store_load(lfirst(lc), options->dev, &problem);

		problem_raise(&problem);
		repo->repo = lfirst(lc);
		if (list_length(generate_input_repos(generation->bundle)) > 1)
			hand_over(recorded, generation->bundle, repo->repo);
		take_over(repo, groups, recorded, options, &problem);
		compare_repo(repo, groups, recorded, &diff);
		generation->repos = lappend(generation->repos, repo);
	}
	check_repos(generation->repos);
	plan_repos(generation->repos, &diff);
	check_types(generation);
	refusals_check(generation, options->dev);
	return generation;
}

List *
generate_between(Datum old, Datum new, const GenerateOptions *options)
{
	Bundle	   *old_bundle = generate_input_decode(old, false);
	Bundle	   *new_bundle = generate_input_decode(new, false);
	DiffOptions diff = diff_options(options);
	Problem		problem = {0};
	List	   *repos = generate_input_repos(new_bundle);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, generate_input_repos(old_bundle))
	{
		if (!names_have(repos, lfirst(lc)))
			repos = lappend(repos, lfirst(lc));
	}
	diff.whole = new_bundle->is_object;
	diff.online = false;
	foreach(lc, repos)
	{
		RepoGeneration *before = palloc0(sizeof(RepoGeneration));
		RepoGeneration *after = palloc0(sizeof(RepoGeneration));
		Recorded	nothing = {model_create(), NIL};
		Recorded	recorded = {NULL, old_bundle->snapshots};

		before->repo = after->repo = lfirst(lc);
		build_given(before, generate_input_group(old_bundle->snapshots, before->repo),
					&nothing, &problem);
		recorded.model = before->given;
		compare_repo(after, generate_input_group(new_bundle->snapshots, after->repo),
					 &recorded, &diff);
		result = lappend(result, after);
	}
	plan_repos(result, &diff);
	return result;
}

bool
generate_is_empty(const Generation *generation)
{
	if (generation->extensions != NIL)
		return false;
	foreach_ptr(RepoGeneration, repo, generation->repos)
	{
		if (repo->migrations != NIL)
			return false;
	}
	return true;
}
