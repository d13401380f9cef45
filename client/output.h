/*
 * output.h
 *		What the program prints, for people or for machines.
 *
 * Results go to standard output, errors and progress to standard error.  With
 * --json standard output is one JSON object, which output_end() prints: what a
 * command reports is collected until then.
 */
#ifndef ASHMIG_OUTPUT_H
#define ASHMIG_OUTPUT_H

#include <stdbool.h>

#include <cjson/cJSON.h>
#include <libpq-fe.h>

/* The statuses that the program exits with */
typedef enum ExitStatus
{
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_PENDING = 3			/* something is pending, or different */
} ExitStatus;

typedef enum Color
{
	COLOR_NONE,
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_RED,
	COLOR_GREEN,
	COLOR_YELLOW
} Color;

extern void output_init(bool json, bool quiet);

/* Is standard output one JSON object? */
extern bool output_is_json(void);

/* Is nothing to be said beside results and errors? */
extern bool output_is_quiet(void);

/* Is somebody there who can be shown a bar, and asked? */
extern bool output_is_terminal(void);

/* What turns a color on; COLOR_NONE turns it off.  "" where there are none. */
extern const char *paint(Color color);

/* A line for people: nothing with --json or --quiet */
extern void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, but --quiet does not silence it: what was asked for */
extern void show(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard error */
extern void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* End the program: with the remedy as a hint, or NULL */
extern void fail(const char *hint, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
extern void fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * The error of a result, or of a connection if the result is NULL.  "hint"
 * takes the place of the server's, which speaks of SQL; NULL: it stays.
 */
extern void output_error(const PGresult *result, const PGconn *connection, const char *hint);
extern void fail_with(const PGresult *result, const PGconn *connection) __attribute__((noreturn));

/* A notice or warning of the server */
extern void output_notice(void *unused, const PGresult *notice);

/* A column of a table */
typedef struct Column
{
	const char *name;			/* in the result */
	const char *heading;
} Column;

/*
 * The rows of a result as a table.  The columns end with one without a name.
 * At most so many rows if "limit" is not 0; the others are counted.
 */
extern void output_table(const PGresult *result, const Column *columns, int limit);

/*
 * A result without rows, whose columns are these; and a value in it, of the row
 * after the last one to begin a new row.  NULL stays null.  Numbers are those
 * columns whose names "numbers" has.
 */
extern PGresult *output_make_result(const Column *columns, const char *const *numbers);
extern void output_put(PGresult *result, int row, const char *column, const char *value);

/* Add to the JSON object: rows, a text, a value that exists already */
extern void report_rows(const char *key, const PGresult *result);
extern void report_text(const char *key, const char *text);
extern void report_number(const char *key, double number);
extern void report_json(const char *key, cJSON *value);

/* A line that is written over, on a terminal's standard error; NULL removes it. */
extern void output_status_line(const char *line);

/* Print the JSON object, see to it that all is written, and return the status. */
extern int	output_end(int status);

/* The value of a column by its name; NULL if it is null */
extern const char *result_value(const PGresult *result, int row, const char *column);

/* "1 schema", "5,000 schemas" */
extern char *count_of(long count, const char *one, const char *many);

#endif							/* ASHMIG_OUTPUT_H */
