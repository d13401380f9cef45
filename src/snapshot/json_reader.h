/*
 * json_reader.h
 *		Strict reading of JSON objects whose keys are known, over cJSON.
 *
 * Reading an object sorts its members into an array by key, in one pass;
 * getters then check the type.  A missing key and null are the same, and take
 * the default that the caller has put into the result beforehand.  Whatever
 * is wrong is noted as ERRCODE_ASHMIG_INVALID_SNAPSHOT with its path, written
 * so that PostgreSQL's jsonpath takes it.
 *
 * What getters hand out is copied into the current memory context.
 */
#ifndef ASHMIG_JSON_READER_H
#define ASHMIG_JSON_READER_H

#include "postgres.h"

#include <cjson/cJSON.h>

#include "nodes/pg_list.h"

#include "base/problem.h"

typedef struct JsonReader
{
	Problem    *problem;
	List	   *unknown_keys;	/* of char *: "key" at path, each key once */
	const char *text;			/* all of it */
	const char *end;			/* its NUL */
	const char *cursor;			/* what has not been read yet */
	MemoryContext context;		/* cJSON's trees */
} JsonReader;

/* The keys that an object can have */
typedef struct JsonShape
{
	const char *what;			/* for messages: "attribute" */
	const char *const *keys;
	int			nkeys;
} JsonShape;

#define JSON_MAX_KEYS	24

/* An object that is being read */
typedef struct JsonObject
{
	JsonReader *reader;
	const JsonShape *shape;
	const char *path;
	const char *name;			/* for messages, once it is known; or NULL */
	const cJSON *fields[JSON_MAX_KEYS]; /* by key; NULL: missing or null */
} JsonObject;

/* A word that a string may be, and its meaning */
typedef struct JsonWord
{
	const char *word;
	int			value;
} JsonWord;

/*
 * Start to read a text.  It is read value by value, so that a long list need
 * not be in memory as a tree: json_value parses what comes next into the
 * reader's context, which the caller may replace and reset on the way.  NULL
 * or false with the problem noted if the text is not JSON.
 *
 * json_close deletes the context; an error deletes it with its parent.
 */
extern bool json_open(JsonReader *reader, const char *text, Problem *problem);
extern cJSON *json_value(JsonReader *reader);
extern void json_close(JsonReader *reader);

/* Skip space; then take this character if it comes next. */
extern bool json_take(JsonReader *reader, char c);

/*
 * After an item of a list or object: is there another?  Takes the comma or the
 * closing character.
 */
extern bool json_more(JsonReader *reader, char closing, bool *more);

/* Note that something else should come next.  Returns false. */
extern bool json_note_malformed(JsonReader *reader);

/*
 * Read an object member by member: "visit" is called with the cursor at the
 * value of each.
 */
typedef bool (*JsonVisitor) (JsonReader *reader, char *key, void *arg);
extern bool json_read_members(JsonReader *reader, JsonVisitor visit, void *arg);

/* "$.a" and "b" to "$.a.b"; "$.a" and 3 to "$.a[3]" */
extern char *json_path_key(const char *path, const char *key);
extern char *json_path_item(const char *path, int index);

/* Sort the members of an object by key. */
extern bool json_read_object(JsonReader *reader, const cJSON *node, const char *path,
							 const JsonShape *shape, JsonObject *object);

/* Path of a member */
extern char *json_field_path(const JsonObject *object, int key);

/*
 * Note that a member is not what it should be ("a string"), that it is missing,
 * or that it is wrong in some other way ("has a duplicate").  Return false.
 */
extern bool json_note_type(const JsonObject *object, int key, const char *expected);
extern bool json_note_missing(const JsonObject *object, int key);
extern bool json_note(const JsonObject *object, int key, const char *detail,
					  const char *hint, const char *fact);

/* The same for an item of a list, or anything else that is not a member */
extern bool json_note_node(const JsonObject *object, const cJSON *node,
						   const char *path, const char *expected);

/* Getters; false: a problem is noted */
extern bool json_require_name(const JsonObject *object, int key, char **value);
extern bool json_get_string(const JsonObject *object, int key, char **value);
extern bool json_get_name(const JsonObject *object, int key, char **value);
extern bool json_get_bool(const JsonObject *object, int key, bool *value);
extern bool json_get_count(const JsonObject *object, int key, int64 *value);
extern bool json_get_word(const JsonObject *object, int key, const JsonWord *words,
						  int nwords, int *value);
extern bool json_get_items(const JsonObject *object, int key, const cJSON **first);
extern bool json_get_names(const JsonObject *object, int key, List **names);

/* The strings of a list node, each not empty */
extern bool json_read_names(const JsonObject *object, const cJSON *node,
							const char *path, List **names);

#endif							/* ASHMIG_JSON_READER_H */
