/*
 * results.c
 *		What a run did, as rows: see results.h.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
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
			return "rolled back";
		case RUN_BACKGROUND:
			return "background";
		case RUN_PENDING:
			return "pending";
		case RUN_MISSING:
			return "missing";
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
results_without_run(bool tenant, const char *schema, RunStatus status)
{
	RunResult  *result = palloc0(sizeof(RunResult));

	result->tenant = tenant;
	result->schema = pstrdup(schema);
	result->status = status;
	return result;
}

/* A schema with its result, in results_merge */
typedef struct MergedResult
{
	char		key[NAMEDATALEN + 1];	/* scope and name */
	RunResult  *result;
} MergedResult;

static MergedResult *
find_merged(HTAB *merged, const RunResult *result, bool *found)
{
	char		key[NAMEDATALEN + 1] = {0};

	key[0] = result->tenant ? 't' : 'p';
	strlcpy(key + 1, result->schema, NAMEDATALEN);
	return hash_search(merged, key, HASH_ENTER, found);
}

/*
 * One list of results out of those of two stages.
 */
List *
results_merge(List *earlier, List *later)
{
	HASHCTL		control = {.keysize = NAMEDATALEN + 1, .entrysize = sizeof(MergedResult),
	.hcxt = CurrentMemoryContext};
	HTAB	   *merged;
	bool		found;
	ListCell   *lc;

	if (earlier == NIL)
		return later;
	merged = hash_create("ashmig results", list_length(earlier), &control,
						 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	foreach(lc, earlier)
		find_merged(merged, lfirst(lc), &found)->result = lfirst(lc);
	foreach(lc, later)
	{
		RunResult  *result = lfirst(lc);
		MergedResult *entry = find_merged(merged, result, &found);

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
	hash_destroy(merged);
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

/*
 * Why a schema was not done, or NULL.
 */
char *
results_error(const RunResult *result)
{
	StringInfoData buf;

	if (result->status == RUN_MISSING)
		return "the schema does not exist";
	if (result->error == NULL)
		return NULL;
	initStringInfo(&buf);
	appendStringInfoString(&buf, result->error->message);
	results_append_details(&buf, result->error);
	return buf.data;
}

/*
 * Return the results as the rows of this function.
 */
void
results_return(FunctionCallInfo fcinfo, List *results)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, results)
	{
		const RunResult *result = lfirst(lc);
		Datum		values[RESULT_COLUMNS];
		bool		nulls[RESULT_COLUMNS] = {0};
		Interval   *elapsed = palloc0(sizeof(Interval));
		char	   *error = results_error(result);

		if (result->status == RUN_NOTHING)
			continue;
		elapsed->time = result->elapsed;
		values[0] = CStringGetTextDatum(scope_name(result->tenant));
		values[1] = CStringGetTextDatum(result->schema);
		values[2] = Int32GetDatum(result->applied);
		values[3] = Int64GetDatum(result->version);
		nulls[3] = result->version == 0;
		values[4] = CStringGetTextDatum(run_status_name(result->status));
		values[5] = IntervalPGetDatum(elapsed);
		values[6] = error ? CStringGetTextDatum(error) : (Datum) 0;
		nulls[6] = error == NULL;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}
