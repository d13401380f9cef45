/*
 * command_move.c
 *		tenant move: a tenant goes to another server, with its rows.
 *
 * One transaction on the old server holds everything together: it keeps runs out
 * of the schema and writers out of its tables, until the tenant is there, or
 * stays here.  pg_dump and psql carry the rows.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "folder.h"
#include "output.h"
#include "prompt.h"
#include "session.h"

/* How long to wait for whoever writes to the tenant */
#define LOCK_TIMEOUT "10s"

/* ------------------------------------------------------------------------
 * The two servers
 * ------------------------------------------------------------------------
 */

/* A session on the server that the tenant goes to, which gets what the folder has */
static Session *
open_target(const Arguments *arguments)
{
	static const char *const of_source[] = {"dbname", "host", "port"};
	Arguments	other = *arguments;
	Session    *session;

	for (int i = 0; i < lengthof(of_source); i++)
		option_remove(&other, of_source[i]);
	option_set(&other, "dbname", option_value(arguments, "to"));
	session = session_open(&other);
	folder_tell_imported(session, folder_import(session, false));
	return session;
}

/*
 * What the program that carries the rows needs to connect as the session does: a
 * connection string, without the password, which goes by the environment.
 */
static char *
connection_string(const Session *session, const char **password)
{
	PQconninfoOption *options = PQconninfo(session->connection);
	Text		text;

	*password = PQpass(session->connection);
	text_open(&text);
	for (PQconninfoOption *option = options; option && option->keyword; option++)
	{
		if (option->val == NULL || option->val[0] == '\0' || strchr(option->dispchar, '*') ||
			strcmp(option->keyword, "fallback_application_name") == 0)
			continue;
		fprintf(text.out, "%s='", option->keyword);
		for (const char *c = option->val; *c; c++)
			fprintf(text.out, "%s%c", *c == '\'' || *c == '\\' ? "\\" : "", *c);
		fputs("' ", text.out);
	}
	PQconninfoFree(options);
	return text_close(&text);
}

/* The statement in the script of ashmig_export_tenant: what follows the comments and psql's own line */
static const char *
import_statement(const char *script)
{
	const char *statement = strstr(script, "\nSELECT ");

	if (statement == NULL)
		fail(NULL, "the server returned no script");
	return statement + 1;
}

/* Rows of each table of the tenant, as one text */
static char *
count_rows(Session *session, const char *tenant)
{
	const char *values[] = {tenant};
	PGresult   *tables = session_run(session, "SELECT relname FROM pg_catalog.pg_class"
									 " WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)"
									 " AND relkind = 'r' ORDER BY relname COLLATE \"C\"", 1, values);
	Text		text;

	text_open(&text);
	for (int row = 0; row < PQntuples(tables); row++)
	{
		const char *table = PQgetvalue(tables, row, 0);
		PGresult   *count = session_run(session, text_printf("SELECT pg_catalog.count(*) FROM ONLY %s.%s",
															 session_quote_name(session, tenant),
															 session_quote_name(session, table)), 0, NULL);

		fprintf(text.out, "%s: %s rows\n", table, PQgetvalue(count, 0, 0));
	}
	return text_close(&text);
}

/* Keep writers out of the tables, and readers in. */
static void
block_writes(Session *session, const char *tenant)
{
	const char *values[] = {tenant};
	PGresult   *tables = session_run(session, "SELECT relname FROM pg_catalog.pg_class"
									 " WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)"
									 " AND relkind IN ('r', 'p') ORDER BY oid", 1, values);

	session_do(session, "SET LOCAL lock_timeout = '" LOCK_TIMEOUT "'");
	session_do(session, "SET LOCAL idle_in_transaction_session_timeout = 0");
	for (int row = 0; row < PQntuples(tables); row++)
		session_do(session, text_printf("LOCK TABLE %s.%s IN SHARE MODE", session_quote_name(session, tenant),
										session_quote_name(session, PQgetvalue(tables, row, 0))));
}

/* Fails where the other server has a schema of that name, or lacks a migration. */
static void
check_target(Session *source, Session *target, const char *tenant)
{
	const char *values[] = {tenant, NULL};
	PGresult   *versions = session_run(source, "SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object("
									   "'repo', repo, 'version', version)), '[]') FROM ashmig.versions"
									   " WHERE schema_name = $1 AND scope = 'tenant'", 1, values);
	PGresult   *found;

	values[1] = PQgetvalue(versions, 0, 0);
	found = session_run(target, "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS here,"
						" (SELECT min(v.version) FROM pg_catalog.json_to_recordset($2) AS v (repo text, version bigint)"
						"  WHERE NOT EXISTS (SELECT FROM ashmig.migrations AS m WHERE m.scope = 'tenant'"
						"   AND m.repo = v.repo AND m.version = v.version)) AS missing", 2, values);
	if (strcmp(result_value(found, 0, "here"), "t") == 0)
		fail("Where it is left from an earlier attempt, drop it there: ashmig tenant drop, or DROP SCHEMA.",
			 "the other server has a schema \"%s\" already", tenant);
	if (result_value(found, 0, "missing"))
		fail(text_printf("Run there what SELECT ashmig_export_migrations(since => %s) returns here.",
						 result_value(found, 0, "missing")),
			 "the other server lacks migrations of tenant \"%s\"", tenant);
}

/* ------------------------------------------------------------------------
 * pg_dump and psql
 * ------------------------------------------------------------------------
 */

/* Start a program with one of its ends at a pipe, whose other end is returned. */
static pid_t
start(const Session *session, char **words, int end, int *other_end)
{
	const char *password;
	char	   *connection = connection_string(session, &password);
	int			ends[2];
	pid_t		process;

	if (pipe2(ends, O_CLOEXEC) != 0)
		fail(NULL, "could not open a pipe: %s", strerror(errno));
	fflush(stdout);
	process = fork();
	if (process < 0)
		fail(NULL, "could not start \"%s\": %s", words[0], strerror(errno));
	if (process == 0)
	{
		dup2(ends[end == STDIN_FILENO ? 0 : 1], end);
		if (password && password[0])
			setenv("PGPASSWORD", password, true);
		unsetenv("PGOPTIONS");
		words[1] = text_printf("--dbname=%s", connection);
		execvp(words[0], words);
		warn("ashmig: could not run \"%s\": %s", words[0], strerror(errno));
		_exit(EXIT_FAILED);
	}
	close(ends[end == STDIN_FILENO ? 0 : 1]);
	*other_end = ends[end == STDIN_FILENO ? 1 : 0];
	return process;
}

static bool
has_succeeded(pid_t process)
{
	int			status;

	while (waitpid(process, &status, 0) < 0)
	{
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Copy all that comes; false where it cannot be written. */
static bool
copy_all(int from, int to)
{
	char		chunk[65536];
	ssize_t		length;

	while ((length = read(from, chunk, sizeof(chunk))) != 0)
	{
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return false;
		for (ssize_t written = 0; written < length;)
		{
			ssize_t		part = write(to, chunk + written, length - written);

			if (part < 0 && errno != EINTR)
				return false;
			written += part > 0 ? part : 0;
		}
	}
	return true;
}

/*
 * Restore the dump in one transaction.  psql commits at the end of its input, so
 * it is not given one before pg_dump has said that all was well.
 */
static bool
carry_rows(const Session *source, const Session *target, const char *tenant)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	void		(*handlers[lengthof(ignored)]) (int);
	char	   *dump_words[] = {"pg_dump", NULL, text_printf("--schema=\"%s\"", tenant), NULL};
	char	   *restore_words[] = {"psql", NULL, "-Xq1", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", NULL};
	int			dumped;
	int			restored;
	pid_t		dump = start(source, dump_words, STDOUT_FILENO, &dumped);
	pid_t		restore = start(target, restore_words, STDIN_FILENO, &restored);
	bool		is_complete;

	/*
	 * Ctrl-C ends pg_dump, and by that the copy; not us, which would look
	 * like the end of the dump
	 */
	for (int i = 0; i < lengthof(ignored); i++)
		handlers[i] = signal(ignored[i], SIG_IGN);
	is_complete = copy_all(dumped, restored);
	close(dumped);
	is_complete = has_succeeded(dump) && is_complete;
	if (!is_complete)
		kill(restore, SIGKILL);
	close(restored);
	is_complete = has_succeeded(restore) && is_complete;
	for (int i = 0; i < lengthof(ignored); i++)
		signal(ignored[i], handlers[i]);
	return is_complete;
}

/* ------------------------------------------------------------------------
 * All of it
 * ------------------------------------------------------------------------
 */

/* Take away what was restored, and end. */
static void
__attribute__((noreturn))
undo(Session *target, const char *tenant, const PGresult *error)
{
	(void) session_try(target, "ROLLBACK", 0, NULL);
	(void) session_try(target, text_printf("DROP SCHEMA IF EXISTS %s CASCADE", session_quote_name(target, tenant)), 0, NULL);
	if (error)
		fail_with(error, target->connection);
	fail("Nothing was changed on the old server.", "tenant \"%s\" did not arrive as it is", tenant);
}

/* Register it there, and see whether all its rows have come. */
static void
import(Session *target, const char *tenant, const char *script, const char *rows)
{
	PGresult   *imported;

	session_do(target, "BEGIN");
	session_do(target, text_printf("SET LOCAL search_path = %s, pg_catalog, pg_temp", target->schema));
	imported = session_try(target, import_statement(script), 0, NULL);
	if (PQresultStatus(imported) != PGRES_TUPLES_OK)
		undo(target, tenant, imported);
	if (strcmp(count_rows(target, tenant), rows) != 0)
		undo(target, tenant, NULL);
	session_do(target, "COMMIT");
}

static void
drop(Session *source, const char *tenant)
{
	Call		call;

	call_begin(&call, source, "ashmig_drop_tenant");
	call_add(&call, "schema", "text", tenant);
	call_add(&call, "cascade", "bool", "true");
	PQclear(call_run(&call));
	say("dropped   tenant \"%s\" of the old server", tenant);
}

int
command_tenant_move(const Arguments *arguments)
{
	const char *tenant = arguments->words[0];
	bool		drop_old = option_given(arguments, "drop");
	Session    *source;
	Session    *target;
	Call		call;
	PGresult   *script;
	char	   *rows;

	if (!option_given(arguments, "to"))
		fail_usage("\"tenant move\" needs the other server: --to CONNECTION");
	source = session_open(arguments);
	target = open_target(arguments);
	if (drop_old)
		prompt_destroy(option_given(arguments, "force"),
					   text_printf("Tenant \"%s\" of database \"%s\" is dropped when it has arrived. Go on?",
								   tenant, PQdb(source->connection)));
	session_do(source, "BEGIN ISOLATION LEVEL READ COMMITTED");
	call_begin(&call, source, "ashmig_export_tenant");
	call_add(&call, "schema", "text", tenant);
	script = call_run(&call);
	check_target(source, target, tenant);
	block_writes(source, tenant);
	rows = count_rows(source, tenant);
	if (!carry_rows(source, target, tenant))
		fail("Nothing was changed on either server.", "the rows of tenant \"%s\" could not be copied", tenant);
	import(target, tenant, PQgetvalue(script, 0, 0), rows);
	say("moved     tenant \"%s\" to database \"%s\"", tenant, PQdb(target->connection));
	if (drop_old)
		drop(source, tenant);
	session_do(source, "COMMIT");
	if (!drop_old)
		say("It is still on the old server as well: \"ashmig tenant drop %s --cascade\" drops it there.", tenant);
	return EXIT_DONE;
}
