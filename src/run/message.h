/*
 * message.h
 *		What a leader and its workers tell each other, as bytes.
 *
 * Both run the same code on the same machine, so integers go as they are.
 * What is read is palloc'd in the current memory context.
 */
#ifndef ASHMIG_MESSAGE_H
#define ASHMIG_MESSAGE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "migrate/options.h"
#include "migrate/results.h"

/*
 * First byte of a result, and of the value of a statement; PostgreSQL's own
 * messages are 'E', 'N', ...
 */
#define MESSAGE_RESULT 'r'
#define MESSAGE_VALUE 'v'

extern void message_put_int(StringInfo message, int64 value);
extern int64 message_get_int(StringInfo message);

/* Strings may be NULL. */
extern void message_put_string(StringInfo message, const char *value);
extern char *message_get_string(StringInfo message);

extern void message_put_options(StringInfo message, const RunOptions *options);
extern void message_get_options(StringInfo message, RunOptions *options);

/* A result, and the position of its schema in the work list */
extern void message_put_result(StringInfo message, int item, const RunResult *result);
extern RunResult *message_get_result(StringInfo message, int *item);

/* One SQL statement with its parameters, as SPI_execute_with_args takes it */
typedef struct MessageStatement
{
	char	   *sql;
	int			nargs;
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} MessageStatement;

/* "nulls" may be NULL. */
extern void message_put_statement(StringInfo message, const char *sql, int nargs, Oid *types,
								  Datum *values, bool *nulls);
extern MessageStatement message_get_statement(StringInfo message);

#endif							/* ASHMIG_MESSAGE_H */
