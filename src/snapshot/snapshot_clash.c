/*
 * snapshot_clash.c
 *		Do two branches touch the same thing of a table?  See
 *		snapshot_clash.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/json.h"

#include "snapshot/snapshot_clash.h"

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

/* ----------
 * What a step touches
 * ----------
 */

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
	touched->before = snapshot_tree_show(before, false);
	touched->after = snapshot_tree_show(after, false);
	touched->old_keys = kind == THING_IDENTITY ? snapshot_tree_show(snapshot_tree_member(before, "keys"), true) : NULL;
	touched->new_keys = kind == THING_IDENTITY ? snapshot_tree_show(snapshot_tree_member(after, "keys"), true) : NULL;
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
		if (!snapshot_tree_same(snapshot_tree_member(from, keys[i]), snapshot_tree_member(to, keys[i])))
			touches = touch(touches, attribute_part(keys[i]), name,
							psprintf("%s.%s", path, keys[i]), snapshot_tree_member(from, keys[i]),
							snapshot_tree_member(to, keys[i]));
	}
	cJSON_ArrayForEach(value, to)
		changed = changed || (attribute_part(value->string) == THING_ATTRIBUTE &&
							  !snapshot_tree_same(snapshot_tree_member(from, value->string), value));
	cJSON_ArrayForEach(value, from)
		changed = changed || (attribute_part(value->string) == THING_ATTRIBUTE &&
							  !snapshot_tree_same(value, snapshot_tree_member(to, value->string)));
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
		const char *name = snapshot_part_name(list, part);
		const cJSON *old = snapshot_part_find(list, from, name);
		char	   *part_path = psprintf("%s.%s[%d]", path, list->key, index++);

		if (name == NULL || snapshot_tree_same(old, part))
			continue;
		if (list->kind == THING_ATTRIBUTE && old)
			touches = compare_attribute(touches, name, part_path, old, part);
		else
			touches = touch(touches, list->kind, name, part_path, old, part);
	}
	cJSON_ArrayForEach(part, from)
	{
		const char *name = snapshot_part_name(list, part);

		if (name && snapshot_part_find(list, to, name) == NULL)
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

	if (snapshot_is_part_list(key) || snapshot_tree_same(snapshot_tree_member(from, key), snapshot_tree_member(to, key)))
		return touches;
	return touch(touches, snapshot_tree_one_of(key, of_all, lengthof(of_all)) ? THING_TABLE : THING_FIELD, key,
				 psprintf("%s.%s", path, key), snapshot_tree_member(from, key), snapshot_tree_member(to, key));
}

/* The columns of a primary key, in their order */
static char *
primary_key(const cJSON *snapshot)
{
	StringInfoData buf;
	const cJSON *attribute;

	initStringInfo(&buf);
	cJSON_ArrayForEach(attribute, snapshot_tree_member(snapshot, "attributes"))
	{
		const char *name = snapshot_part_name(&snapshot_part_lists[0], attribute);

		if (name == NULL || !cJSON_IsTrue(snapshot_tree_member(attribute, "primary_key?")))
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

	for (int i = 0; i < SNAPSHOT_PART_LISTS; i++)
		touches = compare_parts(touches, &snapshot_part_lists[i], path, snapshot_tree_member(from, snapshot_part_lists[i].key),
								snapshot_tree_member(to, snapshot_part_lists[i].key));
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
		if (snapshot_tree_member(to, value->string) == NULL)
			touches = compare_field(touches, value->string, path, from, to);
	}
	return touches;
}

static List *
compare_state(List *touches, const cJSON *from, const cJSON *to)
{
	const cJSON *old_key = snapshot_tree_member(from, "primary_key");
	const cJSON *new_key = snapshot_tree_member(to, "primary_key");

	touches = compare_parts(touches, &snapshot_retired_list, "", snapshot_tree_member(from, "retired"),
							snapshot_tree_member(to, "retired"));
	if (!snapshot_tree_same(old_key, new_key))
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

	whole = !snapshot_tree_open(&from, step->from->snapshot, problem);
	whole = !snapshot_tree_open(&to, step->to->snapshot, problem) || whole;
	whole = whole || snapshot_tree_count(&from) != snapshot_tree_count(&to);
	if (whole)
		touches = touch(NIL, THING_TABLE, "", "", from.root, to.root);
	for (int i = 0; !whole && i < snapshot_tree_count(&to); i++)
		touches = compare_snapshot(touches, cJSON_IsArray(to.root) ? psprintf("[%d]", i) : "",
								   snapshot_tree_at(&from, i), snapshot_tree_at(&to, i));
	snapshot_tree_close(&from);
	snapshot_tree_close(&to);
	if (whole)
		return touches;

	opened = snapshot_tree_open(&from, step->from->state, problem);
	opened = snapshot_tree_open(&to, step->to->state, problem) && opened;
	if (opened)
		touches = compare_state(touches, from.root, to.root);
	snapshot_tree_close(&from);
	snapshot_tree_close(&to);
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
