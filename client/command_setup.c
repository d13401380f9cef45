/*
 * command_setup.c
 *		init, create, drop: an application's settings, and its database.
 */
#include <unistd.h>

#include "commands.h"
#include "output.h"
#include "prompt.h"
#include "session.h"

/* The database from which others are created and dropped */
#define MAINTENANCE_DATABASE "postgres"

/*
 * Create the extension where it is missing.  Where the role may not, a
 * superuser has to.
 */
static int
create_extension(Session *session)
{
	PGresult   *result;

	if (session_find_extension(session))
	{
		say("The extension is there already.");
		return EXIT_DONE;
	}
	result = session_try(session, "CREATE EXTENSION ashmig", 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
	{
		output_error(result, session->connection,
					 text_printf("Let a superuser run this in database \"%s\": CREATE EXTENSION ashmig;",
								 PQdb(session->connection)));
		return EXIT_FAILED;
	}
	say("created   extension ashmig in database \"%s\"", PQdb(session->connection));
	return EXIT_DONE;
}

int
command_init(const Arguments *arguments)
{
	const char *path = option_value(arguments, "config") ? option_value(arguments, "config") : CONFIG_NAME;
	Session    *session;

	if (access(path, F_OK) == 0)
		say("%s is there already.", path);
	else
	{
		Config		config = {
			.snapshots = option_value(arguments, "snapshots"),
			.migrations = option_value(arguments, "migrations"),
			.repo = option_value(arguments, "repo"),
			.database = option_value(arguments, "dbname")
		};

		config.snapshots = config.snapshots ? config.snapshots : "priv/resource_snapshots";
		config.migrations = config.migrations ? config.migrations : "priv/ashmig";
		config_write(path, &config);
		report_text("file", path);
		say("%swrote%s     %s", paint(COLOR_GREEN), paint(COLOR_NONE), path);
	}
	session = session_try_connect(arguments, NULL);
	if (PQstatus(session->connection) == CONNECTION_OK)
		return create_extension(session);
	say("The database cannot be reached (yet). \"ashmig create\" creates it, with the extension.\n%s",
		text_trim(PQerrorMessage(session->connection)));
	return EXIT_DONE;
}

int
command_create(const Arguments *arguments)
{
	const char *name = session_database(arguments);
	Session    *session = session_connect(arguments, MAINTENANCE_DATABASE);
	PGresult   *found = session_run(session, "SELECT FROM pg_catalog.pg_database WHERE datname = $1", 1, &name);

	if (PQntuples(found) > 0)
		say("The database \"%s\" is there already.", name);
	else
	{
		const char *owner = option_value(arguments, "owner");
		const char *template = option_value(arguments, "template");

		session_do(session, text_printf("CREATE DATABASE %s%s%s%s%s", session_quote_name(session, name),
										owner ? " OWNER " : "", owner ? session_quote_name(session, owner) : "",
										template ? " TEMPLATE " : "",
										template ? session_quote_name(session, template) : ""));
		say("created   database \"%s\"", name);
	}
	PQfinish(session->connection);
	return create_extension(session_connect(arguments, NULL));
}

int
command_drop(const Arguments *arguments)
{
	const char *name = session_database(arguments);
	Session    *session = session_connect(arguments, MAINTENANCE_DATABASE);
	PGresult   *found = session_run(session, "SELECT FROM pg_catalog.pg_database WHERE datname = $1", 1, &name);

	if (PQntuples(found) == 0)
	{
		say("There is no database \"%s\".", name);
		return EXIT_DONE;
	}
	prompt_destroy(option_given(arguments, "force"),
				   text_printf("Dropping database \"%s\" destroys all that is in it. Go on?", name));
	session_do(session, text_printf("DROP DATABASE %s%s", session_quote_name(session, name),
									option_given(arguments, "force-drop") ? " WITH (FORCE)" : ""));
	say("dropped   database \"%s\"", name);
	return EXIT_DONE;
}
