/*
 * settings.c
 *		The settings ashmig.*: see settings.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"

char	   *ashmig_default_schema = NULL;
int			ashmig_workers = 2;
int			ashmig_lock_timeout = 2000;
int			ashmig_lock_retries = 10;
int			ashmig_max_replica_lag = 0;
int			ashmig_max_load = 0;
int			ashmig_precheck_timeout = 10000;
int			ashmig_worker_memory = 16 * 1024;
int			ashmig_run_retention = 90;
bool		ashmig_strict_version_order = false;
bool		ashmig_log_sql = false;
bool		ashmig_quiet = false;
bool		ashmig_prove = true;
char	   *ashmig_allow = NULL;
bool		ashmig_online = false;
int			ashmig_online_threshold = 8 * 1024;
int			ashmig_batch_time = 100;
double		ashmig_batch_pause = 0.5;
bool		ashmig_allow_foreign_owner = false;
bool		ashmig_ecto_schema_migrations = false;
char	   *ashmig_ecto_migration_source = NULL;

/*
 * Why public migrations cannot run in a schema of that name.
 */
const char *
settings_schema_fault(const char *schema)
{
	if (*schema == '\0' || strlen(schema) >= NAMEDATALEN || strpbrk(schema, "\"'\\@#") != NULL)
		return "The name must have 1 to 63 bytes, without quotes, \"\\\", \"@\" or \"#\".";
	if (strncmp(schema, "pg_", 3) == 0 || strcmp(schema, "information_schema") == 0)
		return "The schema belongs to PostgreSQL.";
	if (strcmp(schema, ASHMIG_CATALOG_SCHEMA) == 0)
		return "The schema contains ashmig's catalog.";
	return NULL;
}

static bool
check_default_schema(char **newval, void **extra, GucSource source)
{
	const char *fault = settings_schema_fault(*newval);

	if (fault)
		GUC_check_errdetail("%s", fault);
	return fault == NULL;
}

static bool
check_table_name(char **newval, void **extra, GucSource source)
{
	if (**newval == '\0' || strlen(*newval) >= NAMEDATALEN)
	{
		GUC_check_errdetail("The name of a table has 1 to %d bytes.", NAMEDATALEN - 1);
		return false;
	}
	return true;
}

/* Settings of the locks and workers of runs */
static void
define_run_settings(void)
{
	DefineCustomIntVariable("ashmig.workers",
							"Sets the number of background workers that a run uses.",
							"0 runs migrations in the calling transaction.",
							&ashmig_workers, 2, 0, 64,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.lock_timeout",
							"Sets the maximum time a migration statement waits for a lock.",
							"After that, the schema's transaction is rolled back and retried. 0 disables the timeout.",
							&ashmig_lock_timeout, 2000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.lock_retries",
							"Sets the maximum number of retries of a schema after a lock timeout.",
							"The pauses between retries grow.",
							&ashmig_lock_retries, 10, 0, 1000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.max_replica_lag",
							"Sets the replay lag of a standby at which a run pauses.",
							"No schema is begun while a standby is further behind. 0 disables the pause.",
							&ashmig_max_replica_lag, 0, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.max_load",
							"Sets the number of other active sessions at which a run pauses.",
							"No schema is begun while more sessions execute a statement or wait for a lock. 0 disables the pause.",
							&ashmig_max_load, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.precheck_timeout",
							"Sets the maximum time that ashmig_precheck looks at one table for one reason.",
							"What takes longer is reported as such. 0 disables the timeout.",
							&ashmig_precheck_timeout, 10000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.worker_memory",
							"Sets the memory use at which a worker is replaced by a new one.",
							"A backend's caches grow with every tenant whose tables it has opened.",
							&ashmig_worker_memory, 16 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.run_retention",
							"Sets the number of days that runs are kept in ashmig.runs.",
							"Each run deletes older ones. 0 keeps all.",
							&ashmig_run_retention, 90, 0, 36500,
							PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Settings that are options of the mix tasks as well */
static void
define_option_settings(void)
{
	DefineCustomStringVariable("ashmig.default_schema",
							   "Sets the schema in which public migrations run.",
							   NULL, &ashmig_default_schema, "public",
							   PGC_USERSET, 0, check_default_schema, NULL, NULL);
	DefineCustomBoolVariable("ashmig.strict_version_order",
							 "Rejects a migration that is older than an applied one.",
							 NULL, &ashmig_strict_version_order, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ashmig.log_sql",
							 "Shows each migration statement to the client.",
							 NULL, &ashmig_log_sql, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ashmig.quiet",
							 "Suppresses notices about the progress of a run.",
							 NULL, &ashmig_quiet, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ashmig.prove",
							 "Tries each generation in scratch schemas before recording it.",
							 NULL, &ashmig_prove, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ashmig.allow",
							   "Sets the hazards that a new migration may have.",
							   "Words with commas between them, as ashmig_plan() shows them in hazards; all: no migration is refused; empty: any with a hazard is.",
							   &ashmig_allow, "all",
							   PGC_USERSET, GUC_LIST_INPUT, NULL, NULL, NULL);
	DefineCustomBoolVariable("ashmig.allow_foreign_owner",
							 "Allows schemas of roles that nobody vouches for to be tenants.",
							 "Their migrations run as their owner.",
							 &ashmig_allow_foreign_owner, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Settings of the table in which Ecto keeps versions */
static void
define_ecto_settings(void)
{
	DefineCustomBoolVariable("ashmig.ecto_schema_migrations",
							 "Also keeps versions in Ecto's table schema_migrations.",
							 "Each version is written there, and deleted, in the transaction that applies it or rolls it back.",
							 &ashmig_ecto_schema_migrations, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ashmig.ecto_migration_source",
							   "Sets the name of that table, as migration_source of the Ecto repo.",
							   NULL, &ashmig_ecto_migration_source, "schema_migrations",
							   PGC_USERSET, 0, check_table_name, NULL, NULL);
}

/* Settings of changes of large tables */
static void
define_online_settings(void)
{
	DefineCustomBoolVariable("ashmig.online",
							 "Generates changes of tables in forms that let others read and write meanwhile.",
							 "The default of the argument \"online\".",
							 &ashmig_online, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.online_threshold",
							"Sets the size up to which a table is changed in one transaction nevertheless.",
							"0 does so only for empty tables.",
							&ashmig_online_threshold, 8 * 1024, 0, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.batch_time",
							"Sets the time that one batch of a migration that changes rows is meant to take.",
							NULL, &ashmig_batch_time, 100, 1, 60000,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomRealVariable("ashmig.batch_pause",
							 "Sets the pause after each batch, in parts of the time that it took.",
							 "0 makes no pause.",
							 &ashmig_batch_pause, 0.5, 0, 100,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

void
settings_define(void)
{
	define_run_settings();
	define_option_settings();
	define_online_settings();
	define_ecto_settings();
	MarkGUCPrefixReserved("ashmig");
}
