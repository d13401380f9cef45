/*
 * snapshot_tree.c
 *		Snapshots as JSON trees: see snapshot_tree.h.
 */
#include "postgres.h"

#include "utils/json.h"

#include "snapshot/snapshot_tree.h"

/* ----------
 * Reading and printing
 * ----------
 */

bool
snapshot_tree_open(Tree *tree, const char *text, Problem *problem)
{
	memset(tree, 0, sizeof(Tree));
	if (text == NULL)
		return true;
	if (json_open(&tree->reader, text, problem))
		tree->root = json_value(&tree->reader);
	return tree->root != NULL;
}

void
snapshot_tree_close(Tree *tree)
{
	if (tree->reader.context)
		json_close(&tree->reader);
}

/* How many snapshots it has, and one of them */
int
snapshot_tree_count(const Tree *tree)
{
	if (tree->root == NULL)
		return 0;
	return cJSON_IsArray(tree->root) ? cJSON_GetArraySize(tree->root) : 1;
}

cJSON *
snapshot_tree_at(const Tree *tree, int index)
{
	return cJSON_IsArray(tree->root) ? cJSON_GetArrayItem(tree->root, index) : tree->root;
}

cJSON *
snapshot_tree_member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* Is it one of these words? */
bool
snapshot_tree_one_of(const char *word, const char *const *words, int nwords)
{
	for (int i = 0; i < nwords; i++)
	{
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Does a member say nothing, so that without it the snapshot would ask for the
 * same table?
 */
static bool
says_nothing(const cJSON *value)
{
	static const char *const for_others[] = {"hash", "message", "error_fields"};
	static const char *const true_by_default[] = {
		"allow_nil?", "nulls_distinct", "nils_distinct?", "include_base_filter?",
		"has_create_action"
	};
	const char *key = value->string;

	if (snapshot_tree_one_of(key, for_others, lengthof(for_others)) || cJSON_IsNull(value))
		return true;
	if (cJSON_IsBool(value))
		return snapshot_tree_one_of(key, true_by_default, lengthof(true_by_default)) == cJSON_IsTrue(value);
	if (strcmp(key, "default") == 0 && cJSON_IsString(value))
		return strcmp(value->valuestring, "nil") == 0;
	return cJSON_IsArray(value) && value->child == NULL;
}

const PartList snapshot_part_lists[SNAPSHOT_PART_LISTS] = {
	{"attributes", THING_ATTRIBUTE},
	{"identities", THING_IDENTITY},
	{"custom_indexes", THING_INDEX},
	{"check_constraints", THING_CHECK},
	{"custom_statements", THING_STATEMENT},
};
const PartList snapshot_retired_list = {"retired", THING_RETIRED};

bool
snapshot_is_part_list(const char *key)
{
	for (int i = 0; i < SNAPSHOT_PART_LISTS; i++)
	{
		if (strcmp(key, snapshot_part_lists[i].key) == 0)
			return true;
	}
	return false;
}

static void print_value(StringInfo buf, const cJSON *value, bool canonical);

static void
print_number(StringInfo buf, double number)
{
	if (number == (double) (int64) number)
		appendStringInfo(buf, INT64_FORMAT, (int64) number);
	else
		appendStringInfo(buf, "%.17g", number);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/*
 * The children of an object or list, printed, between its brackets.
 */
static void
print_children(StringInfo buf, const cJSON *value, bool canonical)
{
	bool		object = cJSON_IsObject(value);
	bool		sort = canonical && (object || (value->string && snapshot_is_part_list(value->string)));
	char	  **texts = palloc(sizeof(char *) * Max(cJSON_GetArraySize(value), 1));
	int			count = 0;
	const cJSON *child;

	cJSON_ArrayForEach(child, value)
	{
		StringInfoData text;

		if (object && canonical && says_nothing(child))
			continue;
		initStringInfo(&text);
		if (object)
		{
			escape_json(&text, child->string);
			appendStringInfoString(&text, ": ");
		}
		print_value(&text, child, canonical);
		texts[count++] = text.data;
	}
	if (sort)
		qsort(texts, count, sizeof(char *), compare_texts);
	appendStringInfoChar(buf, object ? '{' : '[');
	for (int i = 0; i < count; i++)
		appendStringInfo(buf, "%s%s", i ? ", " : "", texts[i]);
	appendStringInfoChar(buf, object ? '}' : ']');
}

static void
print_value(StringInfo buf, const cJSON *value, bool canonical)
{
	if (cJSON_IsObject(value) || cJSON_IsArray(value))
		print_children(buf, value, canonical);
	else if (cJSON_IsString(value))
		escape_json(buf, value->valuestring);
	else if (cJSON_IsNumber(value))
		print_number(buf, value->valuedouble);
	else if (cJSON_IsBool(value))
		appendStringInfoString(buf, cJSON_IsTrue(value) ? "true" : "false");
	else
		appendStringInfoString(buf, "null");
}

/* A value as text, NULL where there is none */
char *
snapshot_tree_show(const cJSON *value, bool canonical)
{
	StringInfoData buf;

	if (value == NULL || cJSON_IsNull(value))
		return NULL;
	initStringInfo(&buf);
	print_value(&buf, value, canonical);
	return buf.data;
}

char *
snapshot_canonical(const char *snapshot, Problem *problem)
{
	Tree		tree;
	char	   *result = NULL;

	if (snapshot_tree_open(&tree, snapshot, problem))
		result = snapshot_tree_show(tree.root, true);
	snapshot_tree_close(&tree);
	return result;
}

/* ----------
 * Comparing
 * ----------
 */

/* Do two values, either of which may be missing, mean the same? */
bool
snapshot_tree_same(const cJSON *a, const cJSON *b)
{
	const char *one;
	const char *other;

	if (a != NULL && a->string != NULL && says_nothing(a))
		a = NULL;
	if (b != NULL && b->string != NULL && says_nothing(b))
		b = NULL;
	if (a == NULL || b == NULL)
		return a == b;
	one = snapshot_tree_show(a, true);
	other = snapshot_tree_show(b, true);
	return one == other || (one && other && strcmp(one, other) == 0);
}

/* The name of a part; NULL for what has none, as in no snapshot of AshPostgres */
const char *
snapshot_part_name(const PartList *list, const cJSON *part)
{
	static const char *const keys[] = {
		[THING_ATTRIBUTE] = "source",
		[THING_IDENTITY] = "name",
		[THING_INDEX] = "name",
		[THING_CHECK] = "name",
		[THING_STATEMENT] = "name",
		[THING_RETIRED] = "column"
	};
	const cJSON *name = snapshot_tree_member(part, keys[list->kind]);

	/* as it was called once */
	if (list->kind == THING_ATTRIBUTE && cJSON_IsString(snapshot_tree_member(part, "name")))
		name = snapshot_tree_member(part, "name");
	if (cJSON_IsString(name))
		return name->valuestring;
	return list->kind == THING_INDEX ? snapshot_tree_show(snapshot_tree_member(part, "fields"), true) : NULL;
}

cJSON *
snapshot_part_find(const PartList *list, const cJSON *parts, const char *name)
{
	cJSON	   *part;

	if (name == NULL)
		return NULL;
	cJSON_ArrayForEach(part, parts)
	{
		const char *found = snapshot_part_name(list, part);

		if (found && strcmp(found, name) == 0)
			return part;
	}
	return NULL;
}
