/*
 * results.c
 *		What a run did: see results.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/hsearch.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/name_table.h"
#include "metadata/catalog_migrations.h"
#include "migrate/results.h"

/*
 * The status as users see it; ashmig.run_schemas has the same words.
 */
const char *
run_status_name(RunStatus status)
{
	switch (status)
	{
		case RUN_NOTHING:
			return "nothing";
		case RUN_APPLIED:
			return "applied";
		case RUN_ROLLED_BACK:
			return "rolled_back";
		case RUN_REPAIRED:
			return "repaired";
		case RUN_BACKGROUND:
			return "background";
		case RUN_PENDING:
			return "pending";
		case RUN_MISSING:
			return "missing";
		case RUN_NOT_APPLIED:
			return "not_applied";
		case RUN_SKIPPED:
			return "skipped";
		case RUN_FAILED:
			return "failed";
	}
	return "unknown";
}

/*
 * The result of a schema that is not run.
 */
RunResult *
results_without_run(Scope scope, const char *schema, RunStatus status)
{
	RunResult  *result = palloc0(sizeof(RunResult));

	result->scope = scope;
	result->schema = pstrdup(schema);
	result->status = status;
	return result;
}

/*
 * The result of a schema that the end of the run came before.  What only had no
 * time left is as it was, and no failure is the reason.
 */
RunResult *
results_stopped(Scope scope, const char *schema, StopReason stop)
{
	RunResult  *result = results_without_run(scope, schema, stop == STOP_RUN_UNTIL ? RUN_PENDING : RUN_SKIPPED);

	result->stop = stop;
	return result;
}

/*
 * Why no further schema was begun.
 */
const char *
results_stop_reason(StopReason stop)
{
	switch (stop)
	{
		case STOP_NONE:
		case STOP_ON_ERROR:
			return NULL;
		case STOP_CANARY:
			return "a canary failed";
		case STOP_MAX_FAILURES:
			return "max_failures was reached";
		case STOP_RUN_UNTIL:
			return "run_until has passed";
	}
	return NULL;				/* keep compiler quiet */
}

/* A schema with its result, in results_merge */
typedef struct MergedResult
{
	const char *name;
	RunResult  *result;
} MergedResult;

/*
 * One list of results out of those of two stages.
 */
List *
results_merge(List *earlier, List *later)
{
	HTAB	   *merged[NUM_SCOPES];
	ListCell   *lc;

	if (earlier == NIL)
		return later;
	for (int scope = 0; scope < NUM_SCOPES; scope++)
		merged[scope] = name_table_create("ashmig results", sizeof(MergedResult));
	foreach(lc, earlier)
	{
		RunResult  *result = lfirst(lc);
		MergedResult *entry = hash_search(merged[result->scope], &result->schema, HASH_ENTER, NULL);

		entry->result = result;
	}
	foreach(lc, later)
	{
		RunResult  *result = lfirst(lc);
		bool		found;
		MergedResult *entry = hash_search(merged[result->scope], &result->schema, HASH_ENTER, &found);

		if (found)
		{
			result->applied += entry->result->applied;
			result->elapsed += entry->result->elapsed;
			*entry->result = *result;
		}
		else
		{
			entry->result = result;
			earlier = lappend(earlier, result);
		}
	}
	for (int scope = 0; scope < NUM_SCOPES; scope++)
		hash_destroy(merged[scope]);
	return earlier;
}

/*
 * Is anything left to the background, or to another run?
 */
bool
results_are_left(const List *results)
{
	ListCell   *lc;

	foreach(lc, results)
	{
		const RunResult *result = lfirst(lc);

		if (result->status == RUN_BACKGROUND || result->status == RUN_PENDING)
			return true;
	}
	return false;
}

/* Longer lines, statements mostly, are cut; in bytes. */
#define LONGEST_LINE 400

/* Append text whose lines begin with two spaces each. */
static void
append_lines(StringInfo buf, const char *text)
{
	if (text == NULL)
		return;
	appendStringInfoString(buf, "\n  ");
	for (const char *line = text; *line;)
	{
		int			length = strcspn(line, "\n");
		int			shown = length <= LONGEST_LINE ? length : pg_mbcliplen(line, length, LONGEST_LINE);

		appendBinaryStringInfo(buf, line, shown);
		if (shown < length)
			appendStringInfo(buf, "... (%d bytes)", length);
		line += length;
		if (*line == '\n')
		{
			appendStringInfoString(buf, "\n  ");
			line++;
		}
	}
}

/*
 * What is to be known of an error beyond its message.
 */
void
results_append_details(StringInfo buf, const ErrorData *error)
{
	append_lines(buf, error->detail);
	append_lines(buf, error->hint);
	append_lines(buf, error->context);
}

/* Schemas that the error tells about; ashmig.run_schemas has them all. */
#define MAX_DETAILS 10

/*
 * Is there a failure among the results?
 */
bool
results_have_failure(List *results)
{
	foreach_ptr(RunResult, result, results)
	{
		if (result->status == RUN_FAILED)
			return true;
	}
	return false;
}

/* One failure in a few lines */
static void
append_failure(StringInfo buf, const RunResult *result)
{
	const ErrorData *error = result->error;

	appendStringInfo(buf, "%s \"%s\": %s (SQLSTATE %s)",
					 result->scope == SCOPE_TENANT ? "tenant" : "public schema", result->schema,
					 error->message, unpack_sql_state(error->sqlerrcode));
	if (result->attempts > 1)
		appendStringInfo(buf, ", after %d attempts", result->attempts);
	results_append_details(buf, error);
	appendStringInfoChar(buf, '\n');
}

/* The first failures */
static char *
failure_details(List *results)
{
	StringInfoData buf;
	int			n = 0;

	initStringInfo(&buf);
	foreach_ptr(const RunResult, result, results)
	{
		if (result->status != RUN_FAILED)
			continue;
		if (++n > MAX_DETAILS)
		{
			appendStringInfoString(&buf, "... and more; see ashmig.run_schemas.\n");
			break;
		}
		append_failure(&buf, result);
	}
	buf.data[buf.len - 1] = '\0';	/* the last newline */
	return buf.data;
}

/*
 * Raise where something failed.
 */
void
results_raise_failure(List *results)
{
	results_raise_failure_with(results, NULL);
}

void
results_raise_failure_with(List *results, const char *hint)
{
	const RunResult *first = NULL;
	const char *stopped = NULL;
	int			failed = 0;
	int			skipped = 0;

	foreach_ptr(const RunResult, result, results)
	{
		if ((result->status == RUN_SKIPPED || result->stop != STOP_NONE) && result->reason == NULL)
			skipped++;
		if (result->stop != STOP_NONE)
			stopped = results_stop_reason(result->stop);
		if (result->status != RUN_FAILED)
			continue;
		failed++;
		first = first ? first : result;
	}
	if (first == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_RUN_FAILED),
			 failed == 1 ?
			 errmsg("%s \"%s\" failed: %s", first->scope == SCOPE_TENANT ? "tenant" : "public schema",
					first->schema, first->error->message) :
			 errmsg("%d of %d schemas failed, among them \"%s\": %s",
					failed, list_length(results), first->schema, first->error->message),
			 errdetail_internal("%s", failure_details(results)),
			 hint != NULL ? errhint("%s", hint) :
			 skipped > 0 ?
			 errhint_plural("%d schema was not attempted%s%s. Completed schemas are unaffected; run again to resume.",
							"%d schemas were not attempted%s%s. Completed schemas are unaffected; run again to resume.",
							skipped, skipped, stopped ? ", as " : "", stopped ? stopped : "") :
			 failed == list_length(results) ?
			 errhint("Failed schemas are unchanged; run again to retry them.") :
			 errhint("Completed schemas are unaffected; run again to retry the failed ones.")));
}

/*
 * Why a schema was not done, or NULL.
 */
char *
results_error(const RunResult *result)
{
	StringInfoData buf;

	if (result->status == RUN_MISSING)
		return "the schema does not exist";
	if (result->reason)
		return pstrdup(result->reason);
	if (results_stop_reason(result->stop))
		return psprintf("not attempted: %s", results_stop_reason(result->stop));
	if (result->error == NULL)
		return NULL;
	initStringInfo(&buf);
	appendStringInfoString(&buf, result->error->message);
	results_append_details(&buf, result->error);
	return buf.data;
}
