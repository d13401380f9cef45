/*
 * session.h
 *		The connection to the server, and the statements that run over it.
 *
 * An error of the server ends the program, but for session_try().  Ctrl-C
 * cancels the statement that runs; its error then ends the program like any
 * other.
 */
#ifndef ASHMIG_SESSION_H
#define ASHMIG_SESSION_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "config.h"
#include "options.h"
#include "text.h"

typedef struct Session
{
	PGconn	   *connection;
	Config		config;
	const char *schema;			/* of the functions, quoted; NULL: there is no
								 * extension */
} Session;

/* Connect.  Without the extension in the database, the program ends. */
extern Session *session_open(const Arguments *arguments);

/* Connect, with or without it; "dbname": to this database instead, or NULL */
extern Session *session_connect(const Arguments *arguments, const char *dbname);

/* The same; whether it worked, PQstatus() says. */
extern Session *session_try_connect(const Arguments *arguments, const char *dbname);

/*
 * Look for the extension: session->schema.  If it is there, search_path is
 * pinned to pg_catalog from now on.
 */
extern bool session_find_extension(Session *session);

/* The name of the database that the options ask for */
extern const char *session_database(const Arguments *arguments);

/* Run one statement with so many parameters, in text form. */
extern PGresult *session_run(Session *session, const char *sql, int nparams, const char *const *values);

/* The same; where it fails, the result has the error. */
extern PGresult *session_try(Session *session, const char *sql, int nparams, const char *const *values);

/* A statement without parameters or result */
extern void session_do(Session *session, const char *sql);

/* Called about once a second while a statement runs */
typedef void (*SessionTick) (void *argument);

extern void session_on_tick(SessionTick tick, void *argument);

/* Was the statement that ran last canceled by Ctrl-C? */
extern bool session_was_interrupted(void);

/* Quoted for SQL */
extern char *session_quote_name(Session *session, const char *name);

/* ------------------------------------------------------------------------
 * Calls of ashmig's functions
 *
 *		Call	call;
 *
 *		call_begin(&call, session, "ashmig_migrate_all");
 *		call_options(&call, arguments);
 *		result = call_run(&call);
 * ------------------------------------------------------------------------
 */

#define CALL_MAX_VALUES 32

typedef struct Call
{
	Session    *session;
	Text		sql;
	const char *values[CALL_MAX_VALUES];
	int			nvalues;
} Call;

/* SELECT * FROM it; for a procedure, CALL it */
extern void call_begin(Call *call, Session *session, const char *function);
extern void call_begin_procedure(Call *call, Session *session, const char *procedure);

/* "name => value"; of a text[], the value has commas between its elements */
extern void call_add(Call *call, const char *argument, const char *type, const char *value);

/* All options that were given and that an argument of the function takes */
extern void call_options(Call *call, const Arguments *arguments);

extern PGresult *call_run(Call *call);
extern PGresult *call_try(Call *call);

#endif							/* ASHMIG_SESSION_H */
