/*
 * snapshot_three_way.c
 *		What two branches together make of a table: see snapshot_three_way.h.
 *
 * Works on the JSON rather than on decoded snapshots, as the result is to be
 * recorded.  Trees live in the memory context of their reader, so nothing here
 * lets cJSON allocate or free: parts are only unlinked and linked.
 */
#include "postgres.h"

#include "snapshot/snapshot_three_way.h"

/* ----------
 * Moving parts
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
	Step		result = {snapshot_tree_member(step->from, key), snapshot_tree_member(step->to, key), snapshot_tree_member(step->donor, key)};

	return result;
}

/* A member that is an object or list, made where it is missing */
static cJSON *
require_member(cJSON *object, const char *key, int type)
{
	cJSON	   *value = snapshot_tree_member(object, key);

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
		cJSON	   *own = snapshot_tree_member(object, key);

		if (skip(key) || snapshot_tree_same(snapshot_tree_member(step->from, key), value))
			continue;
		if (own)
			unlink_item(object, own);
		link_last(object,
				  unlink_item(step->donor, snapshot_tree_member(step->donor, key)));
	}
	cJSON_ArrayForEach(value, step->from)
	{
		cJSON	   *own = snapshot_tree_member(object, value->string);

		if (own && !skip(value->string) && snapshot_tree_member(step->to, value->string) == NULL)
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
		const char *found = snapshot_part_name(list, part);

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
	const char *name = snapshot_part_name(list, part);
	cJSON	   *own = snapshot_part_find(list, parts, name);
	Step		change = {snapshot_part_find(list, step->from, name), part,
	snapshot_part_find(list, step->donor, name)};
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

	if (snapshot_tree_same(step.from, step.to))
		return;
	parts = require_member(parent, list->key, cJSON_Array);
	cJSON_ArrayForEach(part, step.to)
	{
		const char *name = snapshot_part_name(list, part);

		if (name && !snapshot_tree_same(snapshot_part_find(list, step.from, name), part))
			apply_part(parts, list, &step, part, previous);
		previous = name;
	}
	cJSON_ArrayForEach(part, step.from)
	{
		const char *name = snapshot_part_name(list, part);
		cJSON	   *own = snapshot_part_find(list, parts, name);

		if (own && snapshot_part_find(list, step.to, name) == NULL)
			unlink_item(parts, own);
	}
}

static void
apply_snapshot(cJSON *snapshot, const Step *step)
{
	for (int i = 0; i < SNAPSHOT_PART_LISTS; i++)
		apply_parts(snapshot, &snapshot_part_lists[i], step);
	apply_members(snapshot, step, snapshot_is_part_list);
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

	if (snapshot_tree_same(step.from, step.to))
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

	return snapshot_tree_one_of(key, keys, lengthof(keys));
}

static void
apply_state(cJSON *state, const Step *step)
{
	Step		sequences = step_member(step, "sequences");

	apply_members(state, step, skip_of_state);
	apply_parts(state, &snapshot_retired_list, step);
	apply_strings(state, "identities", step);
	if (!snapshot_tree_same(sequences.from, sequences.to))
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
	return snapshot_tree_open(&trees->own, own, problem) && snapshot_tree_open(&trees->from, from, problem) &&
		snapshot_tree_open(&trees->to, to, problem) && snapshot_tree_open(&trees->donor, to, problem);
}

static void
trees_close(StepTrees *trees)
{
	snapshot_tree_close(&trees->own);
	snapshot_tree_close(&trees->from);
	snapshot_tree_close(&trees->to);
	snapshot_tree_close(&trees->donor);
}

/* The snapshot after the step; where it is about the whole table, what it leads to */
static char *
snapshot_after(const char *own, const TableStep *step, Problem *problem)
{
	StepTrees	trees;
	char	   *result = step->to->snapshot;
	bool		opened = trees_open(&trees, own, step->from->snapshot, result, problem);
	int			count = snapshot_tree_count(&trees.own);

	if (opened && count > 0 && snapshot_tree_count(&trees.from) == count &&
		snapshot_tree_count(&trees.to) == count)
	{
		for (int i = 0; i < count; i++)
		{
			Step		one = {snapshot_tree_at(&trees.from, i), snapshot_tree_at(&trees.to, i),
			snapshot_tree_at(&trees.donor, i)};

			apply_snapshot(snapshot_tree_at(&trees.own, i), &one);
		}
		result = snapshot_tree_show(trees.own.root, false);
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
		result = snapshot_tree_show(trees.own.root, false);
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
