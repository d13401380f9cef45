/*
 * status_funcs.c
 *		The SQL-callable functions that report the status of schemas and
 *		migrations.
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

PG_FUNCTION_INFO_V1(ashmig_status);
PG_FUNCTION_INFO_V1(ashmig_migrations);

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
		texts = lappend(texts, tenant->fault ?
						catalog_tenants_describe_fault(tenant->schema, tenant->fault) : "");
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
 * One row per schema and repo.
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
		"  WHEN o.nspname IS NOT NULL THEN 'renamed' WHEN n.oid IS NULL THEN 'missing'"
		"  WHEN r.error IS NOT NULL THEN 'failed'"
		"  WHEN coalesce(m.n, 0) > coalesce(s.applied, 0) THEN 'pending' ELSE 'current' END,"
		" CASE WHEN t.fault IS NOT NULL THEN t.fault WHEN o.nspname IS NULL THEN r.error ELSE"
		"  pg_catalog.format('schema \"%s\" is now called \"%s\"', t.schema_name, o.nspname) END"
		" FROM target AS t"
		" LEFT JOIN recorded AS m ON m.scope = t.scope"
		" LEFT JOIN ashmig.schema_versions AS s"
		"  ON s.schema_name = t.schema_name AND s.scope = t.scope AND s.repo = m.repo"
		" LEFT JOIN ashmig.versions AS v ON v.schema_name = s.schema_name"
		"  AND v.repo = s.repo AND v.scope = s.scope AND v.version = s.version"
		" LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname::pg_catalog.text = t.schema_name"
		" LEFT JOIN LATERAL (SELECT o.nspname FROM ashmig.tenants AS h"
		"  JOIN pg_catalog.pg_namespace AS o ON o.oid = h.schema_oid AND h.noted_in = $4"
		"  WHERE n.oid IS NULL AND t.scope = 'tenant' AND h.schema_name = t.schema_name"
		"  AND NOT EXISTS (SELECT FROM ashmig.tenants AS e WHERE e.schema_name = o.nspname::pg_catalog.text)"
		" ) AS o ON true"
		" LEFT JOIN LATERAL (SELECT l.error FROM"
		"  (SELECT error, status FROM ashmig.run_schemas AS r"
		"   WHERE r.schema_name = t.schema_name AND r.scope = t.scope"
		"   ORDER BY r.run DESC LIMIT 1) AS l WHERE l.status = 'failed'"
		"  AND coalesce(m.n, 0) > coalesce(s.applied, 0)) AS r ON true"
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
 * One row per migration.
 */
Datum
ashmig_migrations(PG_FUNCTION_ARGS)
{
	static CatalogStatement migrations = {
		.sql = "WITH target (scope, schema_name) AS (SELECT 'public', $1"
		"  UNION ALL SELECT 'tenant', pg_catalog.unnest($2)),"
		" size AS (SELECT scope, pg_catalog.count(*) AS n FROM target GROUP BY scope),"
		" applied AS (SELECT v.repo, v.scope, v.version, pg_catalog.count(*) AS n,"
		"  pg_catalog.count(t.schema_name) AS of_targets"
		"  FROM ashmig.versions AS v LEFT JOIN target AS t"
		"  ON t.scope = v.scope AND t.schema_name = v.schema_name"
		"  GROUP BY v.repo, v.scope, v.version)"
		" SELECT m.scope, m.repo, m.version, m.name, m.kind, m.dev, m.transactional,"
		" m.down IS NOT NULL, coalesce(a.n, 0)::pg_catalog.int4,"
		" (coalesce(s.n, 0) - coalesce(a.of_targets, 0))::pg_catalog.int4"
		" FROM ashmig.migrations AS m"
		" LEFT JOIN size AS s ON s.scope = m.scope"
		" LEFT JOIN applied AS a ON a.repo = m.repo AND a.scope = m.scope AND a.version = m.version"
		" ORDER BY m.scope, m.version, m.repo",
		.nargs = 2, .types = {TEXTOID, TEXTARRAYOID}
	};
	Datum		values[2];

	values[0] = CStringGetTextDatum(ashmig_default_schema);
	values[1] = tenant_names(NULL);
	return return_query(fcinfo, &migrations, values);
}
