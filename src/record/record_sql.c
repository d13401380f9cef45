/*
 * record_sql.c
 *		The SQL of a migration that is given: see record_sql.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/problem.h"
#include "migrate/execute.h"
#include "record/record_sql.h"
#include "syntax/batch_statement.h"
#include "syntax/directive.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"
#include "syntax/statement.h"

/*
 * An error of the parser is one of the text that was handed in, not of the
 * query that called us.
 */
static void
parse_error_callback(void *arg)
{
	const char *text = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text);
	}
	if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION)
	{
		errcode(ERRCODE_ASHMIG_INVALID_SQL);
		errhint("A migration consists of SQL statements; @tenant@ and @default@ stand for quoted schema names, #{prefix()} for the raw name.");
	}
}

/*
 * The position, counted in characters from 1, at which a statement begins.
 */
static int
statement_position(const char *text, const RawStmt *raw)
{
	int			at = Max(raw->stmt_location, 0);

	at += strspn(text + at, " \t\n\r\f\v");
	return pg_mbstrlen_with_len(text, at) + 1;
}

/*
 * Refuse a statement that a migration cannot run, or this kind cannot.
 */
static void
check_statement(const RawStmt *raw, const char *text, bool transactional)
{
	const char *outside = statement_outside_command(raw->stmt);

	if (IsA(raw->stmt, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("transaction control statements are not allowed in a migration"),
				 errhint("Remove them; ashmig runs a schema's migrations in one transaction."),
				 internalerrposition(statement_position(text, raw)),
				 internalerrquery(text)));
	if (IsA(raw->stmt, CopyStmt) && ((CopyStmt *) raw->stmt)->filename == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("COPY from or to the client is not allowed in a migration"),
				 errhint("Use INSERT instead."),
				 internalerrposition(statement_position(text, raw)),
				 internalerrquery(text)));
	/* a new value of an enum can be added; using it is what has to wait */
	if (transactional && outside && !IsA(raw->stmt, AlterEnumStmt))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("%s cannot run inside a transaction block", outside),
				 errhint("Record it as a separate migration with transactional => false."),
				 internalerrposition(statement_position(text, raw)),
				 internalerrquery(text)));
}

/*
 * A text is read twice: as the parser sees it, for its errors and to look at
 * the statements, and by fragment_split, for the text of each.
 */
List *
record_sql_split(const char *sql, Scope scope, bool transactional)
{
	char	   *text = sql_fill(sql, "prefix_name", "default");
	ErrorContextCallback callback;
	Problem		problem = {0};
	List	   *statements;
	List	   *tree;

	if (scope == SCOPE_PUBLIC && strstr(sql, PLACEHOLDER_TENANT) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("%s cannot be used in a public migration", PLACEHOLDER_TENANT),
				 errhint("Record it with tenant => true, or use %s instead.", PLACEHOLDER_DEFAULT)));

	callback.callback = parse_error_callback;
	callback.arg = text;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	tree = raw_parser(text, RAW_PARSE_DEFAULT);
	error_context_stack = callback.previous;

	foreach_node(RawStmt, raw, tree)
		check_statement(raw, text, transactional);
	statements = fragment_split(sql, NULL, &problem);
	problem_raise(&problem);
	return statements;
}

char *
record_sql_batch(const char *sql, Scope scope)
{
	List	   *statements = record_sql_split(sql, scope, false);
	const char *fault = "It is not a single statement.";

	if (list_length(statements) == 1)
	{
		char	   *text = sql_fill(linitial(statements), "prefix_name", "default");

		fault = batch_statement_fault(linitial_node(RawStmt, raw_parser(text, RAW_PARSE_DEFAULT))->stmt);
	}
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("statement cannot be run in batches: %s", sql),
				 errdetail("%s", fault),
				 errhint("Write an UPDATE or DELETE whose WHERE selects the rows that are left to do, or an INSERT ... SELECT ... LIMIT that ends by inserting none.")));
	return psprintf(DIRECTIVE_BATCH "%s", (char *) linitial(statements));
}
