/*
 * json_reader.c
 *		Strict reading of JSON objects: see json_reader.h.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "snapshot/json_reader.h"

/* How many unknown keys a warning names at most */
#define MAX_UNKNOWN_KEYS	50

/* How much of a wrong value a message shows */
#define MAX_SHOWN			100

/* Where cJSON allocates while it parses, and whether that failed */
static MemoryContext parse_context = NULL;
static bool parse_out_of_memory = false;

/*
 * cJSON's allocator.  It must not raise errors: a longjmp out of cJSON would
 * leave these hooks in place for other users of the library in this process.
 */
static void *
parse_alloc(size_t size)
{
	void	   *chunk = NULL;

	if (AllocHugeSizeIsValid(size))
		chunk = MemoryContextAllocExtended(parse_context, size,
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (chunk == NULL)
		parse_out_of_memory = true;
	return chunk;
}

/*
 * cJSON's release: nothing, as the memory context goes as a whole.
 */
static void
parse_free(void *chunk)
{
}

/*
 * Is there a NUL in a string?  cJSON decodes it and so truncates the string.
 * jsonb knows no such escape, but text from elsewhere may have it.
 */
static const char *
find_nul_escape(const char *text)
{
	for (const char *at = strchr(text, '\\'); at && at[1]; at = strchr(at + 2, '\\'))
	{
		if (strncmp(at, "\\u0000", 6) == 0)
			return at;
	}
	return NULL;
}

/*
 * Note that the text is not JSON from here on.
 */
static bool
note_malformed(JsonReader *reader, const char *at, const char *what)
{
	int			length = pg_mbcliplen(at, Min(strlen(at), 100), 40);
	char	   *detail = psprintf("Parsing stopped at byte %zu, before: %s",
								  (size_t) (at - reader->text) + 1,
								  *at ? pnstrdup(at, length) : "end of input");

	return problem_note(reader->problem, ERRCODE_ASHMIG_INVALID_SNAPSHOT, "$", detail,
						"Pass the contents of a snapshot file, an array of them, or the result of ashmig_load().",
						"invalid snapshot: %s", what);
}

bool
json_note_malformed(JsonReader *reader)
{
	return note_malformed(reader, reader->cursor, "not valid JSON, or nested too deeply");
}

bool
json_open(JsonReader *reader, const char *text, Problem *problem)
{
	const char *nul = find_nul_escape(text);

	reader->problem = problem;
	reader->unknown_keys = NIL;
	reader->text = reader->cursor = text;
	reader->end = text + strlen(text);
	reader->context = AllocSetContextCreate(CurrentMemoryContext, "ashmig JSON",
											ALLOCSET_DEFAULT_SIZES);
	if (nul != NULL)
		return note_malformed(reader, nul, "contains a NUL character");
	return true;
}

void
json_close(JsonReader *reader)
{
	MemoryContextDelete(reader->context);
	reader->context = NULL;
}

cJSON *
json_value(JsonReader *reader)
{
	cJSON_Hooks hooks = {parse_alloc, parse_free};
	const char *end = NULL;
	cJSON	   *value;

	parse_context = reader->context;
	parse_out_of_memory = false;
	cJSON_InitHooks(&hooks);
	value = cJSON_ParseWithLengthOpts(reader->cursor, reader->end - reader->cursor + 1,
									  &end, false);
	cJSON_InitHooks(NULL);

	if (end != NULL)
		reader->cursor = end;
	if (value == NULL && parse_out_of_memory)
		problem_note(reader->problem, ERRCODE_OUT_OF_MEMORY, NULL, NULL, NULL,
					 "out of memory while reading snapshots");
	else if (value == NULL)
		json_note_malformed(reader);
	return value;
}

bool
json_take(JsonReader *reader, char c)
{
	reader->cursor += strspn(reader->cursor, " \t\r\n");
	if (*reader->cursor != c)
		return false;
	reader->cursor += (c != '\0');
	return true;
}

bool
json_more(JsonReader *reader, char closing, bool *more)
{
	*more = json_take(reader, ',');
	if (!*more && !json_take(reader, closing))
		return json_note_malformed(reader);
	return true;
}

bool
json_read_members(JsonReader *reader, JsonVisitor visit, void *arg)
{
	bool		more;

	if (!json_take(reader, '{'))
		return json_note_malformed(reader);
	more = !json_take(reader, '}');
	while (more)
	{
		cJSON	   *key = json_value(reader);

		if (key == NULL)
			return false;
		if (!cJSON_IsString(key) || !json_take(reader, ':'))
			return json_note_malformed(reader);
		if (!visit(reader, key->valuestring, arg) || !json_more(reader, '}', &more))
			return false;
	}
	return true;
}

/*
 * Path of a member: in quotes where jsonpath needs them ("allow_nil?")
 */
char *
json_path_key(const char *path, const char *key)
{
	StringInfoData quoted;

	if (key[0] != '\0' && strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(key))
		return psprintf("%s.%s", path, key);

	initStringInfo(&quoted);
	for (; *key; key++)
	{
		if (*key == '"' || *key == '\\')
			appendStringInfoChar(&quoted, '\\');
		appendStringInfoChar(&quoted, *key);
	}
	return psprintf("%s.\"%s\"", path, quoted.data);
}

char *
json_path_item(const char *path, int index)
{
	return psprintf("%s[%d]", path, index);
}

/*
 * A value in words
 */
static char *
describe(const cJSON *node)
{
	if (node == NULL || cJSON_IsNull(node))
		return "null";
	if (cJSON_IsObject(node))
		return node->child ? "an object" : "an empty object";
	if (cJSON_IsArray(node))
		return node->child ? "an array" : "an empty array";
	if (cJSON_IsBool(node))
		return cJSON_IsTrue(node) ? "true" : "false";
	if (cJSON_IsNumber(node))
		return psprintf("the number %g", node->valuedouble);
	if (strlen(node->valuestring) <= MAX_SHOWN)
		return psprintf("the string \"%s\"", node->valuestring);
	return psprintf("the string \"%.*s...\"",
					pg_mbcliplen(node->valuestring, strlen(node->valuestring), MAX_SHOWN),
					node->valuestring);
}

/*
 * What and which, for a message: attribute "title"
 */
static char *
object_title(const JsonObject *object)
{
	if (object->name == NULL)
		return pstrdup(object->shape->what);
	return psprintf("%s \"%s\"", object->shape->what, object->name);
}

char *
json_field_path(const JsonObject *object, int key)
{
	return json_path_key(object->path, object->shape->keys[key]);
}

bool
json_note_type(const JsonObject *object, int key, const char *expected)
{
	return problem_note(object->reader->problem, ERRCODE_ASHMIG_INVALID_SNAPSHOT,
						json_field_path(object, key),
						psprintf("The value is %s.", describe(object->fields[key])),
						psprintf("Write %s.", expected),
						"invalid %s: \"%s\" is not %s", object_title(object),
						object->shape->keys[key], expected);
}

bool
json_note_missing(const JsonObject *object, int key)
{
	return problem_note(object->reader->problem, ERRCODE_ASHMIG_INVALID_SNAPSHOT,
						object->path, "The key is missing or null.",
						psprintf("Add \"%s\", as AshPostgres writes it.",
								 object->shape->keys[key]),
						"invalid %s: \"%s\" is missing", object_title(object),
						object->shape->keys[key]);
}

bool
json_note(const JsonObject *object, int key, const char *detail,
		  const char *hint, const char *fact)
{
	return problem_note(object->reader->problem, ERRCODE_ASHMIG_INVALID_SNAPSHOT,
						json_field_path(object, key), detail, hint,
						"invalid %s: \"%s\" %s", object_title(object),
						object->shape->keys[key], fact);
}

bool
json_note_node(const JsonObject *object, const cJSON *node, const char *path,
			   const char *expected)
{
	return problem_note(object->reader->problem, ERRCODE_ASHMIG_INVALID_SNAPSHOT,
						path, psprintf("The value is %s.", describe(node)),
						psprintf("Write %s.", expected),
						"invalid %s: an entry is not %s", object_title(object),
						expected);
}

/*
 * Remember an unknown key, once, and no more of them than a warning names.
 */
static void
note_unknown(JsonReader *reader, const char *key, const char *path)
{
	int			length;
	ListCell   *lc;

	if (list_length(reader->unknown_keys) >= MAX_UNKNOWN_KEYS)
		return;
	key = psprintf("\"%s\" at ", key);
	length = strlen(key);
	foreach(lc, reader->unknown_keys)
	{
		if (strncmp(lfirst(lc), key, length) == 0)
			return;
	}
	reader->unknown_keys = lappend(reader->unknown_keys, psprintf("%s%s", key, path));
}

/*
 * Which key of the shape is this?  Files have their keys in a fixed order, so
 * look from the one after the last on.  -1: none.
 */
static int
find_key(const JsonShape *shape, const char *key, int last)
{
	for (int i = 1; i <= shape->nkeys; i++)
	{
		int			candidate = (last + i) % shape->nkeys;

		if (strcmp(shape->keys[candidate], key) == 0)
			return candidate;
	}
	return -1;
}

bool
json_read_object(JsonReader *reader, const cJSON *node, const char *path,
				 const JsonShape *shape, JsonObject *object)
{
	const cJSON *member;
	uint32		seen = 0;
	int			key = -1;

	Assert(shape->nkeys <= JSON_MAX_KEYS);
	memset(object, 0, sizeof(*object));
	object->reader = reader;
	object->shape = shape;
	object->path = path;
	if (!cJSON_IsObject(node))
		return problem_note(reader->problem, ERRCODE_ASHMIG_INVALID_SNAPSHOT, path,
							psprintf("The value is %s.", describe(node)), "Write an object.",
							"invalid %s: not an object", shape->what);

	cJSON_ArrayForEach(member, node)
	{
		int			found = find_key(shape, member->string, key);

		if (found < 0)
		{
			note_unknown(reader, member->string, path);
			continue;
		}
		key = found;
		if (seen & (1 << key))
			return json_note(object, key, NULL, "Remove one of them.", "is specified more than once");
		seen |= 1 << key;
		if (!cJSON_IsNull(member))
			object->fields[key] = member;
	}
	return true;
}

/*
 * A string, which may be empty
 */
bool
json_get_string(const JsonObject *object, int key, char **value)
{
	const cJSON *node = object->fields[key];

	if (node == NULL)
		return true;
	if (!cJSON_IsString(node))
		return json_note_type(object, key, "a string");
	*value = pstrdup(node->valuestring);
	return true;
}

/*
 * A string that is not empty
 */
bool
json_get_name(const JsonObject *object, int key, char **value)
{
	if (!json_get_string(object, key, value))
		return false;
	if (object->fields[key] && (*value)[0] == '\0')
		return json_note_type(object, key, "a name");
	return true;
}

/*
 * A string that must be there and not be empty
 */
bool
json_require_name(const JsonObject *object, int key, char **value)
{
	if (object->fields[key] == NULL)
		return json_note_missing(object, key);
	return json_get_name(object, key, value);
}

bool
json_get_bool(const JsonObject *object, int key, bool *value)
{
	const cJSON *node = object->fields[key];

	if (node == NULL)
		return true;
	if (!cJSON_IsBool(node))
		return json_note_type(object, key, "true or false");
	*value = cJSON_IsTrue(node);
	return true;
}

/*
 * A non-negative integer.  cJSON's numbers are doubles.
 */
bool
json_get_count(const JsonObject *object, int key, int64 *value)
{
	const cJSON *node = object->fields[key];

	if (node == NULL)
		return true;
	if (!cJSON_IsNumber(node) || !(node->valuedouble >= 0) ||
		node->valuedouble > PG_INT32_MAX || node->valuedouble != floor(node->valuedouble))
		return json_note_type(object, key, "a non-negative integer or null");
	*value = (int64) node->valuedouble;
	return true;
}

/*
 * One of several words
 */
bool
json_get_word(const JsonObject *object, int key, const JsonWord *words,
			  int nwords, int *value)
{
	const cJSON *node = object->fields[key];
	StringInfoData expected;

	if (node == NULL)
		return true;
	for (int i = 0; cJSON_IsString(node) && i < nwords; i++)
	{
		if (strcmp(node->valuestring, words[i].word) == 0)
		{
			*value = words[i].value;
			return true;
		}
	}

	initStringInfo(&expected);
	for (int i = 0; i < nwords; i++)
		appendStringInfo(&expected, "\"%s\", ", words[i].word);
	appendStringInfoString(&expected, "or null");
	return json_note_type(object, key, expected.data);
}

/*
 * The first item of a list; NULL if it is empty or missing
 */
bool
json_get_items(const JsonObject *object, int key, const cJSON **first)
{
	const cJSON *node = object->fields[key];

	*first = NULL;
	if (node == NULL)
		return true;
	if (!cJSON_IsArray(node))
		return json_note_type(object, key, "an array");
	*first = node->child;
	return true;
}

bool
json_read_names(const JsonObject *object, const cJSON *node, const char *path,
				List **names)
{
	int			index = 0;

	for (const cJSON *item = node->child; item; item = item->next)
	{
		if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
			return json_note_node(object, item, json_path_item(path, index), "a name");
		*names = lappend(*names, pstrdup(item->valuestring));
		index++;
	}
	return true;
}

/*
 * A list of names
 */
bool
json_get_names(const JsonObject *object, int key, List **names)
{
	const cJSON *node = object->fields[key];

	if (node == NULL)
		return true;
	if (!cJSON_IsArray(node))
		return json_note_type(object, key, "an array of strings");
	return json_read_names(object, node, json_field_path(object, key), names);
}
