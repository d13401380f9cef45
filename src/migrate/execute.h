/*
 * execute.h
 *		The one executor of migration statements.
 *
 * Every statement of every migration goes through execute_statement (inside a
 * transaction) or execute_outside (one that must not run in a transaction block),
 * with the environment of execute_enter: search_path and the settings that change
 * what DDL means are the same whichever session runs it, and what runs is run
 * as the owner of the schema (metadata/acting_role.h), while between two
 * statements we are the caller, who can read and write the catalog.
 */
#ifndef ASHMIG_EXECUTE_H
#define ASHMIG_EXECUTE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "metadata/acting_role.h"
#include "syntax/batch_statement.h"

/* Where a statement stands; for errors and for pg_stat_activity */
typedef struct ExecutePlace
{
	const char *schema;
	Scope		scope;
	bool		down;
	int64		version;		/* 0: a repair of the schema */
	int			statement;		/* counted from 1 */
} ExecutePlace;

/* Where statements run, and as whom */
typedef struct ExecuteEnvironment
{
	ActingRole	acting;
	Scope		scope;
	int			guc_level;
} ExecuteEnvironment;

/*
 * Enter the environment, until execute_leave (which an error makes up for: the
 * settings end with the transaction).  "lock_timeout" is in milliseconds.  With
 * "hold_back" messages below a warning are not sent: there would be some for every
 * tenant.
 */
extern ExecuteEnvironment execute_enter(int lock_timeout, bool hold_back);

/*
 * Go into a schema, which exists: names are looked up there, and statements run as
 * the role that is meant for it.  Raises if the caller cannot become that role, or
 * the role may not look into the schemas.  To be called when the schema is locked,
 * as another one of another owner could take its name before.
 */
extern void execute_go_into(ExecuteEnvironment *environment, Scope scope, const char *schema,
							const char *default_schema);
extern void execute_leave(const ExecuteEnvironment *environment);

/*
 * The same for one migration in it: what a SET in its statements has changed
 * (search_path, say, in text that pg_dump wrote) ends with it, so that it makes
 * no difference which migrations run together, or which tenant comes next.
 */
typedef struct ExecuteMigration
{
	int			guc_level;
	Oid			user;
	int			security_context;
} ExecuteMigration;

extern ExecuteMigration execute_enter_migration(void);
extern void execute_leave_migration(const ExecuteMigration *migration);

/* Change lock_timeout, in milliseconds, until then. */
extern void execute_set_lock_timeout(int lock_timeout);

/*
 * Run a statement, or several, in the current transaction, as the role of the
 * environment.
 */
extern void execute_statement(const ExecuteEnvironment *environment, const char *sql,
							  const ExecutePlace *place);

/*
 * Run one UPDATE, DELETE or INSERT likewise, on some blocks of its table, unless
 * that is NULL (syntax/batch_statement.h).  Returns the number of rows changed.
 */
extern uint64 execute_blocks(const ExecuteEnvironment *environment, const char *sql,
							 const ExecutePlace *place, const BlockRange *range);

/*
 * Run one statement that must not run in a transaction block: it commits by
 * itself.  To be called outside a transaction, in a process that runs nothing
 * else: the environment is set for the session (by execute_enter_session, which is
 * called in one).
 */
extern ExecuteEnvironment execute_enter_session(Scope scope, const char *schema,
												const char *default_schema);
extern void execute_outside(const ExecuteEnvironment *environment, const char *sql,
							const ExecutePlace *place);

/*
 * DDL of ashmig itself (CREATE SCHEMA, ...), by the same way, but as the caller:
 * to be used only where nobody's expressions are evaluated.
 */
extern void execute_command(const char *sql);

/*
 * Parse without running: List of RawStmt.  What is wrong is shown in the
 * statement, as when it is run.
 */
extern List *execute_parse(const char *sql);

#endif							/* ASHMIG_EXECUTE_H */
