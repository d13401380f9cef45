/*
 * forget.c
 *		Forgetting a generation that failed everywhere: see forget.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "generate/forget.h"
#include "metadata/catalog_migrations.h"
#include "migrate/results.h"
#include "run/leader.h"
#include "syntax/sql_text.h"

/* ----------
 * May it be forgotten?
 * ----------
 */

/*
 * Does the error say that the migration is wrong?  Not where a lock or memory
 * was lacking, somebody canceled, or a rule of ours holds the migration back:
 * then trying it again may help.
 */
static bool
is_lasting(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return category != ERRCODE_TRANSACTION_ROLLBACK &&
		category != ERRCODE_CONNECTION_EXCEPTION &&
		category != ERRCODE_INSUFFICIENT_RESOURCES &&
		category != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE &&
		category != ERRCODE_OPERATOR_INTERVENTION &&
		category != ERRCODE_SYSTEM_ERROR &&
		category != ERRCODE_TO_CATEGORY(ERRCODE_ASHMIG_RUN_FAILED);
}

/* Is it no failure of the migration, since the schema is none that can be migrated? */
static bool
is_no_tenant(const RunResult *result)
{
	return result->error != NULL &&
		(result->error->sqlerrcode == ERRCODE_ASHMIG_INVALID_TENANT ||
		 result->error->sqlerrcode == ERRCODE_ASHMIG_NO_TENANT ||
		 result->error->sqlerrcode == ERRCODE_ASHMIG_NOT_A_TENANT);
}

/* Is there a failure, and did none of them come from the circumstances? */
static bool
failures_last(List *results)
{
	bool		any = false;

	foreach_ptr(const RunResult, result, results)
	{
		if (result->status != RUN_FAILED || is_no_tenant(result))
			continue;
		if (result->error == NULL || !is_lasting(result->error))
			return false;
		any = true;
	}
	return any;
}

/* Did public fail? */
static bool
public_failed(List *results)
{
	foreach_ptr(const RunResult, result, results)
	{
		if (result->scope == SCOPE_PUBLIC && result->status == RUN_FAILED)
			return true;
	}
	return false;
}

/* Did each tenant fail that there is? */
static bool
all_tenants_failed(const RunOptions *run, List *results)
{
	if (run->has_only || run->except != NIL)
		return false;
	foreach_ptr(const RunResult, result, results)
	{
		if (result->scope == SCOPE_TENANT && result->status != RUN_FAILED && result->status != RUN_MISSING)
			return false;
	}
	return true;
}

/* ----------
 * Forgetting
 * ----------
 */

/*
 * All or nothing: ashmig_remove_migration raises where a schema has one of
 * them by now, or a newer generation builds on it.  A run of somebody else is
 * not waited for without end.
 */
#define FORGET \
	"SELECT pg_catalog.sum(%s.ashmig_remove_migration(g.version, g.scope OPERATOR(pg_catalog.=) 'tenant', g.repo))" \
	" FROM (SELECT pg_catalog.set_config('lock_timeout', '5s', true)) AS s CROSS JOIN" \
	" (SELECT repo, scope, pg_catalog.max(version) AS version FROM ashmig.migrations" \
	"  WHERE version OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.int8[])" \
	"  GROUP BY repo, scope, generation ORDER BY 3 DESC) AS g"

typedef struct Forgetting
{
	const char *schema;			/* of our functions */
	const char *versions;
	bool		forgotten;
} Forgetting;

static void
run_forget(void *arg)
{
	Forgetting *forgetting = arg;
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(forgetting->versions);
	bool		isnull = false;

	forgetting->forgotten = leader_execute(psprintf(FORGET, quote_name(forgetting->schema)), 1,
										   &type, &value, &isnull) != NULL;
}

bool
forget_failed(const char *schema, const char *versions, const RunOptions *run, List *results)
{
	Forgetting	forgetting = {.schema = schema, .versions = versions};
	ErrorData  *error;

	if (!failures_last(results) ||
		!(public_failed(results) || all_tenants_failed(run, results)))
		return false;
	error = attempt_any(run_forget, &forgetting, true);
	/* else they stay: the run's own failure is what the caller has to know */
	if (error && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	return error == NULL && forgetting.forgotten;
}

/* ----------
 * The HINT
 * ----------
 */

/* The newest migration of the scope that no schema has, not even in part; 0: none */
static int64
newest_unapplied(Scope scope)
{
	static CatalogStatement query = {
		"SELECT m.version FROM ashmig.migrations AS m WHERE m.scope = $1 AND NOT EXISTS"
		" (SELECT FROM ashmig.versions AS v"
		"  WHERE (v.repo, v.scope, v.version) = (m.repo, m.scope, m.version)) AND NOT EXISTS"
		" (SELECT FROM ashmig.partial_migrations AS p"
		"  WHERE (p.repo, p.scope, p.version) = (m.repo, m.scope, m.version))"
		" ORDER BY m.version DESC LIMIT 1",
		1, {TEXTOID}, NULL
	};
	Datum		value = CStringGetTextDatum(scope_name(scope));
	int64		version = 0;
	int			level = catalog_connect();

	if (catalog_query(&query, &value, NULL) > 0)
		version = catalog_int64(0, 1);
	catalog_disconnect(level);
	return version;
}

char *
forget_hint(List *results, bool forgotten)
{
	Scope		scope = public_failed(results) ? SCOPE_PUBLIC : SCOPE_TENANT;
	int64		version = forgotten || failures_last(results) ? newest_unapplied(scope) : 0;
	char	   *remove = psprintf("SELECT ashmig_remove_migration(" INT64_FORMAT "%s)", version,
								  scope == SCOPE_TENANT ? ", tenant => true" : "");

	if (forgotten && version == 0)
		return "No schema has the migrations that this call recorded, so they were removed again. Correct the snapshots and apply them again.";
	if (forgotten)
		return psprintf("No schema has the migrations that this call recorded, so they were removed again. Older migrations are still pending; to remove the newest of them: %s.",
						remove);
	if (version != 0)
		return psprintf("Running again resumes. If the migration is wrong, remove it, as no schema has it: %s. Then correct the snapshots and apply them again.",
						remove);
	return NULL;
}
