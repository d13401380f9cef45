/*
 * message.c
 *		What a leader and its workers tell each other: see message.h.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "run/message.h"

/* An integer */
void
message_put_int(StringInfo message, int64 value)
{
	appendBinaryStringInfo(message, (const char *) &value, sizeof(value));
}

int64
message_get_int(StringInfo message)
{
	int64		value;

	pq_copymsgbytes(message, (char *) &value, sizeof(value));
	return value;
}

/* A string or NULL: its length, -1 for NULL, and the bytes */
void
message_put_string(StringInfo message, const char *value)
{
	message_put_int(message, value ? (int64) strlen(value) : -1);
	if (value)
		appendBinaryStringInfo(message, value, strlen(value));
}

char *
message_get_string(StringInfo message)
{
	int64		length = message_get_int(message);
	char	   *value;

	if (length < 0)
		return NULL;
	value = palloc(length + 1);
	pq_copymsgbytes(message, value, length);
	value[length] = '\0';
	return value;
}

/*
 * Options.  "only" and "except" are not among them: they have done their work
 * when the schemas are known.  "run_tenants" then says that a tenant that comes
 * later is to be done as well: all that is pending is, everywhere.
 */
void
message_put_options(StringInfo message, const RunOptions *options)
{
	ListCell   *lc;

	message_put_int(message, options->down);
	message_put_int(message, options->repair);
	message_put_int(message, options->run_tenants && !options->down && options->step == 0 &&
					!options->has_only && options->except == NIL);
	message_put_string(message, options->repo);
	message_put_string(message, options->prefix);
	message_put_int(message, options->to);
	message_put_int(message, options->step);
	message_put_int(message, options->all);
	message_put_int(message, options->on_error);
	message_put_int(message, options->canary);
	message_put_int(message, options->max_failures);
	message_put_int(message, options->run_until);
	message_put_int(message, options->strict_version_order);
	message_put_int(message, options->log_sql);
	message_put_int(message, options->quiet);
	message_put_int(message, options->lock_timeout);
	message_put_int(message, options->lock_retries);
	message_put_int(message, list_length(options->versions));
	foreach(lc, options->versions)
		message_put_int(message, *(int64 *) lfirst(lc));
}

void
message_get_options(StringInfo message, RunOptions *options)
{
	int			n;

	memset(options, 0, sizeof(RunOptions));
	options->down = message_get_int(message);
	options->repair = message_get_int(message);
	options->run_tenants = message_get_int(message);
	options->repo = message_get_string(message);
	options->prefix = message_get_string(message);
	options->to = message_get_int(message);
	options->step = message_get_int(message);
	options->all = message_get_int(message);
	options->on_error = message_get_int(message);
	options->canary = message_get_int(message);
	options->max_failures = message_get_int(message);
	options->run_until = message_get_int(message);
	options->strict_version_order = message_get_int(message);
	options->log_sql = message_get_int(message);
	options->quiet = message_get_int(message);
	options->lock_timeout = message_get_int(message);
	options->lock_retries = message_get_int(message);
	n = message_get_int(message);
	for (int i = 0; i < n; i++)
	{
		int64	   *version = palloc(sizeof(int64));

		*version = message_get_int(message);
		options->versions = lappend(options->versions, version);
	}
}

/* An error's parts that a user sees */
static void
put_error(StringInfo message, const ErrorData *error)
{
	message_put_int(message, error->sqlerrcode);
	message_put_string(message, error->message);
	message_put_string(message, error->detail);
	message_put_string(message, error->hint);
	message_put_string(message, error->context);
	message_put_string(message, error->internalquery);
	message_put_int(message, error->internalpos);
}

static ErrorData *
get_error(StringInfo message)
{
	ErrorData  *error = palloc0(sizeof(ErrorData));

	error->elevel = ERROR;
	error->sqlerrcode = message_get_int(message);
	error->message = message_get_string(message);
	error->detail = message_get_string(message);
	error->hint = message_get_string(message);
	error->context = message_get_string(message);
	error->internalquery = message_get_string(message);
	error->internalpos = message_get_int(message);
	error->assoc_context = CurrentMemoryContext;
	return error;
}

/* A result */
void
message_put_result(StringInfo message, int item, const RunResult *result)
{
	message_put_int(message, item);
	message_put_int(message, result->scope);
	message_put_string(message, result->schema);
	message_put_int(message, result->status);
	message_put_int(message, result->applied);
	message_put_int(message, result->version);
	message_put_int(message, result->elapsed);
	message_put_int(message, result->attempts);
	message_put_int(message, result->error != NULL);
	if (result->error)
		put_error(message, result->error);
}

/* The first byte has been read. */
RunResult *
message_get_result(StringInfo message, int *item)
{
	RunResult  *result = palloc0(sizeof(RunResult));

	*item = message_get_int(message);
	result->scope = message_get_int(message);
	result->schema = message_get_string(message);
	result->status = message_get_int(message);
	result->applied = message_get_int(message);
	result->version = message_get_int(message);
	result->elapsed = message_get_int(message);
	result->attempts = message_get_int(message);
	if (message_get_int(message))
		result->error = get_error(message);
	return result;
}

/* A statement: its text, the parameters' types, and their values as Datums */
void
message_put_statement(StringInfo message, const char *sql, int nargs, Oid *types,
					  Datum *values, bool *nulls)
{
	message_put_string(message, sql);
	message_put_int(message, nargs);
	for (int i = 0; i < nargs; i++)
		message_put_int(message, types[i]);
	for (int i = 0; i < nargs; i++)
	{
		int16		length;
		bool		by_value;
		Datum		value = values[i];
		bool		isnull = nulls && nulls[i];
		Size		size;
		char	   *at;

		get_typlenbyval(types[i], &length, &by_value);
		if (!isnull && length == -1)
			value = PointerGetDatum(PG_DETOAST_DATUM(value));
		size = datumEstimateSpace(value, isnull, by_value, length);
		enlargeStringInfo(message, size);
		at = message->data + message->len;
		datumSerialize(value, isnull, by_value, length, &at);
		message->len += size;
	}
}

/* The types exist in this database, so the Datums are as they were. */
MessageStatement
message_get_statement(StringInfo message)
{
	MessageStatement statement;
	int			nargs;
	char	   *at;

	statement.sql = message_get_string(message);
	statement.nargs = nargs = message_get_int(message);
	statement.types = palloc(sizeof(Oid) * Max(nargs, 1));
	statement.values = palloc(sizeof(Datum) * Max(nargs, 1));
	statement.nulls = palloc(Max(nargs, 1));
	for (int i = 0; i < nargs; i++)
		statement.types[i] = message_get_int(message);
	at = message->data + message->cursor;
	for (int i = 0; i < nargs; i++)
	{
		bool		isnull;

		statement.values[i] = datumRestore(&at, &isnull);
		statement.nulls[i] = isnull ? 'n' : ' ';
	}
	message->cursor = at - message->data;
	return statement;
}
