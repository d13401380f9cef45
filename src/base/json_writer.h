/*
 * json_writer.h
 *		JSON as text, member by member.
 *
 * The writer sees to commas and escapes; the caller opens and closes what
 * belongs together:
 *
 *		json_write_open(&json, NULL, '{');
 *		json_write_string(&json, "table", "posts");
 *		json_write_strings(&json, "columns", columns);
 *		json_write_close(&json, '}');
 *
 * gives {"table": "posts", "columns": ["id", "title"]}.  "key" is NULL for an
 * element of an array, and for the outermost value.
 */
#ifndef ASHMIG_JSON_WRITER_H
#define ASHMIG_JSON_WRITER_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

typedef struct JsonWriter
{
	StringInfoData text;		/* in the memory context of json_write_init */
	bool		comma;			/* the next value has one before it */
} JsonWriter;

extern void json_write_init(JsonWriter *json);

/* Open and close an object or an array: "bracket" is one of { [ and } ]. */
extern void json_write_open(JsonWriter *json, const char *key, char bracket);
extern void json_write_close(JsonWriter *json, char bracket);

/* A string, or null where "value" is NULL */
extern void json_write_string(JsonWriter *json, const char *key, const char *value);

/* An array of the strings in a List of char * */
extern void json_write_strings(JsonWriter *json, const char *key, const List *values);

extern void json_write_bool(JsonWriter *json, const char *key, bool value);

/* A value that is JSON already: a number, a whole document */
extern void json_write_raw(JsonWriter *json, const char *key, const char *value);

#endif							/* ASHMIG_JSON_WRITER_H */
