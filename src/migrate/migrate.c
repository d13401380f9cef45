/*
 * migrate.c
 *		Running the migrations that are pending in one schema: see migrate.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/elapsed.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_adoption.h"
#include "metadata/catalog_partial.h"
#include "metadata/catalog_repairs.h"
#include "metadata/catalog_versions.h"
#include "migrate/batch.h"
#include "migrate/catch_up.h"
#include "migrate/citus_tables.h"
#include "migrate/crossing.h"
#include "migrate/deferral.h"
#include "migrate/ecto_versions.h"
#include "migrate/execute.h"
#include "migrate/lock_watch.h"
#include "migrate/migrate.h"
#include "migrate/nontransactional.h"
#include "migrate/pending.h"
#include "migrate/plain_form.h"
#include "migrate/schema_lock.h"
#include "syntax/directive.h"
#include "syntax/enum_follow.h"
#include "syntax/sql_text.h"

/* A foreign key that waits until the end; see deferral.h */
typedef struct Deferred
{
	char	   *sql;
	ExecutePlace place;
	ExecutedMigration *executed;	/* whose time it is */
} Deferred;

/* A series that is being run */
typedef struct Series
{
	const RunOptions *options;
	const ExecuteEnvironment *environment;
	const char *schema;
	const char *default_schema;
	List	   *deferred;		/* of Deferred * */
	List	   *begun;			/* of Migration *: of pending ones, those that
								 * a run outside a transaction has begun */
	CatchUp    *catch_up;		/* NULL: public has not left the tenant behind */
	instr_time	start;
	int			lock_timeout;	/* as it is set now, in ms */
	MemoryContext context;		/* until the end of the series */
	MemoryContext scratch;		/* for one statement */
} Series;

/*
 * The least wait for a lock, and the least change of lock_timeout that is worth
 * setting it anew, as parts of the whole.
 */
#define LEAST_WAIT_PART	10
#define WAIT_STEP_PART	20

/*
 * Bound the next wait for a lock.  The locks that are held already make others
 * wait as well, so what the series has taken so far counts; a tenth of
 * lock_timeout is left in any case.
 */
static void
bound_wait(Series *series)
{
	int			whole = series->options->lock_timeout;
	int			left;

	if (whole == 0)
		return;
	left = whole - (int) (elapsed_since(series->start) / 1000);
	left = Max(left, Max(whole / LEAST_WAIT_PART, 1));
	if (left > series->lock_timeout - whole / WAIT_STEP_PART)
		return;					/* not worth it */
	execute_set_lock_timeout(left);
	series->lock_timeout = left;
}

/*
 * Run one statement; its time is added to that of the migration.
 */
static void
run_statement(Series *series, const char *sql, const ExecutePlace *place,
			  ExecutedMigration *executed)
{
	instr_time	start;

	if (series->options->log_sql)
		ereport(INFO,
				(errmsg_internal("\"%s\" " INT64_FORMAT " %s: %s", place->schema,
								 place->version, place->down ? "down" : "up", sql)));
	bound_wait(series);
	if (series->options->watch)
		series->options->watch->before(series->options->watch, place->scope, place->version,
									   place->statement, sql);
	start = elapsed_start();
	if (directive_is_batch(sql))
		batch_run_inside(series->environment, sql, place);
	else
		execute_statement(series->environment, sql, place);
	if (place->scope == SCOPE_TENANT)
		citus_tables_finish(series->environment, series->schema, series->options->new_tenant);
	executed->elapsed += elapsed_since(start);
	if (series->options->watch)
		series->options->watch->after(series->options->watch);
}

/* Run what has waited. */
static void
run_deferred(Series *series)
{
	foreach_ptr(Deferred, deferred, series->deferred)
		run_statement(series, deferred->sql, &deferred->place, deferred->executed);
	series->deferred = NIL;
}

/* Let a statement wait. */
static void
defer(Series *series, const char *sql, const ExecutePlace *place, ExecutedMigration *executed)
{
	MemoryContext old = MemoryContextSwitchTo(series->context);
	Deferred   *deferred = palloc(sizeof(Deferred));

	deferred->sql = pstrdup(sql);
	deferred->place = *place;
	deferred->executed = executed;
	series->deferred = lappend(series->deferred, deferred);
	MemoryContextSwitchTo(old);
}

/*
 * Run one statement of a generated tenant migration, or see that it runs later
 * or not at all: foreign keys to public tables may wait, and those of a tenant
 * that has been left behind may be passed over.
 */
static void
run_generated(Series *series, char *sql, const ExecutePlace *place,
			  ExecutedMigration *executed)
{
	if (series->catch_up)
		sql = catch_up_statement(series->catch_up, executed->migration, sql);
	if (sql == NULL)
		return;
	if (deferral_can_wait(sql, series->schema))
	{
		defer(series, sql, place, executed);
		return;
	}
	if (series->deferred != NIL && !deferral_is_harmless(sql))
		run_deferred(series);
	run_statement(series, sql, place, executed);
}

/*
 * Run the statements of one migration.  Settings that it changes are those of
 * the series again afterwards.
 */
static void
run_migration(Series *series, ExecutedMigration *executed)
{
	const Migration *migration = executed->migration;
	bool		down = series->options->down;
	bool		generated = migration->scope == SCOPE_TENANT && !down &&
		migration->kind == MIGRATION_GENERATED;
	ExecutePlace place = {series->schema, migration->scope, down, migration->version, 0};
	ExecuteMigration environment;
	ListCell   *lc;

	environment = execute_enter_migration();
	foreach(lc, down ? migration->down : migration->up)
	{
		MemoryContext old;
		char	   *sql;

		place.statement++;
		if (*(char *) lfirst(lc) == '\0')
			continue;			/* done by an earlier run; see take_up */
		if (directive_is_large(lfirst(lc)) && !migration->transactional &&
			!list_member_ptr(series->begun, migration))
			continue;			/* the one before it has done the same */
		old = MemoryContextSwitchTo(series->scratch);
		sql = sql_fill(lfirst(lc), series->schema, series->default_schema);
		if (generated)
			run_generated(series, sql, &place, executed);
		else
		{
			if (series->deferred != NIL)
				run_deferred(series);
			run_statement(series, sql, &place, executed);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(series->scratch);
	}
	execute_leave_migration(&environment);
	series->lock_timeout = series->options->lock_timeout;
}

/*
 * The foreign keys that a tenant which was left behind lacks in the end; their
 * time is that of the migration that was run last.
 */
static void
run_missing_references(Series *series, ExecutedMigration *last)
{
	ExecutePlace place = {series->schema, SCOPE_TENANT, false, last->migration->version, 0};
	ListCell   *lc;

	foreach(lc, catch_up_missing(series->schema))
		run_statement(series, lfirst(lc), &place, last);
}

/*
 * Run migrations up to the first that is left for later.  Returns what was
 * done, as ExecutedMigrations.
 */
static List *
run_migrations_of(const RunOptions *options, const ExecuteEnvironment *environment,
				  const char *schema, List *pending, List *begun, bool outside)
{
	Scope		scope = ((Migration *) linitial(pending))->scope;
	Series		series = {.options = options, .environment = environment, .schema = schema, .begun = begun,
	.default_schema = scope == SCOPE_TENANT ? ashmig_default_schema : schema};
	List	   *done = NIL;

	series.context = CurrentMemoryContext;
	series.lock_timeout = options->lock_timeout;
	series.start = elapsed_start();
	series.scratch = AllocSetContextCreate(CurrentMemoryContext, "ashmig migration",
										   ALLOCSET_DEFAULT_SIZES);
	if (scope == SCOPE_TENANT && !options->down && !options->repair)
		series.catch_up = catch_up_begin(schema, pending);
	foreach_ptr(const Migration, migration, pending)
	{
		ExecutedMigration *executed;

		if (outside && !migration->transactional &&
			!plain_form_fits(migration, schema, series.default_schema, options->down))
			break;
		executed = palloc0(sizeof(ExecutedMigration));
		executed->migration = migration;
		run_migration(&series, executed);
		done = lappend(done, executed);
	}
	run_deferred(&series);
	if (series.catch_up && series.catch_up->skipped && list_length(done) == list_length(pending))
		run_missing_references(&series, llast(done));
	MemoryContextDelete(series.scratch);
	return done;
}

/*
 * Where all of these (copies) run in one transaction, enums that they create
 * have the values that they add later from the start; see syntax/enum_follow.h.
 */
static void
fold_enums(List *pending, const char *schema, const char *default_schema)
{
	List	   *texts = NIL;
	List	   *cells = NIL;
	bool		adds_value = false;
	ListCell   *lc;
	ListCell   *lt;

	foreach(lc, pending)
	{
		foreach(lt, ((Migration *) lfirst(lc))->up)
		{
			cells = lappend(cells, lt);
			adds_value |= enum_follow_may_add_value(lfirst(lt));
		}
	}
	if (!adds_value)
		return;
	foreach(lc, cells)
		texts = lappend(texts, sql_fill(lfirst((ListCell *) lfirst(lc)), schema, default_schema));
	forboth(lc, cells, lt, enum_follow_fold(texts, schema))
		lfirst((ListCell *) lfirst(lc)) = lfirst(lt);
}

/* Raise for public migrations without their schema. */
static void
raise_no_public_schema(const char *schema)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_SCHEMA),
			 errmsg("schema \"%s\" does not exist", schema),
			 errhint("Create the schema. Public migrations run in ashmig.default_schema, or in \"prefix\" if it is given.")));
}

/*
 * Is there more among these migrations than what ashmig itself writes to be run
 * outside a transaction: indexes and values of enums?
 */
static bool
change_tables(List *migrations)
{
	foreach_ptr(const Migration, migration, migrations)
	{
		if (migration->transactional ||
			(migration->kind != MIGRATION_GENERATED && migration->kind != MIGRATION_ENUM))
			return true;
	}
	return false;
}

/* Rolling back a tenant's migrations waits for newer public ones that cross them. */
static void
check_order(const char *schema, List *pending)
{
	ListCell   *lc;

	foreach(lc, pending)
		crossing_check_rollback(lfirst(lc), schema);
}

/*
 * Run the repair that is recorded for a schema.  It fits the structure of the
 * migrations that the schema had when it was made.
 */
static void
run_repair(const RunOptions *options, ExecuteEnvironment *environment, RunResult *result)
{
	SchemaRepair *repair;
	Migration	statements = {.scope = result->scope, .kind = MIGRATION_SQL, .repo = "", .transactional = true};
	AdoptedSchema adopted = {.name = result->schema};
	ExecutedMigration *executed;

	if (result->scope == SCOPE_TENANT)
		catalog_lock_tenants(RowExclusiveLock);
	schema_lock_acquire(result->schema);
	catalog_lock_versions(RowExclusiveLock);
	repair = catalog_repairs_pending(result->scope, result->schema);
	if (repair == NULL)
		return;
	result->version = catalog_newest_version(result->scope, result->schema);
	if (result->version != repair->version)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_BUSY),
				 errmsg("schema \"%s\" was migrated concurrently", result->schema),
				 errhint("Run the repair again.")));
	execute_go_into(environment, result->scope, result->schema,
					result->scope == SCOPE_TENANT ? ashmig_default_schema : result->schema);
	statements.up = repair->statements;
	executed = linitial(run_migrations_of(options, environment, result->schema, list_make1(&statements), NIL, false));
	adopted.ecto_version = repair->ecto_version;
	if (repair->adopts != NIL)
		catalog_adopt(result->scope, list_make1(&adopted), repair->adopts);
	catalog_repairs_applied(repair, executed->elapsed);
	result->applied = list_length(repair->statements);
	result->version = catalog_newest_version(result->scope, result->schema);
	result->status = RUN_REPAIRED;
}

/*
 * Migrations (copies) that an earlier run began outside a transaction: what it
 * has done is left out.  The list of these.
 */
static List *
take_up(const ExecuteEnvironment *environment, const char *schema, List *pending, bool down)
{
	List	   *begun = NIL;

	foreach_ptr(Migration, migration, pending)
	{
		if (!migration->transactional && nontransactional_resume(migration, environment, schema, down))
			begun = lappend(begun, migration);
	}
	return begun;
}

/*
 * The transactional part of what is to be done; fills in the result.  A tenant
 * may have been renamed or dropped since its name was read.
 */
static void
run_pending(const RunOptions *options, ExecuteEnvironment *environment, bool outside,
			RunResult *result)
{
	Scope		scope = result->scope;
	const char *schema = result->schema;
	const char *default_schema = scope == SCOPE_TENANT ? ashmig_default_schema : schema;
	List	   *pending;
	List	   *begun = NIL;
	List	   *done;

	if (outside && schema_lock_is_held_outside(schema))
	{
		result->status = RUN_BACKGROUND;
		return;
	}
	schema_lock_acquire(schema);
	catalog_lock_versions(RowExclusiveLock);
	pending = pending_copy(pending_migrations(options, scope, schema));
	if (pending == NIL)
		return;
	if (!OidIsValid(get_namespace_oid(schema, true)))
	{
		if (scope == SCOPE_PUBLIC)
			raise_no_public_schema(schema);
		result->status = RUN_MISSING;
		return;
	}
	execute_go_into(environment, scope, schema, default_schema);
	ecto_versions_lock(schema);
	if (!outside)
		begun = take_up(environment, schema, pending, options->down);
	if (!outside && !options->down)
		fold_enums(pending, schema, default_schema);
	if (scope == SCOPE_TENANT && options->down)
		check_order(schema, pending);
	done = run_migrations_of(options, environment, schema, pending, begun, outside);
	if (scope == SCOPE_TENANT && !options->new_tenant)
		citus_tables_check(schema);
	else if (scope == SCOPE_PUBLIC && !options->down)
		citus_tables_prepare(options->lock_timeout);
	if (options->down)
	{
		catalog_record_rolled_back(schema, scope, done);
		ecto_versions_rolled_back(schema, done);
	}
	else
	{
		catalog_record_applied(schema, scope, done);
		ecto_versions_applied(schema, done);
	}
	foreach_ptr(const Migration, migration, begun)
		catalog_partial_forget(migration, schema);
	result->applied = list_length(done);
	result->version = catalog_newest_version(scope, schema);
	result->remaining = list_length(pending) - result->applied;
	result->blocks_tenants = change_tables(list_copy_tail(pending, result->applied));
	if (result->remaining > 0)
		result->status = RUN_BACKGROUND;
	else
		result->status = options->down ? RUN_ROLLED_BACK : RUN_APPLIED;
}

/*
 * Do what is pending in a schema, in the current transaction.
 */
RunResult *
migrate_schema(const RunOptions *options, Scope scope, const char *schema, bool outside)
{
	RunResult  *result = palloc0(sizeof(RunResult));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ashmig series",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	instr_time	start = elapsed_start();
	ExecuteEnvironment environment;

	result->scope = scope;
	result->schema = pstrdup(schema);
	result->attempts = 1;

	old = MemoryContextSwitchTo(context);
	if (scope == SCOPE_TENANT && !options->down && !options->repair)
		citus_tables_prepare(options->lock_timeout);
	environment = execute_enter(options->lock_timeout, scope == SCOPE_TENANT && !options->log_sql);
	if (options->repair)
		run_repair(options, &environment, result);
	else
		run_pending(options, &environment, outside, result);
	execute_leave(&environment);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);

	result->elapsed = elapsed_since(start);
	return result;
}

/*
 * The result of a schema whose transaction failed.
 */
RunResult *
migrate_failed(Scope scope, const char *schema, ErrorData *error, instr_time start)
{
	RunResult  *result = palloc0(sizeof(RunResult));
	MemoryContext old = CurrentMemoryContext;

	result->scope = scope;
	result->schema = pstrdup(schema);
	result->status = RUN_FAILED;
	result->attempts = 1;
	result->elapsed = elapsed_since(start);
	result->error = error;
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		char	   *blocker = lock_watch_describe();

		if (blocker)
			error->detail = MemoryContextStrdup(old, blocker);
	}
	result->version = catalog_newest_version(scope, schema);
	MemoryContextSwitchTo(old);
	return result;
}

/*
 * Add what a tenant that was left behind still lacks, after the last of its
 * migrations ran outside a transaction.
 */
void
migrate_complete(const RunOptions *options, const char *schema)
{
	ExecuteEnvironment environment;
	ListCell   *lc;

	if (options->down || crossing_passed(0) == NIL ||
		pending_migrations(options, SCOPE_TENANT, schema) != NIL)
		return;
	environment = execute_enter(options->lock_timeout, true);
	execute_go_into(&environment, SCOPE_TENANT, schema, ashmig_default_schema);
	foreach(lc, catch_up_missing(schema))
		execute_statement(&environment, lfirst(lc), NULL);
	execute_leave(&environment);
}
