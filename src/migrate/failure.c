/*
 * failure.c
 *		The error at the end of a run: see failure.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/errors.h"
#include "metadata/catalog_migrations.h"
#include "migrate/failure.h"
#include "migrate/results.h"

/* Schemas that the error tells about; ashmig.run_schemas has them all. */
#define MAX_DETAILS 10

/*
 * Is there a failure among the results?
 */
bool
failure_among(List *results)
{
	ListCell   *lc;

	foreach(lc, results)
	{
		if (((RunResult *) lfirst(lc))->status == RUN_FAILED)
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
					 result->tenant ? "tenant" : "public schema", result->schema,
					 error->message, unpack_sql_state(error->sqlerrcode));
	if (result->attempts > 1)
		appendStringInfo(buf, ", after %d tries", result->attempts);
	results_append_details(buf, error);
	appendStringInfoChar(buf, '\n');
}

/* The first failures */
static char *
failure_details(List *results)
{
	StringInfoData buf;
	ListCell   *lc;
	int			n = 0;

	initStringInfo(&buf);
	foreach(lc, results)
	{
		const RunResult *result = lfirst(lc);

		if (result->status != RUN_FAILED)
			continue;
		if (++n > MAX_DETAILS)
		{
			appendStringInfoString(&buf, "... and more, in ashmig.run_schemas.\n");
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
failure_raise(List *results)
{
	const RunResult *first = NULL;
	int			failed = 0;
	int			skipped = 0;
	ListCell   *lc;

	foreach(lc, results)
	{
		const RunResult *result = lfirst(lc);

		if (result->status == RUN_SKIPPED)
			skipped++;
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
			 errmsg("%s \"%s\" failed: %s", first->tenant ? "tenant" : "public schema",
					first->schema, first->error->message) :
			 errmsg("%d of %d schemas failed, among them \"%s\": %s",
					failed, list_length(results), first->schema, first->error->message),
			 errdetail_internal("%s", failure_details(results)),
			 skipped > 0 ?
			 errhint_plural("%d schema had no turn. What is done stays done; running again resumes.",
							"%d schemas had no turn. What is done stays done; running again resumes.",
							skipped, skipped) :
			 failed == list_length(results) ?
			 errhint("What failed is as it was before; running again tries it again.") :
			 errhint("The other schemas are done, and stay so; running again resumes with these.")));
}
