/*
 * snapshot_three_way.c
 *		What two branches have made of one table: see snapshot_three_way.h.
 *
 * Works on the JSON rather than on decoded snapshots, as the result is to be
 * recorded.  Trees live in the memory context of their reader, so nothing here
 * lets cJSON allocate or free: parts are only unlinked and linked.
 */
#include "postgres.h"

#include "utils/json.h"

#include "snapshot/json_reader.h"
#include "snapshot/snapshot_three_way.h"

/* ----------
 * Reading and printing
 * ----------
 */

/* JSON text as a tree; no root: there was no text */
typedef struct Tree
{
	JsonReader	reader;
	cJSON	   *root;
} Tree;

static bool
tree_open(Tree *tree, const char *text, Problem *problem)
{
	memset(tree, 0, sizeof(Tree));
	if (text == NULL)
		return true;
	if (json_open(&tree->reader, text, problem))
		tree->root = json_value(&tree->reader);
	return tree->root != NULL;
}

static void
tree_close(Tree *tree)
{
	if (tree->reader.context)
		json_close(&tree->reader);
}

/* How many snapshots it has, and one of them */
static int
tree_snapshots(const Tree *tree)
{
	if (tree->root == NULL)
		return 0;
	return cJSON_IsArray(tree->root) ? cJSON_GetArraySize(tree->root) : 1;
}

static cJSON *
tree_snapshot(const Tree *tree, int index)
{
	return cJSON_IsArray(tree->root) ? cJSON_GetArrayItem(tree->root, index) : tree->root;
}

static cJSON *
member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* Is it one of these words? */
static bool
one_of(const char *word, const char *const *words, int nwords)
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

	if (one_of(key, for_others, lengthof(for_others)) || cJSON_IsNull(value))
		return true;
	if (cJSON_IsBool(value))
		return one_of(key, true_by_default, lengthof(true_by_default)) == cJSON_IsTrue(value);
	if (strcmp(key, "default") == 0 && cJSON_IsString(value))
		return strcmp(value->valuestring, "nil") == 0;
	return cJSON_IsArray(value) && value->child == NULL;
}

/* Named parts of a snapshot, or of a table's state */
typedef enum ThingKind
{
	THING_TABLE,				/* all of it */
	THING_FIELD,
	THING_PRIMARY_KEY,
	THING_ATTRIBUTE,			/* its type, or that it is there */
	THING_DEFAULT,
	THING_ALLOW_NIL,
	THING_REFERENCES,
	THING_IDENTITY,
	THING_INDEX,
	THING_CHECK,
	THING_STATEMENT,
	THING_RETIRED
} ThingKind;

static const char *const thing_words[] = {
	[THING_TABLE] = "",
	[THING_FIELD] = "",
	[THING_PRIMARY_KEY] = "the primary key",
	[THING_ATTRIBUTE] = "attribute",
	[THING_DEFAULT] = "the default of attribute",
	[THING_ALLOW_NIL] = "allow_nil? of attribute",
	[THING_REFERENCES] = "the references of attribute",
	[THING_IDENTITY] = "identity",
	[THING_INDEX] = "index",
	[THING_CHECK] = "check constraint",
	[THING_STATEMENT] = "custom statement",
	[THING_RETIRED] = "retired column"
};

/* A list of parts that have names */
typedef struct PartList
{
	const char *key;
	ThingKind	kind;
} PartList;

static const PartList part_lists[] = {
	{"attributes", THING_ATTRIBUTE},
	{"identities", THING_IDENTITY},
	{"custom_indexes", THING_INDEX},
	{"check_constraints", THING_CHECK},
	{"custom_statements", THING_STATEMENT},
};
static const PartList retired_list = {"retired", THING_RETIRED};

static bool
is_part_list(const char *key)
{
	for (int i = 0; i < lengthof(part_lists); i++)
	{
		if (strcmp(key, part_lists[i].key) == 0)
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
	bool		sort = canonical && (object || (value->string && is_part_list(value->string)));
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
static char *
show(const cJSON *value, bool canonical)
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

	if (tree_open(&tree, snapshot, problem))
		result = show(tree.root, true);
	tree_close(&tree);
	return result;
}

/* ----------
 * Comparing
 * ----------
 */

/* Do two values, either of which may be missing, mean the same? */
static bool
same_value(const cJSON *a, const cJSON *b)
{
	const char *one;
	const char *other;

	if (a != NULL && a->string != NULL && says_nothing(a))
		a = NULL;
	if (b != NULL && b->string != NULL && says_nothing(b))
		b = NULL;
	if (a == NULL || b == NULL)
		return a == b;
	one = show(a, true);
	other = show(b, true);
	return one == other || (one && other && strcmp(one, other) == 0);
}

/* The name of a part; NULL for what has none, as in no snapshot of AshPostgres */
static const char *
part_name(const PartList *list, const cJSON *part)
{
	static const char *const keys[] = {
		[THING_ATTRIBUTE] = "source",
		[THING_IDENTITY] = "name",
		[THING_INDEX] = "name",
		[THING_CHECK] = "name",
		[THING_STATEMENT] = "name",
		[THING_RETIRED] = "column"
	};
	const cJSON *name = member(part, keys[list->kind]);

	/* as it was called once */
	if (list->kind == THING_ATTRIBUTE && cJSON_IsString(member(part, "name")))
		name = member(part, "name");
	if (cJSON_IsString(name))
		return name->valuestring;
	return list->kind == THING_INDEX ? show(member(part, "fields"), true) : NULL;
}

static cJSON *
find_part(const PartList *list, const cJSON *parts, const char *name)
{
	cJSON	   *part;

	if (name == NULL)
		return NULL;
	cJSON_ArrayForEach(part, parts)
	{
		const char *found = part_name(list, part);

		if (found && strcmp(found, name) == 0)
			return part;
	}
	return NULL;
}

/* A thing that a step touches */
typedef struct Touch
{
	ThingKind	kind;
	const char *name;
	char	   *path;			/* in the snapshot that the step leads to */
	char	   *before;
	char	   *after;
	char	   *old_keys;		/* of an identity; or NULL */
	char	   *new_keys;
} Touch;

static List *
touch(List *touches, ThingKind kind, const char *name, char *path,
	  const cJSON *before, const cJSON *after)
{
	Touch	   *touched = palloc(sizeof(Touch));

	touched->kind = kind;
	touched->name = pstrdup(name);
	touched->path = path;
	touched->before = show(before, false);
	touched->after = show(after, false);
	touched->old_keys = kind == THING_IDENTITY ? show(member(before, "keys"), true) : NULL;
	touched->new_keys = kind == THING_IDENTITY ? show(member(after, "keys"), true) : NULL;
	return lappend(touches, touched);
}

/* The part of an attribute that a key of it belongs to */
static ThingKind
attribute_part(const char *key)
{
	if (strcmp(key, "default") == 0)
		return THING_DEFAULT;
	if (strcmp(key, "allow_nil?") == 0)
		return THING_ALLOW_NIL;
	if (strcmp(key, "references") == 0)
		return THING_REFERENCES;
	return THING_ATTRIBUTE;
}

/*
 * What of an attribute that was there and still is has changed: one thing is
 * its type and all that goes with it.
 */
static List *
compare_attribute(List *touches, const char *name, char *path, const cJSON *from,
				  const cJSON *to)
{
	static const char *const keys[] = {"default", "allow_nil?", "references"};
	bool		changed = false;
	const cJSON *value;

	for (int i = 0; i < lengthof(keys); i++)
	{
		if (!same_value(member(from, keys[i]), member(to, keys[i])))
			touches = touch(touches, attribute_part(keys[i]), name,
							psprintf("%s.%s", path, keys[i]), member(from, keys[i]),
							member(to, keys[i]));
	}
	cJSON_ArrayForEach(value, to)
		changed = changed || (attribute_part(value->string) == THING_ATTRIBUTE &&
							  !same_value(member(from, value->string), value));
	cJSON_ArrayForEach(value, from)
		changed = changed || (attribute_part(value->string) == THING_ATTRIBUTE &&
							  !same_value(value, member(to, value->string)));
	return changed ? touch(touches, THING_ATTRIBUTE, name, path, from, to) : touches;
}

/* The parts of one list that are new, gone or changed */
static List *
compare_parts(List *touches, const PartList *list, const char *path, const cJSON *from,
			  const cJSON *to)
{
	int			index = 0;
	const cJSON *part;

	cJSON_ArrayForEach(part, to)
	{
		const char *name = part_name(list, part);
		const cJSON *old = find_part(list, from, name);
		char	   *part_path = psprintf("%s.%s[%d]", path, list->key, index++);

		if (name == NULL || same_value(old, part))
			continue;
		if (list->kind == THING_ATTRIBUTE && old)
			touches = compare_attribute(touches, name, part_path, old, part);
		else
			touches = touch(touches, list->kind, name, part_path, old, part);
	}
	cJSON_ArrayForEach(part, from)
	{
		const char *name = part_name(list, part);

		if (name && find_part(list, to, name) == NULL)
			touches = touch(touches, list->kind, name, NULL, part, NULL);
	}
	return touches;
}

/*
 * A top-level member of a snapshot.  What the indexes of the whole table hang
 * on counts as the whole table.
 */
static List *
compare_field(List *touches, const char *key, const char *path, const cJSON *from,
			  const cJSON *to)
{
	static const char *const of_all[] = {"multitenancy", "base_filter", "repo", "schema", "table"};

	if (is_part_list(key) || same_value(member(from, key), member(to, key)))
		return touches;
	return touch(touches, one_of(key, of_all, lengthof(of_all)) ? THING_TABLE : THING_FIELD, key,
				 psprintf("%s.%s", path, key), member(from, key), member(to, key));
}

/* The columns of a primary key, in their order */
static char *
primary_key(const cJSON *snapshot)
{
	StringInfoData buf;
	const cJSON *attribute;

	initStringInfo(&buf);
	cJSON_ArrayForEach(attribute, member(snapshot, "attributes"))
	{
		const char *name = part_name(&part_lists[0], attribute);

		if (name == NULL || !cJSON_IsTrue(member(attribute, "primary_key?")))
			continue;
		appendStringInfoString(&buf, buf.len ? ", " : "");
		escape_json(&buf, name);
	}
	return psprintf("[%s]", buf.data);
}

static List *
compare_snapshot(List *touches, const char *path, const cJSON *from, const cJSON *to)
{
	char	   *old_key = primary_key(from);
	char	   *new_key = primary_key(to);
	const cJSON *value;

	for (int i = 0; i < lengthof(part_lists); i++)
		touches = compare_parts(touches, &part_lists[i], path, member(from, part_lists[i].key),
								member(to, part_lists[i].key));
	if (strcmp(old_key, new_key) != 0)
	{
		touches = touch(touches, THING_PRIMARY_KEY, "", pstrdup(path), NULL, NULL);
		((Touch *) llast(touches))->before = old_key;
		((Touch *) llast(touches))->after = new_key;
	}
	cJSON_ArrayForEach(value, to)
		touches = compare_field(touches, value->string, path, from, to);
	cJSON_ArrayForEach(value, from)
	{
		if (member(to, value->string) == NULL)
			touches = compare_field(touches, value->string, path, from, to);
	}
	return touches;
}

static List *
compare_state(List *touches, const cJSON *from, const cJSON *to)
{
	const cJSON *old_key = member(from, "primary_key");
	const cJSON *new_key = member(to, "primary_key");

	touches = compare_parts(touches, &retired_list, "", member(from, "retired"),
							member(to, "retired"));
	if (!same_value(old_key, new_key))
		touches = touch(touches, THING_PRIMARY_KEY, "", NULL, old_key, new_key);
	return touches;
}

/* What a step touches, as a List of Touch * */
static List *
step_touches(const TableStep *step, Problem *problem)
{
	Tree		from;
	Tree		to;
	List	   *touches = NIL;
	bool		whole;
	bool		opened;

	whole = !tree_open(&from, step->from->snapshot, problem);
	whole = !tree_open(&to, step->to->snapshot, problem) || whole;
	whole = whole || tree_snapshots(&from) != tree_snapshots(&to);
	if (whole)
		touches = touch(NIL, THING_TABLE, "", "", from.root, to.root);
	for (int i = 0; !whole && i < tree_snapshots(&to); i++)
		touches = compare_snapshot(touches, cJSON_IsArray(to.root) ? psprintf("[%d]", i) : "",
								   tree_snapshot(&from, i), tree_snapshot(&to, i));
	tree_close(&from);
	tree_close(&to);
	if (whole)
		return touches;

	opened = tree_open(&from, step->from->state, problem);
	opened = tree_open(&to, step->to->state, problem) && opened;
	if (opened)
		touches = compare_state(touches, from.root, to.root);
	tree_close(&from);
	tree_close(&to);
	return touches;
}

/* ----------
 * Two steps
 * ----------
 */

static bool
is_word_part(char c)
{
	return IS_HIGHBIT_SET(c) || isalnum((unsigned char) c) || c == '_';
}

/* Does a text speak of a name? */
static bool
mentions(const char *text, const char *name)
{
	size_t		length = strlen(name);

	for (const char *at = text ? strstr(text, name) : NULL; at; at = strstr(at + 1, name))
	{
		if ((at == text || !is_word_part(at[-1])) && !is_word_part(at[length]))
			return true;
	}
	return false;
}

/* Is it about one attribute? */
static bool
of_attribute(const Touch *touched)
{
	return touched->kind >= THING_ATTRIBUTE && touched->kind <= THING_REFERENCES;
}

/*
 * Does a change of this attribute's type, or its removal, concern the other
 * thing, whose text names it?
 */
static bool
hangs_on(const Touch *attribute, const Touch *other)
{
	return attribute->kind == THING_ATTRIBUTE && attribute->before != NULL &&
		other->kind >= THING_IDENTITY && other->kind <= THING_STATEMENT &&
		(mentions(other->before, attribute->name) || mentions(other->after, attribute->name));
}

/*
 * Are two identities about the same columns?  They make one index, and which
 * of them has it hangs on what else there is.
 */
static bool
same_index(const Touch *a, const Touch *b)
{
	const char *keys[] = {a->old_keys, a->new_keys};

	for (int i = 0; i < lengthof(keys); i++)
	{
		if (keys[i] && ((b->old_keys && strcmp(keys[i], b->old_keys) == 0) ||
						(b->new_keys && strcmp(keys[i], b->new_keys) == 0)))
			return true;
	}
	return false;
}

/*
 * Does a change of an attribute's type concern another part of it?  A type can
 * change under NOT NULL, but not under a default or a foreign key; and what is
 * new, or gone, is so with all its parts.
 */
static bool
attribute_parts_clash(const Touch *attribute, const Touch *part)
{
	return attribute->kind == THING_ATTRIBUTE &&
		(part->kind != THING_ALLOW_NIL || attribute->before == NULL || attribute->after == NULL);
}

static bool
touches_clash(const Touch *a, const Touch *b)
{
	bool		same_name = strcmp(a->name, b->name) == 0;

	if (a->kind == THING_TABLE || b->kind == THING_TABLE)
		return true;
	/* no statement comes of these */
	if (a->kind == THING_FIELD || b->kind == THING_FIELD)
		return a->kind == b->kind && same_name &&
			(a->after == NULL || b->after == NULL ? a->after != b->after
			 : strcmp(a->after, b->after) != 0);
	if (of_attribute(a) && of_attribute(b))
		return same_name &&
			(a->kind == b->kind || attribute_parts_clash(a, b) || attribute_parts_clash(b, a));
	return (a->kind == b->kind && same_name) || same_index(a, b) ||
		hangs_on(a, b) || hangs_on(b, a);
}

static char *
touch_show(const Touch *touched)
{
	const char *words = thing_words[touched->kind];

	if (touched->kind == THING_TABLE || touched->kind == THING_FIELD ||
		touched->kind == THING_PRIMARY_KEY)
		return pstrdup(words[0] ? words : touched->name);
	return psprintf("%s \"%s\"", words, touched->name);
}

static StepClash *
clash_of(const Touch *a, const Touch *b)
{
	StepClash  *clash = palloc(sizeof(StepClash));
	bool		table = a->kind == THING_TABLE && a->name[0] == '\0';

	/* the whole table says less than what of it the other has changed */
	clash->thing = touch_show(table || b->kind == THING_ATTRIBUTE ? b : a);
	if (hangs_on(a, b) || hangs_on(b, a) || (same_index(a, b) && strcmp(a->name, b->name) != 0))
		clash->thing = psprintf("%s and %s", touch_show(a), touch_show(b));
	clash->path = b->path;
	clash->before = a->before;
	clash->one = a->after;
	clash->other = b->after;
	return clash;
}

StepClash *
snapshot_find_clash(const TableStep *one, const TableStep *other, Problem *problem)
{
	List	   *touches = step_touches(one, problem);
	List	   *others = step_touches(other, problem);
	ListCell   *la;
	ListCell   *lb;

	if (problem->sqlerrcode != 0)
		return NULL;
	foreach(lb, others)
	{
		foreach(la, touches)
		{
			if (touches_clash(lfirst(la), lfirst(lb)))
				return clash_of(lfirst(la), lfirst(lb));
		}
	}
	return NULL;
}

/* ----------
 * Applying a step
 * ----------
 */

/*
 * Link an item into an object or list, which has it at this position
 * afterwards, or at its end.  Only "child" and "next" are kept true, as
 * nothing else is looked at here; cJSON's own functions for this differ from
 * version to version in what they refuse.
 */
static void
link_item(cJSON *parent, int position, cJSON *item)
{
	cJSON	  **at = &parent->child;

	for (; *at && position > 0; position--)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
}

static void
link_last(cJSON *parent, cJSON *item)
{
	link_item(parent, PG_INT32_MAX, item);
}

/* Unlink an item; returns it. */
static cJSON *
unlink_item(cJSON *parent, cJSON *item)
{
	cJSON	  **at = &parent->child;

	while (*at && *at != item)
		at = &(*at)->next;
	if (*at)
		*at = item->next;
	return item;
}

/*
 * What a step did, being done to another tree.  "to" and "donor" are the same
 * text: parts are moved out of the donor, so that "to" stays as it is.
 */
typedef struct Step
{
	const cJSON *from;
	const cJSON *to;
	cJSON	   *donor;
} Step;

/* The same step, of a member */
static Step
step_member(const Step *step, const char *key)
{
	Step		result = {member(step->from, key), member(step->to, key), member(step->donor, key)};

	return result;
}

/* A member that is an object or list, made where it is missing */
static cJSON *
require_member(cJSON *object, const char *key, int type)
{
	cJSON	   *value = member(object, key);

	if (value && !cJSON_IsNull(value))
		return value;
	if (value)
		unlink_item(object, value);
	value = palloc0(sizeof(cJSON));
	value->type = type;
	value->string = pstrdup(key);
	link_last(object, value);
	return value;
}

/* Is it a key that apply_members leaves to its caller? */
typedef bool (*SkipKey) (const char *key);

static bool
skip_none(const char *key)
{
	return false;
}

/* Set, and unset, the members that the step changed. */
static void
apply_members(cJSON *object, const Step *step, SkipKey skip)
{
	const cJSON *value;

	cJSON_ArrayForEach(value, step->to)
	{
		const char *key = value->string;
		cJSON	   *own = member(object, key);

		if (skip(key) || same_value(member(step->from, key), value))
			continue;
		if (own)
			unlink_item(object, own);
		link_last(object,
				  unlink_item(step->donor, member(step->donor, key)));
	}
	cJSON_ArrayForEach(value, step->from)
	{
		cJSON	   *own = member(object, value->string);

		if (own && !skip(value->string) && member(step->to, value->string) == NULL)
			unlink_item(object, own);
	}
}

/* Where a part of that name is in a list, counted from 0; its length where it is not there */
static int
part_position(const PartList *list, const cJSON *parts, const char *name)
{
	int			position = 0;
	const cJSON *part;

	cJSON_ArrayForEach(part, parts)
	{
		const char *found = part_name(list, part);

		if (found && name && strcmp(found, name) == 0)
			break;
		position++;
	}
	return position;
}

/*
 * A part that is new or changed.  A new one comes after the one that it was
 * declared after, as statements may need the earlier ones.
 */
static void
apply_part(cJSON *parts, const PartList *list, const Step *step, const cJSON *part,
		   const char *previous)
{
	const char *name = part_name(list, part);
	cJSON	   *own = find_part(list, parts, name);
	Step		change = {find_part(list, step->from, name), part,
	find_part(list, step->donor, name)};
	int			position = 0;

	if (own && change.from && list->kind == THING_ATTRIBUTE)
	{
		apply_members(own, &change, skip_none);
		return;
	}
	if (own)
	{
		position = part_position(list, parts, name);
		unlink_item(parts, own);
	}
	else if (previous)
		position = part_position(list, parts, previous) + 1;
	link_item(parts, position, unlink_item(step->donor, change.donor));
}

/* The parts of one list that the step changed */
static void
apply_parts(cJSON *parent, const PartList *list, const Step *whole)
{
	Step		step = step_member(whole, list->key);
	const char *previous = NULL;
	cJSON	   *parts;
	const cJSON *part;

	if (same_value(step.from, step.to))
		return;
	parts = require_member(parent, list->key, cJSON_Array);
	cJSON_ArrayForEach(part, step.to)
	{
		const char *name = part_name(list, part);

		if (name && !same_value(find_part(list, step.from, name), part))
			apply_part(parts, list, &step, part, previous);
		previous = name;
	}
	cJSON_ArrayForEach(part, step.from)
	{
		const char *name = part_name(list, part);
		cJSON	   *own = find_part(list, parts, name);

		if (own && find_part(list, step.to, name) == NULL)
			unlink_item(parts, own);
	}
}

static void
apply_snapshot(cJSON *snapshot, const Step *step)
{
	for (int i = 0; i < lengthof(part_lists); i++)
		apply_parts(snapshot, &part_lists[i], step);
	apply_members(snapshot, step, is_part_list);
}

/* Is there such a string in the list? */
static cJSON *
find_string(const cJSON *list, const char *value)
{
	cJSON	   *item;

	cJSON_ArrayForEach(item, list)
	{
		if (value && cJSON_IsString(item) && strcmp(item->valuestring, value) == 0)
			return item;
	}
	return NULL;
}

/* Strings that the step added to a list, or took from it */
static void
apply_strings(cJSON *parent, const char *key, const Step *whole)
{
	Step		step = step_member(whole, key);
	cJSON	   *list;
	const cJSON *item;

	if (same_value(step.from, step.to))
		return;
	list = require_member(parent, key, cJSON_Array);
	cJSON_ArrayForEach(item, step.to)
	{
		cJSON	   *given = find_string(step.donor, item->valuestring);

		if (given && find_string(list, item->valuestring) == NULL)
			link_last(list, unlink_item(step.donor, given));
	}
	cJSON_ArrayForEach(item, step.from)
	{
		cJSON	   *own = find_string(list, item->valuestring);

		if (own && find_string(step.to, item->valuestring) == NULL)
			unlink_item(list, own);
	}
}

/* Members of the state that need more care than to be set; "squashed" is a row's own */
static bool
skip_of_state(const char *key)
{
	static const char *const keys[] = {"retired", "identities", "sequences", "squashed"};

	return one_of(key, keys, lengthof(keys));
}

static void
apply_state(cJSON *state, const Step *step)
{
	Step		sequences = step_member(step, "sequences");

	apply_members(state, step, skip_of_state);
	apply_parts(state, &retired_list, step);
	apply_strings(state, "identities", step);
	if (!same_value(sequences.from, sequences.to))
		apply_members(require_member(state, "sequences", cJSON_Object), &sequences, skip_none);
}

/* The trees that a step is applied with */
typedef struct StepTrees
{
	Tree		own;
	Tree		from;
	Tree		to;
	Tree		donor;
} StepTrees;

static bool
trees_open(StepTrees *trees, const char *own, const char *from, const char *to,
		   Problem *problem)
{
	memset(trees, 0, sizeof(StepTrees));
	return tree_open(&trees->own, own, problem) && tree_open(&trees->from, from, problem) &&
		tree_open(&trees->to, to, problem) && tree_open(&trees->donor, to, problem);
}

static void
trees_close(StepTrees *trees)
{
	tree_close(&trees->own);
	tree_close(&trees->from);
	tree_close(&trees->to);
	tree_close(&trees->donor);
}

/* The snapshot after the step; where it is about the whole table, what it leads to */
static char *
snapshot_after(const char *own, const TableStep *step, Problem *problem)
{
	StepTrees	trees;
	char	   *result = step->to->snapshot;
	bool		opened = trees_open(&trees, own, step->from->snapshot, result, problem);
	int			count = tree_snapshots(&trees.own);

	if (opened && count > 0 && tree_snapshots(&trees.from) == count &&
		tree_snapshots(&trees.to) == count)
	{
		for (int i = 0; i < count; i++)
		{
			Step		one = {tree_snapshot(&trees.from, i), tree_snapshot(&trees.to, i),
			tree_snapshot(&trees.donor, i)};

			apply_snapshot(tree_snapshot(&trees.own, i), &one);
		}
		result = show(trees.own.root, false);
	}
	trees_close(&trees);
	return result;
}

static char *
state_after(const char *own, const TableStep *step, Problem *problem)
{
	StepTrees	trees;
	char	   *result = step->to->state;

	if (trees_open(&trees, own ? own : "{}", step->from->state, result, problem))
	{
		Step		whole = {trees.from.root, trees.to.root, trees.donor.root};

		apply_state(trees.own.root, &whole);
		result = show(trees.own.root, false);
	}
	trees_close(&trees);
	return result;
}

TableText *
snapshot_apply_step(const TableText *table, const TableStep *step, Problem *problem)
{
	TableText  *result = palloc(sizeof(TableText));

	result->snapshot = snapshot_after(table->snapshot, step, problem);
	result->state = state_after(table->state, step, problem);
	return problem->sqlerrcode == 0 ? result : NULL;
}
