/*
 * pace.c
 *		How long changes take here: see pace.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/compat.h"
#include "metadata/catalog_spi.h"
#include "run/pace.h"

/* How many runs back are looked at */
#define RUNS 20

/* Less that was read or written than this tells nothing of how fast that is */
#define ENOUGH_BYTES (1024 * 1024)

/*
 * What the last runs did in a schema with one migration alone, so that its time
 * is that of the migration; summed by migration.
 */
#define TIMES \
	"WITH done AS (SELECT s.scope, s.version, pg_catalog.count(*) AS schemas," \
	"  pg_catalog.sum(extract(epoch FROM s.elapsed))::float8 AS total," \
	"  pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.elapsed)::float8) AS middle" \
	" FROM ashmig.run_schemas s WHERE s.status = 'applied' AND s.applied = 1" \
	" AND s.run IN (SELECT r.run FROM ashmig.runs r WHERE r.operation = 'migrate'" \
	"  ORDER BY r.run DESC LIMIT " CppAsString2(RUNS) ")" \
	" GROUP BY s.scope, s.version)"

#define IS_HEAVY "((h -> 'rewrites')::boolean OR (h -> 'scans')::boolean)"

/* The middle time of a statement, of migrations that read no table */
static double
statement_time(void)
{
	static CatalogStatement query = {
		.sql = TIMES
		" SELECT pg_catalog.percentile_cont(0.5) WITHIN GROUP"
		"  (ORDER BY d.middle / pg_catalog.cardinality(m.up))"
		" FROM done d JOIN ashmig.migrations m USING (scope, version)"
		" WHERE pg_catalog.cardinality(m.up) > 0 AND m.hazards IS NOT NULL AND NOT EXISTS"
		"  (SELECT FROM pg_catalog.jsonb_array_elements(m.hazards) h WHERE " IS_HEAVY ")"
	};
	int			level = catalog_connect();
	bool		isnull;
	double		result;
	Datum		value;

	catalog_query(&query, NULL, NULL);
	value = catalog_datum(0, 1, &isnull);
	result = isnull ? -1 : DatumGetFloat8(value);
	catalog_disconnect(level);
	return result;
}

/* A table that a migration has read or written in so many schemas, in so many seconds */
typedef struct TableTime
{
	TableName	name;
	int64		schemas;
	double		seconds;
} TableTime;

/* The tables of migrations that read or wrote any; those of one share its time. */
static List *
read_table_times(void)
{
	static CatalogStatement query = {
		.sql = TIMES
		" SELECT DISTINCT m.scope = 'tenant', h ->> 'schema', h ->> 'table', d.schemas,"
		"  d.total / pg_catalog.count(*) OVER (PARTITION BY m.repo, m.scope, m.version)"
		" FROM done d JOIN ashmig.migrations m USING (scope, version),"
		"  LATERAL (SELECT DISTINCT pg_catalog.jsonb_build_object('schema', h -> 'schema', 'table', h -> 'table') AS h"
		"   FROM pg_catalog.jsonb_array_elements(m.hazards) h WHERE h ? 'table' AND " IS_HEAVY ") t"
	};
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	uint64		rows = catalog_query(&query, NULL, NULL);
	List	   *times = NIL;

	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		TableTime  *time = palloc(sizeof(TableTime));
		bool		isnull;

		time->name.scope = DatumGetBool(catalog_datum(i, 1, &isnull)) ? SCOPE_TENANT : SCOPE_PUBLIC;
		time->name.schema = catalog_string(i, 2, context);
		time->name.name = catalog_string(i, 3, context);
		time->schemas = catalog_int64(i, 4);
		time->seconds = DatumGetFloat8(catalog_datum(i, 5, &isnull));
		times = lappend(times, time);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return times;
}

/*
 * The time of a byte.  How large the tables were then nobody has noted; how
 * large they are now is near enough for an estimate.
 */
static double
byte_time(void)
{
	List	   *times = read_table_times();
	List	   *names = NIL;
	double		seconds = 0;
	double		bytes = 0;
	Extents		extents;

	foreach_ptr(TableTime, time, times)
		names = lappend(names, &time->name);
	if (names == NIL)
		return -1;
	extents = extent_read(names);
	foreach_ptr(const TableTime, time, times)
	{
		Extent		extent = extent_of(&extents, &time->name);

		if (extent.tables == 0)
			continue;
		bytes += (double) extent.bytes / extent.tables * time->schemas;
		seconds += time->seconds;
	}
	return bytes < ENOUGH_BYTES ? -1 : seconds / bytes;
}

Pace
pace_read(void)
{
	Pace		pace;

	pace.statement = statement_time();
	pace.byte = byte_time();
	return pace;
}

double
pace_estimate(const Pace *pace, int64 schemas, bool heavy, int64 bytes)
{
	double		result = Max(pace->statement, 0) * schemas;

	if (heavy && bytes > 0)
		return pace->byte < 0 ? -1 : result + pace->byte * bytes;
	return pace->statement < 0 ? -1 : result;
}
