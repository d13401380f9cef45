/*
 * migrate.c
 *		Running the migrations that are pending in one schema: see migrate.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/elapsed.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_versions.h"
#include "migrate/deferral.h"
#include "migrate/execute.h"
#include "migrate/lock_watch.h"
#include "migrate/migrate.h"
#include "migrate/pending.h"
#include "migrate/schema_lock.h"
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
	const char *schema;
	const char *default_schema;
	List	   *deferred;		/* of Deferred * */
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
	start = elapsed_start();
	execute_statement(sql, place);
	executed->elapsed += elapsed_since(start);
}

/* Run what has waited. */
static void
run_deferred(Series *series)
{
	ListCell   *lc;

	foreach(lc, series->deferred)
	{
		Deferred   *deferred = lfirst(lc);

		run_statement(series, deferred->sql, &deferred->place, deferred->executed);
	}
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
 * Run the statements of one migration, foreign keys to public tables perhaps
 * later.  Settings that it changes are those of the series again afterwards.
 */
static void
run_migration(Series *series, ExecutedMigration *executed)
{
	const Migration *migration = executed->migration;
	bool		down = series->options->down;
	bool		may_defer = migration->tenant && !down && strcmp(migration->kind, "generated") == 0;
	ExecutePlace place = {series->schema, migration->tenant, down, migration->version, 0};
	ExecuteMigration environment;
	ListCell   *lc;

	environment = execute_enter_migration();
	foreach(lc, down ? migration->down : migration->up)
	{
		MemoryContext old = MemoryContextSwitchTo(series->scratch);
		char	   *sql = sql_fill(lfirst(lc), series->schema, series->default_schema);

		place.statement++;
		if (may_defer && deferral_can_wait(sql, series->schema))
			defer(series, sql, &place, executed);
		else
		{
			if (series->deferred != NIL && !(may_defer && deferral_is_harmless(sql)))
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
 * Run migrations up to the first that is left for later.  Returns what was
 * done, as ExecutedMigrations.
 */
static List *
run_migrations_of(const RunOptions *options, const char *schema, List *pending, bool outside)
{
	bool		tenant = ((Migration *) linitial(pending))->tenant;
	Series		series = {.options = options, .schema = schema,
	.default_schema = tenant ? ashmig_default_schema : schema};
	List	   *done = NIL;
	ListCell   *lc;

	series.context = CurrentMemoryContext;
	series.lock_timeout = options->lock_timeout;
	series.start = elapsed_start();
	series.scratch = AllocSetContextCreate(CurrentMemoryContext, "ashmig migration",
										   ALLOCSET_DEFAULT_SIZES);
	foreach(lc, pending)
	{
		const Migration *migration = lfirst(lc);
		ExecutedMigration *executed;

		if (outside && !migration->transactional)
			break;
		executed = palloc0(sizeof(ExecutedMigration));
		executed->migration = migration;
		run_migration(&series, executed);
		done = lappend(done, executed);
	}
	run_deferred(&series);
	MemoryContextDelete(series.scratch);
	return done;
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
	ListCell   *lc;

	foreach(lc, migrations)
	{
		const Migration *migration = lfirst(lc);

		if (migration->transactional ||
			(strcmp(migration->kind, "generated") != 0 && strcmp(migration->kind, "enum") != 0))
			return true;
	}
	return false;
}

/*
 * Without USAGE a schema is left out of search_path without a word, and what
 * lies there seems not to exist.
 */
static void
check_usage(const char *schema)
{
	AclResult	result = schema_aclcheck(get_namespace_oid(schema, false), GetUserId(), ACL_USAGE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_SCHEMA, schema);
}

/*
 * The transactional part of what is to be done; fills in the result.  A tenant
 * may have been renamed or dropped since its name was read.
 */
static void
run_pending(const RunOptions *options, bool outside, RunResult *result)
{
	bool		tenant = result->tenant;
	const char *schema = result->schema;
	List	   *pending;
	List	   *done;

	if (outside && schema_lock_is_held_outside(schema))
	{
		result->status = RUN_BACKGROUND;
		return;
	}
	schema_lock_acquire(schema);
	catalog_lock_versions(RowExclusiveLock);
	pending = pending_copy(pending_migrations(options, tenant, schema));
	if (pending == NIL)
		return;
	if (!OidIsValid(get_namespace_oid(schema, true)))
	{
		if (!tenant)
			raise_no_public_schema(schema);
		result->status = RUN_MISSING;
		return;
	}
	check_usage(schema);
	done = run_migrations_of(options, schema, pending, outside);
	if (options->down)
		catalog_record_rolled_back(schema, tenant, done);
	else
		catalog_record_applied(schema, tenant, done);
	result->applied = list_length(done);
	result->version = catalog_newest_version(tenant, schema);
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
migrate_schema(const RunOptions *options, bool tenant, const char *schema, bool outside)
{
	RunResult  *result = palloc0(sizeof(RunResult));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ashmig series",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	instr_time	start = elapsed_start();
	int			level;

	result->tenant = tenant;
	result->schema = pstrdup(schema);
	result->attempts = 1;

	old = MemoryContextSwitchTo(context);
	level = execute_enter(schema, tenant ? ashmig_default_schema : schema,
						  options->lock_timeout,
						  tenant && !options->log_sql);
	run_pending(options, outside, result);
	execute_leave(level);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);

	result->elapsed = elapsed_since(start);
	return result;
}

/*
 * The result of a schema whose transaction failed.
 */
RunResult *
migrate_failed(bool tenant, const char *schema, ErrorData *error, instr_time start)
{
	RunResult  *result = palloc0(sizeof(RunResult));
	MemoryContext old = CurrentMemoryContext;

	result->tenant = tenant;
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
	result->version = catalog_newest_version(tenant, schema);
	MemoryContextSwitchTo(old);
	return result;
}
