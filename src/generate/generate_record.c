/*
 * generate_record.c
 *		Code generation: recording what was planned, dropping retired columns,
 *		and the newest structure of a tenant.  See generate.h.
 */
#include "postgres.h"

#include "base/settings.h"
#include "generate/generate.h"
#include "metadata/catalog_migrations.h"
#include "proof/prove.h"
#include "syntax/sql_text.h"

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
	recorded_forget_dev();
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

	foreach(lc, recorded_repos())
	{
		Problem		problem = {0};
		Recorded   *recorded;

		if (text_list_has(known, lfirst(lc)))
			continue;
		recorded = recorded_load(lfirst(lc), with_dev, &problem);
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

List *
generate_record(Datum input, const GenerateOptions *options)
{
	Generation *generation;
	List	   *result = NIL;
	ListCell   *lr;
	ListCell   *lm;

	catalog_lock_generation();
	generation = generate_plan(input, options);
	prove_repos(generation, options->dev);
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
	ProofSubject subject = {0};
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
	subject.before = copy_model(recorded->model);
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
	subject.after = recorded->model;
	subject.migrations = generation.migrations;
	prove(&subject, list_make1(generation.repo), false);
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
