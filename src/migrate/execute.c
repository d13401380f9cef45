/*
 * execute.c
 *		The one executor of migration statements: see execute.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/analyze.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "metadata/citus.h"
#include "metadata/foreign_code.h"
#include "metadata/search_path.h"
#include "migrate/citus_form.h"
#include "migrate/execute.h"
#include "migrate/lock_watch.h"
#include "migrate/plain_form.h"
#include "syntax/alter_table.h"
#include "syntax/directive.h"
#include "syntax/statement.h"

/* What the error context callback needs */
typedef struct ContextArg
{
	const ExecuteEnvironment *environment;	/* or NULL */
	const ExecutePlace *place;	/* or NULL */
	const char *sql;
} ContextArg;

/*
 * Is Citus at work here?  Found out by execute_enter.  It distributes only what
 * comes as a top-level statement.
 */
static bool distributed = false;

/* ------------------------------------------------------------------------
 * Environment
 * ------------------------------------------------------------------------
 */

/*
 * Without USAGE a schema is left out of search_path without a word, and what
 * lies there seems not to exist.
 */
static void
check_usage(const ActingRole *acting, const char *name)
{
	Oid			schema = get_namespace_oid(name, true);
	const char *role;

	if (!OidIsValid(schema) || schema_aclcheck(schema, acting->role, ACL_USAGE) == ACLCHECK_OK)
		return;
	role = quote_identifier(GetUserNameFromId(acting->role, false));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for schema %s", name),
			 errdetail("Migrations run here as %s and look names up in that schema.", role),
			 errhint("GRANT USAGE ON SCHEMA %s TO %s;", quote_identifier(name), role)));
}

/* As whom statements run in a schema */
static ActingRole
acting_role_in(Scope scope, const char *schema)
{
	Oid			oid = get_namespace_oid(schema, false);

	return scope == SCOPE_TENANT ? acting_role_in_tenant(oid) : acting_role_in_public(oid);
}

/* On the other nodes as well */
static void
set_lock_timeout(int lock_timeout)
{
	settings_pin("lock_timeout", psprintf("%d", lock_timeout));
	citus_bound_waits(lock_timeout);
}

/*
 * Enter the environment.
 */
ExecuteEnvironment
execute_enter(int lock_timeout, bool hold_back)
{
	ExecuteEnvironment environment = {{GetUserId(), false}, SCOPE_PUBLIC, NewGUCNestLevel()};

	distributed = citus_is_used();

	settings_pin_ddl();
	set_lock_timeout(lock_timeout);
	if (hold_back && client_min_messages < WARNING)
		settings_pin("client_min_messages", "warning");
	lock_watch_begin(lock_timeout);
	return environment;
}

/*
 * Go into a schema.
 */
void
execute_go_into(ExecuteEnvironment *environment, Scope scope, const char *schema,
				const char *default_schema)
{
	environment->acting = acting_role_in(scope, schema);
	environment->scope = scope;
	check_usage(&environment->acting, schema);
	check_usage(&environment->acting, default_schema);
	settings_pin("search_path", search_path_for(schema, default_schema, environment->acting.role));
	citus_pin(scope == SCOPE_TENANT);
}

/*
 * Change lock_timeout until execute_leave.
 */
void
execute_set_lock_timeout(int lock_timeout)
{
	set_lock_timeout(lock_timeout);
}

/* Fire what has been deferred; it is part of the work in the schema. */
static void
finish(const ExecuteEnvironment *environment)
{
	ForeignCodeBefore before;

	if (!environment->acting.is_other)
		return;
	before = foreign_code_refuse(environment->acting.role);
	PG_TRY();
	{
		acting_role_finish(&environment->acting);
	}
	PG_FINALLY();
	{
		foreign_code_restore(&before);
	}
	PG_END_TRY();
}

/*
 * Give the caller's settings back.  "false", as for an error, takes back what a
 * plain SET has changed as well.
 */
void
execute_leave(const ExecuteEnvironment *environment)
{
	finish(environment);
	lock_watch_end();
	AtEOXact_GUC(false, environment->guc_level);
}

/*
 * Enter one migration.
 */
ExecuteMigration
execute_enter_migration(void)
{
	ExecuteMigration migration = {.guc_level = NewGUCNestLevel()};

	GetUserIdAndSecContext(&migration.user, &migration.security_context);
	return migration;
}

/*
 * Take back what it has set.  The setting "role" does not know of the role that
 * a worker has taken over, so that is given back by itself.
 */
void
execute_leave_migration(const ExecuteMigration *migration)
{
	AtEOXact_GUC(false, migration->guc_level);
	SetUserIdAndSecContext(migration->user, migration->security_context);
}

/* ------------------------------------------------------------------------
 * Errors
 * ------------------------------------------------------------------------
 */

/*
 * Say as whom a statement runs, and what helps where that role lacks a right that
 * the caller may well have.
 */
static void
tell_role(const ExecuteEnvironment *environment)
{
	const char *role = GetUserNameFromId(environment->acting.role, true);

	if (role == NULL)
		return;
	if (geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE)
		errhint("Migrations run here as %s, the owner of the schema. GRANT that role what is missing (a foreign key needs GRANT REFERENCES ON TABLE ... TO %s), or make it the owner of what is to be changed.%s",
				quote_identifier(role), quote_identifier(role),
				acting_role_is_restricted() ?
				" In your own session nothing can be deferred or temporary; it can in workers (ashmig_migrate_all() outside a transaction block)." : "");
	errcontext("as role \"%s\"", role);
}

/*
 * Say where we are, and show a position in the statement rather than in the
 * query of the caller, who never saw it.
 */
static void
context_callback(void *arg)
{
	const ContextArg *context = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(context->sql);
	}
	lock_watch_tell();
	if (context->place && !context->place->down && context->place->version != 0 &&
		geterrcode() == ERRCODE_DUPLICATE_TABLE)
		errhint("If Ecto has created it, SELECT * FROM ashmig_adopt(snapshots, dry_run => true) shows how to take this database over.");
	errcontext("SQL statement \"%s\"", context->sql);
	if (context->environment && context->environment->acting.is_other)
		tell_role(context->environment);
	if (context->place && context->place->version == 0)
		errcontext("statement %d of the repair of schema \"%s\"", context->place->statement,
				   context->place->schema);
	else if (context->place)
		errcontext("%s statement %d of %s migration " INT64_FORMAT " in schema \"%s\"",
				   context->place->down ? "down" : "up",
				   context->place->statement,
				   scope_name(context->place->scope),
				   context->place->version,
				   context->place->schema);
}

/* ------------------------------------------------------------------------
 * Statements that are not for a transaction block
 * ------------------------------------------------------------------------
 */

/*
 * Is a table without rows, or was it created in this transaction?  Then nobody
 * waits for a lock on it.
 */
static bool
table_is_new_or_empty(Oid table)
{
	Relation	rel = table_open(table, AccessShareLock);
	bool		result = rel->rd_createSubid != InvalidSubTransactionId;

	if (result || rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		;
	else if (!RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind))
		result = true;			/* the plain statement says what is wrong */
	else
	{
		TupleTableSlot *slot = table_slot_create(rel, NULL);
		TableScanDesc scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);

		result = !table_scan_getnextslot(scan, ForwardScanDirection, slot);
		table_endscan(scan);
		ExecDropSingleTupleTableSlot(slot);
	}
	table_close(rel, AccessShareLock);
	return result;
}

/*
 * Inside a transaction a concurrent build or drop of an index is done plainly
 * where nobody can be in its way, or not for long (an online form); then it is
 * no longer concurrent, and true is returned.
 */
static bool
make_plain(Node *statement, bool online)
{
	Oid			oid = InvalidOid;

	if (IsA(statement, IndexStmt))
		oid = RangeVarGetRelid(((IndexStmt *) statement)->relation, AccessShareLock, true);
	else if (IsA(statement, DropStmt))
	{
		oid = RangeVarGetRelid(makeRangeVarFromNameList(linitial(((DropStmt *) statement)->objects)),
							   AccessShareLock, true);
		if (OidIsValid(oid))
			oid = IndexGetRelation(oid, true);
	}
	else
		return false;

	if (OidIsValid(oid) && !table_is_new_or_empty(oid) && !(online && plain_form_is_small(oid)))
		return false;
	if (IsA(statement, IndexStmt))
		((IndexStmt *) statement)->concurrent = false;
	else
		((DropStmt *) statement)->concurrent = false;
	return true;
}

/*
 * Refuse what a migration cannot do.  "sql" is the text that the statement is
 * of; true where the statement differs from it, as it is no longer concurrent.
 */
static bool
check_utility(Node *statement, const char *sql)
{
	const char *outside = statement_outside_command(statement);
	bool		made_plain = false;

	if (IsA(statement, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("transaction control statements are not allowed in a migration"),
				 errhint("Remove BEGIN and COMMIT; ashmig runs a schema's migrations in one transaction.")));
	if (IsA(statement, CopyStmt) && ((CopyStmt *) statement)->filename == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("COPY from or to the client is not allowed in a migration"),
				 errhint("Use INSERT instead.")));
	if (outside && !IsA(statement, AlterEnumStmt))
		made_plain = make_plain(statement, directive_is_online(sql));
	if (outside && !IsA(statement, AlterEnumStmt) && !made_plain)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_IN_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block", outside),
				 errdetail("Inside a transaction block, only indexes of empty or new tables can be built, without CONCURRENTLY."),
				 errhint("Record it as a non-transactional migration, and run that outside a transaction block, without atomic => true.")));
	return made_plain;
}

/* ------------------------------------------------------------------------
 * Running
 * ------------------------------------------------------------------------
 */

/*
 * As what a utility statement runs.  At top level procedures and DO blocks
 * could commit, which is not for them to do here.
 */
static ProcessUtilityContext
utility_context(Node *statement)
{
	if (distributed && !IsA(statement, CallStmt) && !IsA(statement, DoStmt))
		return PROCESS_UTILITY_TOPLEVEL;
	return PROCESS_UTILITY_QUERY;
}

/*
 * Run one plan of the statement; the number of rows that it returned or changed.
 */
static uint64
execute_planned(PlannedStmt *planned, const char *sql)
{
	uint64		rows = 0;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (planned->utilityStmt == NULL)
	{
		QueryDesc  *query = CreateQueryDesc(planned, sql, GetActiveSnapshot(),
											InvalidSnapshot, None_Receiver,
											NULL, NULL, 0);

		ExecutorStart(query, 0);
		executor_run_all(query);
		rows = query->estate->es_processed;
		ExecutorFinish(query);
		ExecutorEnd(query);
		FreeQueryDesc(query);
	}
	else
	{
		if (check_utility(planned->utilityStmt, sql) && distributed)
			sql = index_without_concurrently(sql);
		ProcessUtility(planned, sql, false, utility_context(planned->utilityStmt),
					   NULL, NULL, None_Receiver, NULL);
	}
	PopActiveSnapshot();
	return rows;
}

/*
 * Analyze and plan one parse tree, and run what comes of it.  Each is done
 * before the next is looked at, as it may depend on this one.
 */
static uint64
execute_raw(RawStmt *raw, const char *sql)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "ashmig statement",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *statements;
	bool		snapshot = false;
	uint64		rows = 0;

	CommandCounterIncrement();
	if (analyze_requires_snapshot(raw))
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		snapshot = true;
	}
	statements = pg_analyze_and_rewrite_fixedparams(raw, sql, NULL, 0, NULL);
	statements = pg_plan_queries(statements, sql, 0, NULL);
	if (snapshot)
		PopActiveSnapshot();

	foreach_node(PlannedStmt, planned, statements)
		rows += execute_planned(planned, sql);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return rows;
}

/*
 * CREATE EXTENSION and its like hold no expressions, and what they run comes
 * from the server's files: in the public schema the caller, who may be a superuser
 * for just that, does it.
 */
static bool
is_for_caller(const ExecuteEnvironment *environment, Node *statement)
{
	if (environment->scope != SCOPE_PUBLIC)
		return false;
	return IsA(statement, CreateExtensionStmt) || IsA(statement, AlterExtensionStmt) ||
		(IsA(statement, DropStmt) && ((DropStmt *) statement)->removeType == OBJECT_EXTENSION);
}

/*
 * Run one parse tree as the role of the environment, or the current one.
 */
static uint64
execute_as(const ExecuteEnvironment *environment, RawStmt *raw, const char *sql)
{
	ActingRole	acting = {GetUserId(), false};
	RoleBeforeActing before;
	uint64		rows;

	if (environment && environment->acting.is_other && !is_for_caller(environment, raw->stmt))
		acting = environment->acting;
	before = acting_role_enter(&acting);
	(void) foreign_code_refuse(acting.role);
	rows = execute_raw(raw, sql);
	acting_role_leave(&acting, &before);
	return rows;
}

/*
 * Run one of the statements of a string in the forms that Citus takes.  It sends the
 * text on as it gets it, so each comes with its own.
 */
static uint64
execute_distributed(const ExecuteEnvironment *environment, const RawStmt *raw, const char *sql)
{
	uint64		rows = 0;
	ListCell   *lc;

	CommandCounterIncrement();
	foreach(lc, citus_form_statements(raw->stmt, citus_form_own_text(raw, sql)))
		rows += execute_as(environment, linitial_node(RawStmt, pg_parse_query(lfirst(lc))), lfirst(lc));
	return rows;
}

/*
 * Run the statements of a string in the current transaction, on some blocks of
 * their tables, unless that is NULL.
 */
static uint64
execute_string(const ExecuteEnvironment *environment, const char *sql, const BlockRange *range)
{
	ForeignCodeBefore before = foreign_code_refuse(GetUserId());
	volatile uint64 rows = 0;

	PG_TRY();
	{
		foreach_node(RawStmt, raw, pg_parse_query(sql))
		{
			if (range)
				batch_statement_restrict(raw->stmt, range);
			if (distributed && !range)
				rows += execute_distributed(environment, raw, sql);
			else
				rows += execute_as(environment, raw, sql);
		}
	}
	PG_FINALLY();
	{
		foreign_code_restore(&before);
	}
	PG_END_TRY();
	return rows;
}

/*
 * The same, for rows whose successor of a column is filled (plan/online_type.h):
 * for the application they do not change, so neither "updated_at" nor an audit
 * trail is to notice, as they would not when the table is rewritten.
 */
static uint64
execute_without_triggers(const ExecuteEnvironment *environment, const char *sql, const BlockRange *range)
{
	int			level = NewGUCNestLevel();
	uint64		rows;

	settings_pin("session_replication_role", "replica");
	rows = execute_string(environment, sql, range);
	AtEOXact_GUC(false, level);
	return rows;
}

void
execute_statement(const ExecuteEnvironment *environment, const char *sql, const ExecutePlace *place)
{
	(void) execute_blocks(environment, sql, place, NULL);
}

uint64
execute_blocks(const ExecuteEnvironment *environment, const char *sql, const ExecutePlace *place,
			   const BlockRange *range)
{
	ContextArg	arg = {environment, place, sql};
	ErrorContextCallback callback;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "ashmig statements",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	uint64		rows;

	callback.callback = context_callback;
	callback.arg = &arg;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	CHECK_FOR_INTERRUPTS();
	rows = directive_is_large(sql) && directive_is_batch(sql)
		? execute_without_triggers(environment, sql, range) : execute_string(environment, sql, range);
	CommandCounterIncrement();

	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return rows;
}

/*
 * The environment of execute_outside.  Concurrent builds block nobody while they
 * wait, so they may wait as long as it takes.
 */
ExecuteEnvironment
execute_enter_session(Scope scope, const char *schema, const char *default_schema)
{
	ExecuteEnvironment environment = {acting_role_in(scope, schema), scope, 0};

	SetConfigOption("search_path",
					search_path_for(schema, default_schema, environment.acting.role),
					PGC_USERSET, PGC_S_SESSION);
	settings_set_ddl();
	SetConfigOption("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	return environment;
}

/*
 * Run a utility statement as a session's top level does, in a portal: what it sets off
 * (an event trigger, say) finds one where it looks for a snapshot.  It may commit and
 * begin transactions.
 */
static void
execute_toplevel(RawStmt *raw, const char *sql)
{
	PlannedStmt *planned = makeNode(PlannedStmt);
	Portal		portal = CreatePortal("", true, true);

	planned->commandType = CMD_UTILITY;
	planned->canSetTag = true;
	planned->utilityStmt = raw->stmt;
	planned->stmt_location = raw->stmt_location;
	planned->stmt_len = raw->stmt_len;
	portal->visible = false;
	PortalDefineQuery(portal, NULL, sql, CreateCommandTag(raw->stmt), list_make1(planned), NULL);
	PortalStart(portal, NULL, 0, InvalidSnapshot);
	portal_run_all(portal);
	PortalDrop(portal, false);
}

/*
 * Run one statement that must not run in a transaction block.
 *
 * The role is switched without SECURITY_LOCAL_USERID_CHANGE, which must not be
 * set where a transaction begins.  With that it would be for SET ROLE to be
 * refused; but of these statements, those that evaluate expressions do so as
 * the owner of the table, in a security-restricted operation of their own.
 */
void
execute_outside(const ExecuteEnvironment *environment, const char *sql, const ExecutePlace *place)
{
	ContextArg	arg = {environment, place, sql};
	const ActingRole *acting = &environment->acting;
	ForeignCodeBefore code_before = foreign_code_refuse(acting->role);
	Oid			user;
	int			security;
	ErrorContextCallback callback;
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "ashmig statement",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	List	   *raw;

	callback.callback = context_callback;
	callback.arg = &arg;
	callback.previous = error_context_stack;
	GetUserIdAndSecContext(&user, &security);

	PG_TRY();
	{
		/* inside, as PG_END_TRY puts back what it found at PG_TRY */
		error_context_stack = &callback;
		if (acting->is_other)
			SetUserIdAndSecContext(acting->role, security);
		StartTransactionCommand();
		MemoryContextSwitchTo(context);
		raw = pg_parse_query(sql);
		if (list_length(raw) != 1)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
					 errmsg("a statement that runs outside a transaction must be recorded separately"),
					 errhint("Record each statement of the migration as a separate array element.")));
		execute_toplevel(linitial_node(RawStmt, raw), sql);
		CommitTransactionCommand();
		if (acting->is_other)
			SetUserIdAndSecContext(user, security);
	}
	PG_FINALLY();
	{
		foreign_code_restore(&code_before);
		MemoryContextSwitchTo(old);
	}
	PG_END_TRY();
	MemoryContextDelete(context);
}

/*
 * Parse without running.
 */
List *
execute_parse(const char *sql)
{
	ContextArg	arg = {NULL, NULL, sql};
	ErrorContextCallback callback;
	List	   *statements;

	callback.callback = context_callback;
	callback.arg = &arg;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	statements = pg_parse_query(sql);
	error_context_stack = callback.previous;
	return statements;
}

/*
 * DDL of ashmig itself, by the same way.
 */
void
execute_command(const char *sql)
{
	distributed = citus_is_used();
	execute_statement(NULL, sql, NULL);
}
