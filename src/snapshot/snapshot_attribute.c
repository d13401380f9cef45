/*
 * snapshot_attribute.c
 *		Decoding of attributes, with the references of foreign keys.
 */
#include "postgres.h"

#include "snapshot/snapshot_part.h"

/* PostgreSQL's MAXDIM, which is not in the same header in every version */
#define MAX_ARRAY_DEPTH		6

enum
{
	MT_ATTRIBUTE, MT_GLOBAL, MT_STRATEGY
};

static const char *const multitenancy_keys[] = {
	[MT_ATTRIBUTE] = "attribute",
	[MT_GLOBAL] = "global",
	[MT_STRATEGY] = "strategy",
};
static const JsonShape multitenancy_shape = SHAPE("multitenancy", multitenancy_keys);

static const JsonWord strategy_words[] = {
	{"attribute", STRATEGY_ATTRIBUTE},
	{"context", STRATEGY_CONTEXT},
};

enum
{
	REF_DEFERRABLE, REF_DESTINATION, REF_DESTINATION_DEFAULT, REF_DESTINATION_GENERATED,
	REF_OLD_DESTINATION, REF_OLD_DESTINATION_DEFAULT, REF_OLD_DESTINATION_GENERATED,
	REF_IGNORE, REF_OLD_IGNORE, REF_INDEX, REF_INDEX_WHERE, REF_MATCH_TENANT, REF_MATCH_TYPE,
	REF_MATCH_WITH, REF_MULTITENANCY, REF_NAME, REF_ON_DELETE, REF_ON_UPDATE,
	REF_PRIMARY_KEY, REF_SCHEMA, REF_TABLE
};

static const char *const reference_keys[] = {
	[REF_DEFERRABLE] = "deferrable",
	[REF_DESTINATION] = "destination_attribute",
	[REF_DESTINATION_DEFAULT] = "destination_attribute_default",
	[REF_DESTINATION_GENERATED] = "destination_attribute_generated",
	[REF_OLD_DESTINATION] = "destination_field",
	[REF_OLD_DESTINATION_DEFAULT] = "destination_field_default",
	[REF_OLD_DESTINATION_GENERATED] = "destination_field_generated",
	[REF_IGNORE] = "ignore?",
	[REF_OLD_IGNORE] = "ignore",
	[REF_INDEX] = "index?",
	[REF_INDEX_WHERE] = "index_where",
	[REF_MATCH_TENANT] = "match_tenant?",
	[REF_MATCH_TYPE] = "match_type",
	[REF_MATCH_WITH] = "match_with",
	[REF_MULTITENANCY] = "multitenancy",
	[REF_NAME] = "name",
	[REF_ON_DELETE] = "on_delete",
	[REF_ON_UPDATE] = "on_update",
	[REF_PRIMARY_KEY] = "primary_key?",
	[REF_SCHEMA] = "schema",
	[REF_TABLE] = "table",
};
static const JsonShape reference_shape = SHAPE("reference", reference_keys);

static const JsonWord delete_words[] = {
	{"nothing", ACTION_NONE},
	{"restrict", ACTION_RESTRICT},
	{"delete", ACTION_CASCADE},
	{"nilify", ACTION_SET_NULL},
};
static const JsonWord update_words[] = {
	{"nothing", ACTION_NONE},
	{"restrict", ACTION_RESTRICT},
	{"update", ACTION_CASCADE},
	{"nilify", ACTION_SET_NULL},
};
static const JsonWord match_words[] = {
	{"simple", MATCH_SIMPLE},
	{"partial", MATCH_PARTIAL},
	{"full", MATCH_FULL},
};

enum
{
	ATTR_ALLOW_NIL, ATTR_DEFAULT, ATTR_GENERATED, ATTR_NAME, ATTR_PRECISION,
	ATTR_PRIMARY_KEY, ATTR_REFERENCES, ATTR_SCALE, ATTR_SIZE, ATTR_SOURCE, ATTR_TYPE
};

static const char *const attribute_keys[] = {
	[ATTR_ALLOW_NIL] = "allow_nil?",
	[ATTR_DEFAULT] = "default",
	[ATTR_GENERATED] = "generated?",
	[ATTR_NAME] = "name",
	[ATTR_PRECISION] = "precision",
	[ATTR_PRIMARY_KEY] = "primary_key?",
	[ATTR_REFERENCES] = "references",
	[ATTR_SCALE] = "scale",
	[ATTR_SIZE] = "size",
	[ATTR_SOURCE] = "source",
	[ATTR_TYPE] = "type",
};
static const JsonShape attribute_shape = SHAPE("attribute", attribute_keys);

/*
 * A boolean that may be missing
 */
static bool
get_maybe(const JsonObject *object, int key, Maybe *value)
{
	bool		boolean = false;

	if (!json_get_bool(object, key, &boolean))
		return false;
	if (object->fields[key])
		*value = boolean ? MAYBE_TRUE : MAYBE_FALSE;
	return true;
}

/*
 * Strategy, tenant column, global; the key of another object
 */
bool
snapshot_decode_multitenancy(const JsonObject *parent, int key, Multitenancy *multitenancy)
{
	const cJSON *node = parent->fields[key];
	JsonObject	object;
	int			strategy = STRATEGY_NONE;

	if (node == NULL)
		return true;
	if (!json_read_object(parent->reader, node, json_field_path(parent, key),
						  &multitenancy_shape, &object) ||
		!json_get_word(&object, MT_STRATEGY, strategy_words,
					   lengthof(strategy_words), &strategy) ||
		!json_get_name(&object, MT_ATTRIBUTE, &multitenancy->attribute) ||
		!json_get_bool(&object, MT_GLOBAL, &multitenancy->global))
		return false;
	multitenancy->strategy = strategy;
	if (strategy == STRATEGY_ATTRIBUTE && multitenancy->attribute == NULL)
		return json_note_missing(&object, MT_ATTRIBUTE);
	return true;
}

/*
 * on_delete: a word, or ["nilify", [columns]]
 */
static bool
decode_on_delete(const JsonObject *object, Reference *reference)
{
	const cJSON *node = object->fields[REF_ON_DELETE];
	const cJSON *columns;
	int			action = ACTION_NONE;

	if (!cJSON_IsArray(node))
	{
		if (!json_get_word(object, REF_ON_DELETE, delete_words,
						   lengthof(delete_words), &action))
			return false;
		reference->on_delete = action;
		return true;
	}

	columns = node->child ? node->child->next : NULL;
	if (!cJSON_IsString(node->child) || strcmp(node->child->valuestring, "nilify") != 0 ||
		!cJSON_IsArray(columns) || columns->child == NULL || columns->next != NULL)
		return json_note_type(object, REF_ON_DELETE,
							  "a string or [\"nilify\", [columns]]");
	reference->on_delete = ACTION_SET_NULL;
	return json_read_names(object, columns,
						   json_path_item(json_field_path(object, REF_ON_DELETE), 1),
						   &reference->on_delete_columns);
}

/*
 * deferrable: true, false or "initially"
 */
static bool
decode_deferrable(const JsonObject *object, Reference *reference)
{
	const cJSON *node = object->fields[REF_DEFERRABLE];

	reference->deferrable = DEFERRABLE_NOT;
	if (node == NULL || cJSON_IsFalse(node))
		return true;
	if (cJSON_IsTrue(node))
		reference->deferrable = DEFERRABLE_IMMEDIATE;
	else if (cJSON_IsString(node) && strcmp(node->valuestring, "initially") == 0)
		reference->deferrable = DEFERRABLE_DEFERRED;
	else
		return json_note_type(object, REF_DEFERRABLE, "true, false, or \"initially\"");
	return true;
}

/*
 * match_with: an object of source to destination columns
 */
static bool
decode_match_with(const JsonObject *object, Reference *reference)
{
	const cJSON *node = object->fields[REF_MATCH_WITH];
	char	   *path = json_field_path(object, REF_MATCH_WITH);
	ListCell   *lc;

	if (node == NULL)
		return true;
	if (!cJSON_IsObject(node))
		return json_note_type(object, REF_MATCH_WITH,
							  "an object that maps columns to columns");
	for (const cJSON *member = node->child; member; member = member->next)
	{
		MatchPair  *pair = palloc(sizeof(MatchPair));

		if (member->string[0] == '\0')
			return json_note(object, REF_MATCH_WITH, NULL, "Specify the column's name.",
							 "contains an empty name");
		if (!cJSON_IsString(member) || member->valuestring[0] == '\0')
			return json_note_node(object, member, json_path_key(path, member->string),
								  "a name");
		foreach(lc, reference->match_with)
		{
			if (strcmp(((MatchPair *) lfirst(lc))->source, member->string) == 0)
				return json_note(object, REF_MATCH_WITH, NULL, "Remove one of them.",
								 psprintf("contains column \"%s\" twice", member->string));
		}
		pair->source = pstrdup(member->string);
		pair->destination = pstrdup(member->valuestring);
		reference->match_with = lappend(reference->match_with, pair);
	}
	return true;
}

/*
 * Bring the spellings of 2022 to today's.  A file has one or the other.
 */
static void
modernize_reference(JsonObject *object)
{
	static const int renamed[][2] = {
		{REF_OLD_DESTINATION, REF_DESTINATION},
		{REF_OLD_DESTINATION_DEFAULT, REF_DESTINATION_DEFAULT},
		{REF_OLD_DESTINATION_GENERATED, REF_DESTINATION_GENERATED},
		{REF_OLD_IGNORE, REF_IGNORE},
	};

	for (int i = 0; i < lengthof(renamed); i++)
	{
		if (object->fields[renamed[i][1]] == NULL)
			object->fields[renamed[i][1]] = object->fields[renamed[i][0]];
	}
}

/*
 * The name of the foreign key; where one starts with "_" the table is before
 * it.
 */
static bool
decode_reference_name(const JsonObject *object, const char *table,
					  const char *column, char **name)
{
	if (!json_get_name(object, REF_NAME, name))
		return false;
	if (*name == NULL)
		*name = psprintf("%s_%s_fkey", table, column);
	if ((*name)[0] == '_')
		*name = psprintf("%s%s", table, *name);
	return true;
}

/*
 * The plain members of a reference
 */
static bool
decode_reference_members(const JsonObject *object, Reference *reference)
{
	int			on_update = ACTION_NONE;
	int			match_type = MATCH_UNSET;

	if (!json_require_name(object, REF_TABLE, &reference->table) ||
		!json_require_name(object, REF_DESTINATION, &reference->destination_attribute) ||
		!json_get_name(object, REF_SCHEMA, &reference->schema) ||
		!json_get_word(object, REF_ON_UPDATE, update_words,
					   lengthof(update_words), &on_update) ||
		!json_get_word(object, REF_MATCH_TYPE, match_words,
					   lengthof(match_words), &match_type) ||
		!get_maybe(object, REF_MATCH_TENANT, &reference->match_tenant) ||
		!get_maybe(object, REF_INDEX, &reference->index) ||
		!get_maybe(object, REF_PRIMARY_KEY, &reference->primary_key) ||
		!get_maybe(object, REF_DESTINATION_GENERATED,
				   &reference->destination_generated) ||
		!json_get_string(object, REF_INDEX_WHERE, &reference->index_where) ||
		!json_get_string(object, REF_DESTINATION_DEFAULT,
						 &reference->destination_default) ||
		!json_get_bool(object, REF_IGNORE, &reference->ignore))
		return false;

	reference->on_update = on_update;
	reference->match_type = match_type;
	if (reference->destination_default &&
		strcmp(reference->destination_default, "nil") == 0)
		reference->destination_default = NULL;
	return true;
}

static bool
decode_reference(Decoding *decoding, const JsonObject *parent, Attribute *attribute)
{
	const cJSON *node = parent->fields[ATTR_REFERENCES];
	Reference  *reference;
	JsonObject	object;

	if (node == NULL)
		return true;
	reference = palloc0(sizeof(Reference));
	reference->path = json_field_path(parent, ATTR_REFERENCES);
	if (!json_read_object(decoding->reader, node, reference->path,
						  &reference_shape, &object))
		return false;
	object.name = attribute->source;
	modernize_reference(&object);

	attribute->references = reference;
	return decode_reference_members(&object, reference) &&
		decode_reference_name(&object, decoding->snapshot->table,
							  attribute->source, &reference->name) &&
		decode_on_delete(&object, reference) &&
		decode_deferrable(&object, reference) &&
		decode_match_with(&object, reference) &&
		snapshot_decode_multitenancy(&object, REF_MULTITENANCY, &reference->multitenancy);
}

/*
 * "text", ["array", "text"], ["map", ...], ["varchar", 40]
 */
static bool
decode_type(const JsonObject *object, Attribute *attribute)
{
	const cJSON *node = object->fields[ATTR_TYPE];

	if (node == NULL)
		return json_note_missing(object, ATTR_TYPE);
	while (cJSON_IsArray(node) && cJSON_IsString(node->child) &&
		   strcmp(node->child->valuestring, "array") == 0)
	{
		node = node->child->next;
		if (node == NULL || node->next != NULL || ++attribute->array_depth > MAX_ARRAY_DEPTH)
			return json_note(object, ATTR_TYPE, NULL,
							 "Write [\"array\", T], with one type T.",
							 "is not an array type");
	}
	if (cJSON_IsArray(node) && node->child)
	{
		if (cJSON_IsNumber(node->child->next) && node->child->next->valuedouble >= 1 &&
			node->child->next->valuedouble <= PG_INT32_MAX)
			attribute->size = (int64) node->child->next->valuedouble;
		node = node->child;
	}
	if (!cJSON_IsString(node) || node->valuestring[0] == '\0')
		return json_note_type(object, ATTR_TYPE,
							  "a type name or [\"array\", T]");
	attribute->type = pstrdup(node->valuestring);
	return true;
}

/*
 * The default, which is Elixir text
 */
static bool
decode_default(const JsonObject *object, Attribute *attribute)
{
	attribute->default_source = "nil";
	if (!json_get_string(object, ATTR_DEFAULT, &attribute->default_source))
		return false;
	attribute->default_value = elixir_parse(attribute->default_source,
											json_field_path(object, ATTR_DEFAULT),
											object->reader->problem);
	return attribute->default_value != NULL;
}

bool
snapshot_decode_attribute(Decoding *decoding, const cJSON *node, char *path)
{
	Attribute  *attribute = palloc0(sizeof(Attribute));
	JsonObject	object;
	int			source;

	if (!json_read_object(decoding->reader, node, path, &attribute_shape, &object))
		return false;

	/* "name" is what "source" was called; where both are given it wins */
	source = object.fields[ATTR_NAME] ? ATTR_NAME : ATTR_SOURCE;
	if (!json_require_name(&object, source, &attribute->source))
		return false;
	object.name = attribute->source;

	attribute->path = path;
	attribute->size = attribute->precision = attribute->scale = -1;
	attribute->allow_nil = true;
	decoding->snapshot->attributes = lappend(decoding->snapshot->attributes, attribute);
	return decode_type(&object, attribute) &&
		json_get_count(&object, ATTR_SIZE, &attribute->size) &&
		json_get_count(&object, ATTR_PRECISION, &attribute->precision) &&
		json_get_count(&object, ATTR_SCALE, &attribute->scale) &&
		json_get_bool(&object, ATTR_ALLOW_NIL, &attribute->allow_nil) &&
		json_get_bool(&object, ATTR_GENERATED, &attribute->generated) &&
		json_get_bool(&object, ATTR_PRIMARY_KEY, &attribute->primary_key) &&
		decode_default(&object, attribute) &&
		decode_reference(decoding, &object, attribute);
}
