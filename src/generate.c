/*
 * generate.c
 *		Code generation: see generate.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "ashmig.h"
#include "catalog.h"
#include "extension.h"
#include "generate.h"
#include "merge.h"
#include "text.h"
#include "typecheck.h"

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
		Table	   *old = model_find(recorded->model, &group->name);
		ResourceSnapshot *snapshot = merge_snapshots(group->snapshots,
													 old && old->primary_key
													 ? old->primary_key->columns : NIL,
													 problem);

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

/* Is the migration applied in the default schema? "applied": of AppliedVersion * */
static bool
is_applied(const Migration *migration, const List *applied)
{
	ListCell   *lc;

	foreach(lc, applied)
	{
		const AppliedVersion *version = lfirst(lc);

		if (version->version == migration->version &&
			strcmp(version->repo, migration->repo) == 0)
			return true;
	}
	return false;
}

/* Does the text hold the words, whatever their case? */
static bool
has_words(const char *text, const char *words)
{
	size_t		length = strlen(words);

	for (; *text; text++)
	{
		if (pg_strncasecmp(text, words, length) == 0)
			return true;
	}
	return false;
}

/* May the migration bring a type? A generated one does so by a custom statement. */
static bool
may_bring_types(const Migration *migration)
{
	ListCell   *lc;

	if (strcmp(migration->kind, "generated") != 0)
		return true;
	foreach(lc, migration->up)
	{
		if (has_words(lfirst(lc), "create type") || has_words(lfirst(lc), "create domain") ||
			has_words(lfirst(lc), "create extension"))
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

		if ((migration->tenant || !is_applied(migration, applied)) &&
			may_bring_types(migration))
			return true;
	}
	return false;
}

/* Raise for a type that the database does not know and nothing will bring. */
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

/* ----------
 * Recording
 * ----------
 */

/* Record one planned migration; "first" is the version of its scope's first one. */
static Migration *
record_migration(const RepoGeneration *generation, const PlannedMigration *planned,
				 int64 *first, const GenerateOptions *options)
{
	Migration  *migration = palloc0(sizeof(Migration));
	const char *name = options->name ? options->name : plan_name(generation->migrations);

	migration->repo = generation->repo;
	migration->tenant = planned->tenant;
	migration->version = catalog_next_version();
	migration->name = psprintf("%s%s", name, planned->suffix);
	migration->kind = "generated";
	migration->dev = options->dev;
	migration->transactional = planned->transactional;
	migration->up = planned->up;
	migration->down = planned->down;
	migration->reversible = true;
	if (*first == 0)
		*first = migration->version;
	migration->generation = *first;
	catalog_add_migration(migration);
	return migration;
}

/* The tables that the generation changes, by the name they have afterwards */
static TableMap *
changed_tables(const RepoGeneration *generation)
{
	TableMap   *changed = table_map_create();
	ListCell   *lm;
	ListCell   *lo;

	foreach(lm, generation->taken)
	{
		ForeignTable *foreign = lfirst(lm);

		if (generation->migrations != NIL)
			table_map_put(changed, &foreign->name, foreign);
	}
	foreach(lm, generation->migrations)
	{
		foreach(lo, ((PlannedMigration *) lfirst(lm))->operations)
		{
			Operation  *operation = lfirst(lo);
			const TableName *name = &operation->table;

			/* these two go by the old name */
			if (operation->kind == OP_RENAME_TABLE || operation->kind == OP_MOVE_TABLE)
				name = operation->to;
			table_map_put(changed, name, operation);
		}
	}
	return changed;
}

/*
 * Record the snapshots of what changed, under the version of their scope's
 * migration (of the other scope's, where a tenant table has only a global
 * statement to run).
 */
static void
record_snapshots(const RepoGeneration *generation, Datum snapshots,
				 const int64 *first, bool dev)
{
	TableMap   *changed = changed_tables(generation);
	ListCell   *lc;

	foreach(lc, generation->diff->forgotten)
	{
		const TableName *name = lfirst(lc);
		int64		version = first[name->tenant] ? first[name->tenant] : first[!name->tenant];

		recorded_drop(generation->repo, name, version, dev);
	}
	foreach(lc, generation->taken)
	{
		const ForeignTable *foreign = lfirst(lc);
		bool		tenant = foreign->name.tenant;
		int64		version = first[tenant] ? first[tenant] : first[!tenant];

		/* without a migration there is no version to go by: it stays theirs */
		if (version != 0)
			recorded_drop(foreign->repo, &foreign->name, version, dev);
	}
	foreach(lc, generation->tables)
	{
		const GivenTable *given = lfirst(lc);
		bool		tenant = given->table->name.tenant;
		int64		version = first[tenant] ? first[tenant] : first[!tenant];

		if (table_map_get(changed, &given->table->name) != NULL)
			recorded_save(generation->repo, given->table, snapshots, given->positions,
						  version, dev);
		else
			recorded_refresh(generation->repo, given->table, snapshots, given->positions, dev);
	}
}

/* Forget the dev migrations and their snapshots; they are applied nowhere by now. */
static void
forget_dev(List *migrations)
{
	ListCell   *lc;

	foreach(lc, migrations)
	{
		Migration  *migration = lfirst(lc);

		catalog_remove_migration(migration->repo, migration->tenant, migration->version);
	}
	recorded_forget_dev(NULL);
}

List *
generate_record(Datum input, const GenerateOptions *options)
{
	Generation *generation;
	List	   *result = NIL;
	ListCell   *lr;
	ListCell   *lm;

	catalog_lock_generation();
	generation = generate_plan(input, options);
	if (!options->dev)
		forget_dev(generate_dev_migrations());

	foreach(lm, generation->extensions)
	{
		Migration  *migration = lfirst(lm);

		migration->version = catalog_next_version();
		migration->generation = migration->version;
		migration->dev = options->dev;
		catalog_add_migration(migration);
		result = lappend(result, migration);
	}
	foreach(lr, generation->repos)
	{
		RepoGeneration *repo = lfirst(lr);
		int64		first[2] = {0, 0};	/* by scope: public, tenant */

		foreach(lm, repo->migrations)
		{
			PlannedMigration *planned = lfirst(lm);

			result = lappend(result, record_migration(repo, planned,
													  &first[planned->tenant], options));
		}
		record_snapshots(repo, generation->snapshots, first, options->dev);
	}
	return result;
}

/* ----------
 * The newest structure of a tenant
 * ----------
 */

/* The tenant tables of a record, as if they were given, without retired columns */
static Model *
tenant_tables(const Recorded *recorded)
{
	Model	   *model = model_create();
	ListCell   *lc;

	foreach(lc, recorded->model->tables)
	{
		Table	   *table = lfirst(lc);

		table->retired = NIL;
		if (table->name.tenant)
			model_add(model, table);
	}
	return model;
}

List *
generate_tenant_ddl(void)
{
	List	   *operations = NIL;
	List	   *statements = NIL;
	ListCell   *lr;
	ListCell   *lo;

	foreach(lr, recorded_repos())
	{
		DiffOptions options = {0};
		Problem		problem = {0};
		Recorded   *recorded = recorded_load(lfirst(lr), true, &problem);
		Diff	   *diff;

		problem_raise(&problem);
		options.default_schema = ashmig_default_schema;
		diff = diff_models(model_create(), tenant_tables(recorded), &options, &problem);
		problem_raise(&problem);
		operations = list_concat(operations, diff->operations);
	}
	foreach(lo, operations)
		((Operation *) lfirst(lo))->concurrently = false;
	foreach(lr, plan_migrations(operations))
	{
		PlannedMigration *migration = lfirst(lr);

		/* a global statement of a tenant table ran once, in public */
		if (migration->tenant)
			statements = list_concat(statements, migration->up);
	}
	return statements;
}

/* ----------
 * Retired columns
 * ----------
 */

/* The operations that drop a table's retired columns; the table forgets them. */
static List *
drop_retired(Table *table, List *operations)
{
	ListCell   *lc;

	foreach(lc, table->retired)
	{
		Operation  *operation = palloc0(sizeof(Operation));

		operation->kind = OP_DROP_RETIRED;
		operation->table = table->name;
		operation->from = lfirst(lc);
		operations = lappend(operations, operation);
	}
	table->retired = NIL;
	return operations;
}

List *
generate_drop_retired(const char *repo, List *tables, const char *name)
{
	GenerateOptions options = {0};
	RepoGeneration generation = {0};
	Problem		problem = {0};
	Recorded   *recorded;
	List	   *operations = NIL;
	List	   *changed = NIL;
	List	   *result = NIL;
	int64		first[2] = {0, 0};
	ListCell   *lc;

	catalog_lock_generation();
	recorded = recorded_load(repo, false, &problem);
	problem_raise(&problem);
	foreach(lc, recorded->model->tables)
	{
		Table	   *table = lfirst(lc);

		if (table->retired == NIL || (tables != NIL && !text_list_has(tables, table->name.name)))
			continue;
		operations = drop_retired(table, operations);
		changed = lappend(changed, table);
	}
	options.name = name;
	generation.repo = pstrdup(repo);
	generation.migrations = plan_migrations(operations);
	foreach(lc, generation.migrations)
	{
		PlannedMigration *planned = lfirst(lc);

		result = lappend(result, record_migration(&generation, planned,
												  &first[planned->tenant], &options));
	}
	foreach(lc, changed)
	{
		Table	   *table = lfirst(lc);

		recorded_save(repo, table, (Datum) 0, NIL, first[table->name.tenant], false);
	}
	return result;
}
