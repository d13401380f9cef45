/*
 * session.c
 *		The connection to the server: see session.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "prompt.h"
#include "session.h"

/* How often a running statement's tick is called */
static const struct timespec tick_pause = {.tv_sec = 1};

static SessionTick on_tick;
static void *tick_argument;
static volatile sig_atomic_t interrupted;
static bool was_interrupted;

void
session_on_tick(SessionTick tick, void *argument)
{
	on_tick = tick;
	tick_argument = argument;
}

bool
session_was_interrupted(void)
{
	return was_interrupted;
}

/* ------------------------------------------------------------------------
 * Connecting
 * ------------------------------------------------------------------------
 */

/* Does the environment say which database? */
static bool
environment_names_database(void)
{
	return getenv("PGDATABASE") || getenv("PGSERVICE");
}

/*
 * Database name or connection string: of the options, else of the environment
 * (NULL: libpq looks there), else of .ashmig.
 */
static const char *
wanted_database(const Arguments *arguments, const Config *config)
{
	const char *given = option_value(arguments, "dbname");

	if (given || environment_names_database())
		return given;
	return config->database;
}

static PGconn *
connect_once(const Arguments *arguments, const char *database, const char *other, const char *password)
{
	/*
	 * A later keyword wins over an earlier one, and over what dbname expands
	 * to.
	 */
	const char *keywords[] = {"fallback_application_name", "dbname", "host", "port", "user", "password",
	"client_encoding", other ? "dbname" : NULL, NULL};
	const char *values[] = {"ashmig", database, option_value(arguments, "host"),
	option_value(arguments, "port"), option_value(arguments, "username"), password, "UTF8", other, NULL};

	return PQconnectdbParams(keywords, values, 1);
}

Session *
session_try_connect(const Arguments *arguments, const char *dbname)
{
	Session    *session = allocate(sizeof(Session));
	const char *database;
	const char *password = NULL;

	session->config = config_read(option_value(arguments, "config"));
	database = wanted_database(arguments, &session->config);
	if (option_given(arguments, "password"))
		password = prompt_password(option_value(arguments, "username"));
	session->connection = connect_once(arguments, database, dbname, password);
	if (PQstatus(session->connection) == CONNECTION_BAD && PQconnectionNeedsPassword(session->connection) &&
		password == NULL && !option_given(arguments, "no-password"))
	{
		password = prompt_password(PQuser(session->connection));
		PQfinish(session->connection);
		session->connection = connect_once(arguments, database, dbname, password);
	}
	PQsetNoticeReceiver(session->connection, output_notice, NULL);
	return session;
}

Session *
session_connect(const Arguments *arguments, const char *dbname)
{
	Session    *session = session_try_connect(arguments, dbname);

	if (PQstatus(session->connection) == CONNECTION_BAD)
		fail_with(NULL, session->connection);
	return session;
}

const char *
session_database(const Arguments *arguments)
{
	Config		config = config_read(option_value(arguments, "config"));
	const char *database = wanted_database(arguments, &config);
	PQconninfoOption *options = NULL;

	/* libpq's own defaults, or those of a connection string */
	if (database && (strchr(database, '=') || text_starts(database, "postgres://") ||
					 text_starts(database, "postgresql://")))
	{
		char	   *message;

		options = PQconninfoParse(database, &message);
		if (options == NULL)
			fail(NULL, "%s", text_trim(message));
	}
	else if (database)
		return database;
	else
		options = PQconndefaults();
	for (PQconninfoOption *option = options; option && option->keyword; option++)
	{
		if (strcmp(option->keyword, "dbname") == 0 && option->val)
			return option->val;
	}
	fail("Name it with -d, or in .ashmig.", "no database was named");
}

bool
session_find_extension(Session *session)
{
	PGresult   *result = session_run(session, "SELECT n.nspname,"
									 " pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)"
									 " FROM pg_catalog.pg_extension e"
									 " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
									 " WHERE e.extname = 'ashmig'", 0, NULL);

	session->schema = PQntuples(result) ? session_quote_name(session, PQgetvalue(result, 0, 0)) : NULL;
	return session->schema != NULL;
}

Session *
session_open(const Arguments *arguments)
{
	Session    *session = session_connect(arguments, NULL);

	if (!session_find_extension(session))
		fail("Run \"ashmig init\", or CREATE EXTENSION ashmig as a superuser.",
			 "database \"%s\" does not have the extension ashmig", PQdb(session->connection));
	return session;
}

char *
session_quote_name(Session *session, const char *name)
{
	char	   *quoted = PQescapeIdentifier(session->connection, name, strlen(name));

	if (quoted == NULL)
		fail_with(NULL, session->connection);
	return quoted;
}

/* ------------------------------------------------------------------------
 * Running
 * ------------------------------------------------------------------------
 */

static void
note_interrupt(int signal)
{
	interrupted = 1;
}

/*
 * Ask the server to cancel; the answer comes as the statement's error.  Whoever
 * presses Ctrl-C again does not wait for it.
 */
static void
cancel(PGconn *connection)
{
	PGcancel   *request = PQgetCancel(connection);
	char		message[256];

	signal(SIGINT, SIG_DFL);
	warn("Canceling ...");
	if (request && !PQcancel(request, message, sizeof(message)))
		warn("ashmig: could not cancel: %s", message);
	PQfreeCancel(request);
	was_interrupted = true;
}

/*
 * Wait until the statement's result can be read.  SIGINT is only let in by
 * ppoll, so that none comes between looking and sleeping.
 */
static void
wait_for_result(PGconn *connection)
{
	struct sigaction action = {.sa_handler = note_interrupt};
	struct sigaction old_action;
	sigset_t	blocked;
	sigset_t	old_blocked;

	interrupted = 0;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &old_blocked);
	sigaction(SIGINT, &action, &old_action);
	while (PQisBusy(connection) && PQstatus(connection) != CONNECTION_BAD)
	{
		struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN};
		int			ready = ppoll(&socket, 1, on_tick ? &tick_pause : NULL, &old_blocked);

		if (interrupted && !was_interrupted)
			cancel(connection);
		if (ready == 0)
			on_tick(tick_argument);
		else if (ready > 0 && !PQconsumeInput(connection))
			break;				/* the next PQgetResult says why */
	}
	sigaction(SIGINT, &old_action, NULL);
	sigprocmask(SIG_SETMASK, &old_blocked, NULL);
}

static bool
succeeded(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/*
 * Of several results the first error counts: after the one that says why the
 * server ends the connection, there is one that says that it is gone.
 */
PGresult *
session_try(Session *session, const char *sql, int nparams, const char *const *values)
{
	PGconn	   *connection = session->connection;
	PGresult   *result = NULL;
	PGresult   *next;

	was_interrupted = false;
	if (!PQsendQueryParams(connection, sql, nparams, NULL, values, NULL, NULL, 0))
		fail_with(NULL, connection);
	do
	{
		wait_for_result(connection);
		next = PQgetResult(connection);
		if (next && (result == NULL || succeeded(result)))
			result = next;
	} while (next && PQstatus(connection) != CONNECTION_BAD);
	output_status_line(NULL);
	if (result == NULL || PQstatus(connection) == CONNECTION_BAD)
		fail_with(result, connection);
	return result;
}

PGresult *
session_run(Session *session, const char *sql, int nparams, const char *const *values)
{
	PGresult   *result = session_try(session, sql, nparams, values);

	if (!succeeded(result))
		fail_with(result, session->connection);
	return result;
}

void
session_do(Session *session, const char *sql)
{
	PQclear(session_run(session, sql, 0, NULL));
}

/* ------------------------------------------------------------------------
 * Calls
 * ------------------------------------------------------------------------
 */

static void
begin(Call *call, Session *session, const char *words, const char *function)
{
	memset(call, 0, sizeof(*call));
	call->session = session;
	text_open(&call->sql);
	fprintf(call->sql.out, "%s %s.%s(", words, session->schema, function);
}

void
call_begin(Call *call, Session *session, const char *function)
{
	begin(call, session, "SELECT * FROM", function);
}

void
call_begin_procedure(Call *call, Session *session, const char *procedure)
{
	begin(call, session, "CALL", procedure);
}

void
call_add(Call *call, const char *argument, const char *type, const char *value)
{
	if (value == NULL)
		return;
	if (call->nvalues == CALL_MAX_VALUES)
		fail(NULL, "too many options");
	fprintf(call->sql.out, "%s%s => ", call->nvalues ? ", " : "", argument);
	if (strcmp(type, "text[]") == 0)
		fprintf(call->sql.out, "pg_catalog.string_to_array($%d, ',')", call->nvalues + 1);
	else
		fprintf(call->sql.out, "$%d::pg_catalog.%s", call->nvalues + 1, type);
	call->values[call->nvalues++] = value;
}

void
call_options(Call *call, const Arguments *arguments)
{
	for (int i = 0; i < arguments->ngiven; i++)
	{
		const Option *option = arguments->given[i].option;

		/* where it was given twice, the last one counts */
		if (option->argument && option_value(arguments, option->name) == arguments->given[i].value)
			call_add(call, option->argument, option->type, arguments->given[i].value);
	}
}

PGresult *
call_try(Call *call)
{
	char	   *sql;

	fputc(')', call->sql.out);
	sql = text_close(&call->sql);
	return session_try(call->session, sql, call->nvalues, call->values);
}

PGresult *
call_run(Call *call)
{
	PGresult   *result = call_try(call);

	if (!succeeded(result))
		fail_with(result, call->session->connection);
	return result;
}
