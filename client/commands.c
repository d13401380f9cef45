/*
 * commands.c
 *		The table of commands: how each is called, what the help says, and what
 *		its options mean to the SQL function behind it.
 */
#include <stddef.h>

#include "commands.h"

/* Several servers at once */
static const Option servers_options[] = {
	{"servers", 0, "FILE", "several servers, one per line: NAME = CONNECTION STRING", NULL, NULL},
	{"jobs", 0, "N", "with several servers: so many at a time; default: 16", NULL, NULL},
	{"stop-on-error", 0, NULL, "with several servers: begin nothing after one has failed", NULL, NULL},
	{0}
};

/* Where the snapshot files are */
static const Option snapshot_options[] = {
	{"snapshots", 0, "FOLDER", "resource snapshots; default: from .ashmig", NULL, NULL},
	{0}
};

/* A generation */
static const Option generate_options[] = {
	{"drop-columns", 0, NULL, "drop the columns of removed attributes", "drop_columns", "bool"},
	{"drop-tables", 0, NULL, "drop recorded tables that have no snapshot", "drop_tables", "bool"},
	{0}
};

/* How it is to run on a busy database */
static const Option busy_options[] = {
	{"concurrent-indexes", 0, NULL, "build indexes of new identities concurrently", "concurrent_indexes", "bool"},
	{"online", 0, NULL, "block nobody for long where tables are large", "online", "bool"},
	{"allow", 0, "A,B", "refuse all hazards but these; '' allows none", "allow", "text[]"},
	{0}
};

static const Option codegen_options[] = {
	{"dev", 0, NULL, "for development: no name, no questions, no file", "dev", "bool"},
	{"dry-run", 0, NULL, "show the steps, and record nothing", NULL, NULL},
	{"check", 0, NULL, "exit with status 3 if something is to be generated", NULL, NULL},
	{0}
};

static const Option regen_options[] = {
	{"migrate", 'm', NULL, "run the new migrations as well", NULL, NULL},
	{"force", 0, NULL, "do not ask before rolling back", NULL, NULL},
	{0}
};

/* Any run */
static const Option run_options[] = {
	{"to", 'v', "VERSION", "up or down to this version, inclusive", "to_version", "int8"},
	{"step", 'n', "N", "this many migrations", "step", "int4"},
	{"repo", 'r', "NAME", "only migrations of this Ecto repo", "repo", "text"},
	{"only-tenants", 0, "A,B", "only these tenants", "only_tenants", "text[]"},
	{"except-tenants", 0, "A,B", "all tenants but these", "except_tenants", "text[]"},
	{"workers", 0, "N", "number of background workers", "workers", "int4"},
	{"atomic", 0, NULL, "all schemas or none", "atomic", "bool"},
	{"prefix", 0, "SCHEMA", "run public migrations in this schema", "prefix", "text"},
	{"lock-timeout", 0, "TIME", "how long a statement waits for a lock", "lock_timeout", "interval"},
	{"canary", 0, "N", "the first N tenants alone; the others only if all of them succeed", "canary", "int4"},
	{"max-failures", 0, "N", "begin no schema after so many have failed", "max_failures", "int4"},
	{"run-until", 0, "TIME", "begin no schema after that; the rest stays pending", "run_until", "timestamptz"},
	{"log-sql", 0, NULL, "show each statement", "log_sql", "bool"},
	{0}
};

static const Option migrate_options[] = {
	{"tenants", 0, NULL, "only tenant migrations", NULL, NULL},
	{"public", 0, NULL, "only public migrations", NULL, NULL},
	{"all", 0, NULL, "public and tenant migrations; the default", NULL, NULL},
	{"strict-version-order", 0, NULL, "refuse a migration older than one that is applied", "strict_version_order", "bool"},
	{0}
};

static const Option rollback_options[] = {
	{"tenants", 0, NULL, "tenant migrations; the default is public ones", NULL, NULL},
	{"all", 0, NULL, "all migrations", "all_versions", "bool"},
	{"force", 0, NULL, "do not ask before data is destroyed", NULL, NULL},
	{0}
};

static const Option tenants_options[] = {
	{"behind", 0, NULL, "only those that are not current", NULL, NULL},
	{0}
};

static const Option init_options[] = {
	{"snapshots", 0, "FOLDER", "resource snapshots; default: priv/resource_snapshots", NULL, NULL},
	{"migrations", 0, "FOLDER", "migration files; default: priv/ashmig", NULL, NULL},
	{"repo", 'r', "NAME", "Ecto repo of migrations written by hand", NULL, NULL},
	{0}
};

static const Option create_options[] = {
	{"owner", 0, "ROLE", "owner of the database", NULL, NULL},
	{"template", 0, "NAME", "database to copy", NULL, NULL},
	{0}
};

static const Option drop_options[] = {
	{"force", 0, NULL, "do not ask", NULL, NULL},
	{"force-drop", 0, NULL, "end the sessions that are connected to it", NULL, NULL},
	{0}
};

static const Option new_options[] = {
	{"tenant", 0, NULL, "for tenants; the default is public", NULL, NULL},
	{"no-transaction", 0, NULL, "its statements run one by one, outside a transaction", NULL, NULL},
	{0}
};

static const Option export_options[] = {
	{"repo", 'r', "NAME", "only migrations of this Ecto repo", "repo", "text"},
	{"force", 0, NULL, "overwrite files that differ", NULL, NULL},
	{0}
};

static const Option squash_options[] = {
	{"into", 0, "WHICH", "name of what remains: last (default), first or zero", NULL, NULL},
	{"dry-run", 0, NULL, "say what would be squashed", NULL, NULL},
	{"check", 0, NULL, "exit with status 3 if something is to be squashed", NULL, NULL},
	{0}
};

static const Option tenant_drop_options[] = {
	{"cascade", 0, NULL, "with everything in its schema; asks first", NULL, NULL},
	{"force", 0, NULL, "do not ask", NULL, NULL},
	{0}
};

static const Option tenant_attach_options[] = {
	{"to", 'v', "VERSION", "the version that it is at; default: the one whose structure it has", "version", "int8"},
	{0}
};

static const Option tenant_move_options[] = {
	{"to", 0, "CONNECTION", "the other server: a connection string", NULL, NULL},
	{"drop", 0, NULL, "drop it here when it has arrived; asks first", NULL, NULL},
	{"force", 0, NULL, "do not ask", NULL, NULL},
	{0}
};

static const Option drift_options[] = {
	{"only-tenants", 0, "A,B", "only these tenants", "only_tenants", "text[]"},
	{"except-tenants", 0, "A,B", "all tenants but these", "except_tenants", "text[]"},
	{"repo", 'r', "NAME", "only tables of this Ecto repo", "repo", "text"},
	{"repair", 0, NULL, "run the statements that remove the differences; asks first", NULL, NULL},
	{"force", 0, NULL, "do not ask", NULL, NULL},
	{0}
};

static const Option precheck_options[] = {
	{"to", 'v', "VERSION", "only migrations up to this version", "to_version", "int8"},
	{"repo", 'r', "NAME", "only migrations of this Ecto repo", "repo", "text"},
	{"only-tenants", 0, "A,B", "only these tenants", "only_tenants", "text[]"},
	{"except-tenants", 0, "A,B", "all tenants but these", "except_tenants", "text[]"},
	{0}
};

static const Option try_options[] = {
	{"with-public", 0, NULL, "run the pending public migrations before those of a tenant", "with_public", "bool"},
	{"to", 'v', "VERSION", "only migrations up to this version", "to_version", "int8"},
	{"repo", 'r', "NAME", "only migrations of this Ecto repo", "repo", "text"},
	{"lock-timeout", 0, "TIME", "how long a statement waits for a lock", "lock_timeout", "interval"},
	{0}
};

static const Option adopt_options[] = {
	{"tenants", 0, "A,B", "the tenants; default: every schema that Ecto has migrated", "tenants", "text[]"},
	{"on-drift", 0, "WHAT", "where a schema differs: error (default), record or repair", "on_drift", "text"},
	{"dry-run", 0, NULL, "show how the schemas differ, and take over nothing", "dry_run", "bool"},
	{"repo", 'r', "NAME", "only snapshots of this Ecto repo", "repo", "text"},
	{0}
};

const Command commands[] = {
	{
		"init", NULL, 0, 0, "Set up an application: write .ashmig, create the extension",
		"Run it in the application's folder. It leaves alone what is there already.",
		{init_options}, command_init, NULL
	},
	{
		"create", NULL, 0, 0, "Create the database, with the extension", NULL,
		{create_options}, command_create, NULL
	},
	{
		"drop", NULL, 0, 0, "Drop the database", NULL,
		{drop_options}, command_drop, NULL
	},
	{
		"codegen", "[NAME]", 0, 1, "Generate migrations from the resource snapshots",
		"Reads the newest snapshot of each table, asks about renames at a terminal, records\n"
		"the migrations and writes each as a file for git. Runs nothing.",
		{codegen_options, generate_options, busy_options, snapshot_options}, command_codegen, NULL
	},
	{
		"diff", NULL, 0, 0, "Show how the snapshots differ from what is recorded",
		"Exits with status 3 if they differ.",
		{generate_options, snapshot_options}, command_diff, NULL
	},
	{
		"regen", "NAME", 1, 1, "Generate again what is not in git yet",
		"Rolls back and forgets the migrations whose files git does not know, removes the\n"
		"files, and generates anew.",
		{regen_options, generate_options, busy_options, snapshot_options}, command_regen, NULL
	},
	{
		"new", "NAME", 1, 1, "Write an empty file for a migration in SQL", NULL,
		{new_options}, command_new, NULL
	},
	{
		"migrate", NULL, 0, 0, "Run the pending migrations, public and tenants",
		"Imports first what the migrations folder has and the database lacks.",
		{migrate_options, run_options, servers_options}, command_migrate, command_servers_migrate
	},
	{
		"rollback", NULL, 0, 0, "Roll back the last migration, or more",
		"Asks before it destroys data.",
		{rollback_options, run_options, servers_options}, command_rollback, command_servers_rollback
	},
	{
		"precheck", NULL, 0, 0, "Find rows that would make the pending migrations fail",
		"Runs nothing, and locks nothing. Exits with status 3 if there are such rows.",
		{precheck_options, servers_options}, command_precheck, command_servers_each
	},
	{
		"try", "SCHEMA", 1, 1, "Run what is pending in one schema, and roll it back",
		"Shows how long each statement took, its locks, and the tables that it rewrote. The\n"
		"locks are real while it runs.",
		{try_options}, command_try, NULL
	},
	{
		"status", NULL, 0, 0, "Show which versions the schemas have, and which failed",
		"Exits with status 3 if something is pending or failed.",
		{servers_options}, command_status, command_servers_each
	},
	{
		"migrations", NULL, 0, 0, "List the migrations, with where they are applied", NULL,
		{servers_options}, command_migrations, command_servers_each
	},
	{
		"tenants", NULL, 0, 0, "List the tenants, with their versions", NULL,
		{tenants_options, servers_options}, command_tenants, command_servers_each
	},
	{
		"tenant create", "NAME ...", 1, 1000000, "Create tenants at the newest version", NULL,
		{NULL}, command_tenant_create, NULL
	},
	{
		"tenant rename", "OLD NEW", 2, 2, "Rename a tenant", NULL,
		{NULL}, command_tenant_rename, NULL
	},
	{
		"tenant drop", "NAME", 1, 1, "Drop a tenant", NULL,
		{tenant_drop_options}, command_tenant_drop, NULL
	},
	{
		"tenant attach", "NAME", 1, 1, "Make a schema that exists a tenant", NULL,
		{tenant_attach_options}, command_tenant_attach, NULL
	},
	{
		"tenant move", "NAME", 1, 1, "Move a tenant to another server, with its rows",
		"Needs pg_dump and psql. Nobody can write to the tenant meanwhile.",
		{tenant_move_options}, command_tenant_move, NULL
	},
	{
		"drift", NULL, 0, 0, "Show where schemas are not what is recorded for them",
		"Exits with status 3 if there are differences.",
		{drift_options, servers_options}, command_drift, command_servers_each
	},
	{
		"adopt", NULL, 0, 0, "Take over a database that Ecto has migrated", NULL,
		{adopt_options, snapshot_options}, command_adopt, NULL
	},
	{
		"release", NULL, 0, 0, "Give a database back to Ecto: write its schema_migrations", NULL,
		{NULL}, command_release, NULL
	},
	{
		"export", NULL, 0, 0, "Write the files of recorded migrations", NULL,
		{export_options}, command_export, NULL
	},
	{
		"import", NULL, 0, 0, "Record the migrations of the files, and run nothing",
		"A file that differs from what is applied is an error.",
		{servers_options}, command_import, command_servers_each
	},
	{
		"squash", NULL, 0, 0, "Leave one snapshot file per table in the repository", NULL,
		{squash_options, snapshot_options}, command_squash, NULL
	},
	{
		"completion", "bash", 1, 1, "Print a script that completes commands and options", NULL,
		{NULL}, command_completion, NULL
	},
	{
		"help", "[COMMAND]", 0, 2, "Show help", NULL,
		{NULL}, command_help, NULL
	},
	{0}
};
