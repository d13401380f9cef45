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
#include "migrate/citus_tables.h"
#include "migrate/ecto_versions.h"
#include "migrate/execute.h"
#include "migrate/nontransactional.h"
#include "migrate/two_forms.h"
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
 * May an earlier run have begun a statement (counted from 1) that is not noted
 * as done?  What a rollback finds of a migration that is applied in part,
 * nobody knows: each of its statements counts as begun.
 */
static bool
was_begun(const PartialMigration *partial, bool down, int statement)
{
	if (!partial->found)
		return false;
	return down || (!partial->down && partial->started && statement == partial->done + 1);
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
 * What is left of the statements of a direction, after what an earlier run has
 * done; the rest is to run inside a transaction.
 */
static List *
remaining_statements(const Migration *migration, const ExecuteEnvironment *environment,
					 const char *schema, bool down, const PartialMigration *partial)
{
	const char *default_schema = migration->scope == SCOPE_TENANT ? ashmig_default_schema : schema;
	int			done = partial->down == down ? partial->done : 0;
	int			number = 0;
	List	   *statements = two_forms_resume(down ? migration->down : migration->up, done,
											  schema, default_schema);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, statements)
	{
		char	   *sql = lfirst(lc);
		Node	   *statement = NULL;

		number++;
		if (number <= done)
			sql = pstrdup("");
		else if (was_begun(partial, down, number))
			statement = outside_statement(sql_fill(sql, schema, default_schema));
		if (statement)
		{
			RoleBeforeActing before = acting_role_enter(&environment->acting);
			char	   *leftover;

			if (was_done_before(statement, true, &leftover))
				sql = pstrdup("");
			else if (leftover)
				sql = psprintf("%sDROP INDEX %s; %s", directive_is_online(sql) ? DIRECTIVE_ONLINE : "",
							   leftover, sql);
			acting_role_leave(&environment->acting, &before);
		}
		result = lappend(result, sql);
	}
	return result;
}

/*
 * Leave out what an earlier run has done already, as the rest is to run inside a
 * transaction.  A rollback that was interrupted is completed first.
 */
bool
nontransactional_resume(Migration *migration, const ExecuteEnvironment *environment,
						const char *schema, bool down)
{
	PartialMigration partial = catalog_partial_read(migration, schema);

	if (!partial.found)
		return false;
	if (down)
		migration->down = remaining_statements(migration, environment, schema, true, &partial);
	else if (partial.down)
		migration->up = list_concat(remaining_statements(migration, environment, schema, true, &partial),
									migration->up);
	else
		migration->up = remaining_statements(migration, environment, schema, false, &partial);
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
	if (sql && migration->scope == SCOPE_TENANT)
		citus_tables_finish(&environment, place->schema, false);
	execute_leave_migration(&entered);
	execute_leave(&environment);
	catalog_partial_write(migration, place->schema, place->down, place->statement, false);
	transaction_commit();
}

/* Where the change begins that a statement for a large table is of */
static int
change_begin(const List *statements, int at)
{
	while (at > 0 && !directive_is_small(list_nth(statements, at)))
		at--;
	while (at > 0 && directive_is_small(list_nth(statements, at - 1)))
		at--;
	return at;
}

/* Is it the end of such a change, which takes the old column away? */
static bool
ends_large(const char *sql)
{
	return directive_is_large(sql) && IsA(linitial_node(RawStmt, pg_parse_query(sql))->stmt, DoStmt);
}

/*
 * Look before a change in its form for a large table, which begins with this
 * one of the statements.  False where there is nothing to do: the rollback of a
 * change that was not completed.
 */
static bool
look_before_large(const RunOptions *options, const Migration *migration, const List *statements, int first,
				  const char *default_schema, const char *schema)
{
	TwoForms	forms = two_forms_read(statements, first, schema, default_schema);
	ExecuteEnvironment environment;
	bool		done;

	transaction_begin();
	environment = execute_enter(options->lock_timeout, true);
	execute_go_into(&environment, migration->scope, schema, default_schema);
	done = two_forms_is_done(&forms);
	if (!done)
		two_forms_check(&forms, schema);
	execute_leave(&environment);
	transaction_commit();
	return !done;
}

/* It is applied: the version's row takes the place of the partial one. */
static void
finish_up(const Migration *migration, const char *schema, int64 elapsed)
{
	ExecutedMigration executed = {migration, elapsed};

	catalog_lock_versions(RowExclusiveLock);
	catalog_record_applied(schema, migration->scope, list_make1(&executed));
	ecto_versions_applied(schema, list_make1(&executed));
	catalog_partial_forget(migration, schema);
}

/* The rollback begins: the partial row takes the place of the version's. */
static void
begin_down(const Migration *migration, const char *schema)
{
	ExecutedMigration executed = {migration, -1};

	catalog_lock_versions(RowExclusiveLock);
	catalog_record_rolled_back(schema, migration->scope, list_make1(&executed));
	ecto_versions_rolled_back(schema, list_make1(&executed));
	catalog_partial_write(migration, schema, true, 0, false);
}

/* Run the statements of one direction, from where an earlier run stopped. */
static void
run_direction(const RunOptions *options, const Migration *migration,
			  const ExecuteEnvironment *environment, const char *schema, bool down,
			  const PartialMigration *partial)
{
	const char *default_schema = migration->scope == SCOPE_TENANT ? ashmig_default_schema : schema;
	List	   *statements = down ? migration->down : migration->up;
	ExecutePlace place = {schema, migration->scope, down, migration->version, 0};
	bool		after_small = false;
	bool		large = true;	/* run what is for a large table? */

	for (int i = partial->down == down ? partial->done : 0; i < list_length(statements); i++)
	{
		char	   *sql = sql_fill(list_nth(statements, i), schema, default_schema);
		Node	   *statement;

		if (directive_is_small(sql) && !after_small)
			large = look_before_large(options, migration, statements, i, default_schema, schema);
		after_small = directive_is_small(sql);
		if (after_small || (directive_is_large(sql) && !large))
			continue;
		if (ends_large(sql))	/* others may have made something meanwhile */
			(void) look_before_large(options, migration, statements, change_begin(statements, i),
									 default_schema, schema);
		statement = outside_statement(sql);
		place.statement = i + 1;
		if (directive_is_batch(sql))
			batch_run(options, migration, sql, default_schema, &place);
		else if (statement)
			run_alone(migration, environment, sql, statement, &place,
					  was_begun(partial, down, place.statement));
		else
			run_with_note(options, migration, sql, default_schema, &place);
	}
}

/*
 * Run a non-transactional migration, from where it stopped.  A rollback that was
 * interrupted is completed before the migration is applied again.
 */
void
nontransactional_run(const RunOptions *options, const Migration *migration, const char *schema)
{
	const char *default_schema = migration->scope == SCOPE_TENANT ? ashmig_default_schema : schema;
	instr_time	start = elapsed_start();
	ExecuteEnvironment environment;
	PartialMigration partial;

	transaction_begin();
	partial = catalog_partial_read(migration, schema);
	if (options->down && !partial.down)
		begin_down(migration, schema);
	environment = execute_enter_session(migration->scope, schema, default_schema);
	transaction_commit();

	if (!options->down && partial.down)
	{
		run_direction(options, migration, &environment, schema, true, &partial);
		partial = (PartialMigration)
		{
			false
		};
	}
	run_direction(options, migration, &environment, schema, options->down, &partial);

	transaction_begin();
	if (options->down)
		catalog_partial_forget(migration, schema);
	else
		finish_up(migration, schema, elapsed_since(start));
	transaction_commit();
}
