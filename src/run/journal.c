/*
 * journal.c
 *		What runs did: see journal.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_tenants.h"
#include "run/journal.h"

/*
 * First key of the advisory locks on runs, "MR"; the second are the low 32 bits
 * of the run's number, which this takes out of it in SQL.
 */
#define RUN_LOCK_CLASS	0x4D52
#define LOW_32_BITS		"4294967295"

/* A tag of two keys, as those of pg_advisory_lock(int, int) */
#define TWO_KEYS 2

/* Schemas that journal_failures tells about */
#define FAILURES_TOLD 10

/*
 * Begin a run.  It may be the first thing that happens in a database that was
 * upgraded, so it notes the tenants' schemas.
 */
int64
journal_begin(const char *operation, int schemas, int workers)
{
	static CatalogStatement begin = {
		.sql = "INSERT INTO ashmig.runs (operation, schemas, workers) VALUES ($1, $2, $3) RETURNING run",
		.nargs = 3, .types = {TEXTOID, INT4OID, INT4OID}
	};
	static CatalogStatement forget = {
		.sql = "WITH old AS (DELETE FROM ashmig.runs"
		" WHERE started_at < pg_catalog.now() - pg_catalog.make_interval(days => $1)"
		" AND (status NOT IN ('running', 'background') OR NOT EXISTS ("
		"  SELECT FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted"
		"  AND l.database = $2 AND l.classid = $3 AND l.objsubid = 2"
		"  AND l.objid::pg_catalog.int8 = run & " LOW_32_BITS ")) RETURNING run)"
		" DELETE FROM ashmig.run_schemas AS s USING old WHERE s.run = old.run",
		.nargs = 3, .types = {INT4OID, OIDOID, OIDOID}
	};
	Datum		values[3];
	bool		isnull;
	int64		run;
	int			level;

	catalog_tenants_refresh();
	level = catalog_connect();
	values[0] = Int32GetDatum(ashmig_run_retention);
	values[1] = ObjectIdGetDatum(MyDatabaseId);
	values[2] = ObjectIdGetDatum(RUN_LOCK_CLASS);
	if (ashmig_run_retention > 0)
		catalog_execute(&forget, values, NULL);
	values[0] = CStringGetTextDatum(operation);
	values[1] = Int32GetDatum(schemas);
	values[2] = Int32GetDatum(workers);
	catalog_execute(&begin, values, NULL);
	run = DatumGetInt64(catalog_datum(0, 1, &isnull));
	catalog_disconnect(level);
	return run;
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
	int			level = catalog_connect();

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

/*
 * The end of a run, or its way into the background.
 */
void
journal_end(int64 run, const char *status, int failed, int schemas)
{
	static CatalogStatement end = {
		.sql = "UPDATE ashmig.runs SET status = $2, error = $3,"
		" ended_at = CASE WHEN $2 <> 'background' THEN pg_catalog.clock_timestamp() END"
		" WHERE run = $1",
		.nargs = 3, .types = {INT8OID, TEXTOID, TEXTOID}
	};
	static CatalogStatement skip = {
		.sql = "UPDATE ashmig.run_schemas SET status = 'skipped' WHERE run = $1 AND status = 'background'",
		.nargs = 1, .types = {INT8OID}
	};
	Datum		values[3] = {0};
	int			level = catalog_connect();

	values[0] = Int64GetDatum(run);
	values[1] = CStringGetTextDatum(status);
	if (failed > 0)
		values[2] = CStringGetTextDatum(psprintf("%d of %d %s failed", failed, schemas,
												 schemas == 1 ? "schema" : "schemas"));
	catalog_execute(&end, values, failed > 0 ? NULL : "  n");
	if (strcmp(status, "canceled") == 0)
		catalog_execute(&skip, values, NULL);
	catalog_disconnect(level);
}

/* The lock that shows that a run is alive */
static LOCKTAG
run_lock(int64 run)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, RUN_LOCK_CLASS, (uint32) run, TWO_KEYS);
	return tag;
}

/*
 * Show that the run is alive.
 */
void
journal_hold(int64 run, bool session)
{
	LOCKTAG		tag = run_lock(run);

	(void) LockAcquire(&tag, ShareLock, session, false);
}

/*
 * End what journal_hold began for the session.
 */
void
journal_release(int64 run)
{
	LOCKTAG		tag = run_lock(run);

	(void) LockRelease(&tag, ShareLock, true);
}

/* The parameters of a query about the holders of a run's lock */
static void
holder_parameters(int64 run, Datum *values)
{
	values[0] = ObjectIdGetDatum(MyDatabaseId);
	values[1] = ObjectIdGetDatum(RUN_LOCK_CLASS);
	values[2] = ObjectIdGetDatum((uint32) run);
}

/*
 * Is the run held by someone?
 */
bool
journal_is_alive(int64 run)
{
	static CatalogStatement holders = {
		.sql = "SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted"
		" AND database = $1 AND classid = $2 AND objid = $3 AND objsubid = 2 LIMIT 1",
		.nargs = 3, .types = {OIDOID, OIDOID, OIDOID}
	};
	Datum		values[3];
	int			level = catalog_connect();
	bool		alive;

	holder_parameters(run, values);
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
		.sql = "SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_locks"
		" WHERE locktype = 'advisory' AND granted AND database = $1 AND classid = $2"
		" AND objid = $3 AND objsubid = 2",
		.nargs = 3, .types = {OIDOID, OIDOID, OIDOID}
	};
	Datum		values[3];
	int			level = catalog_connect();
	bool		found;

	holder_parameters(run, values);
	found = catalog_query(&cancel, values, NULL) > 0;
	catalog_disconnect(level);
	return found;
}

/*
 * The newest run that goes on in the background, or else the newest of all.
 */
int64
journal_last(void)
{
	static CatalogStatement find = {
		.sql = "SELECT coalesce(pg_catalog.max(r.run) FILTER (WHERE r.status = 'background' AND EXISTS ("
		"  SELECT FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted"
		"  AND l.database = $1 AND l.classid = $2 AND l.objsubid = 2"
		"  AND l.objid::pg_catalog.int8 = r.run & " LOW_32_BITS ")), pg_catalog.max(r.run))"
		" FROM ashmig.runs AS r",
		.nargs = 2, .types = {OIDOID, OIDOID}
	};
	Datum		values[2];
	int			level = catalog_connect();
	bool		isnull;
	Datum		run;

	values[0] = ObjectIdGetDatum(MyDatabaseId);
	values[1] = ObjectIdGetDatum(RUN_LOCK_CLASS);
	catalog_query(&find, values, NULL);
	run = catalog_datum(0, 1, &isnull);
	catalog_disconnect(level);
	return isnull ? 0 : DatumGetInt64(run);
}

/*
 * How a run stands.
 */
char *
journal_status(int64 run, char **error)
{
	static CatalogStatement read = {
		.sql = "SELECT status, error FROM ashmig.runs WHERE run = $1",
		.nargs = 1, .types = {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	int			level = catalog_connect();
	char	   *status = NULL;

	values[0] = Int64GetDatum(run);
	if (catalog_query(&read, values, NULL) > 0)
	{
		status = catalog_string(0, 1, context);
		*error = catalog_string(0, 2, context);
	}
	catalog_disconnect(level);
	return status;
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
