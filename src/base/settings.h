/*
 * settings.h
 *		The settings ashmig.* as C variables.
 */
#ifndef ASHMIG_SETTINGS_H
#define ASHMIG_SETTINGS_H

#include "postgres.h"

#define ASHMIG_CATALOG_SCHEMA "ashmig"
#define ASHMIG_LIBRARY "ashmig"

extern char *ashmig_default_schema;
extern int	ashmig_workers;
extern int	ashmig_lock_timeout;	/* ms */
extern int	ashmig_lock_retries;
extern int	ashmig_max_replica_lag; /* ms; 0: no limit */
extern int	ashmig_max_load;	/* sessions; 0: no limit */
extern int	ashmig_precheck_timeout;	/* ms; 0: no limit */
extern int	ashmig_worker_memory;	/* kB */
extern int	ashmig_run_retention;	/* days */
extern bool ashmig_strict_version_order;
extern bool ashmig_log_sql;
extern bool ashmig_quiet;
extern bool ashmig_prove;
extern char *ashmig_allow;
extern bool ashmig_online;
extern int	ashmig_online_threshold;	/* kB */
extern int	ashmig_batch_time;	/* ms */
extern double ashmig_batch_pause;
extern bool ashmig_allow_foreign_owner;
extern bool ashmig_ecto_schema_migrations;
extern char *ashmig_ecto_migration_source;

/*
 * Why public migrations cannot run in a schema of that name, or NULL.  The
 * name is pasted, quoted, into statements in which users may have written
 * placeholders and string literals of their own, so one with a character that
 * is special there is rejected.
 */
extern const char *settings_schema_fault(const char *schema);

/* Make them known to the server, once, when the library is loaded. */
extern void settings_define(void);

#endif							/* ASHMIG_SETTINGS_H */
