/*
 * journal.c
 *		What runs did: see journal.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/attempt.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_tenants.h"
#include "metadata/object_lock.h"
#include "run/journal.h"

/*
 * The processes that hold runs, each with the low 32 bits of the run's number,
 * which the lock is on.  A prepared transaction, which holds locks without a
 * process, is not alive.  OBJECT_LOCK_RUN is 5.
 */
#define HOLDERS "(SELECT DISTINCT l.pid, l.objid::pg_catalog.int8 AS low FROM pg_catalog.pg_locks AS l" \
	" WHERE l.classid = 'ashmig.runs'::pg_catalog.regclass AND l.objsubid = 5" \
	" AND l.locktype IN ('object', 'advisory') AND l.granted AND l.pid IS NOT NULL" \
	" AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d" \
	"  WHERE d.datname = pg_catalog.current_database())) AS h"
#define LOW_32_BITS "4294967295"
StaticAssertDecl(OBJECT_LOCK_RUN == 5, "HOLDERS and ashmig.progress look for another lock");

/* Schemas that journal_failures tells about */
#define FAILURES_TOLD 10

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/* What is to be written */
typedef struct Entry
{
	int64		run;
	const RunResult *result;	/* of a schema */
	const char *text;			/* operation, or reason of a pause */
	const RunOptions *options;
	const JournalEnd *end;
	int			schemas;
	int			workers;
} Entry;

/* Is it the machine that is in the way, rather than a fault that can be mended first? */
static bool
is_no_fault(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_SYSTEM_ERROR;
}

/* Is the process to end, or to stop what it does? */
static bool
is_interruption(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
}

/* Say, once in each process, that the journal is not complete. */
static void
warn_of_journal(const Entry *entry, const ErrorData *error)
{
	static int64 warned = -1;

	if (warned == entry->run)
		return;
	warned = entry->run;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not write the journal of the run: %s", error->message),
			 errdetail("Migrations are recorded in ashmig.versions all the same."),
			 errhint("SELECT * FROM ashmig_status() shows what is applied.")));
}

/*
 * Write in a subtransaction.  Where that fails (there is no room on the disk,
 * say), a warning says so, and false is returned.
 */
static bool
write_or_warn(Attempt write, Entry *entry, bool any_error)
{
	ErrorData  *error = attempt_any(write, entry, true);

	if (error == NULL)
		return true;
	if (is_interruption(error->sqlerrcode) || !(any_error || is_no_fault(error->sqlerrcode)))
		ReThrowError(error);
	warn_of_journal(entry, error);
	return false;
}

/* The row of a new run; its number goes to the entry. */
static void
write_run(void *arg)
{
	Entry	   *entry = arg;
	static CatalogStatement begin = {
		.sql = "INSERT INTO ashmig.runs (operation, schemas, workers, canary, max_failures, run_until)"
		" VALUES ($1, $2, $3, nullif($4, 0), nullif($5, 0), nullif($6, 'infinity')) RETURNING run",
		.nargs = 6, .types = {TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID, TIMESTAMPTZOID}
	};
	static CatalogStatement forget = {
		.sql = "WITH old AS (DELETE FROM ashmig.runs"
		" WHERE started_at < pg_catalog.now() - pg_catalog.make_interval(days => $1)"
		" AND (status NOT IN ('running', 'background')"
		"  OR NOT EXISTS (SELECT FROM " HOLDERS " WHERE h.low = run & " LOW_32_BITS ")) RETURNING run)"
		" DELETE FROM ashmig.run_schemas AS s USING old WHERE s.run = old.run",
		.nargs = 1, .types = {INT4OID}
	};
	Datum		values[6];
	bool		isnull;
	int			level = catalog_connect();

	values[0] = Int32GetDatum(ashmig_run_retention);
	if (ashmig_run_retention > 0)
		catalog_execute(&forget, values, NULL);
	values[0] = CStringGetTextDatum(entry->text);
	values[1] = Int32GetDatum(entry->schemas);
	values[2] = Int32GetDatum(entry->workers);
	values[3] = Int32GetDatum(entry->options->canary);
	values[4] = Int32GetDatum(entry->options->max_failures);
	values[5] = TimestampTzGetDatum(entry->options->run_until);
	catalog_execute(&begin, values, NULL);
	entry->run = DatumGetInt64(catalog_datum(0, 1, &isnull));
	catalog_disconnect(level);
}

/*
 * Begin a run.  It may be the first thing that happens in a database that was
 * upgraded, so it notes the tenants' schemas.
 */
int64
journal_begin(const char *operation, const RunOptions *options, int schemas, int workers)
{
	Entry		entry = {.text = operation, .options = options, .schemas = schemas, .workers = workers};

	catalog_tenants_refresh();
	return write_or_warn(write_run, &entry, false) ? entry.run : 0;
}

/*
 * A schema's outcome.
 */
void
journal_schema(int64 run, const RunResult *result)
{
	static CatalogStatement write = {
		.sql = "INSERT INTO ashmig.run_schemas AS s (run, scope, schema_name, status, applied,"
		" version, attempts, elapsed, sqlstate, error)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
		" ON CONFLICT (run, scope, schema_name) DO UPDATE SET status = excluded.status,"
		" applied = s.applied + excluded.applied, version = coalesce(excluded.version, s.version),"
		" attempts = excluded.attempts, ended_at = excluded.ended_at,"
		" elapsed = s.elapsed + excluded.elapsed, sqlstate = excluded.sqlstate, error = excluded.error",
		.nargs = 10, .types = {INT8OID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT8OID, INT4OID,
		INTERVALOID, TEXTOID, TEXTOID}
	};
	Interval	elapsed = {.time = result->elapsed};
	char		nulls[] = "          ";
	Datum		values[10] = {0};
	int			level;

	if (run == 0)
		return;
	level = catalog_connect();
	values[0] = Int64GetDatum(run);
	values[1] = CStringGetTextDatum(scope_name(result->scope));
	values[2] = CStringGetTextDatum(result->schema);
	values[3] = CStringGetTextDatum(run_status_name(result->status));
	values[4] = Int32GetDatum(result->applied);
	values[5] = Int64GetDatum(result->version);
	values[6] = Int32GetDatum(result->attempts);
	values[7] = IntervalPGetDatum(&elapsed);
	nulls[5] = result->version == 0 ? 'n' : ' ';
	nulls[8] = nulls[9] = result->error ? ' ' : 'n';
	if (result->error)
	{
		values[8] = CStringGetTextDatum(unpack_sql_state(result->error->sqlerrcode));
		values[9] = CStringGetTextDatum(results_error(result));
	}
	catalog_execute(&write, values, nulls);
	catalog_disconnect(level);
}

/* journal_schema as an Attempt */
static void
write_schema(void *arg)
{
	const Entry *entry = arg;

	journal_schema(entry->run, entry->result);
}

/*
 * The same, where its failure is not to be the schema's.
 */
void
journal_try_schema(int64 run, const RunResult *result)
{
	Entry		entry = {.run = run, .result = result};

	if (run != 0)
		(void) write_or_warn(write_schema, &entry, true);
}

/* The end of a pause is part of the row's other changes, as is its beginning. */
#define END_PAUSE "paused = paused + coalesce(pg_catalog.clock_timestamp() - paused_since, '0')"

/* A pause */
static void
write_pause(void *arg)
{
	const Entry *entry = arg;
	static CatalogStatement write = {
		.sql = "UPDATE ashmig.runs SET pause = $2, " END_PAUSE ","
		" paused_since = CASE WHEN $2 IS NOT NULL THEN pg_catalog.clock_timestamp() END"
		" WHERE run = $1",
		.nargs = 2, .types = {INT8OID, TEXTOID}
	};
	Datum		values[2] = {0};
	int			level = catalog_connect();

	values[0] = Int64GetDatum(entry->run);
	if (entry->text)
		values[1] = CStringGetTextDatum(entry->text);
	catalog_execute(&write, values, entry->text ? NULL : " n");
	catalog_disconnect(level);
}

/*
 * A run pauses, or goes on.
 */
void
journal_pause(int64 run, const char *reason)
{
	Entry		entry = {.run = run, .text = reason};

	if (run != 0)
		(void) write_or_warn(write_pause, &entry, true);
}

/* The status of ashmig.runs at the end */
static const char *
end_status(const JournalEnd *end)
{
	if (end->canceled)
		return "canceled";
	if (end->background)
		return "background";	/* also with failures: OUTSIDE_WORKER counts
								 * them */
	if (end->failed > 0)
		return "failed";
	return end->stop != STOP_NONE ? "stopped" : "done";
}

/* What is to be known of the end, or NULL where all went well */
static char *
end_text(const JournalEnd *end)
{
	const char *reason = results_stop_reason(end->stop);
	StringInfoData buf;

	initStringInfo(&buf);
	if (end->failed > 0)
		appendStringInfo(&buf, "%d of %d %s failed", end->failed, end->schemas,
						 end->schemas == 1 ? "schema" : "schemas");
	if (reason && !end->canceled)
		appendStringInfo(&buf, "%s%d not attempted: %s", buf.len > 0 ? "; " : "", end->left, reason);
	return buf.len > 0 ? buf.data : NULL;
}

/* The end of a run */
static void
write_end(void *arg)
{
	const Entry *entry = arg;
	static CatalogStatement end = {
		.sql = "UPDATE ashmig.runs SET status = $2, error = $3, pause = NULL, " END_PAUSE ","
		" paused_since = NULL,"
		" ended_at = CASE WHEN $2 <> 'background' THEN pg_catalog.clock_timestamp() END"
		" WHERE run = $1",
		.nargs = 3, .types = {INT8OID, TEXTOID, TEXTOID}
	};
	static CatalogStatement skip = {
		.sql = "UPDATE ashmig.run_schemas SET status = $2 WHERE run = $1 AND status = 'background'",
		.nargs = 2, .types = {INT8OID, TEXTOID}
	};
	char	   *text = end_text(entry->end);
	Datum		values[3] = {0};
	int			level = catalog_connect();

	values[0] = Int64GetDatum(entry->run);
	values[1] = CStringGetTextDatum(end_status(entry->end));
	if (text)
		values[2] = CStringGetTextDatum(text);
	catalog_execute(&end, values, text ? NULL : "  n");
	values[1] = CStringGetTextDatum(entry->end->stop == STOP_RUN_UNTIL ? "pending" : "skipped");
	if (entry->end->canceled || (entry->end->stop != STOP_NONE && !entry->end->background))
		catalog_execute(&skip, values, NULL);
	catalog_disconnect(level);
}

/*
 * The end of a run, or its way into the background.
 */
void
journal_end(int64 run, const JournalEnd *end)
{
	Entry		entry = {.run = run, .end = end};

	if (run != 0)
		(void) write_or_warn(write_end, &entry, true);
}

/* ------------------------------------------------------------------------
 * Is it alive?
 * ------------------------------------------------------------------------
 */

/* The lock that shows that a run is alive */
static LOCKTAG
run_lock(int64 run)
{
	return object_lock_tag("runs", (uint32) run, OBJECT_LOCK_RUN);
}

/*
 * Show that the run is alive.  What is held until the process ends is held
 * twice: the lock on the object goes when a transaction is aborted; an advisory
 * lock with the same numbers, which no SQL function can take either, lasts
 * through that, but goes with pg_advisory_unlock_all() in a migration.
 */
void
journal_hold(int64 run, JournalHold hold)
{
	LOCKTAG		tag;

	if (run == 0)
		return;
	tag = run_lock(run);
	if (hold == JOURNAL_TRANSACTION)
		(void) object_lock_acquire(&tag, ShareLock, true);
	else
		object_lock_hold(&tag, ShareLock);
	if (hold == JOURNAL_PROCESS)
	{
		SET_LOCKTAG_ADVISORY(tag, tag.locktag_field1, tag.locktag_field2, tag.locktag_field3,
							 tag.locktag_field4);
		(void) LockAcquire(&tag, ShareLock, true, false);
	}
}

/*
 * End JOURNAL_CALL.
 */
void
journal_release(int64 run)
{
	LOCKTAG		tag;

	if (run == 0)
		return;
	tag = run_lock(run);
	object_lock_release(&tag, ShareLock);
}

/*
 * Is the run held by someone?
 */
bool
journal_is_alive(int64 run)
{
	static CatalogStatement holders = {
		.sql = "SELECT 1 FROM " HOLDERS " WHERE h.low = $1 & " LOW_32_BITS " LIMIT 1",
		.nargs = 1, .types = {INT8OID}
	};
	Datum		values[1];
	int			level = catalog_connect();
	bool		alive;

	values[0] = Int64GetDatum(run);
	alive = catalog_query(&holders, values, NULL) > 0;
	catalog_disconnect(level);
	return alive;
}

/*
 * Cancel whoever holds the run.
 */
bool
journal_cancel(int64 run)
{
	static CatalogStatement cancel = {
		.sql = "SELECT pg_catalog.pg_cancel_backend(h.pid) FROM " HOLDERS
		" WHERE h.low = $1 & " LOW_32_BITS,
		.nargs = 1, .types = {INT8OID}
	};
	Datum		values[1];
	int			level = catalog_connect();
	bool		found;

	values[0] = Int64GetDatum(run);
	found = catalog_query(&cancel, values, NULL) > 0;
	catalog_disconnect(level);
	return found;
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */

/*
 * The newest run that goes on in the background, or else the newest of all.
 */
int64
journal_last(void)
{
	static CatalogStatement find = {
		.sql = "SELECT coalesce(pg_catalog.max(r.run) FILTER (WHERE r.status = 'background' AND EXISTS ("
		"  SELECT FROM " HOLDERS " WHERE h.low = r.run & " LOW_32_BITS ")), pg_catalog.max(r.run))"
		" FROM ashmig.runs AS r"
	};
	int			level = catalog_connect();
	bool		isnull;
	Datum		run;

	catalog_query(&find, NULL, NULL);
	run = catalog_datum(0, 1, &isnull);
	catalog_disconnect(level);
	return isnull ? 0 : DatumGetInt64(run);
}

/*
 * How a run stands.
 */
bool
journal_read(int64 run, JournalState *state)
{
	static CatalogStatement read = {
		.sql = "SELECT operation, status, error FROM ashmig.runs WHERE run = $1",
		.nargs = 1, .types = {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	int			level = catalog_connect();
	bool		found;

	values[0] = Int64GetDatum(run);
	found = catalog_query(&read, values, NULL) > 0;
	if (found)
	{
		state->operation = catalog_string(0, 1, context);
		state->status = catalog_string(0, 2, context);
		state->error = catalog_string(0, 3, context);
	}
	catalog_disconnect(level);
	return found;
}

/*
 * The first failures of a run.
 */
char *
journal_failures(int64 run)
{
	static CatalogStatement read = {
		.sql = "SELECT pg_catalog.string_agg(line, E'\\n') FROM ("
		" SELECT CASE scope WHEN 'tenant' THEN 'tenant' ELSE 'public schema' END"
		"  || pg_catalog.format(' \"%s\": %s (SQLSTATE %s)%s', schema_name, pg_catalog.split_part(error, E'\\n', 1),"
		"   sqlstate, pg_catalog.substr(error, pg_catalog.strpos(error || E'\\n', E'\\n'))) AS line"
		" FROM ashmig.run_schemas WHERE run = $1 AND status = 'failed'"
		" ORDER BY scope, schema_name COLLATE pg_catalog.\"C\" LIMIT $2) AS l",
		.nargs = 2, .types = {INT8OID, INT4OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	int			level = catalog_connect();
	char	   *result;

	values[0] = Int64GetDatum(run);
	values[1] = Int32GetDatum(FAILURES_TOLD);
	catalog_query(&read, values, NULL);
	result = catalog_string(0, 1, context);
	catalog_disconnect(level);
	return result;
}

/*
 * What became of the schemas that a run left to another one.  When it is over,
 * these are the ones whose rows still say 'background'.  The other run is the
 * last that wrote a row for the schema, of those that had begun by then; but a
 * run that is over and says 'background' is one more that left it.
 */
bool
journal_left_goes_on(int64 run, char **failures)
{
	static CatalogStatement read = {
		.sql = "WITH left_to AS ("
		" SELECT s.scope, s.schema_name, o.run, o.status, o.sqlstate, o.error, EXISTS ("
		"   SELECT FROM " HOLDERS " WHERE h.low = o.run & " LOW_32_BITS ") AS alive"
		"  FROM ashmig.run_schemas AS s CROSS JOIN LATERAL ("
		"   SELECT x.* FROM ashmig.run_schemas AS x JOIN ashmig.runs AS r ON r.run = x.run"
		"    WHERE x.schema_name = s.schema_name AND x.scope = s.scope AND x.run <> s.run"
		"    AND r.started_at <= s.ended_at"
		"    AND (x.status <> 'background' OR r.status IN ('running', 'background'))"
		"    ORDER BY x.ended_at DESC LIMIT 1) AS o"
		"  WHERE s.run = $1 AND s.status = 'background'"
		"  AND (o.status IN ('background', 'skipped') OR o.status = 'failed' AND o.ended_at >= s.ended_at))"
		" SELECT pg_catalog.bool_or(status = 'background' AND alive), pg_catalog.string_agg("
		"  CASE scope WHEN 'tenant' THEN 'tenant' ELSE 'public schema' END"
		"   || pg_catalog.format(' \"%s\": run %s ', schema_name, run)"
		"   || CASE status WHEN 'failed' THEN pg_catalog.format('failed there: %s (SQLSTATE %s)',"
		"     pg_catalog.split_part(error, E'\\n', 1), sqlstate)"
		"    WHEN 'skipped' THEN 'was canceled' ELSE 'was interrupted' END,"
		"  E'\\n' ORDER BY scope, schema_name COLLATE pg_catalog.\"C\")"
		" FROM left_to",
		.nargs = 1, .types = {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	int			level = catalog_connect();
	bool		goes_on = false;
	bool		isnull;

	values[0] = Int64GetDatum(run);
	*failures = NULL;

	/*
	 * The other run may have ended between our snapshot and our look at
	 * locks.
	 */
	for (int look = 1; look == 1 || (look == 2 && *failures != NULL && !goes_on); look++)
	{
		catalog_query(&read, values, NULL);
		goes_on = DatumGetBool(catalog_datum(0, 1, &isnull)) && !isnull;
		*failures = catalog_string(0, 2, context);
	}
	catalog_disconnect(level);
	return goes_on;
}
