/*
 * candidates.c
 *		Schemas that may become tenants: see candidates.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "drift/candidates.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_tenants.h"
#include "syntax/sql_text.h"

/* Tables that are read by one statement, and locked until it is done */
#define TABLES_PER_QUERY 100

/* ----------
 * Which schemas
 * ----------
 */

/* The name of Ecto's table of versions, as a value of a query */
static Datum
versions_table(void)
{
	return DirectFunctionCall1(namein, CStringGetDatum(ashmig_ecto_migration_source));
}

/* All schemas with a table of versions that a tenant can have the name of */
static List *
schemas_with_versions(void)
{
	static CatalogStatement find = {
		.sql = "SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_class AS c"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE c.relname = $2 AND c.relkind IN ('r', 'p') AND n.nspname::pg_catalog.text <> $1"
		" AND n.nspname <> 'public' AND n.nspname <> '" ASHMIG_CATALOG_SCHEMA "'"
		" AND n.nspname ~ '^[a-zA-Z0-9_-]+$' AND n.nspname !~ '^pg_'"
		" ORDER BY n.nspname COLLATE pg_catalog.\"C\"",
		.nargs = 2, .types = {TEXTOID, NAMEOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	List	   *names;
	int			level;

	values[0] = CStringGetTextDatum(ashmig_default_schema);
	values[1] = versions_table();
	level = catalog_connect();
	names = catalog_strings(catalog_query(&find, values, NULL), 1, context);
	catalog_disconnect(level);
	return names;
}

/* The names that the query lists; those that no tenant can have are told of. */
static List *
listed_schemas(void)
{
	List	   *names = NIL;

	foreach_ptr(const Tenant, tenant, catalog_tenants())
	{
		if (tenant->listed && tenant->fault)
			ereport(WARNING,
					(errcode(ERRCODE_ASHMIG_INVALID_TENANT),
					 errmsg("%s", tenant->fault),
					 errdetail_internal("%s", tenant->fault_detail)));
		else if (tenant->listed)
			names = lappend(names, tenant->schema);
	}
	return names;
}

/* What the catalogs know of schemas */
static List *
describe(List *names)
{
	static CatalogStatement find = {
		.sql = "SELECT s.name, n.oid IS NOT NULL, coalesce(pg_catalog.pg_has_role(n.nspowner, 'USAGE'), false),"
		" EXISTS (SELECT FROM ashmig.tenants AS t WHERE t.schema_name = s.name),"
		" EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid"
		"  WHERE c.relnamespace = n.oid AND c.relname = $2 AND c.relkind IN ('r', 'p')"
		"  AND a.attname = 'version' AND NOT a.attisdropped)"
		" FROM pg_catalog.unnest($1) AS s (name)"
		" LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname::pg_catalog.text = s.name"
		" GROUP BY s.name, n.oid, n.nspowner ORDER BY s.name COLLATE pg_catalog.\"C\"",
		.nargs = 2, .types = {TEXTARRAYOID, NAMEOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	List	   *candidates = NIL;
	uint64		rows;
	int			level;

	values[0] = catalog_text_array(names);
	values[1] = versions_table();
	level = catalog_connect();
	rows = catalog_query(&find, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		Candidate  *candidate = palloc0(sizeof(Candidate));
		bool		isnull;

		candidate->schema = catalog_string(i, 1, context);
		candidate->exists = DatumGetBool(catalog_datum(i, 2, &isnull));
		candidate->owned = DatumGetBool(catalog_datum(i, 3, &isnull));
		candidate->is_tenant = DatumGetBool(catalog_datum(i, 4, &isnull));
		candidate->has_versions = DatumGetBool(catalog_datum(i, 5, &isnull));
		candidates = lappend(candidates, candidate);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return candidates;
}

/* ----------
 * Their versions
 * ----------
 */

/* Some candidates whose tables are read at once */
typedef struct Batch
{
	List	   *candidates;
	MemoryContext context;
} Batch;

/* Read the tables of versions of a batch. */
static void
read_batch(void *arg)
{
	Batch	   *batch = arg;
	StringInfoData sql;
	int			number = 0;
	int			level = catalog_connect();

	initStringInfo(&sql);
	foreach_ptr(const Candidate, candidate, batch->candidates)
		appendStringInfo(&sql, "%sSELECT %d, version::pg_catalog.int8 FROM %s.%s",
						 sql.len > 0 ? " UNION ALL " : "", number++, quote_name(candidate->schema),
						 quote_name(ashmig_ecto_migration_source));
	appendStringInfoString(&sql, " ORDER BY 1, 2");
	if (SPI_execute(sql.data, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the versions of Ecto");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(batch->context);
		bool		isnull;
		Candidate  *candidate = list_nth(batch->candidates, DatumGetInt32(catalog_datum(i, 1, &isnull)));
		int64	   *version = palloc(sizeof(int64));

		*version = catalog_int64(i, 2);
		candidate->versions = lappend(candidate->versions, version);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
}

/* Read all, with few of the tables locked at a time. */
static void
read_versions(List *candidates)
{
	Batch		batch = {NIL, CurrentMemoryContext};
	ErrorData  *error = NULL;
	ListCell   *lc;

	foreach(lc, candidates)
	{
		const Candidate *candidate = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (candidate->has_versions && candidate->owned)
			batch.candidates = lappend(batch.candidates, lfirst(lc));
		if (batch.candidates != NIL &&
			(list_length(batch.candidates) == TABLES_PER_QUERY || lnext(candidates, lc) == NULL))
		{
			error = attempt(read_batch, &batch, false);
			batch.candidates = NIL;
		}
		if (error)
			ReThrowError(error);
	}
}

int64
candidate_version(const Candidate *candidate)
{
	return candidate->versions == NIL ? 0 : *(int64 *) llast(candidate->versions);
}

static bool
has_version(const List *versions, int64 version)
{
	ListCell   *lc;

	foreach(lc, versions)
	{
		if (*(int64 *) lfirst(lc) == version)
			return true;
	}
	return false;
}

/* The versions that all schemas with the newest one have */
static List *
common_versions(List *candidates, int64 newest)
{
	List	   *common = NIL;
	bool		is_first = true;
	ListCell   *lc;

	foreach_ptr(const Candidate, candidate, candidates)
	{
		List	   *kept = NIL;

		if (candidate_version(candidate) != newest)
			continue;
		if (is_first)
			common = candidate->versions;
		else if (list_length(common) != list_length(candidate->versions))
		{
			foreach(lc, common)
			{
				if (has_version(candidate->versions, *(int64 *) lfirst(lc)))
					kept = lappend(kept, lfirst(lc));
			}
			common = kept;
		}
		is_first = false;
	}
	return common;
}

/* Of all the versions; 0: none */
static int64
newest_version(List *candidates)
{
	int64		newest = 0;

	foreach_ptr(const Candidate, candidate, candidates)
		newest = Max(newest, candidate_version(candidate));
	return newest;
}

List *
candidates_common(List *candidates)
{
	int64		newest = newest_version(candidates);

	return newest == 0 ? NIL : common_versions(candidates, newest);
}

/*
 * Who lags behind the others?  Measured by the newest version that one of them
 * has, and by what those with that one have in common.
 */
static void
find_behind(List *candidates)
{
	int64		newest = newest_version(candidates);
	List	   *common = common_versions(candidates, newest);
	ListCell   *lc;

	foreach_ptr(Candidate, candidate, candidates)
	{
		if (!candidate->has_versions || !candidate->owned)
			continue;
		candidate->behind = candidate_version(candidate) < newest ||
			list_length(candidate->versions) < list_length(common);
		foreach(lc, candidate->behind || list_length(candidate->versions) == list_length(common) ? NIL : common)
			candidate->behind |= !has_version(candidate->versions, *(int64 *) lfirst(lc));
	}
}

List *
candidates_find(List *names, bool given)
{
	List	   *candidates;

	if (!given)
		names = catalog_tenants_have_query() ? listed_schemas() : schemas_with_versions();
	candidates = describe(names);
	read_versions(candidates);
	find_behind(candidates);
	return candidates;
}

Candidate *
candidates_find_one(const char *schema)
{
	List	   *candidates = describe(list_make1((char *) schema));

	read_versions(candidates);
	return linitial(candidates);
}
