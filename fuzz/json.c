/*
 * json.c
 *		Fuzz target: any text as a snapshot, of which every member is read as
 *		everything that a member can be.
 */
#include "postgres.h"

#include "server.h"
#include "snapshot/json_reader.h"

static const char *const keys[] = {"table", "attributes", "keys", "type", "default"};
static const JsonShape shape = {"snapshot", keys, lengthof(keys)};
static const JsonWord words[] = {{"context", 1}, {"attribute", 2}};

/* Read a value in every way; the problems of each are its own. */
static void
read_object(JsonReader *reader, const cJSON *node)
{
	JsonObject	object = {0};
	Problem    *noted = reader->problem;

	if (!json_read_object(reader, node, "$", &shape, &object))
		return;
	for (int key = 0; key < shape.nkeys; key++)
	{
		Problem		problems[7] = {0};
		const cJSON *first = NULL;
		char	   *text = NULL;
		bool		truth = false;
		int64		count = 0;
		int			word = 0;
		List	   *names = NIL;

		reader->problem = &problems[0];
		if (json_get_string(&object, key, &text) && text)
			(void) strlen(text);
		reader->problem = &problems[1];
		(void) json_get_name(&object, key, &text);
		reader->problem = &problems[2];
		(void) json_get_bool(&object, key, &truth);
		reader->problem = &problems[3];
		(void) json_get_count(&object, key, &count);
		reader->problem = &problems[4];
		(void) json_get_word(&object, key, words, lengthof(words), &word);
		reader->problem = &problems[5];
		(void) json_get_names(&object, key, &names);
		reader->problem = &problems[6];
		if (json_get_items(&object, key, &first) && first)
			read_object(reader, first);
	}
	reader->problem = noted;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = server_string(data, size);

	if (text)
	{
		JsonReader	reader = {0};
		Problem		problem = {0};

		if (json_open(&reader, text, &problem))
		{
			cJSON	   *node = json_value(&reader);

			if (node == NULL && problem.sqlerrcode == 0)
				abort();
			if (node)
				read_object(&reader, node);
			json_close(&reader);
		}
	}
	server_reset();
	return 0;
}
