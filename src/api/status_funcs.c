/*
 * status_funcs.c
 *		The SQL-callable functions that report the status of schemas,
 *		migrations and references.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_tenants.h"
#include "run/lock_budget.h"
#include "run/public_references.h"

PG_FUNCTION_INFO_V1(ashmig_status);
PG_FUNCTION_INFO_V1(ashmig_migrations);
PG_FUNCTION_INFO_V1(ashmig_public_references);

/*
 * Names of all tenants, as text[].  Those that cannot be a tenant's are left
 * out, or their faults are put in *faults, "" for the others.
 */
static Datum
tenant_names(Datum *faults)
{
	List	   *names = NIL;
	List	   *texts = NIL;

	foreach_ptr(Tenant, tenant, catalog_tenants())
	{
		if (tenant->fault && faults == NULL)
			continue;
		names = lappend(names, tenant->schema);
		texts = lappend(texts, tenant->fault ? catalog_tenants_describe_fault(tenant) : "");
	}
	if (faults)
		*faults = catalog_text_array(texts);
	return catalog_text_array(names);
}

/*
 * Return the rows of a query, whose columns are those of the function.
 */
static Datum
return_query(FunctionCallInfo fcinfo, CatalogStatement *query, Datum *values)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			level;
	uint64		rows;

	InitMaterializedSRF(fcinfo, 0);
	level = catalog_connect();
	rows = catalog_query(query, values, NULL);
	for (uint64 i = 0; i < rows; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	catalog_disconnect(level);
	return (Datum) 0;
}

/*
 * One row per schema and repo.  What has to be looked up for each schema alone
 * is only looked up where it is missing, or something is pending in it.
 */
Datum
ashmig_status(PG_FUNCTION_ARGS)
{
	static CatalogStatement status = {
		.sql = "WITH recorded AS (SELECT scope, repo, pg_catalog.count(*)::pg_catalog.int4 AS n"
		"  FROM ashmig.migrations GROUP BY scope, repo),"
		" target AS (SELECT scope, schema_name, nullif(pg_catalog.max(fault), '') AS fault FROM"
		"  (SELECT 'public', $1, ''"
		"  UNION ALL SELECT 'tenant', u.name, u.fault"
		"   FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u (name, fault)"
		"  UNION ALL SELECT scope, schema_name, '' FROM ashmig.schema_versions)"
		"  AS s (scope, schema_name, fault) GROUP BY scope, schema_name)"
		" SELECT t.scope, coalesce(m.repo, ''), t.schema_name, s.version, coalesce(s.applied, 0),"
		" coalesce(m.n, 0) - coalesce(s.applied, 0), v.applied_at,"
		" CASE WHEN t.fault IS NOT NULL THEN 'skipped'"
		"  WHEN r.nspname IS NOT NULL THEN 'renamed' WHEN n.oid IS NULL THEN 'missing'"
		"  WHEN r.error IS NOT NULL THEN 'failed'"
		"  WHEN coalesce(m.n, 0) > coalesce(s.applied, 0) THEN 'pending' ELSE 'current' END,"
		" CASE WHEN t.fault IS NOT NULL THEN t.fault WHEN r.nspname IS NULL THEN r.error ELSE"
		"  pg_catalog.format('schema \"%s\" is now called \"%s\"', t.schema_name, r.nspname) END"
		" FROM target AS t"
		" LEFT JOIN recorded AS m ON m.scope = t.scope"
		" LEFT JOIN ashmig.schema_versions AS s"
		"  ON s.schema_name = t.schema_name AND s.scope = t.scope AND s.repo = m.repo"
		" LEFT JOIN ashmig.versions AS v ON v.schema_name = s.schema_name"
		"  AND v.repo = s.repo AND v.scope = s.scope AND v.version = s.version"
		" LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname::pg_catalog.text = t.schema_name"
		" CROSS JOIN LATERAL (SELECT CASE WHEN n.oid IS NULL AND t.scope = 'tenant' THEN"
		"   (SELECT c.nspname FROM ashmig.tenants AS h"
		"    JOIN pg_catalog.pg_namespace AS c ON c.oid = h.schema_oid AND h.noted_in = $4"
		"    WHERE h.schema_name = t.schema_name AND NOT EXISTS (SELECT FROM ashmig.tenants AS e"
		"     WHERE e.schema_name = c.nspname::pg_catalog.text COLLATE pg_catalog.\"default\")) END AS nspname,"
		"  CASE WHEN coalesce(m.n, 0) > coalesce(s.applied, 0) THEN"
		"   (SELECT CASE l.status WHEN 'failed' THEN l.error END FROM ashmig.run_schemas AS l"
		"    WHERE l.schema_name = t.schema_name AND l.scope = t.scope ORDER BY l.run DESC LIMIT 1) END AS error"
		"  OFFSET 0) AS r"
		" ORDER BY t.scope, t.schema_name COLLATE pg_catalog.\"C\", m.repo",
		.nargs = 4, .types = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID}
	};
	Datum		values[4];

	values[0] = CStringGetTextDatum(ashmig_default_schema);
	values[1] = tenant_names(&values[2]);
	values[3] = CStringGetTextDatum(catalog_tenants_place());
	return return_query(fcinfo, &status, values);
}

/*
 * One row per migration.  The versions are counted of those schemas alone that
 * lack one; the others have every migration.
 */
Datum
ashmig_migrations(PG_FUNCTION_ARGS)
{
	static CatalogStatement migrations = {
		.sql = "WITH target (scope, schema_name) AS (SELECT 'public', $1"
		"  UNION ALL SELECT 'tenant', pg_catalog.unnest($2)),"
		" size AS (SELECT scope, pg_catalog.count(*) AS n FROM target GROUP BY scope),"
		" recorded AS (SELECT repo, scope, pg_catalog.count(*) AS n, pg_catalog.max(version) AS version"
		"  FROM ashmig.migrations GROUP BY repo, scope),"
		" schema AS (SELECT s.repo, s.scope, s.schema_name, t.schema_name IS NOT NULL AS is_target,"
		"   (s.applied, s.version) IS NOT DISTINCT FROM (r.n, r.version) AS has_all"
		"  FROM ashmig.schema_versions AS s LEFT JOIN recorded AS r ON r.repo = s.repo AND r.scope = s.scope"
		"  LEFT JOIN target AS t ON t.scope = s.scope AND t.schema_name = s.schema_name),"
		" complete AS (SELECT repo, scope, pg_catalog.count(*) AS n,"
		"  pg_catalog.count(*) FILTER (WHERE is_target) AS of_targets"
		"  FROM schema WHERE has_all GROUP BY repo, scope),"
		" applied AS (SELECT v.repo, v.scope, v.version, pg_catalog.count(*) AS n,"
		"  pg_catalog.count(*) FILTER (WHERE is_target) AS of_targets"
		"  FROM schema AS s JOIN ashmig.versions AS v"
		"  ON v.schema_name = s.schema_name AND v.repo = s.repo AND v.scope = s.scope"
		"  WHERE NOT s.has_all GROUP BY v.repo, v.scope, v.version)"
		" SELECT m.scope, m.repo, m.version, m.name, m.kind, m.dev, m.transactional,"
		" m.down IS NOT NULL, (coalesce(c.n, 0) + coalesce(a.n, 0))::pg_catalog.int4,"
		" (coalesce(s.n, 0) - coalesce(c.of_targets, 0) - coalesce(a.of_targets, 0))::pg_catalog.int4"
		" FROM ashmig.migrations AS m"
		" LEFT JOIN size AS s ON s.scope = m.scope"
		" LEFT JOIN complete AS c ON c.repo = m.repo AND c.scope = m.scope"
		" LEFT JOIN applied AS a ON a.repo = m.repo AND a.scope = m.scope AND a.version = m.version"
		" ORDER BY m.scope, m.version, m.repo",
		.nargs = 2, .types = {TEXTOID, TEXTARRAYOID}
	};
	Datum		values[2];

	values[0] = CStringGetTextDatum(ashmig_default_schema);
	values[1] = tenant_names(NULL);
	return return_query(fcinfo, &migrations, values);
}

/*
 * One row per table that foreign keys of other schemas reference.
 */
Datum
ashmig_public_references(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	foreach_ptr(PublicReferences, references, public_references_list(InvalidOid))
	{
		Datum		values[8];
		bool		nulls[8] = {0};

		values[0] = CStringGetTextDatum(references->schema_name);
		values[1] = CStringGetTextDatum(references->table_name);
		values[2] = Int64GetDatum(references->keys);
		values[3] = Int64GetDatum(references->tenants);
		values[4] = Int64GetDatum(references->triggers);
		values[5] = Int64GetDatum(references->locks);
		values[6] = Int64GetDatum(lock_budget_room());
		values[7] = Int64GetDatum(public_references_setting(references->locks));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
