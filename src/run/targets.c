/*
 * targets.c
 *		Which schemas a run has something to do in: see targets.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/name_table.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_tenants.h"
#include "migrate/migrate.h"
#include "run/targets.h"

/* Raise for the first of these names that is no tenant. */
static void
check_names(List *names, List *tenants)
{
	HTAB	   *known = name_set_create("ashmig tenants", NIL);
	ListCell   *lc;

	foreach_ptr(Tenant, tenant, tenants)
		(void) name_set_add(known, tenant->schema);
	foreach(lc, names)
	{
		if (!name_set_has(known, lfirst(lc)))
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_NO_TENANT),
					 errmsg("tenant \"%s\" does not exist", (char *) lfirst(lc)),
					 errhint("SELECT * FROM ashmig_all_tenants() lists all tenants.")));
	}
	hash_destroy(known);
}

/*
 * The tenants that the options name.
 */
static List *
selected_tenants(const RunOptions *options)
{
	List	   *tenants = catalog_tenants();
	List	   *names = options->has_only ? options->only : options->except;
	HTAB	   *named = name_set_create("ashmig names", names);
	List	   *result = NIL;

	check_names(names, tenants);
	foreach_ptr(Tenant, tenant, tenants)
	{
		bool		found = name_set_has(named, tenant->schema);
		Target	   *target;

		if (found != options->has_only)
			continue;
		target = palloc0(sizeof(Target));
		target->scope = SCOPE_TENANT;
		target->exists = tenant->exists;
		target->fault = catalog_tenants_describe_fault(tenant);
		target->schema = tenant->schema;
		result = lappend(result, target);
	}
	return result;
}

/* text[] of the targets' schemas */
static Datum
schema_array(List *targets)
{
	List	   *names = NIL;

	foreach_ptr(Target, target, targets)
		names = lappend(names, target->schema);
	return catalog_text_array(names);
}

/* Positions (from 1) of the targets that may lack a migration */
static CatalogStatement unfinished_up = {
	.sql = "SELECT u.position::pg_catalog.int4"
	" FROM pg_catalog.unnest($1) WITH ORDINALITY AS u (name, position)"
	" CROSS JOIN (SELECT repo, pg_catalog.count(*) AS recorded FROM ashmig.migrations"
	"  WHERE scope = $2 AND ($3 IS NULL OR repo = $3) AND ($4 IS NULL OR version <= $4)"
	"  GROUP BY repo) AS m"
	" LEFT JOIN ashmig.schema_versions AS s"
	"  ON s.schema_name = u.name AND s.repo = m.repo AND s.scope = $2"
	" WHERE CASE WHEN s.applied IS NULL THEN true"
	"  WHEN s.version > $4 THEN m.recorded <> (SELECT pg_catalog.count(*) FROM ashmig.versions AS v"
	"   WHERE v.schema_name = u.name AND v.repo = m.repo AND v.scope = $2 AND v.version <= $4)"
	"  ELSE s.applied <> m.recorded END"
	" GROUP BY u.position ORDER BY u.position",
	.nargs = 4, .types = {TEXTARRAYOID, TEXTOID, TEXTOID, INT8OID}
};

/* Positions of those that have one to roll back, if only in part */
static CatalogStatement unfinished_down = {
	.sql = "SELECT u.position::pg_catalog.int4"
	" FROM pg_catalog.unnest($1) WITH ORDINALITY AS u (name, position)"
	" JOIN ashmig.schema_versions AS s ON s.schema_name = u.name AND s.scope = $2"
	" WHERE ($3 IS NULL OR s.repo = $3) AND ($4 IS NULL OR s.version >= $4)"
	"  AND ($5 IS NULL OR EXISTS (SELECT FROM ashmig.versions AS v WHERE v.schema_name = u.name"
	"   AND v.repo = s.repo AND v.scope = $2 AND v.version = ANY ($5)))"
	" UNION SELECT u.position::pg_catalog.int4"
	" FROM pg_catalog.unnest($1) WITH ORDINALITY AS u (name, position)"
	" JOIN ashmig.partial_migrations AS p ON p.schema_name = u.name AND p.scope = $2"
	" WHERE ($3 IS NULL OR p.repo = $3) AND ($4 IS NULL OR p.version >= $4)"
	"  AND ($5 IS NULL OR p.version = ANY ($5))"
	" ORDER BY 1",
	.nargs = 5, .types = {TEXTARRAYOID, TEXTOID, TEXTOID, INT8OID, INT8ARRAYOID}
};

/*
 * Those of the targets, all of one scope, that may have something to do.
 */
static List *
unfinished(const RunOptions *options, Scope scope, List *targets)
{
	Datum		values[5] = {0};
	char		nulls[] = "  nnn";
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	uint64		rows;
	int			level;

	if (targets == NIL)
		return NIL;
	level = catalog_connect();
	values[0] = schema_array(targets);
	values[1] = CStringGetTextDatum(scope_name(scope));
	if (options->repo)
	{
		values[2] = CStringGetTextDatum(options->repo);
		nulls[2] = ' ';
	}
	if (options->to != 0)
	{
		values[3] = Int64GetDatum(options->to);
		nulls[3] = ' ';
	}
	if (options->versions != NIL)
	{
		values[4] = catalog_version_array(options->versions);
		nulls[4] = ' ';
	}
	rows = catalog_query(options->down ? &unfinished_down : &unfinished_up, values, nulls);
	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		int			position = DatumGetInt32(catalog_datum(i, 1, &isnull));
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, list_nth(targets, position - 1));
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/* Is there a registered tenant that lacks a migration? */
static CatalogStatement any_unfinished = {
	.sql = "SELECT 1 FROM ashmig.tenants AS t"
	" CROSS JOIN (SELECT repo, pg_catalog.count(*) AS recorded FROM ashmig.migrations"
	"  WHERE scope = 'tenant' GROUP BY repo) AS m"
	" LEFT JOIN ashmig.schema_versions AS s"
	"  ON s.schema_name = t.schema_name AND s.repo = m.repo AND s.scope = 'tenant'"
	" WHERE s.applied IS DISTINCT FROM m.recorded LIMIT 1"
};

/*
 * The usual case, looked at first: everything is applied everywhere, and the
 * tenants need not even be listed.
 */
static bool
all_tenants_are_finished(const RunOptions *options)
{
	int			level;
	bool		finished;

	if (options->down || options->has_only || options->except != NIL || catalog_tenants_have_query())
		return false;
	level = catalog_connect();
	finished = catalog_query(&any_unfinished, NULL, NULL) == 0;
	catalog_disconnect(level);
	return finished;
}

/*
 * Raise for a repo that no migration is of, where there are others: what it
 * names was meant to be done.
 */
static void
check_repo(const char *repo)
{
	static CatalogStatement others = {
		.sql = "SELECT pg_catalog.string_agg(pg_catalog.format('\"%s\"', repo), ', ' ORDER BY repo COLLATE pg_catalog.\"C\")"
		" FROM (SELECT DISTINCT repo FROM ashmig.migrations) AS r HAVING pg_catalog.bool_and(repo <> $1)",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1];
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(repo);
	if (catalog_query(&others, values, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_MIGRATION),
				 errmsg("repo \"%s\" has no migrations", repo),
				 errdetail("Repos with migrations: %s.", catalog_string(0, 1, CurrentMemoryContext))));
	catalog_disconnect(level);
}

/*
 * Raise for a version to roll back to that is not recorded: a date of eight
 * digits, say, comes before all versions, and would roll back everything.
 */
static void
check_rollback_version(int64 version)
{
	static CatalogStatement find = {
		.sql = "SELECT 1 FROM ashmig.migrations WHERE version = $1 LIMIT 1",
		.nargs = 1, .types = {INT8OID}
	};
	Datum		values[1];
	int			level = catalog_connect();

	values[0] = Int64GetDatum(version);
	if (catalog_query(&find, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("cannot roll back to migration " INT64_FORMAT " because it does not exist",
						version),
				 errdetail("\"to_version\" must be a recorded version of 14 digits (YYYYMMDDHHMMSS), which is rolled back as well."),
				 errhint("SELECT * FROM ashmig_migrations() lists all versions; all_versions => true rolls back everything.")));
	catalog_disconnect(level);
}

/*
 * The schemas that may have something to do.
 */
List *
targets_find(const RunOptions *options)
{
	List	   *result = NIL;

	if (options->repo)
		check_repo(options->repo);
	if (options->down && options->to != 0)
		check_rollback_version(options->to);
	if (options->run_public)
	{
		Target	   *target = palloc0(sizeof(Target));

		target->scope = SCOPE_PUBLIC;
		target->exists = true;	/* else the error of the first migration says
								 * so */
		target->schema = pstrdup(run_options_public_schema(options));
		result = unfinished(options, SCOPE_PUBLIC, list_make1(target));
	}
	if (options->run_tenants && !all_tenants_are_finished(options))
		result = list_concat(result, unfinished(options, SCOPE_TENANT, selected_tenants(options)));
	return result;
}

RunResult *
target_unusable(const Target *target)
{
	RunResult  *result = results_without_run(target->scope, target->schema,
											 target->fault ? RUN_SKIPPED : RUN_MISSING);

	result->reason = target->fault ? pstrdup(target->fault) : NULL;
	return result;
}

/* What schemas have, if only in part: (schema_name, scope, repo, version) */
#define APPLIED_OR_PARTIAL \
	"(SELECT schema_name, scope, repo, version FROM ashmig.versions" \
	" UNION ALL SELECT schema_name, scope, repo, version FROM ashmig.partial_migrations)"

/* The first migration, of those that would be rolled back, that is irreversible */
static CatalogStatement irreversible = {
	.sql = "SELECT m.version, m.name, d.name"
	" FROM pg_catalog.unnest($1) AS d (name)"
	" CROSS JOIN LATERAL (SELECT v.repo, v.version FROM " APPLIED_OR_PARTIAL " AS v"
	"  WHERE v.schema_name = d.name AND v.scope = $2 AND ($3 IS NULL OR v.repo = $3)"
	"  AND ($4 IS NULL OR v.version >= $4) AND ($5 IS NULL OR v.version = ANY ($5))"
	"  ORDER BY v.version DESC, v.repo DESC LIMIT $6) AS v"
	" JOIN ashmig.migrations AS m ON m.repo = v.repo AND m.scope = $2 AND m.version = v.version"
	" WHERE m.down IS NULL ORDER BY m.version DESC LIMIT 1",
	.nargs = 6, .types = {TEXTARRAYOID, TEXTOID, TEXTOID, INT8OID, INT8ARRAYOID, INT8OID}
};

/* The targets of one scope */
static List *
targets_of_scope(List *targets, Scope scope)
{
	List	   *result = NIL;

	foreach_ptr(Target, target, targets)
	{
		if (target->scope == scope)
			result = lappend(result, target);
	}
	return result;
}

/* The same for one scope */
static void
check_reversible_of(const RunOptions *options, Scope scope, List *targets)
{
	Datum		values[6] = {0};
	char		nulls[] = "  nnnn";
	int			step = options->step;
	int			level;

	if (targets == NIL)
		return;
	if (step == 0 && options->to == 0 && !options->all && options->versions == NIL)
		step = 1;
	level = catalog_connect();
	values[0] = schema_array(targets);
	values[1] = CStringGetTextDatum(scope_name(scope));
	if (options->repo)
	{
		values[2] = CStringGetTextDatum(options->repo);
		nulls[2] = ' ';
	}
	if (options->to != 0)
	{
		values[3] = Int64GetDatum(options->to);
		nulls[3] = ' ';
	}
	if (options->versions != NIL)
	{
		values[4] = catalog_version_array(options->versions);
		nulls[4] = ' ';
	}
	if (step > 0)
	{
		values[5] = Int64GetDatum(step);
		nulls[5] = ' ';
	}
	if (catalog_query(&irreversible, values, nulls) > 0)
	{
		bool		isnull;

		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_IRREVERSIBLE),
				 errmsg("cannot roll back %s migration " INT64_FORMAT " (%s)",
						scope_name(scope), DatumGetInt64(catalog_datum(0, 1, &isnull)),
						catalog_string(0, 2, CurrentMemoryContext)),
				 errdetail("It has no down statements, but is applied in schema \"%s\". Nothing was changed.",
						   catalog_string(0, 3, CurrentMemoryContext)),
				 errhint("Roll back to a later version, or write a migration that undoes it.")));
	}
	catalog_disconnect(level);
}

/*
 * Raise where a migration that these would roll back is irreversible.
 */
void
targets_check_reversible(const RunOptions *options, List *targets)
{
	for (Scope scope = SCOPE_PUBLIC; scope <= SCOPE_TENANT; scope++)
		check_reversible_of(options, scope, targets_of_scope(targets, scope));
}

/*
 * The newest versions that any of the targets has, if only in part.
 */
List *
targets_newest_versions(const RunOptions *options, Scope scope, List *targets, int count)
{
	static CatalogStatement find = {
		.sql = "SELECT DISTINCT v.version FROM pg_catalog.unnest($1) AS u (name)"
		" JOIN " APPLIED_OR_PARTIAL " AS v ON v.schema_name = u.name AND v.scope = $2"
		" WHERE $3 IS NULL OR v.repo = $3 ORDER BY v.version DESC LIMIT $4",
		.nargs = 4, .types = {TEXTARRAYOID, TEXTOID, TEXTOID, INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	Datum		values[4];
	List	   *result;

	values[0] = schema_array(targets);
	values[1] = CStringGetTextDatum(scope_name(scope));
	values[2] = options->repo ? CStringGetTextDatum(options->repo) : (Datum) 0;
	values[3] = Int64GetDatum(count);
	result = catalog_int64s(catalog_query(&find, values, options->repo ? NULL : "  n "), 1, context);
	catalog_disconnect(level);
	return result;
}
