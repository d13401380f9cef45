/*
 * snapshot.c
 *		Resource snapshots, decoded: see snapshot.h.
 *
 * A decode_... fills in a struct from one JSON object; each object has a
 * shape, which lists every key that AshPostgres has ever written there,
 * whether it matters here or not.
 */
#include "postgres.h"

#include "parser/scansup.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "snapshot/snapshot_part.h"

enum
{
	KEY_ORDER, KEY_TYPE, KEY_VALUE
};

static const char *const key_keys[] = {
	[KEY_ORDER] = "order",
	[KEY_TYPE] = "type",
	[KEY_VALUE] = "value",
};
static const JsonShape key_shape = SHAPE("index key", key_keys);

typedef enum KeyType
{
	KEY_ATOM, KEY_STRING, KEY_DIRECTED
} KeyType;

static const JsonWord key_type_words[] = {
	{"atom", KEY_ATOM},
	{"string", KEY_STRING},
	{"directed", KEY_DIRECTED},
};
static const JsonWord order_words[] = {
	{"asc", ORDER_ASC},
	{"asc_nulls_first", ORDER_ASC_NULLS_FIRST},
	{"asc_nulls_last", ORDER_ASC_NULLS_LAST},
	{"desc", ORDER_DESC},
	{"desc_nulls_first", ORDER_DESC_NULLS_FIRST},
	{"desc_nulls_last", ORDER_DESC_NULLS_LAST},
};

enum
{
	ID_ALL_TENANTS, ID_BASE_FILTER, ID_INDEX_NAME, ID_KEYS, ID_NAME, ID_NILS_DISTINCT, ID_WHERE
};

static const char *const identity_keys[] = {
	[ID_ALL_TENANTS] = "all_tenants?",
	[ID_BASE_FILTER] = "base_filter",
	[ID_INDEX_NAME] = "index_name",
	[ID_KEYS] = "keys",
	[ID_NAME] = "name",
	[ID_NILS_DISTINCT] = "nils_distinct?",
	[ID_WHERE] = "where",
};
static const JsonShape identity_shape = SHAPE("identity", identity_keys);

enum
{
	IX_ALL_TENANTS, IX_CONCURRENTLY, IX_ERROR_FIELDS, IX_FIELDS, IX_INCLUDE,
	IX_INCLUDE_BASE_FILTER, IX_MESSAGE, IX_NAME, IX_NULLS_DISTINCT, IX_PREFIX,
	IX_TABLE, IX_UNIQUE, IX_USING, IX_WHERE
};

static const char *const custom_index_keys[] = {
	[IX_ALL_TENANTS] = "all_tenants?",
	[IX_CONCURRENTLY] = "concurrently",
	[IX_ERROR_FIELDS] = "error_fields",
	[IX_FIELDS] = "fields",
	[IX_INCLUDE] = "include",
	[IX_INCLUDE_BASE_FILTER] = "include_base_filter?",
	[IX_MESSAGE] = "message",
	[IX_NAME] = "name",
	[IX_NULLS_DISTINCT] = "nulls_distinct",
	[IX_PREFIX] = "prefix",
	[IX_TABLE] = "table",
	[IX_UNIQUE] = "unique",
	[IX_USING] = "using",
	[IX_WHERE] = "where",
};
static const JsonShape custom_index_shape = SHAPE("custom index", custom_index_keys);

enum
{
	CHECK_ATTRIBUTE, CHECK_BASE_FILTER, CHECK_CHECK, CHECK_MESSAGE, CHECK_NAME
};

static const char *const check_keys[] = {
	[CHECK_ATTRIBUTE] = "attribute",
	[CHECK_BASE_FILTER] = "base_filter",
	[CHECK_CHECK] = "check",
	[CHECK_MESSAGE] = "message",
	[CHECK_NAME] = "name",
};
static const JsonShape check_shape = SHAPE("check constraint", check_keys);

enum
{
	STMT_AFTER_TABLES, STMT_CODE, STMT_DOWN, STMT_GLOBAL, STMT_NAME, STMT_UP
};

static const char *const statement_keys[] = {
	[STMT_AFTER_TABLES] = "after_tables",
	[STMT_CODE] = "code?",
	[STMT_DOWN] = "down",
	[STMT_GLOBAL] = "global?",
	[STMT_NAME] = "name",
	[STMT_UP] = "up",
};
static const JsonShape statement_shape = SHAPE("custom statement", statement_keys);

enum
{
	SNAP_ATTRIBUTES, SNAP_BASE_FILTER, SNAP_CHECKS, SNAP_TABLE_OPTIONS, SNAP_INDEXES,
	SNAP_STATEMENTS, SNAP_DROP_OPTED_OUT, SNAP_HAS_CREATE, SNAP_HASH, SNAP_IDENTITIES,
	SNAP_MULTITENANCY, SNAP_REPO, SNAP_SCHEMA, SNAP_STRICT, SNAP_TABLE
};

static const char *const snapshot_keys[] = {
	[SNAP_ATTRIBUTES] = "attributes",
	[SNAP_BASE_FILTER] = "base_filter",
	[SNAP_CHECKS] = "check_constraints",
	[SNAP_TABLE_OPTIONS] = "create_table_options",
	[SNAP_INDEXES] = "custom_indexes",
	[SNAP_STATEMENTS] = "custom_statements",
	[SNAP_DROP_OPTED_OUT] = "drop_table_opted_out",
	[SNAP_HAS_CREATE] = "has_create_action",
	[SNAP_HASH] = "hash",
	[SNAP_IDENTITIES] = "identities",
	[SNAP_MULTITENANCY] = "multitenancy",
	[SNAP_REPO] = "repo",
	[SNAP_SCHEMA] = "schema",
	[SNAP_STRICT] = "strict?",	/* AshSqlite; PostgreSQL always is */
	[SNAP_TABLE] = "table",
};
static const JsonShape snapshot_shape = SHAPE("snapshot", snapshot_keys);

enum
{
	EXT_ASH_FUNCTIONS, EXT_INSTALLED
};

static const char *const extensions_keys[] = {
	[EXT_ASH_FUNCTIONS] = "ash_functions_version",
	[EXT_INSTALLED] = "installed",
};
static const JsonShape extensions_shape = SHAPE("extensions", extensions_keys);

enum
{
	BUNDLE_EXTENSIONS, BUNDLE_FILES, BUNDLE_SNAPSHOTS
};

static const char *const bundle_keys[] = {
	[BUNDLE_EXTENSIONS] = "extensions",
	[BUNDLE_FILES] = "files",	/* where each snapshot was read, for messages */
	[BUNDLE_SNAPSHOTS] = "snapshots",
};
static const JsonShape bundle_shape = SHAPE("bundle", bundle_keys);

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/*
 * Sort the attributes' names, to find them again and to find one that is
 * there twice.
 */
static bool
collect_columns(Decoding *decoding, const JsonObject *object)
{
	List	   *attributes = decoding->snapshot->attributes;

	decoding->columns = palloc(sizeof(char *) * Max(list_length(attributes), 1));
	foreach_ptr(Attribute, attribute, attributes)
		decoding->columns[decoding->ncolumns++] = attribute->source;
	qsort(decoding->columns, decoding->ncolumns, sizeof(char *), compare_names);
	for (int i = 1; i < decoding->ncolumns; i++)
	{
		if (strcmp(decoding->columns[i - 1], decoding->columns[i]) == 0)
			return json_note(object, SNAP_ATTRIBUTES, NULL, "Remove one of them.",
							 psprintf("contains \"%s\" twice", decoding->columns[i]));
	}
	return true;
}

/* Is there an attribute of that name? */
static bool
has_column(const Decoding *decoding, const char *name)
{
	return bsearch(&name, decoding->columns, decoding->ncolumns, sizeof(char *),
				   compare_names) != NULL;
}

/*
 * Is a key that is given as a string a column?  It is SQL to Ecto, which
 * prints it without quotes.  We take it as the column that PostgreSQL reads it
 * as (so that it can be renamed), or as the one of the very name ("Title") where
 * the table has only that; all else stays SQL.
 */
static bool
string_is_column(const Decoding *decoding, const char *value)
{
	const char *folded = downcase_identifier(value, strlen(value), false, false);

	if (strchr(value, '('))
		return false;
	if (strchr("0123456789$", value[0]) == NULL &&
		strspn(value, "abcdefghijklmnopqrstuvwxyz_0123456789$") == strlen(value))
		return true;
	return has_column(decoding, value) &&
		(strcmp(folded, value) == 0 || !has_column(decoding, folded));
}

/*
 * Is a key with an order a column?  The file does not tell the atom (a column)
 * from the string (SQL); what could be the name of a column is taken as one.
 */
static bool
directed_is_column(const Decoding *decoding, const char *value)
{
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789$";

	if (strchr(value, '('))
		return false;
	return has_column(decoding, value) || strspn(value, letters) == strlen(value);
}

/*
 * One key of an identity or an index: a bare string or an object of type and
 * value.  A bare string is an atom to AshPostgres in an identity, unless it
 * has a parenthesis, and a string in a custom index.
 */
static bool
decode_key(Decoding *decoding, const JsonObject *parent, const cJSON *node,
		   const char *path, bool identity, List **keys)
{
	IndexKey   *key = palloc0(sizeof(IndexKey));
	int			type = KEY_STRING;
	int			order = ORDER_NONE;
	JsonObject	object;

	*keys = lappend(*keys, key);
	if (cJSON_IsString(node) && node->valuestring[0] != '\0')
	{
		key->value = pstrdup(node->valuestring);
		if (identity && strchr(key->value, '(') == NULL)
			type = KEY_ATOM;
	}
	else if (!cJSON_IsObject(node))
		return json_note_node(parent, node, path, "a column or an object with \"type\" and \"value\"");
	else
	{
		if (!json_read_object(decoding->reader, node, path, &key_shape, &object))
			return false;
		if (object.fields[KEY_TYPE] == NULL)
			return json_note_missing(&object, KEY_TYPE);
		if (!json_get_word(&object, KEY_TYPE, key_type_words,
						   lengthof(key_type_words), &type) ||
			!json_require_name(&object, KEY_VALUE, &key->value))
			return false;
		if (type == KEY_DIRECTED && object.fields[KEY_ORDER] == NULL)
			return json_note_missing(&object, KEY_ORDER);
		if (!json_get_word(&object, KEY_ORDER, order_words, lengthof(order_words), &order))
			return false;
	}

	key->is_string = type == KEY_STRING;
	key->is_sql = type == KEY_STRING ? !string_is_column(decoding, key->value)
		: type == KEY_DIRECTED && !directed_is_column(decoding, key->value);
	key->order = order;
	return true;
}

/*
 * The keys in a list, of an identity or of a custom index
 */
static bool
decode_keys(Decoding *decoding, const JsonObject *object, int field,
			bool identity, List **keys)
{
	const char *path = json_field_path(object, field);
	const cJSON *item;
	int			index = 0;

	if (!json_get_items(object, field, &item))
		return false;
	for (; item; item = item->next)
	{
		if (!decode_key(decoding, object, item, json_path_item(path, index++),
						identity, keys))
			return false;
	}
	return true;
}

static bool
decode_identity(Decoding *decoding, const cJSON *node, char *path)
{
	Identity   *identity = palloc0(sizeof(Identity));
	ResourceSnapshot *snapshot = decoding->snapshot;
	JsonObject	object;

	identity->path = path;
	identity->nils_distinct = true;
	snapshot->identities = lappend(snapshot->identities, identity);
	if (!json_read_object(decoding->reader, node, path, &identity_shape, &object) ||
		!json_require_name(&object, ID_NAME, &identity->name))
		return false;
	object.name = identity->name;
	if (!json_get_name(&object, ID_INDEX_NAME, &identity->index_name) ||
		!json_get_bool(&object, ID_ALL_TENANTS, &identity->all_tenants) ||
		!json_get_bool(&object, ID_NILS_DISTINCT, &identity->nils_distinct) ||
		!json_get_string(&object, ID_WHERE, &identity->where) ||
		!json_get_string(&object, ID_BASE_FILTER, &identity->base_filter) ||
		!decode_keys(decoding, &object, ID_KEYS, true, &identity->keys))
		return false;
	if (identity->index_name == NULL)
		identity->index_name = psprintf("%s_%s_unique_index", snapshot->table,
										identity->name);

	/* with the tenant column in front, no further column is needed */
	if (identity->keys == NIL &&
		(identity->all_tenants ||
		 snapshot->multitenancy.strategy != STRATEGY_ATTRIBUTE))
		return json_note(&object, ID_KEYS, NULL, "List the columns that are unique.",
						 "contains no columns");
	return true;
}

static bool
decode_custom_index(Decoding *decoding, const cJSON *node, char *path)
{
	CustomIndex *index = palloc0(sizeof(CustomIndex));
	ResourceSnapshot *snapshot = decoding->snapshot;
	JsonObject	object;

	index->path = path;
	index->nulls_distinct = true;
	index->include_base_filter = true;
	snapshot->custom_indexes = lappend(snapshot->custom_indexes, index);
	if (!json_read_object(decoding->reader, node, path, &custom_index_shape, &object) ||
		!json_get_name(&object, IX_NAME, &index->name))
		return false;
	object.name = index->name;
	if (!json_get_bool(&object, IX_UNIQUE, &index->unique) ||
		!json_get_bool(&object, IX_CONCURRENTLY, &index->concurrently) ||
		!json_get_bool(&object, IX_ALL_TENANTS, &index->all_tenants) ||
		!json_get_bool(&object, IX_NULLS_DISTINCT, &index->nulls_distinct) ||
		!json_get_bool(&object, IX_INCLUDE_BASE_FILTER, &index->include_base_filter) ||
		!json_get_name(&object, IX_USING, &index->using) ||
		!json_get_string(&object, IX_WHERE, &index->where) ||
		!json_get_name(&object, IX_PREFIX, &index->prefix) ||
		!json_get_names(&object, IX_INCLUDE, &index->include) ||
		!decode_keys(decoding, &object, IX_FIELDS, false, &index->fields))
		return false;
	if (index->fields == NIL)
		return json_note(&object, IX_FIELDS, NULL, "List the columns of the index.",
						 "contains no columns");
	return true;
}

static bool
decode_check(Decoding *decoding, const cJSON *node, char *path)
{
	CheckConstraint *check = palloc0(sizeof(CheckConstraint));
	ResourceSnapshot *snapshot = decoding->snapshot;
	JsonObject	object;
	char	   *attribute = NULL;

	check->path = path;
	snapshot->check_constraints = lappend(snapshot->check_constraints, check);
	if (!json_read_object(decoding->reader, node, path, &check_shape, &object) ||
		!json_require_name(&object, CHECK_NAME, &check->name))
		return false;
	object.name = check->name;
	if (!json_require_name(&object, CHECK_CHECK, &check->check) ||
		!json_get_string(&object, CHECK_BASE_FILTER, &check->base_filter))
		return false;

	/* one attribute or a list of them */
	if (!cJSON_IsString(object.fields[CHECK_ATTRIBUTE]))
		return json_get_names(&object, CHECK_ATTRIBUTE, &check->attributes);
	if (!json_get_name(&object, CHECK_ATTRIBUTE, &attribute))
		return false;
	check->attributes = list_make1(attribute);
	return true;
}

static bool
decode_statement(Decoding *decoding, const cJSON *node, char *path)
{
	CustomStatement *statement = palloc0(sizeof(CustomStatement));
	ResourceSnapshot *snapshot = decoding->snapshot;
	JsonObject	object;
	bool		code = false;

	statement->path = path;
	snapshot->custom_statements = lappend(snapshot->custom_statements, statement);
	if (!json_read_object(decoding->reader, node, path, &statement_shape, &object) ||
		!json_require_name(&object, STMT_NAME, &statement->name))
		return false;
	object.name = statement->name;
	if (!json_get_bool(&object, STMT_CODE, &code) ||
		!json_get_bool(&object, STMT_GLOBAL, &statement->global) ||
		!json_get_names(&object, STMT_AFTER_TABLES, &statement->after_tables) ||
		!json_get_string(&object, STMT_UP, &statement->up) ||
		!json_get_string(&object, STMT_DOWN, &statement->down))
		return false;
	if (statement->up == NULL || statement->down == NULL)
		return json_note_missing(&object, statement->up ? STMT_DOWN : STMT_UP);
	if (code)
		return problem_note(decoding->reader->problem, ERRCODE_ASHMIG_ELIXIR_CODE,
							json_field_path(&object, STMT_CODE), NULL,
							"Write its up and down as SQL, with \"code?\" set to false.",
							"custom statement \"%s\" of table \"%s\" is Elixir code, which ashmig cannot run",
							statement->name, snapshot->table);
	return true;
}

typedef bool (*ItemDecoder) (Decoding *decoding, const cJSON *node, char *path);

/*
 * Decode each item of a list.
 */
static bool
decode_list(Decoding *decoding, const JsonObject *object, int key, ItemDecoder decode)
{
	const char *path = json_field_path(object, key);
	const cJSON *item;
	int			index = 0;

	if (!json_get_items(object, key, &item))
		return false;
	for (; item; item = item->next)
	{
		if (!decode(decoding, item, json_path_item(path, index++)))
			return false;
	}
	return true;
}

/*
 * The repo without "Elixir."
 */
static bool
decode_repo(const JsonObject *object, char **repo)
{
	const char *prefix = "Elixir.";

	*repo = "";
	if (!json_get_name(object, SNAP_REPO, repo))
		return false;
	if (strncmp(*repo, prefix, strlen(prefix)) == 0)
		*repo += strlen(prefix);
	return true;
}

/*
 * The members of a snapshot, lists apart
 */
static bool
decode_members(const JsonObject *object, ResourceSnapshot *snapshot)
{
	if (!decode_repo(object, &snapshot->repo) ||
		!json_get_name(object, SNAP_SCHEMA, &snapshot->schema) ||
		!json_get_string(object, SNAP_BASE_FILTER, &snapshot->base_filter) ||
		!json_get_bool(object, SNAP_HAS_CREATE, &snapshot->has_create_action) ||
		!json_get_string(object, SNAP_TABLE_OPTIONS, &snapshot->create_table_options) ||
		!json_get_bool(object, SNAP_DROP_OPTED_OUT, &snapshot->drop_table_opted_out))
		return false;
	if (snapshot->create_table_options && snapshot->create_table_options[0] == '\0')
		snapshot->create_table_options = NULL;
	return snapshot_decode_multitenancy(object, SNAP_MULTITENANCY, &snapshot->multitenancy);
}

/*
 * One snapshot.  NULL with the problem noted.
 */
static ResourceSnapshot *
decode_snapshot(JsonReader *reader, const cJSON *node, char *path, int position)
{
	ResourceSnapshot *snapshot = palloc0(sizeof(ResourceSnapshot));
	Decoding	decoding = {reader, snapshot, NULL, 0};
	JsonObject	object;

	snapshot->path = path;
	snapshot->position = position;
	snapshot->has_create_action = true;
	if (!json_read_object(reader, node, path, &snapshot_shape, &object) ||
		!json_require_name(&object, SNAP_TABLE, &snapshot->table))
		return NULL;
	object.name = snapshot->table;
	if (object.fields[SNAP_ATTRIBUTES] == NULL)
	{
		json_note_missing(&object, SNAP_ATTRIBUTES);
		return NULL;
	}
	if (!decode_members(&object, snapshot) ||
		!decode_list(&decoding, &object, SNAP_ATTRIBUTES, snapshot_decode_attribute) ||
		!collect_columns(&decoding, &object) ||
		!decode_list(&decoding, &object, SNAP_IDENTITIES, decode_identity) ||
		!decode_list(&decoding, &object, SNAP_INDEXES, decode_custom_index) ||
		!decode_list(&decoding, &object, SNAP_CHECKS, decode_check) ||
		!decode_list(&decoding, &object, SNAP_STATEMENTS, decode_statement))
		return NULL;
	return snapshot;
}

/*
 * The value at the top, as far as it is not a list of snapshots, which is
 * decoded while it is read
 */
typedef struct Input
{
	Bundle	   *bundle;
	bool		listed;			/* it has the key "snapshots" */
	cJSON	   *rest;			/* an object of its other members */
	cJSON	   *last;			/* the last of them */
} Input;

/*
 * Say which file a bundle's snapshot came from, where the bundle tells.
 */
static void
note_file(const Input *input, int position, Problem *problem)
{
	const cJSON *files = cJSON_GetObjectItemCaseSensitive(input->rest, "files");
	const cJSON *file = cJSON_IsArray(files) ? cJSON_GetArrayItem(files, position) : NULL;

	if (cJSON_IsString(file))
		problem->message = psprintf("%s (file \"%s\")", problem->message,
									file->valuestring);
}

/*
 * Decode a list of snapshots while it is read: only one is in memory as a
 * tree.
 */
static bool
decode_snapshots(JsonReader *reader, const char *path, Input *input)
{
	MemoryContext whole = reader->context;
	bool		more;

	if (!json_take(reader, '['))
		return json_note_malformed(reader);
	more = !json_take(reader, ']');
	reader->context = AllocSetContextCreate(whole, "ashmig JSON item",
											ALLOCSET_DEFAULT_SIZES);
	for (int position = 0; more; position++)
	{
		cJSON	   *item = json_value(reader);
		ResourceSnapshot *snapshot;

		if (item == NULL)
			break;
		snapshot = decode_snapshot(reader, item, json_path_item(path, position), position);
		if (snapshot == NULL)
		{
			note_file(input, position, reader->problem);
			break;
		}
		input->bundle->snapshots = lappend(input->bundle->snapshots, snapshot);
		MemoryContextReset(reader->context);
		if (!json_more(reader, ']', &more))
			break;
	}
	reader->context = whole;	/* the item's goes with it */
	return reader->problem->sqlerrcode == 0;
}

/*
 * A member of the object at the top
 */
static bool
visit_member(JsonReader *reader, char *key, void *arg)
{
	Input	   *input = arg;
	cJSON	   *value;

	if (strcmp(key, "snapshots") == 0 && !input->listed)
	{
		input->listed = true;
		reader->cursor += strspn(reader->cursor, " \t\r\n");
		if (*reader->cursor == '[')
			return decode_snapshots(reader, "$.snapshots", input);
	}
	if ((value = json_value(reader)) == NULL)
		return false;
	value->string = key;
	if (input->last)
		input->last->next = value;
	else
		input->rest->child = value;
	input->last = value;
	return true;
}

/*
 * Extensions: what extensions.json holds, a list in old projects
 */
static bool
decode_extensions(const JsonObject *parent, Bundle *bundle)
{
	const cJSON *node = parent->fields[BUNDLE_EXTENSIONS];
	JsonObject	object;
	int64		version = 0;

	if (node == NULL)
		return true;
	bundle->has_extensions = true;
	if (cJSON_IsArray(node))
		return json_get_names(parent, BUNDLE_EXTENSIONS, &bundle->extensions);
	if (!json_read_object(parent->reader, node, json_field_path(parent, BUNDLE_EXTENSIONS),
						  &extensions_shape, &object) ||
		!json_get_names(&object, EXT_INSTALLED, &bundle->extensions) ||
		!json_get_count(&object, EXT_ASH_FUNCTIONS, &version))
		return false;
	bundle->ash_functions_version = version;
	return true;
}

/*
 * What a bundle has besides its list of snapshots
 */
static bool
decode_bundle(JsonReader *reader, const cJSON *rest, Bundle *bundle)
{
	JsonObject	object;

	bundle->is_object = true;
	if (!json_read_object(reader, rest, "$", &bundle_shape, &object))
		return false;
	if (object.fields[BUNDLE_SNAPSHOTS])
		return json_note_type(&object, BUNDLE_SNAPSHOTS, "a single array");
	return decode_extensions(&object, bundle);
}

/*
 * Any input that a caller may pass: one snapshot, a list of them, a bundle
 */
static bool
decode_any(JsonReader *reader, Bundle *bundle)
{
	Input		input = {bundle, false, NULL, NULL};
	ResourceSnapshot *snapshot;

	reader->cursor += strspn(reader->cursor, " \t\r\n");
	if (*reader->cursor == '[')
		return decode_snapshots(reader, "$", &input);
	if (*reader->cursor != '{')
		return problem_note(reader->problem, ERRCODE_ASHMIG_INVALID_SNAPSHOT, "$", NULL,
							"Pass a snapshot, an array of snapshots, or {\"snapshots\": [...]}.",
							"invalid snapshot: neither an object nor an array");

	input.rest = MemoryContextAllocZero(reader->context, sizeof(cJSON));
	input.rest->type = cJSON_Object;
	if (!json_read_members(reader, visit_member, &input))
		return false;
	if (input.listed ||
		(cJSON_GetObjectItemCaseSensitive(input.rest, "extensions") &&
		 !cJSON_GetObjectItemCaseSensitive(input.rest, "table")))
		return decode_bundle(reader, input.rest, bundle);

	if ((snapshot = decode_snapshot(reader, input.rest, "$", 0)) == NULL)
		return false;
	bundle->snapshots = list_make1(snapshot);
	return true;
}

Bundle *
snapshot_decode(const char *json, Problem *problem)
{
	Bundle	   *bundle = palloc0(sizeof(Bundle));
	JsonReader	reader;
	bool		decoded;

	decoded = json_open(&reader, json, problem) && decode_any(&reader, bundle);
	if (decoded && !json_take(&reader, '\0'))
		decoded = json_note_malformed(&reader);
	bundle->unknown_keys = reader.unknown_keys;
	json_close(&reader);
	return decoded ? bundle : NULL;
}
