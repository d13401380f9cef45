/*
 * nontransactional.c
 *		Migrations that do not run in a transaction: see nontransactional.h.
 */
#include "postgres.h"

#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/elapsed.h"
#include "base/settings.h"
#include "base/transaction.h"
#include "metadata/catalog_partial.h"
#include "metadata/catalog_versions.h"
#include "migrate/batch.h"
#include "migrate/catch_up.h"
#include "migrate/ecto_versions.h"
#include "migrate/execute.h"
#include "migrate/nontransactional.h"
#include "syntax/directive.h"
#include "syntax/sql_text.h"
#include "syntax/statement.h"

/*
 * The index that a CREATE or DROP INDEX names, if there is one of that name.
 */
static Oid
named_index(Node *statement)
{
	if (IsA(statement, IndexStmt))
	{
		IndexStmt  *create = (IndexStmt *) statement;
		Oid			table = create->idxname == NULL ? InvalidOid :
			RangeVarGetRelid(create->relation, NoLock, true);

		return OidIsValid(table) ?
			get_relname_relid(create->idxname, get_rel_namespace(table)) : InvalidOid;
	}
	return RangeVarGetRelid(makeRangeVarFromNameList(linitial(((DropStmt *) statement)->objects)),
							NoLock, true);
}

static bool
index_is_valid(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		valid = false;

	if (HeapTupleIsValid(tuple))
	{
		valid = ((Form_pg_index) GETSTRUCT(tuple))->indisvalid;
		ReleaseSysCache(tuple);
	}
	return valid;
}

/*
 * The INVALID index that an earlier try at a statement without a name has left,
 * or InvalidOid: the last of the names that PostgreSQL chooses from, in turn,
 * that is taken (ChooseIndexName).
 */
static Oid
unnamed_leftover(IndexStmt *create)
{
	Oid			table = RangeVarGetRelid(create->relation, NoLock, true);
	StringInfoData columns;
	Oid			last = InvalidOid;

	if (!OidIsValid(table))
		return InvalidOid;
	initStringInfo(&columns);
	foreach_node(IndexElem, element, list_concat_copy(create->indexParams, create->indexIncludingParams))
	{
		appendStringInfo(&columns, "%s%s", columns.len > 0 ? "_" : "",
						 element->name ? element->name : "expr");
	}
	for (int n = 0;; n++)
	{
		char	   *name = makeObjectName(get_rel_name(table), columns.data,
										  n == 0 ? "idx" : psprintf("idx%d", n));
		Oid			index = get_relname_relid(name, get_rel_namespace(table));

		if (!OidIsValid(index))
			break;
		last = index;
	}
	if (OidIsValid(last) && get_rel_relkind(last) == RELKIND_INDEX &&
		IndexGetRelation(last, true) == table && !index_is_valid(last))
		return last;
	return InvalidOid;
}

/*
 * What is to be done before a statement, or instead of it, where an earlier
 * try began it: *leftover is the name of an INVALID index to be dropped; true
 * is returned where the statement has done its work already.
 */
static bool
was_done_before(Node *statement, bool started, char **leftover)
{
	Oid			index;

	*leftover = NULL;
	if (IsA(statement, DropStmt))
		return started && !OidIsValid(named_index(statement));
	if (!IsA(statement, IndexStmt))
		return false;
	if (((IndexStmt *) statement)->idxname == NULL && started)
		index = unnamed_leftover((IndexStmt *) statement);
	else
		index = named_index(statement);
	if (!OidIsValid(index) || get_rel_relkind(index) != RELKIND_INDEX)
		return false;
	if (index_is_valid(index))
		return started;
	*leftover = psprintf("%s.%s", quote_name(get_namespace_name(get_rel_namespace(index))),
						 quote_name(get_rel_name(index)));
	return false;
}

/*
 * The one statement of a string that cannot run in a transaction, or NULL.  A
 * new value of an enum can, together with the note that it is done.
 */
static Node *
outside_statement(const char *sql)
{
	foreach_node(RawStmt, raw, pg_parse_query(sql))
	{
		Node	   *statement = raw->stmt;

		if (statement_outside_command(statement) && !IsA(statement, AlterEnumStmt))
			return statement;
	}
	return NULL;
}

/*
 * Has a rollback of it begun, and not come to its end?  *done statements of it
 * are executed.
 */
static bool
is_half_rolled_back(const Migration *migration, const char *schema, int *done)
{
	bool		started;

	*done = catalog_partial_read(migration, schema, true, &started);
	return *done > 0 || started;
}

/*
 * An earlier run went the other way.  What it has begun to roll back, it
 * completes first; what it has begun to apply needs nothing, as the downs undo
 * whatever is there.
 */
static bool
turn_round(Migration *migration, const char *schema, bool down)
{
	int			done;

	if (!down && is_half_rolled_back(migration, schema, &done))
		migration->up = list_concat(list_copy_tail(migration->down, done), migration->up);
	return catalog_partial_exists(migration, schema);
}

/*
 * Leave out what an earlier run has done already, as the rest is to run inside a
 * transaction.
 */
bool
nontransactional_resume(Migration *migration, const ExecuteEnvironment *environment,
						const char *schema, bool down)
{
	const char *default_schema = migration->scope == SCOPE_TENANT ? ashmig_default_schema : schema;
	List	   *statements = down ? migration->down : migration->up;
	bool		started;
	int			done = catalog_partial_read(migration, schema, down, &started);
	RoleBeforeActing before;
	ListCell   *next;
	Node	   *statement;
	char	   *leftover;
	bool		complete;

	if (done == 0 && !started)
		return turn_round(migration, schema, down);
	for (int i = 0; i < done; i++)
		lfirst(list_nth_cell(statements, i)) = pstrdup("");
	if (done == list_length(statements))
		return true;
	next = list_nth_cell(statements, done);
	statement = outside_statement(sql_fill(lfirst(next), schema, default_schema));
	if (statement == NULL)
		return true;
	before = acting_role_enter(&environment->acting);
	complete = was_done_before(statement, started, &leftover);
	acting_role_leave(&environment->acting, &before);
	if (complete)
		lfirst(next) = pstrdup("");
	else if (leftover)
		lfirst(next) = psprintf("%sDROP INDEX %s; %s",
								directive_is_online(lfirst(next)) ? DIRECTIVE_ONLINE : "",
								leftover, (char *) lfirst(next));
	return true;
}

/*
 * Run one statement outside a transaction, and note that.
 */
static void
run_alone(const Migration *migration, const ExecuteEnvironment *environment, const char *sql,
		  Node *statement, const ExecutePlace *place, bool started)
{
	RoleBeforeActing before;
	char	   *leftover;
	bool		done;

	transaction_begin();
	before = acting_role_enter(&environment->acting);
	done = was_done_before(statement, started, &leftover);
	acting_role_leave(&environment->acting, &before);
	if (!done)
		catalog_partial_write(migration, place->schema, place->down, place->statement - 1, true);
	transaction_commit();

	if (leftover)
		execute_outside(environment, psprintf("DROP INDEX CONCURRENTLY %s", leftover), place);
	if (!done)
		execute_outside(environment, sql, place);

	transaction_begin();
	catalog_partial_write(migration, place->schema, place->down, place->statement, false);
	transaction_commit();
}

/*
 * Run one statement in a transaction together with the note that it is done.
 */
static void
run_with_note(const RunOptions *options, const Migration *migration, char *sql,
			  const char *default_schema, const ExecutePlace *place)
{
	ExecuteEnvironment environment;
	ExecuteMigration entered;

	transaction_begin();
	environment = execute_enter(options->lock_timeout, true);
	execute_go_into(&environment, migration->scope, place->schema, default_schema);
	entered = execute_enter_migration();
	if (migration->scope == SCOPE_TENANT && migration->kind == MIGRATION_GENERATED && !place->down)
		sql = catch_up_alone(migration, place->schema, sql);
	if (sql)
		execute_statement(&environment, sql, place);
	execute_leave_migration(&entered);
	execute_leave(&environment);
	catalog_partial_write(migration, place->schema, place->down, place->statement, false);
	transaction_commit();
}

/*
 * It is done: the version's row takes the place of the partial one.
 */
static void
finish_migration(const Migration *migration, const char *schema, bool down, int64 elapsed)
{
	ExecutedMigration executed = {migration, elapsed};

	catalog_lock_versions(RowExclusiveLock);
	if (down)
	{
		catalog_record_rolled_back(schema, migration->scope, list_make1(&executed));
		ecto_versions_rolled_back(schema, list_make1(&executed));
	}
	else
	{
		catalog_record_applied(schema, migration->scope, list_make1(&executed));
		ecto_versions_applied(schema, list_make1(&executed));
	}
	catalog_partial_forget(migration, schema);
}

/*
 * Run its ups, or its downs, from where they stopped.
 */
static void
run_statements(const RunOptions *options, const Migration *migration, const char *schema, bool down)
{
	const char *default_schema = migration->scope == SCOPE_TENANT ? ashmig_default_schema : schema;
	List	   *statements = down ? migration->down : migration->up;
	ExecutePlace place = {schema, migration->scope, down, migration->version, 0};
	ExecuteEnvironment environment;
	bool		started;
	int			done;

	transaction_begin();
	done = catalog_partial_read(migration, schema, down, &started);
	environment = execute_enter_session(migration->scope, schema, default_schema);
	transaction_commit();

	for (int i = done; i < list_length(statements); i++)
	{
		char	   *sql = sql_fill(list_nth(statements, i), schema, default_schema);
		Node	   *statement = outside_statement(sql);

		place.statement = i + 1;
		if (directive_is_batch(sql))
			batch_run(options, migration, sql, default_schema, &place);
		else if (statement)
			run_alone(migration, &environment, sql, statement, &place, started);
		else
			run_with_note(options, migration, sql, default_schema, &place);
		started = false;
	}
}

/*
 * Run a non-transactional migration, from where it stopped.  What was being
 * rolled back before it was applied is rolled back first.
 */
void
nontransactional_run(const RunOptions *options, const Migration *migration, const char *schema)
{
	instr_time	start = elapsed_start();
	int			done;
	bool		half_rolled_back;

	transaction_begin();
	half_rolled_back = is_half_rolled_back(migration, schema, &done);
	transaction_commit();
	if (half_rolled_back && !options->down)
		run_statements(options, migration, schema, true);
	run_statements(options, migration, schema, options->down);
	transaction_begin();
	finish_migration(migration, schema, options->down, elapsed_since(start));
	transaction_commit();
}
