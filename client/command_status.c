/*
 * command_status.c
 *		status, migrations, tenants: what is applied where.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "folder.h"
#include "output.h"
#include "session.h"

#define BAR_WIDTH 30
#define MAX_FAILURES 10

/* ------------------------------------------------------------------------
 * status
 * ------------------------------------------------------------------------
 */

/* How many schemas have which version, and what they lack */
static PGresult *
read_groups(Session *session)
{
	return session_run(session,
					   text_printf("SELECT scope, repo, coalesce(version::text, 'none') AS version, pending,"
								   " pg_catalog.count(*) AS schemas, pg_catalog.count(error) AS failed,"
								   " min(schema_name) AS example"
								   " FROM %s.ashmig_status() GROUP BY scope, repo, version, pending"
								   " ORDER BY scope, repo, version DESC NULLS LAST, pending",
								   session->schema), 0, NULL);
}

static PGresult *
read_failures(Session *session)
{
	return session_run(session,
					   text_printf("SELECT scope, schema_name, status, error FROM %s.ashmig_status()"
								   " WHERE status NOT IN ('current', 'pending') ORDER BY scope, schema_name",
								   session->schema), 0, NULL);
}

/* Files of the folder that the database does not have yet */
static int
count_new_files(Session *session)
{
	StringList	files = folder_files(session->config.migrations);
	StringList	recorded = {0};
	PGresult   *result = session_run(session, "SELECT scope, version FROM ashmig.migrations", 0, NULL);
	int			count = 0;

	for (int row = 0; row < PQntuples(result); row++)
		list_add(&recorded, folder_key(PQgetvalue(result, row, 0), PQgetvalue(result, row, 1)));
	for (int i = 0; i < files.count; i++)
		count += !list_has(&recorded, folder_key(folder_scope(files.items[i]),
												 text_printf("%lld", folder_version(files.items[i]))));
	return count;
}

/* A bar as long as the share of schemas, but not shorter than a sliver */
static char *
bar(long schemas, long all)
{
	long		filled = all > 0 ? (schemas * BAR_WIDTH + all / 2) / all : 0;
	Text		text;

	text_open(&text);
	if (filled == 0)
		fputs("▏", text.out);
	for (long i = 0; i < filled; i++)
		fputs("█", text.out);
	for (long i = filled ? filled : 1; i < BAR_WIDTH; i++)
		fputc(' ', text.out);
	return text_close(&text);
}

static long
number(const PGresult *result, int row, const char *column)
{
	return atol(result_value(result, row, column));
}

static void
show_groups(const PGresult *groups, const char *scope)
{
	long		all = 0;

	for (int row = 0; row < PQntuples(groups); row++)
	{
		if (strcmp(result_value(groups, row, "scope"), scope) == 0)
			all += number(groups, row, "schemas");
	}
	if (all == 0)
	{
		show("%s%s%s  nothing recorded", paint(COLOR_BOLD), scope, paint(COLOR_NONE));
		return;
	}
	show("%s%s%s  %s", paint(COLOR_BOLD), scope, paint(COLOR_NONE), count_of(all, "schema", "schemas"));
	for (int row = 0; row < PQntuples(groups); row++)
	{
		long		pending = number(groups, row, "pending");
		long		schemas = number(groups, row, "schemas");
		const char *repo = result_value(groups, row, "repo");

		if (strcmp(result_value(groups, row, "scope"), scope) != 0)
			continue;
		show("  %-14s  %s%s%s  %s, %s%s%s", result_value(groups, row, "version"),
			 paint(pending ? COLOR_YELLOW : COLOR_GREEN), bar(schemas, all), paint(COLOR_NONE),
			 schemas == 1 ? result_value(groups, row, "example") : count_of(schemas, "schema", "schemas"),
			 pending ? text_printf("%ld pending", pending) : "current",
			 repo && repo[0] ? "  " : "", repo ? repo : "");
	}
}

static void
show_failures(const PGresult *failures)
{
	for (int row = 0; row < PQntuples(failures) && row < MAX_FAILURES; row++)
	{
		const char *error = result_value(failures, row, "error");

		show("%s%s%s %s \"%s\"%s%s", paint(COLOR_RED), result_value(failures, row, "status"), paint(COLOR_NONE),
			 result_value(failures, row, "scope"), result_value(failures, row, "schema_name"),
			 error ? ": " : "", error ? error : "");
	}
	if (PQntuples(failures) > MAX_FAILURES)
		show("... and %d more: ashmig tenants --behind", PQntuples(failures) - MAX_FAILURES);
}

int
command_status(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	PGresult   *groups = read_groups(session);
	PGresult   *failures = read_failures(session);
	int			new_files = count_new_files(session);
	bool		pending = new_files > 0 || PQntuples(failures) > 0;

	report_rows("versions", groups);
	report_rows("failures", failures);
	report_number("new_files", new_files);
	for (int row = 0; row < PQntuples(groups); row++)
		pending = pending || number(groups, row, "pending") > 0;

	show("Database %s%s%s", paint(COLOR_BOLD), PQdb(session->connection), paint(COLOR_NONE));
	show_groups(groups, "public");
	show_groups(groups, "tenant");
	show_failures(failures);
	if (new_files)
		show("%s in %s not imported yet", count_of(new_files, "file is", "files are"), session->config.migrations);
	return pending ? EXIT_PENDING : EXIT_DONE;
}

/* ------------------------------------------------------------------------
 * migrations, tenants
 * ------------------------------------------------------------------------
 */

int
command_migrations(const Arguments *arguments)
{
	static const Column columns[] = {
		{"scope", "scope"}, {"version", "version"}, {"name", "name"}, {"kind", "kind"}, {"file", "file"},
		{"applied", "applied"}, {"pending", "pending"}, {0}
	};
	Session    *session = session_open(arguments);
	StringList	files = folder_files(session->config.migrations);
	Text		keys;
	const char *values[1];
	PGresult   *result;

	/* which of them have a file, the folder knows */
	text_open(&keys);
	for (int i = 0; i < files.count; i++)
		fprintf(keys.out, "%s%s %lld", i ? "," : "", folder_scope(files.items[i]), folder_version(files.items[i]));
	values[0] = text_close(&keys);
	result = session_run(session,
						 text_printf("SELECT m.*, CASE WHEN m.dev THEN 'dev' WHEN m.scope || ' ' || m.version"
									 " = ANY (pg_catalog.string_to_array($1, ',')) THEN 'yes' ELSE 'no' END AS file"
									 " FROM %s.ashmig_migrations() m ORDER BY m.version, m.scope", session->schema),
						 1, values);
	report_rows("migrations", result);
	output_table(result, columns, 0);
	if (PQntuples(result) == 0)
		say("No migrations are recorded.");
	return EXIT_DONE;
}

int
command_tenants(const Arguments *arguments)
{
	static const Column columns[] = {
		{"schema_name", "tenant"}, {"version", "version"}, {"pending", "pending"}, {"status", "status"},
		{"error", "error"}, {0}
	};
	Session    *session = session_open(arguments);
	const char *values[] = {option_given(arguments, "behind") ? "true" : "false"};
	PGresult   *result;

	result = session_run(session,
						 text_printf("SELECT * FROM %s.ashmig_status() WHERE scope = 'tenant'"
									 " AND (NOT $1::boolean OR status <> 'current') ORDER BY schema_name, repo",
									 session->schema),
						 1, values);
	report_rows("tenants", result);
	output_table(result, columns, 0);
	if (PQntuples(result) == 0)
		say(option_given(arguments, "behind") ? "No tenant is behind." : "There are no tenants.");
	return EXIT_DONE;
}
