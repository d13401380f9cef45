/*
 * command_trial.c
 *		precheck, try: what the pending migrations would meet, before they run.
 */
#include <string.h>

#include "commands.h"
#include "folder.h"
#include "output.h"
#include "session.h"

/* More problems than that are counted and not shown */
#define MAX_PROBLEMS 50

/* ------------------------------------------------------------------------
 * precheck
 * ------------------------------------------------------------------------
 */

/* One line that is indented, if there is something to say */
static void
show_detail(const char *value, Color color)
{
	if (value)
		show("      %s%s%s", paint(color), value, paint(COLOR_NONE));
}

/*
 * What is wrong with the rows of one table, under the schema that it is in.  A
 * schema that could not be looked at has neither a table nor a migration.
 */
static void
show_problem(const PGresult *result, int row)
{
	const char *table = result_value(result, row, "table_name");
	const char *object = result_value(result, row, "object_name");
	const char *version = result_value(result, row, "version");

	show("    %s%s%s%s%s%s%s%s%s", paint(COLOR_RED), result_value(result, row, "problem"), paint(COLOR_NONE),
		 table ? " " : "", table ? table : "", object ? "." : "", object ? object : "",
		 version ? "  migration " : "", version ? version : "");
	show_detail(result_value(result, row, "error"), COLOR_NONE);
	show_detail(result_value(result, row, "sample"), COLOR_NONE);
	show_detail(result_value(result, row, "query"), COLOR_YELLOW);
}

static void
show_problems(const PGresult *result)
{
	const char *last_schema = NULL;

	for (int row = 0; row < PQntuples(result); row++)
	{
		const char *schema = result_value(result, row, "schema_name");

		if (row == MAX_PROBLEMS)
		{
			warn("... and %d more: SELECT * FROM ashmig_precheck()", PQntuples(result) - row);
			return;
		}
		if (!text_equal(schema, last_schema))
			show("%s%s %s%s", paint(COLOR_BOLD), result_value(result, row, "scope"), schema, paint(COLOR_NONE));
		show_problem(result, row);
		last_schema = schema;
	}
}

int
command_precheck(const Arguments *arguments)
{
	Session    *session = folder_open_session(arguments);
	PGresult   *problems;
	Call		call;

	call_begin(&call, session, "ashmig_precheck");
	call_options(&call, arguments);
	problems = call_run(&call);
	report_rows("problems", problems);
	show_problems(problems);
	if (PQntuples(problems) == 0)
	{
		say("Nothing in the data is in the way of the pending migrations.");
		return EXIT_DONE;
	}
	say("%s in the way of the pending migrations.",
		count_of(PQntuples(problems), "problem is", "problems are"));
	return EXIT_PENDING;
}

/* ------------------------------------------------------------------------
 * try
 * ------------------------------------------------------------------------
 */

/* One statement: what it is, how it went, and what it took */
static void
show_statement(const PGresult *result, int row)
{
	const char *status = result_value(result, row, "status");
	const char *sql = result_value(result, row, "sql");
	const char *rewritten = result_value(result, row, "rewritten");
	bool		is_done = strcmp(status, "done") == 0;

	show("  %s%s%s%s%s", paint(is_done ? COLOR_GREEN : COLOR_RED), status, paint(COLOR_NONE),
		 sql ? "  " : "", sql ? sql : "");
	show_detail(result_value(result, row, "error"), COLOR_RED);
	if (is_done)
		show("      %s, %s bytes of WAL", result_value(result, row, "elapsed"),
			 result_value(result, row, "wal_bytes"));
	show_detail(result_value(result, row, "locks"), COLOR_YELLOW);
	if (rewritten)
		show("      %srewritten: %s%s", paint(COLOR_YELLOW), rewritten, paint(COLOR_NONE));
}

/* All statements, under the migration that each is of; true if none has failed */
static bool
show_trial(const PGresult *result)
{
	const char *last_version = NULL;
	bool		good = true;

	for (int row = 0; row < PQntuples(result); row++)
	{
		const char *version = result_value(result, row, "version");

		if (row == 0 || !text_equal(version, last_version))
			show("%s%s%s%s in %s%s", paint(COLOR_BOLD), result_value(result, row, "scope"),
				 version ? " migration " : "", version ? version : "",
				 result_value(result, row, "schema_name"), paint(COLOR_NONE));
		show_statement(result, row);
		good = good && strcmp(result_value(result, row, "status"), "failed") != 0;
		last_version = version;
	}
	return good;
}

int
command_try(const Arguments *arguments)
{
	Session    *session = folder_open_session(arguments);
	PGresult   *statements;
	Call		call;

	call_begin(&call, session, "ashmig_try");
	call_add(&call, "schema", "text", arguments->words[0]);
	call_options(&call, arguments);
	statements = call_run(&call);
	report_rows("statements", statements);
	if (PQntuples(statements) == 0)
		say("Nothing is pending in \"%s\".", arguments->words[0]);
	return show_trial(statements) ? EXIT_DONE : EXIT_FAILED;
}
