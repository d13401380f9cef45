/*
 * generate_record.c
 *		Code generation: recording what was planned, and dropping retired
 *		columns.  See generate.h.
 */
#include "postgres.h"

#include "base/names.h"
#include "base/settings.h"
#include "generate/generate.h"
#include "metadata/catalog_migrations.h"

/* ----------
 * Recording
 * ----------
 */

/* Record one planned migration; "first" is the version of its scope's first one. */
static Migration *
record_migration(const RepoGeneration *repo, const PlannedMigration *planned,
				 int64 *first, const GenerateOptions *options)
{
	Migration  *migration = palloc0(sizeof(Migration));
	const char *name = options->name ? options->name : migration_plan_name(repo->migrations);

	migration->repo = repo->repo;
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
changed_tables(const RepoGeneration *repo)
{
	TableMap   *changed = table_map_create();
	ListCell   *lm;
	ListCell   *lo;

	foreach(lm, repo->taken)
	{
		TakenTable *taken = lfirst(lm);

		if (repo->migrations != NIL)
			table_map_put(changed, &taken->name, taken);
	}
	foreach(lm, repo->migrations)
	{
		foreach(lo, ((PlannedMigration *) lfirst(lm))->operations)
		{
			Operation  *operation = lfirst(lo);
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
 * Record the snapshots of what changed, under the version of their scope's
 * migration (of the other scope's, where a tenant table has only a global
 * statement to run).
 */
static void
record_snapshots(const RepoGeneration *repo, Datum snapshots,
				 const int64 *first, bool dev)
{
	TableMap   *changed = changed_tables(repo);
	ListCell   *lc;

	foreach(lc, repo->diff->forgotten)
	{
		const TableName *name = lfirst(lc);
		int64		version = first[name->tenant] ? first[name->tenant] : first[!name->tenant];

		snapshot_store_drop(repo->repo, name, version, dev);
	}
	foreach(lc, repo->taken)
	{
		const TakenTable *taken = lfirst(lc);
		bool		tenant = taken->name.tenant;
		int64		version = first[tenant] ? first[tenant] : first[!tenant];

		/* without a migration there is no version to go by: it stays theirs */
		if (version != 0)
			snapshot_store_drop(taken->repo, &taken->name, version, dev);
	}
	foreach(lc, repo->tables)
	{
		const GivenTable *given = lfirst(lc);
		bool		tenant = given->table->name.tenant;
		int64		version = first[tenant] ? first[tenant] : first[!tenant];

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
	snapshot_store_forget_dev();
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
	RepoGeneration dropping = {0};
	Problem		problem = {0};
	Recorded   *recorded;
	List	   *operations = NIL;
	List	   *changed = NIL;
	List	   *result = NIL;
	int64		first[2] = {0, 0};
	ListCell   *lc;

	catalog_lock_generation();
	recorded = snapshot_store_load(repo, false, &problem);
	problem_raise(&problem);
	foreach(lc, recorded->model->tables)
	{
		Table	   *table = lfirst(lc);

		if (table->retired == NIL || (tables != NIL && !names_have(tables, table->name.name)))
			continue;
		operations = drop_retired(table, operations);
		changed = lappend(changed, table);
	}
	options.name = name;
	dropping.repo = pstrdup(repo);
	dropping.migrations = migration_plan_make(operations);
	foreach(lc, dropping.migrations)
	{
		PlannedMigration *planned = lfirst(lc);

		result = lappend(result, record_migration(&dropping, planned,
												  &first[planned->tenant], &options));
	}
	foreach(lc, changed)
	{
		Table	   *table = lfirst(lc);

		snapshot_store_save(repo, table, (Datum) 0, NIL, first[table->name.tenant], false);
	}
	return result;
}
