/*
 * progress.c
 *		How far a run is: see progress.h.
 */
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "progress.h"
#include "text.h"

#define BAR_WIDTH 24

/* Without a terminal, a line after so many seconds, and then at every so many */
#define FIRST_LINE 2
#define LINE_PAUSE 10

typedef struct Progress
{
	Session    *session;
	PGconn	   *connection;		/* the second one; NULL: not made yet */
	bool		given_up;		/* it cannot be made, or may not look */
	const char *run;			/* NULL: the one that the session leads */
	int			ticks;
} Progress;

static Progress progress;
static int	send_to = -1;

/*
 * A connection like the session's
 */
static PGconn *
connect_again(PGconn *connection)
{
	PQconninfoOption *options = PQconninfo(connection);
	const char *keywords[64];
	const char *values[64];
	int			count = 0;
	PGconn	   *result;

	for (PQconninfoOption *option = options; option && option->keyword && count < 61; option++)
	{
		if (option->val == NULL || option->val[0] == '\0' || strcmp(option->keyword, "connect_timeout") == 0)
			continue;
		keywords[count] = option->keyword;
		values[count++] = option->val;
	}
	keywords[count] = "connect_timeout";
	values[count++] = "5";
	keywords[count] = NULL;
	values[count] = NULL;
	result = PQconnectdbParams(keywords, values, 0);
	PQconninfoFree(options);
	return result;
}

static char *
bar(double share)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int			filled = (int) (share * BAR_WIDTH * 8);
	Text		text;

	text_open(&text);
	for (int i = 0; i < BAR_WIDTH; i++)
	{
		int			part = filled - i * 8;

		fputs(part >= 8 ? "█" : part > 0 ? eighths[part] : "·", text.out);
	}
	return text_close(&text);
}

static char *
duration(const char *seconds)
{
	long		left = atol(seconds);

	return text_printf("%02ld:%02ld:%02ld left", left / 3600, left / 60 % 60, left % 60);
}

static void
show_row(const PGresult *result)
{
	long		schemas = atol(result_value(result, 0, "schemas"));
	long		done = atol(result_value(result, 0, "done"));
	long		failed = atol(result_value(result, 0, "failed"));
	double		elapsed = atof(result_value(result, 0, "elapsed"));
	const char *left = result_value(result, 0, "left");
	Text		text;

	if (send_to >= 0)
	{
		dprintf(send_to, "%ld %ld %ld\n", schemas, done, failed);
		return;
	}
	text_open(&text);
	if (output_is_terminal())
		fprintf(text.out, "%s  ", bar(schemas > 0 ? (double) (done + failed) / schemas : 0));
	fprintf(text.out, "%ld of %s", done, count_of(schemas, "schema", "schemas"));
	if (failed)
		fprintf(text.out, ", %ld failed", failed);
	if (elapsed > 0)
		fprintf(text.out, ", %.*f/s", done / elapsed < 10 ? 1 : 0, done / elapsed);
	if (left)
		fprintf(text.out, ", %s", duration(left));
	if (output_is_terminal())
		output_status_line(text_close(&text));
	else if (progress.ticks == FIRST_LINE || progress.ticks % LINE_PAUSE == 0)
		warn("%s", text_close(&text));
}

static void
tick(void *argument)
{
	const char *pid = text_printf("%d", PQbackendPID(progress.session->connection));
	const char *values[] = {progress.run ? NULL : pid, progress.run};
	PGresult   *result;

	progress.ticks++;
	if (progress.given_up)
		return;
	if (progress.connection == NULL)
		progress.connection = connect_again(progress.session->connection);
	result = PQexecParams(progress.connection,
						  "SELECT schemas, done, failed,"
						  " extract(epoch FROM pg_catalog.clock_timestamp() - started_at)::float8 AS elapsed,"
						  " extract(epoch FROM time_left)::bigint AS left"
						  " FROM ashmig.progress WHERE $1::integer = ANY (pids) OR run = $2::bigint"
						  " ORDER BY run DESC LIMIT 1",
						  2, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		progress.given_up = true;
	else if (PQntuples(result) == 1)
		show_row(result);
	PQclear(result);
}

void
progress_send_to(int file)
{
	send_to = file;
}

void
progress_begin(Session *session, const char *run)
{
	if (output_is_quiet() && send_to < 0)
		return;
	progress = (Progress)
	{
		.session = session, .run = run
	};
	session_on_tick(tick, NULL);
}

void
progress_end(void)
{
	session_on_tick(NULL, NULL);
	output_status_line(NULL);
	if (progress.connection)
		PQfinish(progress.connection);
	progress.connection = NULL;
}
