/*
 * output.c
 *		What the program prints: see output.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "output.h"
#include "text.h"

static bool json_wanted;
static bool quiet;
static bool colored;
static bool status_shown;		/* a line that is to be written over */
static cJSON *report;			/* what output_end() prints; NULL: not --json */

/* Types whose values JSON has as well */
#define BOOLOID 16
#define INT8OID 20
#define INT2OID 21
#define INT4OID 23
#define TEXTOID 25
#define JSONOID 114
#define FLOAT8OID 701
#define NUMERICOID 1700
#define JSONBOID 3802

void
output_init(bool json, bool is_quiet)
{
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	json_wanted = json;
	quiet = is_quiet || json;
	if (json)
		report = cJSON_CreateObject();
	colored = !json && isatty(STDOUT_FILENO) && !(no_color && no_color[0]) &&
		terminal && strcmp(terminal, "dumb") != 0;
}

bool
output_is_json(void)
{
	return json_wanted;
}

bool
output_is_quiet(void)
{
	return quiet;
}

bool
output_is_terminal(void)
{
	return !quiet && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

const char *
paint(Color color)
{
	static const char *const codes[] = {
		[COLOR_NONE] = "\033[0m",
		[COLOR_BOLD] = "\033[1m",
		[COLOR_DIM] = "\033[2m",
		[COLOR_RED] = "\033[31m",
		[COLOR_GREEN] = "\033[32m",
		[COLOR_YELLOW] = "\033[33m"
	};

	return colored ? codes[color] : "";
}

/* ------------------------------------------------------------------------
 * Lines
 * ------------------------------------------------------------------------
 */

void
output_status_line(const char *line)
{
	if (line == NULL && !status_shown)
		return;
	fprintf(stderr, "\r%s\033[K", line ? line : "");
	fflush(stderr);
	status_shown = line != NULL;
}

/* A line of standard output */
static void
__attribute__((format(printf, 1, 0)))
print_line(const char *format, va_list arguments)
{
	output_status_line(NULL);
	vprintf(format, arguments);
	putchar('\n');
}

void
say(const char *format, ...)
{
	va_list		arguments;

	if (quiet)
		return;
	va_start(arguments, format);
	print_line(format, arguments);
	va_end(arguments);
}

void
show(const char *format, ...)
{
	va_list		arguments;

	if (json_wanted)
		return;
	va_start(arguments, format);
	print_line(format, arguments);
	va_end(arguments);
}

void
warn(const char *format, ...)
{
	va_list		arguments;

	output_status_line(NULL);
	fflush(stdout);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* ------------------------------------------------------------------------
 * Errors
 * ------------------------------------------------------------------------
 */

/* An error has several parts, each with its name before it. */
typedef struct ErrorPart
{
	const char *name;			/* for people */
	const char *key;			/* in JSON */
	int			field;			/* of libpq */
} ErrorPart;

static const ErrorPart error_parts[] = {
	{"detail", "detail", PG_DIAG_MESSAGE_DETAIL},
	{"hint", "hint", PG_DIAG_MESSAGE_HINT},
	{"context", "context", PG_DIAG_CONTEXT}
};

static void
report_error(const char *message, const char *sqlstate)
{
	cJSON	   *error;

	if (report == NULL)
		return;
	cJSON_DeleteItemFromObject(report, "error");
	error = cJSON_AddObjectToObject(report, "error");
	cJSON_AddStringToObject(error, "message", message);
	if (sqlstate)
		cJSON_AddStringToObject(error, "sqlstate", sqlstate);
}

static void
report_error_part(const char *key, const char *text)
{
	if (report && text)
		cJSON_AddStringToObject(cJSON_GetObjectItem(report, "error"), key, text);
}

/*
 * The line of an SQL text in which an error is, with a mark under it.  The
 * position counts characters, and so do the columns of most terminals.
 */
static void
warn_position(const PGresult *result)
{
	const char *query = PQresultErrorField(result, PG_DIAG_INTERNAL_QUERY);
	const char *position = PQresultErrorField(result, PG_DIAG_INTERNAL_POSITION);
	const char *line;
	int			number = 1;
	int			column = 0;

	if (query == NULL || position == NULL)
		return;
	line = query;
	for (int left = atoi(position) - 1; left > 0 && *query; query++)
	{
		if (((unsigned char) *query & 0xC0) == 0x80)
			continue;			/* within a character */
		left--;
		column++;
		if (*query == '\n')
		{
			line = query + 1;
			number++;
			column = 0;
		}
	}
	warn("line %d: %.*s", number, (int) strcspn(line, "\n"), line);
	warn("%*s^", column + (int) strlen(text_printf("line %d: ", number)), "");
}

void
output_error(const PGresult *result, const PGconn *connection, const char *hint)
{
	const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

	if (message == NULL)
		message = text_trim(text_printf("%s", result ? PQresultErrorMessage(result)
										: PQerrorMessage(connection)));
	if (message[0] == '\0')
		message = "the connection to the server was lost";
	report_error(message, sqlstate);
	warn("%sashmig: error:%s %s%s%s%s", paint(COLOR_RED), paint(COLOR_NONE), message,
		 sqlstate ? " (" : "", sqlstate ? sqlstate : "", sqlstate ? ")" : "");
	if (result == NULL)
		return;
	warn_position(result);
	for (int i = 0; i < lengthof(error_parts); i++)
	{
		const char *text = PQresultErrorField(result, error_parts[i].field);

		if (hint && error_parts[i].field == PG_DIAG_MESSAGE_HINT)
			text = hint;
		/* questions about renames are for programs */
		if (text && !text_starts(text, "[{"))
			warn("ashmig: %s: %s", error_parts[i].name, text);
		report_error_part(error_parts[i].key, text);
	}
}

void
fail_with(const PGresult *result, const PGconn *connection)
{
	output_error(result, connection, NULL);
	exit(output_end(EXIT_FAILED));
}

void
fail(const char *hint, const char *format, ...)
{
	va_list		arguments;
	char	   *message;

	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		message = "out of memory";
	va_end(arguments);
	report_error(message, NULL);
	report_error_part("hint", hint);
	warn("%sashmig: error:%s %s", paint(COLOR_RED), paint(COLOR_NONE), message);
	if (hint)
		warn("ashmig: hint: %s", hint);
	exit(output_end(EXIT_FAILED));
}

void
fail_usage(const char *format, ...)
{
	va_list		arguments;

	fputs("ashmig: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("\nTry \"ashmig --help\".\n", stderr);
	exit(EXIT_USAGE);
}

void
output_notice(void *unused, const PGresult *notice)
{
	const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY);
	const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(notice, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(notice, PG_DIAG_MESSAGE_HINT);
	bool		is_warning = severity && strcmp(severity, "WARNING") == 0;

	if (quiet && !is_warning)
		return;
	warn("%s%s%s", is_warning ? "ashmig: warning: " : "", message ? message : "",
		 detail ? text_printf("\n  %s", detail) : "");
	if (hint && is_warning)
		warn("ashmig: hint: %s", hint);
}

/* ------------------------------------------------------------------------
 * Tables
 * ------------------------------------------------------------------------
 */

const char *
result_value(const PGresult *result, int row, const char *column)
{
	int			number = PQfnumber(result, column);

	if (number < 0 || PQgetisnull(result, row, number))
		return NULL;
	return PQgetvalue(result, row, number);
}

/* The columns that a terminal needs for the first line of a text */
static int
display_width(const char *text)
{
	int			width = 0;

	for (; *text && *text != '\n'; text += PQmblenBounded(text, 6))
	{
		int			one = PQdsplen(text, 6);	/* UTF8 */

		width += one > 0 ? one : 0;
	}
	return width;
}

static bool
is_number(Oid type)
{
	return type == INT8OID || type == INT4OID || type == INT2OID;
}

static void
print_cell(FILE *out, const char *text, int width, bool right)
{
	int			padding = width - display_width(text);

	fprintf(out, "%*s%.*s%*s  ", right ? padding : 0, "", (int) strcspn(text, "\n"), text,
			right ? 0 : padding, "");
}

/* One row, or the headings if it is -1 */
static char *
table_line(const PGresult *result, const Column *columns, const int *widths, int row)
{
	Text		line;

	text_open(&line);
	for (int i = 0; columns[i].name; i++)
	{
		const char *value = row < 0 ? columns[i].heading : result_value(result, row, columns[i].name);

		print_cell(line.out, value ? value : "", widths[i],
				   is_number(PQftype(result, PQfnumber(result, columns[i].name))));
	}
	text_close(&line);
	while (line.length > 0 && line.data[line.length - 1] == ' ')
		line.data[--line.length] = '\0';
	return line.data;
}

void
output_table(const PGresult *result, const Column *columns, int limit)
{
	int			rows = PQntuples(result);
	int			shown = limit > 0 && rows > limit ? limit : rows;
	int			count = 0;
	int		   *widths;

	if (json_wanted || rows == 0)
		return;
	output_status_line(NULL);
	while (columns[count].name)
		count++;
	widths = allocate(sizeof(int) * count);
	for (int i = 0; i < count; i++)
	{
		widths[i] = display_width(columns[i].heading);
		for (int row = 0; row < shown; row++)
		{
			const char *value = result_value(result, row, columns[i].name);
			int			width = value ? display_width(value) : 0;

			if (width > widths[i])
				widths[i] = width;
		}
	}

	printf("%s%s%s\n", paint(COLOR_BOLD), table_line(result, columns, widths, -1), paint(COLOR_NONE));
	for (int row = 0; row < shown; row++)
		puts(table_line(result, columns, widths, row));
	if (shown < rows)
		printf("... and %d more\n", rows - shown);
}

PGresult *
output_make_result(const Column *columns, const char *const *numbers)
{
	PGresult   *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attributes[16] = {0};
	int			count = 0;

	for (; columns[count].name && count < lengthof(attributes); count++)
	{
		attributes[count].name = text_printf("%s", columns[count].name);
		attributes[count].typid = TEXTOID;
		for (int i = 0; numbers[i]; i++)
		{
			if (strcmp(numbers[i], columns[count].name) == 0)
				attributes[count].typid = INT8OID;
		}
	}
	if (result == NULL || !PQsetResultAttrs(result, count, attributes))
		fail(NULL, "out of memory");
	return result;
}

void
output_put(PGresult *result, int row, const char *column, const char *value)
{
	char	   *copy = value ? text_printf("%s", value) : NULL;

	if (!PQsetvalue(result, row, PQfnumber(result, column), copy, copy ? (int) strlen(copy) : -1))
		fail(NULL, "out of memory");
}

char *
count_of(long count, const char *one, const char *many)
{
	char	   *digits = text_printf("%ld", count);
	Text		text;

	text_open(&text);
	for (size_t i = 0, length = strlen(digits); i < length; i++)
		fprintf(text.out, "%s%c", i > 0 && (length - i) % 3 == 0 ? "," : "", digits[i]);
	fprintf(text.out, " %s", count == 1 ? one : many);
	return text_close(&text);
}

/* ------------------------------------------------------------------------
 * JSON
 * ------------------------------------------------------------------------
 */

static cJSON *
json_of_value(Oid type, const char *value)
{
	cJSON	   *parsed;

	switch (type)
	{
		case BOOLOID:
			return cJSON_CreateBool(value[0] == 't');
		case INT8OID:
		case INT4OID:
		case INT2OID:
			return cJSON_CreateRaw(value);
		case FLOAT8OID:
		case NUMERICOID:
			parsed = cJSON_Parse(value);	/* not NaN */
			return cJSON_IsNumber(parsed) ? cJSON_CreateRaw(value) : cJSON_CreateString(value);
		case JSONOID:
		case JSONBOID:
			return cJSON_CreateRaw(value);
		default:
			return cJSON_CreateString(value);
	}
}

void
report_rows(const char *key, const PGresult *result)
{
	cJSON	   *rows;

	if (report == NULL)
		return;
	rows = cJSON_AddArrayToObject(report, key);
	for (int row = 0; row < PQntuples(result); row++)
	{
		cJSON	   *object = cJSON_CreateObject();

		for (int i = 0; i < PQnfields(result); i++)
			cJSON_AddItemToObject(object, PQfname(result, i),
								  PQgetisnull(result, row, i) ? cJSON_CreateNull()
								  : json_of_value(PQftype(result, i), PQgetvalue(result, row, i)));
		cJSON_AddItemToArray(rows, object);
	}
}

void
report_text(const char *key, const char *text)
{
	report_json(key, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void
report_number(const char *key, double number)
{
	report_json(key, cJSON_CreateNumber(number));
}

void
report_json(const char *key, cJSON *value)
{
	if (report)
		cJSON_AddItemToObject(report, key, value);
}

int
output_end(int status)
{
	static const char *const words[] = {
		[EXIT_DONE] = "done",
		[EXIT_FAILED] = "failed",
		[EXIT_USAGE] = "usage",
		[EXIT_PENDING] = "pending"
	};

	output_status_line(NULL);
	if (report)
	{
		report_text("result", words[status]);
		puts(cJSON_PrintUnformatted(report));
		report = NULL;
	}
	if (fflush(stdout) != 0 || ferror(stdout))
	{
		fprintf(stderr, "ashmig: error: could not write to standard output: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return status;
}
