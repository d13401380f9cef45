/*
 * generate_record.c
 *		Code generation: recording what was planned, and dropping retired
 *		columns.  See generate.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "base/settings.h"
#include "generate/generate.h"
#include "metadata/catalog_migrations.h"
#include "plan/operation_hazard.h"
#include "proof/prove.h"
#include "syntax/sql_text.h"

/* ----------
 * Recording
 * ----------
 */

/*
 * Record one planned migration; "first" is the version of its scope's first one,
 * "reader" has read the operations of those before.
 */
static Migration *
record_migration(const RepoGeneration *repo, const PlannedMigration *planned,
				 HazardReader *reader, int64 *first, const GenerateOptions *options)
{
	Migration  *migration = palloc0(sizeof(Migration));
	const char *name = options->name ? options->name : migration_plan_name(repo->migrations);

	migration->repo = repo->repo;
	migration->scope = planned->scope;
	migration->version = catalog_next_version();
	migration->name = psprintf("%s%s", name, planned->suffix);
	migration->kind = MIGRATION_GENERATED;
	migration->dev = options->dev;
	migration->transactional = planned->transactional;
	migration->up = planned->up;
	migration->hazards = operation_hazards_json(reader, planned->operations);
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
changed_tables(const RepoGeneration *repo)
{
	TableMap   *changed = table_map_create();

	foreach_ptr(TakenTable, taken, repo->taken)
	{
		if (repo->migrations != NIL)
			table_map_put(changed, &taken->name, taken);
	}
	foreach_ptr(PlannedMigration, planned, repo->migrations)
	{
		foreach_ptr(Operation, operation, planned->operations)
		{
			const TableName *name = &operation->table;

			/* these two go by the old name */
			if (operation->kind == OP_RENAME_TABLE || operation->kind == OP_MOVE_TABLE)
				name = operation->table_name.to;
			table_map_put(changed, name, operation);
		}
	}
	return changed;
}

/*
 * The first version of a scope's migrations, or of the other scope's where it
 * has none.
 */
static int64
scope_version(const int64 *first, Scope scope)
{
	Scope		other = scope == SCOPE_TENANT ? SCOPE_PUBLIC : SCOPE_TENANT;

	return first[scope] != 0 ? first[scope] : first[other];
}

/*
 * Record the snapshots of what changed, under the version of their scope's
 * migration (of the other scope's, where a tenant table has only a global
 * statement to run).
 */
static void
record_snapshots(const RepoGeneration *repo, Datum snapshots,
				 const int64 *first, bool dev)
{
	TableMap   *changed = changed_tables(repo);

	foreach_ptr(const TableName, name, repo->diff->forgotten)
	{
		int64		version = scope_version(first, name->scope);

		snapshot_store_drop(repo->repo, name, version, dev);
	}
	foreach_ptr(const TakenTable, taken, repo->taken)
	{
		int64		version = scope_version(first, taken->name.scope);

		/*
		 * without a migration there is no version to go by, and its history
		 * comes along
		 */
		if (version != 0)
			snapshot_store_drop(taken->repo, &taken->name, version, dev);
		else
			snapshot_store_pass(taken->repo, repo->repo, &taken->name);
	}
	foreach_ptr(const GivenTable, given, repo->tables)
	{
		int64		version = scope_version(first, given->table->name.scope);

		/*
		 * What leads to no statement, such as the new name of a referenced
		 * table, still goes with the migration to other databases.
		 */
		if (table_map_get(changed, &given->table->name) != NULL ||
			(version != 0 && !snapshot_store_has(repo->repo, given->table, snapshots,
												 given->positions, dev)))
			snapshot_store_save(repo->repo, given->table, snapshots, given->positions,
								version, dev);
		else
			snapshot_store_refresh(repo->repo, given->table, snapshots, given->positions, dev);
	}
}

/*
 * Remove the development migrations and their snapshots; they have been rolled
 * back everywhere by now.
 */
static void
forget_dev(List *migrations)
{
	foreach_ptr(Migration, migration, migrations)
		catalog_remove_migration(migration->repo, migration->scope, migration->version);
	snapshot_store_forget_dev();
}

/* ----------
 * The proof
 * ----------
 */

/* Add the tables of one model to another, which keeps those that it has. */
static void
add_tables(Model *model, const Model *more)
{
	ListCell   *lc;

	foreach(lc, more->tables)
	{
		Table	   *table = lfirst(lc);

		if (model_find(model, &table->name) == NULL)
			model_add(model, table);
	}
}

/* Tables of the repos that are not "known": the statements of these may need them. */
static void
add_other_repos(ProofSubject *subject, List *known, bool with_dev)
{
	ListCell   *lc;

	foreach(lc, snapshot_store_repos())
	{
		Problem		problem = {0};
		Recorded   *recorded;

		if (names_have(known, lfirst(lc)))
			continue;
		recorded = snapshot_store_load(lfirst(lc), with_dev, &problem);
		problem_raise(&problem);
		add_tables(subject->before, recorded->model);
		add_tables(subject->after, recorded->model);
	}
}

/* Raise where the migrations, of the "known" repos, do not do what they are meant to do. */
static void
prove(ProofSubject *subject, List *known, bool with_dev)
{
	if (!ashmig_prove || subject->migrations == NIL)
		return;
	add_other_repos(subject, known, with_dev);
	prove_generation(subject);
}

static void
prove_repos(const Generation *generation, bool with_dev)
{
	ProofSubject subject = {model_create(), model_create(), NIL, generation->extensions};
	List	   *repos = NIL;
	ListCell   *lc;

	foreach(lc, generation->repos)
	{
		const RepoGeneration *repo = lfirst(lc);

		repos = lappend(repos, repo->repo);
		add_tables(subject.before, repo->recorded);
		add_tables(subject.after, repo->diff->result);
		subject.migrations = list_concat_copy(subject.migrations, repo->migrations);
	}
	prove(&subject, repos, with_dev);
}

void
generate_check_hazards(const Generation *generation, HazardSet allowed)
{
	List	   *migrations = NIL;

	foreach_ptr(const RepoGeneration, repo, generation->repos)
		migrations = list_concat(migrations, repo->migrations);
	gate_check(migrations, allowed);
}

List *
generate_record(Datum input, const GenerateOptions *options)
{
	HazardReader reader = hazard_reader();
	Generation *generation;
	List	   *result = NIL;

	catalog_lock_generation();
	generation = generate_plan(input, options);
	generate_check_hazards(generation, options->allowed);
	prove_repos(generation, options->dev);
	if (!options->dev)
		forget_dev(generate_dev_migrations());

	foreach_ptr(Migration, migration, generation->extensions)
	{
		migration->version = catalog_next_version();
		migration->generation = migration->version;
		migration->dev = options->dev;
		catalog_add_migration(migration);
		result = lappend(result, migration);
	}
	foreach_ptr(RepoGeneration, repo, generation->repos)
	{
		int64		first[NUM_SCOPES] = {0};

		foreach_ptr(PlannedMigration, planned, repo->migrations)
		{
			result = lappend(result, record_migration(repo, planned, &reader,
													  &first[planned->scope], options));
		}
		record_snapshots(repo, generation->snapshots, first, options->dev);
	}
	return result;
}

/* ----------
 * Retired columns
 * ----------
 */

/* A model of its own tables, whose lists stay when those of the other are changed */
static Model *
copy_model(const Model *model)
{
	Model	   *copy = model_create();
	ListCell   *lc;

	foreach(lc, model->tables)
	{
		Table	   *table = palloc(sizeof(Table));

		*table = *(const Table *) lfirst(lc);
		model_add(copy, table);
	}
	return copy;
}

/* Drop a table's retired columns; returns the operations. */
static List *
drop_retired(Table *table, List *operations)
{
	ListCell   *lc;

	foreach(lc, table->retired)
	{
		Operation  *operation = operation_make(OP_DROP_RETIRED, &table->name);

		operation->column.from = lfirst(lc);
		operations = lappend(operations, operation);
	}
	table->retired = NIL;
	return operations;
}

List *
generate_drop_retired(const char *repo, List *tables, const char *name)
{
	GenerateOptions options = {0};
	HazardReader reader = hazard_reader();
	RepoGeneration dropping = {0};
	ProofSubject subject = {0};
	Problem		problem = {0};
	Recorded   *recorded;
	List	   *operations = NIL;
	List	   *changed = NIL;
	List	   *result = NIL;
	int64		first[NUM_SCOPES] = {0};

	catalog_lock_generation();
	recorded = snapshot_store_load(repo, false, &problem);
	problem_raise(&problem);
	subject.before = copy_model(recorded->model);
	foreach_ptr(Table, table, recorded->model->tables)
	{
		if (table->retired == NIL || (tables != NIL && !names_have(tables, table->name.name)))
			continue;
		operations = drop_retired(table, operations);
		changed = lappend(changed, table);
	}
	options.name = name;
	dropping.repo = pstrdup(repo);
	dropping.migrations = migration_plan_make(operations);
	gate_check_by_setting(dropping.migrations);
	subject.after = recorded->model;
	subject.migrations = dropping.migrations;
	prove(&subject, list_make1(dropping.repo), false);
	foreach_ptr(PlannedMigration, planned, dropping.migrations)
	{
		result = lappend(result, record_migration(&dropping, planned, &reader,
												  &first[planned->scope], &options));
	}
	foreach_ptr(Table, table, changed)
		snapshot_store_save(repo, table, (Datum) 0, NIL, first[table->name.scope], false);
	return result;
}
