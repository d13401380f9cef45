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
int			ashmig_worker_memory = 16 * 1024;
int			ashmig_run_retention = 90;
bool		ashmig_strict_version_order = false;
bool		ashmig_log_sql = false;
bool		ashmig_quiet = false;
bool		ashmig_prove = true;

/*
 * The default schema is pasted, quoted, into statements in which users may
 * have written placeholders and string literals of their own; a name with a
 * character that means something there is refused.
 */
static bool
check_default_schema(char **newval, void **extra, GucSource source)
{
	if (**newval == '\0' || strlen(*newval) >= NAMEDATALEN ||
		strpbrk(*newval, "\"'\\@#") != NULL)
	{
		GUC_check_errdetail("The default schema is a name of 1 to %d bytes without quotes, \"\\\", \"@\" and \"#\".",
							NAMEDATALEN - 1);
		return false;
	}
	return true;
}

/* Settings of the locks and workers of runs */
static void
define_run_settings(void)
{
	DefineCustomIntVariable("ashmig.workers",
							"Background workers that a run uses.",
							"0 asks for a run inside the calling transaction.",
							&ashmig_workers, 2, 0, 64,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.lock_timeout",
							"How long a statement of a migration waits for a lock.",
							"Then the schema's transaction is rolled back and tried again. 0 waits without bound.",
							&ashmig_lock_timeout, 2000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.lock_retries",
							"How often a schema is tried again after a lock was not to be had.",
							"The pauses between the tries grow.",
							&ashmig_lock_retries, 10, 0, 1000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.worker_memory",
							"Memory at which a worker is replaced by a new one.",
							"Caches of the tables that a backend has seen grow with every tenant.",
							&ashmig_worker_memory, 16 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("ashmig.run_retention",
							"Days that runs stay in ashmig.runs.",
							"Each run forgets older ones. 0 keeps all.",
							&ashmig_run_retention, 90, 0, 36500,
							PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Settings that are options of the mix tasks as well */
static void
define_option_settings(void)
{
	DefineCustomStringVariable("ashmig.default_schema",
							   "Schema that public migrations run in.",
							   NULL, &ashmig_default_schema, "public",
							   PGC_USERSET, 0, check_default_schema, NULL, NULL);
	DefineCustomBoolVariable("ashmig.strict_version_order",
							 "Refuse a migration older than one that is applied.",
							 NULL, &ashmig_strict_version_order, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ashmig.log_sql",
							 "Show each statement of a migration to the client.",
							 NULL, &ashmig_log_sql, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ashmig.quiet",
							 "Leave out notices about the progress of a run.",
							 NULL, &ashmig_quiet, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ashmig.prove",
							 "Try each generation in scratch schemas before it is recorded.",
							 NULL, &ashmig_prove, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

void
settings_define(void)
{
	define_run_settings();
	define_option_settings();
	MarkGUCPrefixReserved("ashmig");
}
