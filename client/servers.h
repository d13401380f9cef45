/*
 * servers.h
 *		Several servers, which one command works with: --servers, or -d more
 *		than once.
 *
 * A line of the file is a connection string, or a name and a connection string:
 *
 *		# production
 *		one = host=db1.example dbname=my_app
 *		two = service=prod2
 *		postgresql://db3.example/my_app
 */
#ifndef ASHMIG_SERVERS_H
#define ASHMIG_SERVERS_H

#include <stdbool.h>

#include "options.h"

typedef struct Server
{
	const char *name;			/* what people call it: never a password */
	const char *conninfo;		/* connection string, or the name of a
								 * database */
} Server;

typedef struct ServerList
{
	Server	   *items;
	int			count;
} ServerList;

/* Are several servers asked for? */
extern bool servers_given(const Arguments *arguments);

/* All of them, each name once.  Ends the program where the file is wrong. */
extern ServerList servers_read(const Arguments *arguments);

#endif							/* ASHMIG_SERVERS_H */
