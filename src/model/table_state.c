/*
 * table_state.c
 *		What is remembered of a table in addition to its snapshot: see
 *		table_state.h.
 */
#include "postgres.h"

#include "commands/defrem.h"

#include "base/compat.h"
#include "base/json_writer.h"
#include "model/table_state.h"
#include "snapshot/json_reader.h"

static const char *const sequence_words[] = {
	[SEQUENCE_NONE] = "none",
	[SEQUENCE_SERIAL] = "serial",
	[SEQUENCE_IDENTITY] = "identity"
};

/* ----------
 * Writing
 * ----------
 */

/* A string, unless there is none */
static void
print_member(JsonWriter *json, const char *key, const char *value)
{
	if (value)
		json_write_string(json, key, value);
}

/* The primary key, where its name or the order of its columns is history's */
static void
print_primary_key(JsonWriter *json, const Table *table)
{
	const PrimaryKey *key = table->primary_key;

	if (key == NULL)
		return;
	json_write_open(json, "primary_key", '{');
	print_member(json, "name", key->name);
	json_write_strings(json, "columns", key->columns);
	json_write_close(json, '}');
}

/* Names of identities that were chosen where several would be one index */
static void
print_identities(JsonWriter *json, const Table *table)
{
	List	   *chosen = NIL;

	foreach_ptr(const TableIndex, index, table->indexes)
	{
		if (index->chosen)
			chosen = lappend(chosen, index->identity);
	}
	if (chosen != NIL)
		json_write_strings(json, "identities", chosen);
}

/* Names of sequences that are not PostgreSQL's own choice */
static void
print_sequences(JsonWriter *json, const Table *table)
{
	bool		open = false;

	foreach_ptr(const Column, column, table->columns)
	{
		if (column->sequence == SEQUENCE_NONE ||
			strcmp(column->sequence_name,
				   makeObjectName(table->name.name, column->name, "seq")) == 0)
			continue;
		if (!open)
			json_write_open(json, "sequences", '{');
		open = true;
		json_write_string(json, column->name, column->sequence_name);
	}
	if (open)
		json_write_close(json, '}');
}

static void
print_retired(JsonWriter *json, const Table *table)
{
	if (table->retired == NIL)
		return;
	json_write_open(json, "retired", '[');
	foreach_ptr(const Column, column, table->retired)
	{
		json_write_open(json, NULL, '{');
		print_member(json, "column", column->name);
		print_member(json, "type", column->type);
		print_member(json, "default", column->default_sql);
		print_member(json, "not_null", column->not_null ? "true" : NULL);
		if (column->sequence != SEQUENCE_NONE)
			print_member(json, "sequence", sequence_words[column->sequence]);
		print_member(json, "sequence_name", column->sequence_name);
		json_write_close(json, '}');
	}
	json_write_close(json, ']');
}

char *
table_state_print(const Table *table)
{
	JsonWriter	json;

	json_write_init(&json);
	json_write_open(&json, NULL, '{');
	print_primary_key(&json, table);
	print_identities(&json, table);
	print_sequences(&json, table);
	print_retired(&json, table);
	json_write_close(&json, '}');
	return json.text.data;
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
table_state_parse(const char *json, Problem *problem)
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
						 "recorded state of a table is malformed");
		else
			state->retired = lappend(state->retired, column);
	}
	json_close(&reader);
	return problem->sqlerrcode == 0 ? state : NULL;
}
