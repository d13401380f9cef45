/*
 * command_fleet.c
 *		drift, adopt, release: what is really there, and taking over a database
 *		or giving it back.
 */
#include <string.h>

#include "bundle.h"
#include "commands.h"
#include "output.h"
#include "prompt.h"
#include "runs.h"

/* ------------------------------------------------------------------------
 * Differences, as drift and adopt show them
 * ------------------------------------------------------------------------
 */

/* What a difference is, as a diff shows it */
typedef struct Difference
{
	const char *name;
	char		sign;
	Color		color;
} Difference;

static const Difference differences[] = {
	{"missing", '-', COLOR_RED},
	{"extra", '+', COLOR_GREEN},
	{"different", '~', COLOR_YELLOW}
};

static void
show_side(const Difference *difference, char sign, const char *value)
{
	if (value)
		show("      %s%c %s%s", paint(difference->color), sign, value, paint(COLOR_NONE));
}

/* One row that has a difference, under the schema and table that it is in */
static void
show_difference(const PGresult *result, int row)
{
	const char *name = result_value(result, row, "difference");
	const Difference *difference = &differences[lengthof(differences) - 1];

	for (int i = 0; i < lengthof(differences); i++)
	{
		if (strcmp(name, differences[i].name) == 0)
			difference = &differences[i];
	}
	show("    %s%c %s %s%s  %s", paint(difference->color), difference->sign,
		 result_value(result, row, "object_kind"), result_value(result, row, "object_name"),
		 paint(COLOR_NONE), name);
	if (difference->sign == '~')
	{
		show_side(difference, '-', result_value(result, row, "expected"));
		show_side(difference, '+', result_value(result, row, "actual"));
	}
}

/* The rows that have a difference; how many */
static int
show_differences(const PGresult *result)
{
	const char *last_schema = NULL;
	const char *last_table = NULL;
	int			count = 0;

	for (int row = 0; row < PQntuples(result); row++)
	{
		const char *schema = result_value(result, row, "schema_name");
		const char *table = result_value(result, row, "table_name");

		if (result_value(result, row, "difference") == NULL)
			continue;
		if (!text_equal(schema, last_schema))
			show("%s%s %s%s", paint(COLOR_BOLD), result_value(result, row, "scope"), schema, paint(COLOR_NONE));
		if (table && (!text_equal(schema, last_schema) || !text_equal(table, last_table)))
			show("  %s", table);
		show_difference(result, row);
		last_schema = schema;
		last_table = table;
		count++;
	}
	return count;
}

/* ------------------------------------------------------------------------
 * drift
 * ------------------------------------------------------------------------
 */

/* "{a,b}" of the schemas that differ, each once */
static char *
schemas_of(const PGresult *result)
{
	StringList	schemas = {0};
	Text		text;

	text_open(&text);
	for (int row = 0; row < PQntuples(result); row++)
	{
		char	   *schema = PQgetvalue(result, row, PQfnumber(result, "schema_name"));

		if (list_has(&schemas, schema))
			continue;
		fprintf(text.out, "%s%s", schemas.count ? "," : "", schema);
		list_add(&schemas, schema);
	}
	return text_close(&text);
}

static int
repair(Session *session, const Arguments *arguments, const PGresult *drift)
{
	Call		call;

	prompt_destroy(option_given(arguments, "force"),
				   text_printf("Repairing %s drops what is extra, with the rows in it. Go on?",
							   count_of(PQntuples(drift), "difference", "differences")));
	call_begin(&call, session, "ashmig_repair");
	call_add(&call, "schemas", "text[]", schemas_of(drift));
	return runs_call(&call, true);
}

int
command_drift(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	PGresult   *drift;
	Call		call;

	call_begin(&call, session, "ashmig_drift");
	call_options(&call, arguments);
	drift = call_run(&call);
	report_rows("differences", drift);
	if (show_differences(drift) == 0)
	{
		say("Every schema is what is recorded for it.");
		return EXIT_DONE;
	}
	return option_given(arguments, "repair") ? repair(session, arguments, drift) : EXIT_PENDING;
}

/* ------------------------------------------------------------------------
 * adopt, release
 * ------------------------------------------------------------------------
 */

int
command_adopt(const Arguments *arguments)
{
	static const Column columns[] = {
		{"scope", "scope"}, {"schema_name", "schema"}, {"status", "status"}, {"error", "error"}, {0}
	};
	Session    *session = session_open(arguments);
	const char *folder = option_value(arguments, "snapshots");
	PGresult   *schemas;
	int			different;
	Call		call;

	call_begin(&call, session, "ashmig_adopt");
	call_add(&call, "snapshots", "jsonb", bundle_read(folder ? folder : session->config.snapshots, false));
	call_options(&call, arguments);
	schemas = call_run(&call);
	report_rows("schemas", schemas);
	different = show_differences(schemas);
	if (different == 0)
		output_table(schemas, columns, 50);
	if (!option_given(arguments, "dry-run"))
		say("Run \"ashmig export\" to write the migrations as files.");
	return different ? EXIT_PENDING : EXIT_DONE;
}

int
command_release(const Arguments *arguments)
{
	static const Column columns[] = {
		{"schema_name", "schema"}, {"written", "versions"}, {0}
	};
	Session    *session = session_open(arguments);
	PGresult   *schemas;
	Call		call;

	call_begin(&call, session, "ashmig_release");
	schemas = call_run(&call);
	report_rows("schemas", schemas);
	output_table(schemas, columns, 50);
	return EXIT_DONE;
}
