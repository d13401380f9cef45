/*
 * runs.c
 *		Running migrations: see runs.h.
 */
#include <string.h>

#include "output.h"
#include "progress.h"
#include "runs.h"

/* More rows than that are counted and not shown */
#define MAX_ROWS 12
#define MAX_FAILURES 50

/* What a schema's row says about the whole */
typedef struct RunStatus
{
	const char *name;
	bool		is_done;
	ExitStatus	exit_status;
} RunStatus;

static const RunStatus run_statuses[] = {
	{"applied", true, EXIT_DONE},
	{"rolled_back", true, EXIT_DONE},
	{"repaired", true, EXIT_DONE},
	{"not_applied", true, EXIT_DONE},
	{"background", true, EXIT_DONE},
	{"pending", false, EXIT_PENDING},
	{"missing", false, EXIT_PENDING},
	{"skipped", false, EXIT_FAILED},
	{"failed", false, EXIT_FAILED}
};

static const RunStatus *
find_status(const char *name)
{
	for (int i = 0; i < lengthof(run_statuses); i++)
	{
		if (strcmp(run_statuses[i].name, name) == 0)
			return &run_statuses[i];
	}
	return &run_statuses[lengthof(run_statuses) - 1];
}

int
runs_exit_status(const char *status)
{
	return find_status(status)->exit_status;
}

/* The worst of all rows: failed, else pending, else done */
static int
exit_status_of(const PGresult *result)
{
	int			worst = EXIT_DONE;

	for (int row = 0; row < PQntuples(result); row++)
	{
		int			status = find_status(result_value(result, row, "status"))->exit_status;

		if (status == EXIT_FAILED || worst == EXIT_DONE)
			worst = status;
		if (worst == EXIT_FAILED)
			break;
	}
	return worst;
}

static bool
has_background(const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
	{
		if (strcmp(result_value(result, row, "status"), "background") == 0)
			return true;
	}
	return false;
}

/* So many schemas of each status, in the order of the table above */
static void
show_counts(const PGresult *result)
{
	for (int i = 0; i < lengthof(run_statuses); i++)
	{
		const RunStatus *status = &run_statuses[i];
		long		count = 0;

		for (int row = 0; row < PQntuples(result); row++)
			count += find_status(result_value(result, row, "status")) == status;
		if (count)
			say("%s%-11s%s %s", paint(status->is_done ? COLOR_GREEN : COLOR_RED), status->name,
				paint(COLOR_NONE), count_of(count, "schema", "schemas"));
	}
}

/* The rows of schemas that are not done, with the first lines of why */
static void
show_failures(const PGresult *result)
{
	int			shown = 0;

	for (int row = 0; row < PQntuples(result); row++)
	{
		const char *error = result_value(result, row, "error");
		const RunStatus *status = find_status(result_value(result, row, "status"));

		if (status->is_done)
			continue;
		if (shown++ == MAX_FAILURES)
		{
			warn("... and more: SELECT * FROM ashmig_status()");
			return;
		}
		warn("%s%s%s %s \"%s\": %s", paint(COLOR_RED), status->name, paint(COLOR_NONE),
			 result_value(result, row, "scope"), result_value(result, row, "schema_name"),
			 error ? error : "run again when what it waits for is done");
	}
}

static void
show_rows(const PGresult *result)
{
	static const Column columns[] = {
		{"scope", "scope"}, {"schema_name", "schema"}, {"applied", "migrations"},
		{"version", "version"}, {"status", "status"}, {"elapsed", "time"}, {0}
	};

	if (PQntuples(result) > MAX_ROWS)
		show_counts(result);
	else if (!output_is_quiet())
		output_table(result, columns, 0);
	show_failures(result);
}

/*
 * Wait for the part of the run that goes on after the call.
 */
static void
wait_for_background(Session *session)
{
	PGresult   *runs = session_run(session, "SELECT coalesce("
								   "(SELECT max(run) FROM ashmig.progress WHERE status = 'background'),"
								   " (SELECT max(run) FROM ashmig.runs)) AS run",
								   0, NULL);
	const char *run = result_value(runs, 0, "run");
	Call		call;
	PGresult   *result;

	if (run == NULL)
		return;					/* it has no journal */
	say("Waiting for what goes on in the background, as run %s.", run);
	call_begin_procedure(&call, session, "ashmig_wait");
	call_add(&call, "run", "int8", run);
	progress_begin(session, run);
	result = call_try(&call);
	progress_end();
	if (session_was_interrupted())
	{
		call_begin(&call, session, "ashmig_cancel");
		call_add(&call, "run", "int8", run);
		PQclear(call_run(&call));
	}
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_with(result, session->connection);
}

int
runs_call(Call *call, bool rows_of_failures)
{
	return runs_expect(call, rows_of_failures, NULL);
}

int
runs_expect(Call *call, bool rows_of_failures, const char *sqlstate)
{
	Session    *session = call->session;
	PGresult   *result;

	if (rows_of_failures)
		call_add(call, "on_error", "text", "report");
	call_add(call, "quiet", "bool", "true");
	progress_begin(session, NULL);
	result = call_try(call);
	progress_end();
	if (sqlstate && text_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), sqlstate))
	{
		report_text(RUNS_EXPECTED, sqlstate);
		return EXIT_PENDING;
	}
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		output_error(result, session->connection, NULL);
		if (session_was_interrupted())
			warn("Canceled. Schemas that were done stay done; run it again for the others.");
		return EXIT_FAILED;
	}
	report_rows("schemas", result);
	if (PQntuples(result) == 0)
		say("Nothing to do.");
	show_rows(result);
	if (has_background(result))
		wait_for_background(session);
	return exit_status_of(result);
}
