/*
 * record_funcs.c
 *		SQL functions for single migrations: ashmig_add_migration,
 *		ashmig_remove_migration, ashmig_mark_applied,
 *		ashmig_mark_rolled_back; and the trigger on ashmig.migrations.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/pin.h"
#include "generate/gate.h"
#include "record/mark.h"
#include "record/record.h"
#include "record/record_sql.h"

PG_FUNCTION_INFO_V1(ashmig_add_migration);
PG_FUNCTION_INFO_V1(ashmig_remove_migration);
PG_FUNCTION_INFO_V1(ashmig_mark_applied);
PG_FUNCTION_INFO_V1(ashmig_mark_rolled_back);
PG_FUNCTION_INFO_V1(ashmig_migrations_changed);

/* The repo argument, or NULL */
static const char *
repo_argument(FunctionCallInfo fcinfo)
{
	char	   *repo = call_string(fcinfo, "repo");

	return repo ? catalog_repo_name(repo) : NULL;
}

/*
 * The statements that apply it: those of "up", and then "batch", which cannot
 * run in a transaction.
 */
static void
read_up(FunctionCallInfo fcinfo, Migration *migration)
{
	char	   *up = call_string(fcinfo, "up");
	char	   *batch = call_string(fcinfo, "batch");

	migration->transactional = batch == NULL && call_boolean(fcinfo, "transactional", true);
	if (batch == NULL)
		call_require(fcinfo, 2, "up");
	if (up)
		migration->up = record_sql_split(up, migration->scope, migration->transactional);
	if (batch)
		migration->up = lappend(migration->up, record_sql_batch(batch, migration->scope));
}

/*
 * ashmig_add_migration(version, name, up, down, tenant, transactional,
 * covered, repo, batch): record a migration written by hand; returns its
 * version.
 */
Datum
ashmig_add_migration(PG_FUNCTION_ARGS)
{
	Migration	migration = {0};
	const char *repo = repo_argument(fcinfo);
	int			level = settings_pin_parser();

	call_require(fcinfo, 1, "name");
	migration.version = PG_ARGISNULL(0) ? 0 : catalog_check_version(PG_GETARG_INT64(0));
	migration.repo = pstrdup(repo ? repo : "");
	migration.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	migration.kind = MIGRATION_SQL;
	migration.scope = call_scope(fcinfo);
	migration.covered = call_boolean(fcinfo, "covered", false);
	read_up(fcinfo, &migration);
	migration.reversible = !PG_ARGISNULL(3);
	if (migration.reversible)
		migration.down = record_sql_split(text_to_cstring(PG_GETARG_TEXT_PP(3)),
										  migration.scope, migration.transactional);
	gate_check_statements(migration.up);
	record_add(&migration);
	settings_unpin(level);
	PG_RETURN_INT64(migration.version);
}

/*
 * ashmig_remove_migration(version, tenant, repo): remove one that is not
 * applied anywhere; returns how many migrations of its generation were
 * removed.
 */
Datum
ashmig_remove_migration(PG_FUNCTION_ARGS)
{
	call_require(fcinfo, 0, "version");
	PG_RETURN_INT32(record_forget(PG_GETARG_INT64(0),
								  call_scope(fcinfo),
								  repo_argument(fcinfo)));
}

/*
 * The migration that a call marks
 */
static Migration *
marked_migration(FunctionCallInfo fcinfo)
{
	call_require(fcinfo, 0, "version");
	return record_find(PG_GETARG_INT64(0), call_scope(fcinfo), repo_argument(fcinfo), false);
}

/*
 * ashmig_mark_applied(version, schema, tenant, repo): the migration is there;
 * false if that was known.
 */
Datum
ashmig_mark_applied(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mark_applied(marked_migration(fcinfo), call_string(fcinfo, "schema")));
}

/*
 * ashmig_mark_rolled_back(version, schema, tenant, repo): it is not there.
 */
Datum
ashmig_mark_rolled_back(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mark_rolled_back(marked_migration(fcinfo), call_string(fcinfo, "schema")));
}

/*
 * Trigger on ashmig.migrations: tell every session, this one included, that
 * its cache (catalog_migrations_cached) is stale.  The message goes out when the
 * transaction commits.
 */
Datum
ashmig_migrations_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = call_catalog_trigger(fcinfo, "migrations_changed", "migrations",
											 TRIGGER_EVENT_AFTER);

	CacheInvalidateRelcache(data->tg_relation);
	return PointerGetDatum(NULL);
}
