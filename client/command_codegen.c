/*
 * command_codegen.c
 *		codegen, diff, regen: from snapshot files to migrations, as files.
 *
 * All of a generation is one transaction: import what the folder has, generate,
 * write the files under temporary names, commit, and name them.  So if a file
 * cannot be written, nothing is recorded.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "commands.h"
#include "folder.h"
#include "git.h"
#include "output.h"
#include "prompt.h"
#include "renames.h"
#include "runs.h"

/* The snapshots, from where the options or .ashmig say */
static char *
read_bundle(const Session *session, const Arguments *arguments)
{
	const char *folder = option_value(arguments, "snapshots");

	return bundle_read(folder ? folder : session->config.snapshots, option_given(arguments, "dev"));
}

/* The options that go to a generation, with the snapshots */
static void
call_begin_generation(Call *call, Session *session, const Arguments *arguments, const char *function,
					  const char *bundle)
{
	call_begin(call, session, function);
	call_add(call, "snapshots", "jsonb", bundle);
	call_options(call, arguments);
}

/*
 * Call one of the functions that ask about renames, and answer.  Returns the
 * result, or the error of another kind, or that of a question that stays open.
 */
static PGresult *
call_with_answers(Session *session, const Arguments *arguments, const char *function,
				  const char *bundle, Renames *renames)
{
	bool		may_ask = output_is_terminal() && !option_given(arguments, "check");

	for (;;)
	{
		Call		call;
		PGresult   *result;

		session_do(session, "SAVEPOINT generation");
		call_begin_generation(&call, session, arguments, function, bundle);
		if (arguments->nwords > 0 && strcmp(function, "ashmig_check") != 0)
			call_add(&call, "name", "text", arguments->words[0]);
		call_add(&call, "renames", "jsonb", renames_text(renames));
		result = call_try(&call);
		if (!renames_asked(result) || session_was_interrupted())
			return result;
		session_do(session, "ROLLBACK TO SAVEPOINT generation");
		if (!renames_answer(renames, result, may_ask))
			return result;
	}
}

/* The same for a generation, which an error ends */
static PGresult *
call_generation(Session *session, const Arguments *arguments, const char *function, const char *bundle,
				Renames *renames)
{
	PGresult   *result;

	renames_read(renames, session->config.migrations);
	result = call_with_answers(session, arguments, function, bundle, renames);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	if (!renames_asked(result))
		fail_with(result, session->connection);
	renames_report(renames, result);
	exit(output_end(EXIT_FAILED));
}

/* What a step of a plan does to the structure */
static char
step_sign(const char *operation)
{
	if (text_starts(operation, "create") || text_starts(operation, "add") || text_starts(operation, "install"))
		return '+';
	if (text_starts(operation, "drop") || text_starts(operation, "remove"))
		return '-';
	return '~';
}

/* "add_unique_index" for people */
static char *
spaced(const char *word)
{
	char	   *copy = text_printf("%s", word);

	for (char *c = copy; *c; c++)
	{
		if (*c == '_')
			*c = ' ';
	}
	return copy;
}

static bool
is_true(const PGresult *result, int row, const char *column)
{
	return text_equal(result_value(result, row, column), "t");
}

/* One step: a line of what it does, and with "sql" the statements */
static void
show_step(const PGresult *plan, int row, bool sql)
{
	const char *operation = result_value(plan, row, "operation");
	const char *subject = result_value(plan, row, "subject");
	const char *note = result_value(plan, row, "note");
	const char *lock = result_value(plan, row, "lock");
	char		sign = step_sign(operation);
	Color		color = sign == '+' ? COLOR_GREEN : sign == '-' ? COLOR_RED : COLOR_YELLOW;

	show("  %s%c %s%s%s%s%s%s%s%s%s", paint(color), sign, spaced(operation), subject ? " " : "",
		 subject ? subject : "", paint(COLOR_NONE), paint(COLOR_DIM),
		 is_true(plan, row, "rewrites") ? "  rewrites the table" : is_true(plan, row, "scans") ? "  scans the table" : "",
		 lock && (is_true(plan, row, "rewrites") || is_true(plan, row, "scans"))
		 ? text_printf(" under %s", lock) : "",
		 is_true(plan, row, "destroys") ? text_printf("  %sdestroys data", paint(COLOR_RED)) : "",
		 paint(COLOR_NONE));
	if (note)
		show("    %s%s%s", paint(COLOR_DIM), note, paint(COLOR_NONE));
	if (sql && result_value(plan, row, "up"))
		show("    %s", result_value(plan, row, "up"));
}

/* "tenant billing.invoices": what a step is about */
static char *
step_table(const PGresult *plan, int row)
{
	const char *schema = result_value(plan, row, "schema_name");
	const char *table = result_value(plan, row, "table_name");

	return text_printf("%s%s%s%s%s", result_value(plan, row, "scope"), schema || table ? " " : "",
					   schema ? schema : "", schema && table ? "." : "", table ? table : "");
}

/* The steps of a plan in their order, with the SQL */
static void
show_plan(const PGresult *plan)
{
	const char *last = NULL;

	report_rows("steps", plan);
	for (int row = 0; row < PQntuples(plan); row++)
	{
		char	   *table = step_table(plan, row);

		if (!text_equal(table, last))
			show("%s%s%s", paint(COLOR_BOLD), table, paint(COLOR_NONE));
		last = table;
		show_step(plan, row, true);
	}
}

/* The same table by table, without the SQL: what differs */
static void
show_difference(const PGresult *plan)
{
	StringList	shown = {0};

	report_rows("steps", plan);
	for (int first = 0; first < PQntuples(plan); first++)
	{
		char	   *table = step_table(plan, first);

		if (list_has(&shown, table))
			continue;
		list_add(&shown, table);
		show("%s%s%s", paint(COLOR_BOLD), table, paint(COLOR_NONE));
		for (int row = first; row < PQntuples(plan); row++)
		{
			if (strcmp(step_table(plan, row), table) == 0)
				show_step(plan, row, false);
		}
	}
}

/* What generating would do, where nothing counts as renamed */
static PGresult *
plan_without_questions(Session *session, const Arguments *arguments, const char *bundle)
{
	Call		call;

	call_begin_generation(&call, session, arguments, "ashmig_plan", bundle);
	call_add(&call, "renames", "jsonb", "[]");
	return call_run(&call);
}

/* What is wrong with the recorded migrations, after branches have met */
static int
check_recorded(Session *session)
{
	Call		call;
	PGresult   *problems;

	call_begin(&call, session, "ashmig_check_migrations");
	problems = call_run(&call);
	report_rows("problems", problems);
	for (int row = 0; row < PQntuples(problems); row++)
		warn("%s migration %s: %s", result_value(problems, row, "scope"),
			 result_value(problems, row, "version"), result_value(problems, row, "problem"));
	return PQntuples(problems);
}

/*
 * Is there nothing to generate?  Changes nothing: what the folder has and the
 * database lacks is imported and forgotten again.
 */
static int
check(Session *session, const Arguments *arguments, const char *bundle)
{
	Renames		renames;
	PGresult   *result;
	int			problems;

	renames_read(&renames, session->config.migrations);
	result = call_with_answers(session, arguments, "ashmig_check", bundle, &renames);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		bool		is_pending = renames_asked(result) || text_equal(state, "MG020") || text_equal(state, "MG026");

		if (!is_pending)
			fail_with(result, session->connection);
		session_do(session, "ROLLBACK TO SAVEPOINT generation");
		if (!text_equal(state, "MG026"))
			show_difference(plan_without_questions(session, arguments, bundle));
		if (renames_asked(result))
			renames_report(&renames, result);
		else
			output_error(result, session->connection, "Run \"ashmig codegen NAME\", and commit what it writes.");
		return EXIT_PENDING;
	}
	problems = check_recorded(session);
	session_do(session, "ROLLBACK");
	if (problems)
		return EXIT_PENDING;
	say("The migrations are what the snapshots ask for.");
	return EXIT_DONE;
}

static int
dry_run(Session *session, const Arguments *arguments, const char *bundle)
{
	Renames		renames;
	PGresult   *plan;

	plan = call_generation(session, arguments, "ashmig_plan", bundle, &renames);
	session_do(session, "ROLLBACK");
	show_plan(plan);
	if (PQntuples(plan) == 0)
		say("No changes.");
	return EXIT_DONE;
}

/* "{1,2}": the versions of the migrations that were generated */
static char *
versions_of(const PGresult *migrations)
{
	Text		text;

	text_open(&text);
	for (int row = 0; row < PQntuples(migrations); row++)
		fprintf(text.out, "%s%s", row ? "," : "{", result_value(migrations, row, "version"));
	fputc('}', text.out);
	return text_close(&text);
}

/*
 * Generate, and write the files.  How many migrations.
 */
static int
generate(Session *session, const Arguments *arguments, const char *bundle)
{
	bool		dev = option_given(arguments, "dev");
	const char *folder = session->config.migrations;
	Renames		renames;
	PGresult   *migrations;
	PGresult   *files = NULL;
	Call		call;

	migrations = call_generation(session, arguments, "ashmig_generate", bundle, &renames);
	report_rows("migrations", migrations);
	if (PQntuples(migrations) > 0 && !dev)
	{
		call_begin(&call, session, "ashmig_export_files");
		call_add(&call, "versions", "int8[]", versions_of(migrations));
		files = call_run(&call);
		folder_write(folder, files);
	}
	session_do(session, "COMMIT");
	if (files)
	{
		folder_commit(folder, files);
		renames_keep(&renames);
	}
	for (int row = 0; dev && row < PQntuples(migrations); row++)
		say("recorded  %s %s, for development", result_value(migrations, row, "scope"),
			result_value(migrations, row, "version"));
	return PQntuples(migrations);
}

int
command_codegen(const Arguments *arguments)
{
	bool		changes_nothing = option_given(arguments, "check") || option_given(arguments, "dry-run");
	Session    *session;
	PGresult   *imported;
	char	   *bundle;

	if (arguments->nwords == 0 && !changes_nothing && !option_given(arguments, "dev"))
		fail_usage("codegen needs a name, or one of --dev, --check, --dry-run");
	session = session_open(arguments);
	bundle = read_bundle(session, arguments);
	session_do(session, "BEGIN");
	imported = folder_import(session, option_given(arguments, "check"));
	if (imported)
		report_rows("files", imported);
	if (option_given(arguments, "check"))
		return check(session, arguments, bundle);
	if (option_given(arguments, "dry-run"))
		return dry_run(session, arguments, bundle);
	folder_tell_imported(session, imported);
	if (generate(session, arguments, bundle) == 0)
		say("No changes, so nothing was generated.");
	else
		say("Run \"ashmig migrate\" to apply them.");
	return EXIT_DONE;
}

int
command_diff(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	char	   *bundle = read_bundle(session, arguments);
	PGresult   *plan;

	session_do(session, "BEGIN");
	PQclear(folder_import(session, false));
	plan = plan_without_questions(session, arguments, bundle);
	session_do(session, "ROLLBACK");
	show_difference(plan);
	if (PQntuples(plan) > 0)
		return EXIT_PENDING;
	say("The snapshots are what is recorded.");
	return EXIT_DONE;
}

/* ------------------------------------------------------------------------
 * regen
 * ------------------------------------------------------------------------
 */

/* The migration files that git does not know */
static StringList
new_files(const Session *session)
{
	StringList	files = folder_files(session->config.migrations);
	StringList	result = {0};
	StringList	unknown;

	if (files.count == 0)
		return result;
	unknown = git_unknown_files(session->config.migrations);
	for (int i = 0; i < files.count; i++)
	{
		if (list_has(&unknown, files.items[i]))
			list_add(&result, files.items[i]);
	}
	return result;
}

/*
 * Where new migrations of a scope are applied: what has to be rolled back,
 * which is everything from the oldest of them on.
 */
static PGresult *
applied_since(Session *session, const StringList *files, const char *scope)
{
	const char *oldest = NULL;
	const char *values[2] = {scope, NULL};

	for (int i = 0; i < files->count && oldest == NULL; i++)
	{
		if (strcmp(folder_scope(files->items[i]), scope) == 0)
			oldest = text_printf("%lld", folder_version(files->items[i]));
	}
	values[1] = oldest;
	return session_run(session,
					   "SELECT v.version, m.name, pg_catalog.count(*) AS schemas,"
					   " min(v.version) OVER () AS oldest"
					   " FROM ashmig.versions v LEFT JOIN ashmig.migrations m USING (repo, scope, version)"
					   " WHERE v.scope = $1 AND v.version >= $2::bigint AND NOT coalesce(m.dev, false)"
					   " GROUP BY v.version, m.name ORDER BY v.version DESC",
					   2, values);
}

/*
 * Roll back what is applied since the oldest new migration of a scope.
 */
static void
roll_back_new(Session *session, const PGresult *applied, const char *function)
{
	Call		call;

	if (PQntuples(applied) == 0)
		return;
	call_begin(&call, session, function);
	call_add(&call, "to_version", "int8", result_value(applied, 0, "oldest"));
	call_add(&call, "quiet", "bool", "true");
	PQclear(call_run(&call));
	say("rolled back  %s", count_of(PQntuples(applied), "migration", "migrations"));
}

/*
 * Forget the migrations of new files, newest first; the others of a generation
 * go along.
 */
static void
forget_new(Session *session, const StringList *files)
{
	for (int i = files->count - 1; i >= 0; i--)
	{
		const char *values[] = {folder_scope(files->items[i]),
		text_printf("%lld", folder_version(files->items[i]))};
		PGresult   *found = session_run(session, "SELECT repo FROM ashmig.migrations"
										" WHERE scope = $1 AND version = $2::bigint", 2, values);
		Call		call;

		if (PQntuples(found) == 0)
			continue;
		call_begin(&call, session, "ashmig_remove_migration");
		call_add(&call, "version", "int8", values[1]);
		call_add(&call, "tenant", "bool", strcmp(values[0], "tenant") == 0 ? "true" : "false");
		call_add(&call, "repo", "text", PQgetvalue(found, 0, 0));
		PQclear(call_run(&call));
	}
}

static void
remove_files(const Session *session, const StringList *files)
{
	for (int i = 0; i < files->count; i++)
	{
		char	   *path = text_printf("%s/%s", session->config.migrations, files->items[i]);

		if (unlink(path) != 0)
			fail(NULL, "could not remove \"%s\"", path);
		say("%sremoved%s   %s", paint(COLOR_RED), paint(COLOR_NONE), path);
	}
}

int
command_regen(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	char	   *bundle = read_bundle(session, arguments);
	StringList	files = new_files(session);
	PGresult   *tenants = applied_since(session, &files, "tenant");
	PGresult   *public = applied_since(session, &files, "public");
	int			generated;
	Call		call;

	if (PQntuples(tenants) + PQntuples(public) > 0)
		prompt_destroy(option_given(arguments, "force"),
					   text_printf("Rolling back %s, to generate again, loses what they added. Go on?",
								   count_of(PQntuples(tenants) + PQntuples(public), "migration", "migrations")));
	roll_back_new(session, tenants, "ashmig_rollback_tenants");
	roll_back_new(session, public, "ashmig_rollback");

	session_do(session, "BEGIN");
	forget_new(session, &files);
	generated = generate(session, arguments, bundle);
	remove_files(session, &files);
	if (generated == 0)
		say("No changes, so nothing was generated.");
	if (!option_given(arguments, "migrate"))
		return EXIT_DONE;
	call_begin(&call, session, "ashmig_migrate_all");
	return runs_call(&call, true);
}
