/*
 * json_writer.c
 *		JSON as text, member by member: see json_writer.h.
 */
#include "postgres.h"

#include "utils/json.h"

#include "base/json_writer.h"

void
json_write_init(JsonWriter *json)
{
	initStringInfo(&json->text);
	json->comma = false;
}

/*
 * What stands before a value: a comma, a key.
 */
static void
begin_value(JsonWriter *json, const char *key)
{
	if (json->comma)
		appendStringInfoString(&json->text, ", ");
	if (key)
	{
		escape_json(&json->text, key);
		appendStringInfoString(&json->text, ": ");
	}
	json->comma = true;
}

void
json_write_open(JsonWriter *json, const char *key, char bracket)
{
	begin_value(json, key);
	appendStringInfoChar(&json->text, bracket);
	json->comma = false;
}

void
json_write_close(JsonWriter *json, char bracket)
{
	appendStringInfoChar(&json->text, bracket);
	json->comma = true;
}

void
json_write_string(JsonWriter *json, const char *key, const char *value)
{
	begin_value(json, key);
	if (value)
		escape_json(&json->text, value);
	else
		appendStringInfoString(&json->text, "null");
}

void
json_write_strings(JsonWriter *json, const char *key, const List *values)
{
	ListCell   *lc;

	json_write_open(json, key, '[');
	foreach(lc, values)
		json_write_string(json, NULL, lfirst(lc));
	json_write_close(json, ']');
}

void
json_write_bool(JsonWriter *json, const char *key, bool value)
{
	json_write_raw(json, key, value ? "true" : "false");
}

void
json_write_raw(JsonWriter *json, const char *key, const char *value)
{
	begin_value(json, key);
	appendStringInfoString(&json->text, value);
}
