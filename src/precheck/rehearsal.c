/*
 * rehearsal.c
 *		Running what is pending in one schema and rolling it back: see
 *		rehearsal.h.
 *
 * What is told are facts, not what is known of the kind of a statement: locks
 * from pg_locks, files from pg_class, WAL from this process's own count.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/elapsed.h"
#include "base/errors.h"
#include "metadata/catalog_migrations.h"
#include "migrate/migrate.h"
#include "migrate/pending.h"
#include "migrate/results.h"
#include "precheck/rehearsal.h"

/* A lock or a file of a relation: what it is called, and which one it is */
typedef struct Holding
{
	char	   *what;			/* of a lock: its mode; of a file: its number */
	int64		strength;		/* of a lock: 1 to 8, as PostgreSQL counts
								 * them; of a file: 0 */
	char	   *relation;
	Oid			relid;
} Holding;

typedef struct Rehearsal
{
	StatementWatch watch;		/* first, as the callbacks get it */
	const RunOptions *options;
	Scope		scope;
	const char *schema;
	bool		with_public;
	MemoryContext context;		/* of the rows */
	List	   *rows;			/* of RehearsedStatement * */
	RehearsedStatement *running;	/* or NULL */
	List	   *locks;			/* of Holding *: before it */
	List	   *files;
	instr_time	start;
	uint64		wal;			/* before it */
	int			applied[NUM_SCOPES];	/* migrations that were run */
} Rehearsal;

const char *
rehearsal_status_name(RehearsalStatus status)
{
	switch (status)
	{
		case REHEARSAL_DONE:
			return "done";
		case REHEARSAL_FAILED:
			return "failed";
		case REHEARSAL_NOT_TRIED:
			return "not_tried";
	}
	return NULL;				/* keep compiler quiet */
}

/* ------------------------------------------------------------------------
 * Facts
 * ------------------------------------------------------------------------
 */

/* The strongest lock of this process on each relation of users */
static CatalogStatement locks_held = {
	.sql = "SELECT pg_catalog.upper(pg_catalog.btrim(pg_catalog.regexp_replace("
	"  pg_catalog.replace((pg_catalog.array_agg(l.mode ORDER BY m.strength DESC))[1], 'Lock', ''),"
	"  '([A-Z])', ' \\1', 'g'))),"
	" pg_catalog.format('%I.%I', n.nspname, c.relname), c.oid::pg_catalog.int8, pg_catalog.max(m.strength)"
	" FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_class AS c ON c.oid = l.relation"
	" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" JOIN pg_catalog.unnest('{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,"
	"ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'::pg_catalog.text[])"
	"  WITH ORDINALITY AS m (mode, strength) ON m.mode = l.mode"
	" WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted"
	" AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d"
	"  WHERE d.datname = pg_catalog.current_database())"
	" AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'ashmig')"
	" GROUP BY n.nspname, c.relname, c.oid ORDER BY 2"
};

/* The files of the schema's relations, and of those elsewhere that are locked */
static CatalogStatement files_now = {
	.sql = "SELECT c.relfilenode::pg_catalog.text, pg_catalog.format('%I.%I', n.nspname, c.relname),"
	" c.oid::pg_catalog.int8, 0::pg_catalog.int8"
	" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
	" WHERE c.relfilenode <> 0 AND c.relkind <> 'S'"
	" AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'ashmig')"
	" AND (n.nspname = $1 OR c.oid IN (SELECT l.relation FROM pg_catalog.pg_locks AS l"
	"  WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation'))"
	" ORDER BY 2",
	.nargs = 1, .types = {TEXTOID}
};

/* What a query finds: List of Holding *, in the context of the rows */
static List *
holdings(const Rehearsal *rehearsal, CatalogStatement *query)
{
	int			level = catalog_connect();
	Datum		values[1];
	uint64		rows;
	List	   *result = NIL;

	values[0] = CStringGetTextDatum(rehearsal->schema);
	rows = catalog_query(query, query->nargs > 0 ? values : NULL, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(rehearsal->context);
		Holding    *holding = palloc(sizeof(Holding));

		holding->what = catalog_string(i, 1, rehearsal->context);
		holding->relation = catalog_string(i, 2, rehearsal->context);
		holding->relid = (Oid) catalog_int64(i, 3);
		holding->strength = catalog_int64(i, 4);
		result = lappend(result, holding);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

static const Holding *
find_holding(const List *holdings, Oid relid)
{
	ListCell   *lc;

	foreach(lc, holdings)
	{
		const Holding *holding = lfirst(lc);

		if (holding->relid == relid)
			return holding;
	}
	return NULL;
}

/* Locks that are stronger than before: "ACCESS EXCLUSIVE on t1.users" */
static List *
new_locks(const List *before, const List *after)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, after)
	{
		const Holding *holding = lfirst(lc);
		const Holding *old = find_holding(before, holding->relid);

		if (old == NULL || old->strength < holding->strength)
			result = lappend(result, psprintf("%s on %s", holding->what, holding->relation));
	}
	return result;
}

/* Relations that were there before, with another file */
static List *
new_files(const List *before, const List *after)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, after)
	{
		const Holding *holding = lfirst(lc);
		const Holding *old = find_holding(before, holding->relid);

		if (old && strcmp(old->what, holding->what) != 0)
			result = lappend(result, holding->relation);
	}
	return result;
}

/* ------------------------------------------------------------------------
 * Running
 * ------------------------------------------------------------------------
 */

/* A new row, in the context of the rows */
static RehearsedStatement *
add_row(Rehearsal *rehearsal, Scope scope, const char *schema, int64 version, RehearsalStatus status)
{
	RehearsedStatement *row = palloc0(sizeof(RehearsedStatement));

	row->scope = scope;
	row->schema = pstrdup(schema);
	row->version = version;
	row->status = status;
	rehearsal->rows = lappend(rehearsal->rows, row);
	return row;
}

/* The schema in which the migrations of a scope run */
static const char *
schema_of(const Rehearsal *rehearsal, Scope scope)
{
	return scope == SCOPE_TENANT ? rehearsal->schema : run_options_public_schema(rehearsal->options);
}

/* Before a statement: what is held already */
static void
before_statement(StatementWatch *watch, Scope scope, int64 version, int statement, const char *sql)
{
	Rehearsal  *rehearsal = (Rehearsal *) watch;
	MemoryContext old = MemoryContextSwitchTo(rehearsal->context);

	rehearsal->running = add_row(rehearsal, scope, schema_of(rehearsal, scope), version, REHEARSAL_FAILED);
	rehearsal->running->statement = statement;
	rehearsal->running->sql = pstrdup(sql);
	rehearsal->locks = holdings(rehearsal, &locks_held);
	rehearsal->files = holdings(rehearsal, &files_now);
	rehearsal->wal = pgWalUsage.wal_bytes;
	rehearsal->start = elapsed_start();
	MemoryContextSwitchTo(old);
}

/* After it */
static void
after_statement(StatementWatch *watch)
{
	Rehearsal  *rehearsal = (Rehearsal *) watch;
	RehearsedStatement *row = rehearsal->running;
	MemoryContext old = MemoryContextSwitchTo(rehearsal->context);

	row->elapsed = elapsed_since(rehearsal->start);
	row->wal = (int64) (pgWalUsage.wal_bytes - rehearsal->wal);
	row->status = REHEARSAL_DONE;
	row->locks = new_locks(rehearsal->locks, holdings(rehearsal, &locks_held));
	row->rewritten = new_files(rehearsal->files, holdings(rehearsal, &files_now));
	rehearsal->running = NULL;
	MemoryContextSwitchTo(old);
}

/* What is pending in a scope, in the current context: List of Migration * */
static List *
pending_of(const Rehearsal *rehearsal, Scope scope)
{
	return pending_copy(pending_migrations(rehearsal->options, scope, schema_of(rehearsal, scope)));
}

/* Run it all, as an Attempt. */
static void
run_all(void *arg)
{
	Rehearsal  *rehearsal = arg;
	RunOptions	options = *rehearsal->options;

	options.watch = &rehearsal->watch;
	for (Scope scope = rehearsal->with_public ? SCOPE_PUBLIC : rehearsal->scope; scope <= rehearsal->scope; scope++)
		rehearsal->applied[scope] = migrate_schema(&options, scope, schema_of(rehearsal, scope), true)->applied;
}

/* The error belongs to the statement that ran, or to none. */
static void
keep_error(Rehearsal *rehearsal, const ErrorData *error)
{
	RehearsedStatement *row = rehearsal->running;

	if (row == NULL)
		row = add_row(rehearsal, rehearsal->scope, rehearsal->schema, 0, REHEARSAL_FAILED);
	else
	{
		row->elapsed = elapsed_since(rehearsal->start);
		row->wal = (int64) (pgWalUsage.wal_bytes - rehearsal->wal);
	}
	row->error = error->detail ? psprintf("%s\n  %s", error->message, error->detail) : pstrdup(error->message);
}

/* Is it the version of a row? */
static bool
has_row(const Rehearsal *rehearsal, Scope scope, int64 version)
{
	ListCell   *lc;

	foreach(lc, rehearsal->rows)
	{
		const RehearsedStatement *row = lfirst(lc);

		if (row->scope == scope && row->version == version)
			return true;
	}
	return false;
}

/* Migrations that were not reached */
static void
add_not_tried(Rehearsal *rehearsal, Scope scope, const List *pending)
{
	ListCell   *lc;
	int			position = 0;

	foreach(lc, pending)
	{
		const Migration *migration = lfirst(lc);
		RehearsedStatement *row;

		if (position++ < rehearsal->applied[scope] || has_row(rehearsal, scope, migration->version))
			continue;
		row = add_row(rehearsal, scope, schema_of(rehearsal, scope), migration->version, REHEARSAL_NOT_TRIED);
		row->error = migration->transactional ? "it comes after what did not run" :
			"it cannot run in a transaction";
	}
}

/*
 * Run what is pending in a schema, and roll it back.
 */
List *
rehearsal_run(const RunOptions *options, Scope scope, const char *schema, bool with_public)
{
	Rehearsal	rehearsal = {.options = options, .scope = scope, .schema = schema,
	.with_public = with_public, .context = CurrentMemoryContext};
	List	   *pending[NUM_SCOPES] = {NIL};
	ErrorData  *error;

	rehearsal.watch.before = before_statement;
	rehearsal.watch.after = after_statement;
	PreventCommandIfReadOnly("ashmig_try()");
	catalog_lock_versions(RowExclusiveLock);
	for (Scope s = with_public ? SCOPE_PUBLIC : scope; s <= scope; s++)
		pending[s] = pending_of(&rehearsal, s);
	error = attempt_any(run_all, &rehearsal, false);
	if (error && ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	if (error)
		keep_error(&rehearsal, error);
	for (Scope s = SCOPE_PUBLIC; s <= scope; s++)
		add_not_tried(&rehearsal, s, pending[s]);
	return rehearsal.rows;
}
