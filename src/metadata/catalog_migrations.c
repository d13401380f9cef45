/*
 * catalog_migrations.c
 *		The recorded migrations: see catalog_migrations.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_settings.h"
#include "metadata/catalog_spi.h"

/* The cache of catalog_migrations_cached */
static MemoryContext cache_context = NULL;
static List *cached_migrations[NUM_SCOPES];
static bool cache_valid = false;
static Oid	cached_table = InvalidOid;	/* ashmig.migrations, when it was read */
static uint64 cache_changes = 0;	/* grows with every change noticed */

/* ------------------------------------------------------------------------
 * Locks and versions
 * ------------------------------------------------------------------------
 */

/* The greatest number of 14 digits */
#define NEWEST_VERSION INT64CONST(99999999999999)

/*
 * Lock ashmig.tenants until the end of the transaction.
 */
void
catalog_lock_tenants(LOCKMODE mode)
{
	LockRelationOid(catalog_table("tenants"), mode);
}

/*
 * Lock ashmig.versions until the end of the transaction.
 */
void
catalog_lock_versions(LOCKMODE mode)
{
	LockRelationOid(catalog_table("versions"), mode);
}

/*
 * One generation at a time, and no tenant is being created meanwhile, until
 * the end of the transaction.  See catalog_migrations.h.
 */
void
catalog_lock_generation(void)
{
	LockRelationOid(catalog_table("migrations"), ShareRowExclusiveLock);
	catalog_lock_tenants(ShareLock);
}

/*
 * The 14 digits of a time.
 */
static int64
version_of_time(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return ((((tm.tm_year * INT64CONST(100) + tm.tm_mon) * 100 + tm.tm_mday) * 100 +
			 tm.tm_hour) * 100 + tm.tm_min) * 100 + tm.tm_sec;
}

/*
 * The version one second after this one.  A version that is not a time (chosen
 * by hand) is just incremented.
 */
static int64
version_after(int64 version)
{
	struct pg_tm tm = {0};
	Timestamp	at;

	tm.tm_sec = version % 100;
	tm.tm_min = version / 100 % 100;
	tm.tm_hour = version / 10000 % 100;
	tm.tm_mday = version / 1000000 % 100;
	tm.tm_mon = version / 100000000 % 100;
	tm.tm_year = Min(version / INT64CONST(10000000000), PG_INT32_MAX);
	if (tm.tm_sec > 59 || tm.tm_min > 59 || tm.tm_hour > 23 ||
		tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
		tm.tm_year < 1 || tm.tm_year > 9999 ||
		tm.tm_mday > day_tab[isleap(tm.tm_year)][tm.tm_mon - 1] ||
		tm2timestamp(&tm, 0, NULL, &at) != 0)
		return version + 1;
	return version_of_time(at + USECS_PER_SEC);
}

/*
 * Refuse a number that cannot be a version.
 */
int64
catalog_check_version(int64 version)
{
	if (version <= 0 || version > NEWEST_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("invalid version " INT64_FORMAT, version),
				 errhint("A version is a positive number of up to 14 digits (YYYYMMDDHHMMSS).")));
	return version;
}

/*
 * The version of a migration that is recorded now: the time, or the second
 * after the newest version where that is not later.  A version that was
 * assigned is not assigned again, even if its migration has been removed (a
 * development one).  The caller holds the lock of catalog_lock_generation.
 */
int64
catalog_next_version(void)
{
	static CatalogStatement newest = {
		.sql = "SELECT greatest((SELECT pg_catalog.max(version) FROM ashmig.migrations),"
		" (SELECT value::bigint FROM ashmig.settings WHERE name = 'last_version'))"
	};
	int64		version = version_of_time(GetCurrentTimestamp());
	int			level = catalog_connect();
	bool		isnull;
	Datum		taken;

	catalog_query(&newest, NULL, NULL);
	taken = catalog_datum(0, 1, &isnull);
	if (!isnull && DatumGetInt64(taken) >= version)
		version = version_after(DatumGetInt64(taken));
	catalog_disconnect(level);
	catalog_set_setting("last_version", psprintf(INT64_FORMAT, version));
	return version;
}

/* ------------------------------------------------------------------------
 * Migrations
 * ------------------------------------------------------------------------
 */

/*
 * A repo as it is shown: "MyApp.Repo" of "Elixir.MyApp.Repo".
 */
const char *
catalog_repo_name(const char *repo)
{
	const char *prefix = "Elixir.";

	return strncmp(repo, prefix, strlen(prefix)) == 0 ? repo + strlen(prefix) : repo;
}

static const char *const kind_names[] = {
	[MIGRATION_GENERATED] = "generated",
	[MIGRATION_SQL] = "sql",
	[MIGRATION_EXTENSION] = "extension",
	[MIGRATION_ENUM] = "enum",
	[MIGRATION_ADOPTED] = "adopted"
};

const char *
migration_kind_name(MigrationKind kind)
{
	return kind_names[kind];
}

bool
migration_kind_find(const char *name, MigrationKind *kind)
{
	for (int i = 0; i < lengthof(kind_names); i++)
	{
		if (strcmp(name, kind_names[i]) == 0)
		{
			*kind = (MigrationKind) i;
			return true;
		}
	}
	return false;
}

/* Statements as text, different for different lists */
static void
append_statements(StringInfo buf, List *statements)
{
	appendStringInfo(buf, "%d;", list_length(statements));
	foreach_ptr(const char, statement, statements)
		appendStringInfo(buf, "%zu:%s;", strlen(statement), statement);
}

char *
catalog_hash(const char *text)
{
	bytea	   *input = (bytea *) cstring_to_text(text);
	bytea	   *hash = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(input)));
	int			n = VARSIZE_ANY_EXHDR(hash);
	char	   *result = palloc(n * 2 + 1);

	hex_encode(VARDATA_ANY(hash), n, result);
	result[n * 2] = '\0';
	pfree(input);
	return result;
}

/*
 * SHA-256, in hex, over everything that determines what a migration does.
 */
char *
catalog_checksum(const Migration *migration)
{
	StringInfoData buf;
	char	   *result;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s;up:", migration->transactional ? "t" : "n");
	append_statements(&buf, migration->up);
	appendStringInfoString(&buf, migration->reversible ? "down:" : "no down:");
	append_statements(&buf, migration->down);

	result = catalog_hash(buf.data);
	pfree(buf.data);
	return result;
}

/*
 * Record a migration.  Fills in its checksum.
 */
void
catalog_add_migration(Migration *migration)
{
	static CatalogStatement add = {
		.sql = "INSERT INTO ashmig.migrations (repo, scope, version, name, kind, dev, transactional,"
		" up, down, checksum, generation, covered, hazards)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb)",
		.nargs = 13, .types = {TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, BOOLOID, BOOLOID,
		TEXTARRAYOID, TEXTARRAYOID, TEXTOID, INT8OID, BOOLOID, TEXTOID}
	};
	char		nulls[] = "             ";
	Datum		values[13] = {0};
	int			level;

	migration->checksum = catalog_checksum(migration);
	level = catalog_connect();
	values[0] = CStringGetTextDatum(migration->repo);
	values[1] = CStringGetTextDatum(scope_name(migration->scope));
	values[2] = Int64GetDatum(migration->version);
	values[3] = CStringGetTextDatum(migration->name);
	values[4] = CStringGetTextDatum(migration_kind_name(migration->kind));
	values[5] = BoolGetDatum(migration->dev);
	values[6] = BoolGetDatum(migration->transactional);
	values[7] = catalog_text_array(migration->up);
	values[8] = catalog_text_array(migration->down);
	values[9] = CStringGetTextDatum(migration->checksum);
	values[10] = Int64GetDatum(migration->generation);
	values[11] = BoolGetDatum(migration->covered);
	if (migration->hazards)
		values[12] = CStringGetTextDatum(migration->hazards);
	else
		nulls[12] = 'n';
	if (!migration->reversible)
		nulls[8] = 'n';
	if (migration->generation == 0)
		nulls[10] = 'n';
	catalog_execute(&add, values, nulls);
	catalog_disconnect(level);
}

/*
 * Remove a migration.  Raises an error if it is not recorded or is applied in
 * some schema.  Waits for runs that might be applying it; later ones wait for
 * the end of this transaction.
 */
void
catalog_remove_migration(const char *repo, Scope scope, int64 version)
{
	static CatalogStatement applied = {
		.sql = "SELECT schema_name, pg_catalog.count(*) OVER () FROM ashmig.versions"
		" WHERE repo = $1 AND scope = $2 AND version = $3 ORDER BY schema_name LIMIT 1",
		.nargs = 3, .types = {TEXTOID, TEXTOID, INT8OID}
	};
	static CatalogStatement forget = {
		.sql = "DELETE FROM ashmig.migrations WHERE repo = $1 AND scope = $2 AND version = $3",
		.nargs = 3, .types = {TEXTOID, TEXTOID, INT8OID}
	};
	Datum		values[3];
	int			level;

	catalog_lock_versions(ShareLock);
	level = catalog_connect();
	values[0] = CStringGetTextDatum(repo);
	values[1] = CStringGetTextDatum(scope_name(scope));
	values[2] = Int64GetDatum(version);
	if (catalog_query(&applied, values, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_APPLIED),
				 errmsg("cannot remove %s migration " INT64_FORMAT " because it is applied",
						scope_name(scope), version),
				 errdetail_plural("It is applied in " INT64_FORMAT " schema, \"%s\".",
								  "It is applied in " INT64_FORMAT " schemas, among them \"%s\".",
								  (unsigned long) catalog_int64(0, 2), catalog_int64(0, 2),
								  catalog_string(0, 1, CurrentMemoryContext)),
				 errhint("Roll it back first with %s.",
						 scope == SCOPE_TENANT ? "ashmig_rollback_tenants()" : "ashmig_rollback()")));
	if (catalog_execute(&forget, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_MIGRATION),
				 errmsg("%s migration " INT64_FORMAT " does not exist", scope_name(scope), version),
				 errhint("SELECT * FROM ashmig_migrations() lists all migrations.")));
	catalog_disconnect(level);
}

/* A text[] column as a List in the current memory context */
static List *
row_statements(uint64 row, int column)
{
	bool		isnull;
	Datum		array = catalog_datum(row, column, &isnull);

	return isnull ? NIL : catalog_text_list(array);
}

/*
 * One row of "load" below, in "context".
 */
static Migration *
row_migration(uint64 row, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Migration  *migration = palloc0(sizeof(Migration));
	bool		isnull;

	migration->repo = catalog_string(row, 1, context);
	migration->scope = DatumGetBool(catalog_datum(row, 2, &isnull)) ? SCOPE_TENANT : SCOPE_PUBLIC;
	migration->version = catalog_int64(row, 3);
	migration->name = catalog_string(row, 4, context);
	if (!migration_kind_find(catalog_string(row, 5, context), &migration->kind))
		migration->kind = MIGRATION_SQL;	/* not reached: a CHECK */
	migration->dev = DatumGetBool(catalog_datum(row, 6, &isnull));
	migration->transactional = DatumGetBool(catalog_datum(row, 7, &isnull));
	migration->up = row_statements(row, 8);
	migration->down = row_statements(row, 9);
	migration->reversible = DatumGetBool(catalog_datum(row, 10, &isnull));
	migration->checksum = catalog_string(row, 11, context);
	migration->generation = catalog_int64(row, 12);
	migration->covered = DatumGetBool(catalog_datum(row, 13, &isnull));
	migration->hazards = catalog_string(row, 14, context);
	MemoryContextSwitchTo(old);
	return migration;
}

/*
 * Read the recorded migrations, in version order, into "context".
 */
static List *
load_migrations(const char *repo, ScopeFilter filter, MemoryContext context)
{
	static CatalogStatement load = {
		.sql = "SELECT repo, scope = 'tenant', version, name, kind, dev, transactional, up, down,"
		" down IS NOT NULL, checksum, coalesce(generation, 0), covered, hazards::text"
		" FROM ashmig.migrations"
		" WHERE ($1 IS NULL OR repo = $1) AND ($2 IS NULL OR scope = $2)"
		" ORDER BY version, scope, repo",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};
	Datum		values[2] = {0};
	char		nulls[] = "nn";
	int			level = catalog_connect();
	uint64		rows;
	List	   *result = NIL;

	if (repo)
	{
		values[0] = CStringGetTextDatum(repo);
		nulls[0] = ' ';
	}
	if (filter != SCOPES_ALL)
	{
		Scope		scope = filter == SCOPES_TENANT ? SCOPE_TENANT : SCOPE_PUBLIC;

		values[1] = CStringGetTextDatum(scope_name(scope));
		nulls[1] = ' ';
	}
	rows = catalog_query(&load, values, nulls);
	for (uint64 i = 0; i < rows; i++)
	{
		Migration  *migration = row_migration(i, context);
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, migration);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/*
 * The recorded migrations of a repo (NULL: of all), in version order.
 */
List *
catalog_migrations(const char *repo, ScopeFilter filter)
{
	return load_migrations(repo, filter, CurrentMemoryContext);
}

/*
 * Relation cache callback: the migrations have changed, or might have.
 */
static void
cache_invalidate(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == cached_table)
	{
		cache_valid = false;
		cache_changes++;
	}
}

/*
 * Read all migrations into the cache.  It is not valid afterwards if they
 * changed meanwhile; what was read is then still right for the snapshot that
 * it was read with.
 */
static void
cache_load(void)
{
	static bool registered = false;
	uint64		generation;
	List	   *all;
	MemoryContext old;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(cache_invalidate, (Datum) 0);
		registered = true;
	}
	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "ashmig migrations",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(cache_context);
	memset(cached_migrations, 0, sizeof(cached_migrations));
	cached_table = catalog_table("migrations");
	generation = cache_changes;
	all = load_migrations(NULL, SCOPES_ALL, cache_context);

	old = MemoryContextSwitchTo(cache_context);
	foreach_ptr(Migration, migration, all)
	{
		List	  **of_scope = &cached_migrations[migration->scope];

		if (migration->checksum[0] == '\0')
			migration->checksum = catalog_checksum(migration);
		*of_scope = lappend(*of_scope, migration);
	}
	MemoryContextSwitchTo(old);
	cache_valid = (generation == cache_changes);
}

/*
 * All migrations of a scope in version order, from the cache.
 */
List *
catalog_migrations_cached(Scope scope)
{
	if (!cache_valid)
		cache_load();
	return cached_migrations[scope];
}

/*
 * A number that grows whenever the migrations may have changed.
 */
uint64
catalog_migrations_changes(void)
{
	return cache_changes;
}
