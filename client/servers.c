/*
 * servers.c
 *		Several servers: see servers.h.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <libpq-fe.h>

#include "folder.h"
#include "output.h"
#include "servers.h"
#include "text.h"

static int
count_given(const Arguments *arguments, const char *name)
{
	int			count = 0;

	for (int i = 0; i < arguments->ngiven; i++)
		count += strcmp(arguments->given[i].option->name, name) == 0;
	return count;
}

bool
servers_given(const Arguments *arguments)
{
	return option_given(arguments, "servers") || count_given(arguments, "dbname") > 1;
}

static bool
is_uri(const char *text)
{
	return text_starts(text, "postgres://") || text_starts(text, "postgresql://");
}

/* Is it one of the words that connection strings have before "="? */
static bool
is_keyword(const char *word)
{
	PQconninfoOption *options = PQconndefaults();
	bool		found = false;

	for (PQconninfoOption *option = options; option && option->keyword; option++)
		found = found || strcmp(option->keyword, word) == 0;
	PQconninfoFree(options);
	return found;
}

/* The value of a keyword; NULL: the connection string does not say */
static const char *
keyword_value(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
	{
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	}
	return NULL;
}

/*
 * What to call a server that has no name: its service, or host, port and database.
 */
static const char *
name_of(const char *conninfo, const char *where)
{
	PQconninfoOption *options;
	const char *service;
	const char *host;
	const char *port;
	const char *database;
	char	   *message;

	if (!is_uri(conninfo) && strchr(conninfo, '=') == NULL)
		return conninfo;
	options = PQconninfoParse(conninfo, &message);
	if (options == NULL)
		fail(NULL, "%s%s", where, text_trim(message));
	service = keyword_value(options, "service");
	host = keyword_value(options, "host");
	port = keyword_value(options, "port");
	database = keyword_value(options, "dbname");
	if (host == NULL)
		host = keyword_value(options, "hostaddr");
	if (service)
		return service;
	return text_printf("%s%s%s%s%s", host ? host : "", port ? ":" : "", port ? port : "",
					   database && (host || port) ? "/" : "", database ? database : "");
}

/* Add a server; one that has no name gets one. */
static void
add_server(ServerList *servers, const char *name, const char *conninfo, const char *where)
{
	Server	   *items = allocate(sizeof(Server) * (servers->count + 1));
	const char *derived = name_of(conninfo, where);

	if (name == NULL)
		name = derived[0] ? derived : conninfo;
	for (int i = 0; i < servers->count; i++)
	{
		if (strcmp(servers->items[i].name, name) == 0)
			fail("Give each a name of its own: \"NAME = CONNECTION STRING\".",
				 "%stwo servers are called \"%s\"", where, name);
		items[i] = servers->items[i];
	}
	items[servers->count].name = name;
	items[servers->count].conninfo = conninfo;
	servers->items = items;
	servers->count++;
}

/*
 * A line is "name = connection string" unless its first word is a keyword of
 * connection strings.
 */
static void
read_line(ServerList *servers, char *line, const char *where)
{
	char	   *equals;
	char	   *name;

	line = text_trim(line);
	if (line[0] == '\0' || line[0] == '#')
		return;
	equals = is_uri(line) ? NULL : strchr(line, '=');
	name = equals ? text_trim(text_cut(line, equals - line)) : NULL;
	if (name == NULL || is_keyword(name))
	{
		add_server(servers, NULL, line, where);
		return;
	}
	line = text_trim(equals + 1);
	if (name[0] == '\0' || line[0] == '\0' || strpbrk(name, " \t"))
		fail("A line is \"CONNECTION STRING\" or \"NAME = CONNECTION STRING\".",
			 "%sneither a connection string nor a name with one", where);
	add_server(servers, name, line, where);
}

static void
read_file(ServerList *servers, const char *path)
{
	char	   *line = folder_read_file(path);

	for (int number = 1; line; number++)
	{
		char	   *end = strchr(line, '\n');

		if (end)
			*end++ = '\0';
		read_line(servers, line, text_printf("%s, line %d: ", path, number));
		line = end;
	}
	if (servers->count == 0)
		fail("A line is \"CONNECTION STRING\" or \"NAME = CONNECTION STRING\".",
			 "\"%s\" names no server", path);
}

ServerList
servers_read(const Arguments *arguments)
{
	ServerList	servers = {0};

	if (option_given(arguments, "host") || option_given(arguments, "port"))
		fail_usage("--host and --port are for one server; several have their own in their connection strings");
	if (option_given(arguments, "servers"))
		read_file(&servers, option_value(arguments, "servers"));
	for (int i = 0; i < arguments->ngiven; i++)
	{
		if (strcmp(arguments->given[i].option->name, "dbname") == 0)
			add_server(&servers, NULL, arguments->given[i].value, "");
	}
	return servers;
}
