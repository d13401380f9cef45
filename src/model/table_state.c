/*
 * table_state.c
 *		What is remembered of a table beside its snapshot: see table_state.h.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/json.h"

#include "model/table_state.h"
#include "snapshot/json_reader.h"
#include "syntax/sql_text.h"

static const char *const sequence_words[] = {
	[SEQUENCE_NONE] = "none",
	[SEQUENCE_SERIAL] = "serial",
	[SEQUENCE_IDENTITY] = "identity"
};

/* ----------
 * Writing
 * ----------
 */

/* "key": "value", after a comma where something stands before */
static void
print_member(StringInfo buf, const char *key, const char *value)
{
	if (value == NULL)
		return;
	if (buf->data[buf->len - 1] != '{')
		appendStringInfoString(buf, ", ");
	escape_json(buf, key);
	appendStringInfoString(buf, ": ");
	escape_json(buf, value);
}

/* Open a member that is an object or a list. */
static void
print_key(StringInfo buf, const char *key, char bracket)
{
	if (buf->data[buf->len - 1] != '{')
		appendStringInfoString(buf, ", ");
	appendStringInfo(buf, "\"%s\": %c", key, bracket);
}

/* The primary key, where its name or the order of its columns is history's */
static void
print_primary_key(StringInfo buf, const Table *table)
{
	const PrimaryKey *key = table->primary_key;
	ListCell   *lc;

	if (key == NULL)
		return;
	print_key(buf, "primary_key", '{');
	print_member(buf, "name", key->name);
	appendStringInfoString(buf, ", \"columns\": [");
	foreach(lc, key->columns)
	{
		if (lc != list_head(key->columns))
			appendStringInfoString(buf, ", ");
		escape_json(buf, lfirst(lc));
	}
	appendStringInfoString(buf, "]}");
}

/* Names of identities that were chosen where several would be one index */
static void
print_identities(StringInfo buf, const Table *table)
{
	bool		open = false;
	ListCell   *lc;

	foreach(lc, table->indexes)
	{
		const TableIndex *index = lfirst(lc);

		if (!index->chosen)
			continue;
		if (open)
			appendStringInfoString(buf, ", ");
		else
			print_key(buf, "identities", '[');
		open = true;
		escape_json(buf, index->identity);
	}
	if (open)
		appendStringInfoChar(buf, ']');
}

static void
print_sequences(StringInfo buf, const Table *table)
{
	bool		open = false;
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		const Column *column = lfirst(lc);

		if (column->sequence == SEQUENCE_NONE ||
			strcmp(column->sequence_name,
				   makeObjectName(table->name.name, column->name, "seq")) == 0)
			continue;
		if (!open)
			print_key(buf, "sequences", '{');
		open = true;
		print_member(buf, column->name, column->sequence_name);
	}
	if (open)
		appendStringInfoChar(buf, '}');
}

static void
print_retired(StringInfo buf, const Table *table)
{
	ListCell   *lc;

	if (table->retired == NIL)
		return;
	print_key(buf, "retired", '[');
	foreach(lc, table->retired)
	{
		const Column *column = lfirst(lc);

		if (lc != list_head(table->retired))
			appendStringInfoString(buf, ", ");
		appendStringInfoChar(buf, '{');
		print_member(buf, "column", column->name);
		print_member(buf, "type", column->type);
		print_member(buf, "default", column->default_sql);
		print_member(buf, "not_null", column->not_null ? "true" : NULL);
		if (column->sequence != SEQUENCE_NONE)
			print_member(buf, "sequence", sequence_words[column->sequence]);
		print_member(buf, "sequence_name", column->sequence_name);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoChar(buf, ']');
}

char *
state_print(const Table *table)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	print_primary_key(&buf, table);
	print_identities(&buf, table);
	print_sequences(&buf, table);
	print_retired(&buf, table);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/* ----------
 * Reading
 * ----------
 */

/* A string member, copied, or NULL */
static char *
read_text(const cJSON *object, const char *key)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(member) ? pstrdup(member->valuestring) : NULL;
}

/* A list of strings, copied */
static List *
read_texts(const cJSON *object, const char *key)
{
	const cJSON *item;
	List	   *result = NIL;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, key))
	{
		if (cJSON_IsString(item))
			result = lappend(result, pstrdup(item->valuestring));
	}
	return result;
}

static Column *
read_retired(const cJSON *object)
{
	Column	   *column = palloc0(sizeof(Column));
	char	   *sequence = read_text(object, "sequence");

	column->name = read_text(object, "column");
	column->type = read_text(object, "type");
	column->default_sql = read_text(object, "default");
	column->not_null = cJSON_GetObjectItemCaseSensitive(object, "not_null") != NULL;
	column->sequence_name = read_text(object, "sequence_name");
	for (int i = 0; sequence && i < lengthof(sequence_words); i++)
	{
		if (strcmp(sequence, sequence_words[i]) == 0)
			column->sequence = (SequenceKind) i;
	}
	return column->name && column->type ? column : NULL;
}

TableState *
state_parse(const char *json, Problem *problem)
{
	TableState *state = palloc0(sizeof(TableState));
	JsonReader	reader;
	const cJSON *root = json_open(&reader, json, problem) ? json_value(&reader) : NULL;
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(root, "primary_key");
	const cJSON *item;

	if (root == NULL)
		return NULL;
	state->primary_key_name = read_text(key, "name");
	state->primary_key_columns = read_texts(key, "columns");
	state->identities = read_texts(root, "identities");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "sequences"))
	{
		if (cJSON_IsString(item))
			state->sequences = lappend(lappend(state->sequences, pstrdup(item->string)),
									   pstrdup(item->valuestring));
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "retired"))
	{
		Column	   *column = read_retired(item);

		if (column == NULL)
			problem_note(problem, ERRCODE_ASHMIG_INVALID_SNAPSHOT, "$.retired", NULL, NULL,
						 "the recorded state of a table is malformed");
		else
			state->retired = lappend(state->retired, column);
	}
	json_close(&reader);
	return problem->sqlerrcode == 0 ? state : NULL;
}
