/*
 * snapshot_merge.c
 *		Several snapshots of one table as one: see snapshot_merge.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "snapshot/snapshot_merge.h"
#include "syntax/sql_text.h"

/* ----------
 * Equality of parts
 * ----------
 */
static bool
index_keys_equal(const List *a, const List *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(la, a, lb, b)
	{
		const IndexKey *ka = lfirst(la);
		const IndexKey *kb = lfirst(lb);

		if (ka->is_sql != kb->is_sql || ka->is_string != kb->is_string ||
			ka->order != kb->order || strcmp(ka->value, kb->value) != 0)
			return false;
	}
	return true;
}

/*
 * Two such identities are one index.  AshPostgres' uniq_by does not look at
 * all_tenants and nils_distinct, and so loses an index that differs in them.
 * The former makes a difference only where there is a tenant's column.
 */
static bool
identity_same_index(const Identity *a, const Identity *b, bool by_tenant)
{
	return index_keys_equal(a->keys, b->keys) &&
		(a->all_tenants == b->all_tenants || !by_tenant) &&
		a->nils_distinct == b->nils_distinct &&
		names_same(a->where, b->where) &&
		names_same(a->base_filter, b->base_filter);
}

static bool
custom_index_equal(const CustomIndex *a, const CustomIndex *b)
{
	return names_same(a->name, b->name) &&
		index_keys_equal(a->fields, b->fields) &&
		a->unique == b->unique && a->concurrently == b->concurrently &&
		a->all_tenants == b->all_tenants &&
		a->nulls_distinct == b->nulls_distinct &&
		a->include_base_filter == b->include_base_filter &&
		names_same(a->using, b->using) && names_same(a->where, b->where) &&
		names_same(a->prefix, b->prefix) &&
		names_equal(a->include, b->include);
}

/* ----------
 * Attributes and references
 * ----------
 */

/* Two snapshots disagree: one error that shows both sides */
static void
merge_conflict(Problem *problem, const char *path, const char *table,
			   const char *column, const char *what, const char *one,
			   const char *other)
{
	problem_note(problem, ERRCODE_ASHMIG_CONFLICT, path,
				 psprintf("One has %s, the other has %s.", one, other),
				 "Make the resources that share the table agree.",
				 "snapshots of table \"%s\" conflict: %s of \"%s\" differs",
				 table, what, column);
}

/* Take the text that is set; a problem if both are set and differ */
static char *
merge_text(char *a, char *b, const char *what, const Attribute *attribute,
		   const char *table, Problem *problem)
{
	if (a && b && strcmp(a, b) != 0)
		merge_conflict(problem, attribute->references->path, table,
					   attribute->source, what, a, b);
	return a ? a : b;
}

/* The words of the enums in a Reference, as snapshots write them */
static const char *const delete_words[] = {"nothing", "restrict", "delete", "nilify"};
static const char *const update_words[] = {"nothing", "restrict", "update", "nilify"};
static const char *const match_words[] = {"null", "simple", "partial", "full"};
static const char *const deferrable_words[] = {"false", "true", "initially"};
static const char *const maybe_words[] = {"null", "false", "true"};
static const char *const strategy_words[] = {"null", "attribute", "context"};

/*
 * Take the word that is set ("unset" is 0); a problem if both are set and
 * differ
 */
static int
merge_word(int a, int b, const char *const *words, const char *what,
		   const Attribute *attribute, const char *table, Problem *problem)
{
	if (a != 0 && b != 0 && a != b)
		merge_conflict(problem, attribute->references->path, table,
					   attribute->source, what, words[a], words[b]);
	return a != 0 ? a : b;
}

/* References of one column, field by field (AshPostgres' merge_references) */
static Reference *
merge_references(Reference *a, const Attribute *attribute, const char *table,
				 Problem *problem)
{
	Reference  *b = attribute->references;
	Reference  *merged;

	if (a == NULL || b == NULL)
		return a ? a : b;

	merged = palloc(sizeof(Reference));
	*merged = *a;
#define MERGE_TEXT(field, what) \
	merged->field = merge_text(a->field, b->field, what, attribute, table, problem)
#define MERGE_WORD(field, words, what) \
	merged->field = merge_word(a->field, b->field, words, what, attribute, table, problem)
	MERGE_TEXT(table, "referenced table");
	MERGE_TEXT(schema, "referenced schema");
	MERGE_TEXT(destination_attribute, "referenced column");
	MERGE_TEXT(name, "foreign key name");
	MERGE_TEXT(index_where, "index_where");
	MERGE_TEXT(destination_default, "default of the referenced column");
	MERGE_WORD(on_delete, delete_words, "on_delete");
	MERGE_WORD(on_update, update_words, "on_update");
	MERGE_WORD(match_type, match_words, "match_type");
	MERGE_WORD(deferrable, deferrable_words, "deferrable");
	MERGE_WORD(primary_key, maybe_words, "primary_key?");
	MERGE_WORD(multitenancy.strategy, strategy_words, "multitenancy");
	MERGE_TEXT(multitenancy.attribute, "tenant attribute");
#undef MERGE_TEXT
#undef MERGE_WORD
	/* it is enough if one asks for it */
	merged->index = Max(a->index, b->index);
	merged->match_tenant = Max(a->match_tenant, b->match_tenant);
	merged->destination_generated = Max(a->destination_generated, b->destination_generated);
	if (merged->match_with == NIL)
		merged->match_with = b->match_with;
	if (merged->on_delete_columns == NIL)
		merged->on_delete_columns = b->on_delete_columns;
	return merged;
}

/* The type as the snapshot writes it, for a message */
static char *
attribute_type_show(const Attribute *attribute)
{
	char	   *type = attribute->type;

	for (int i = 0; i < attribute->array_depth; i++)
		type = psprintf("array of %s", type);
	return type;
}

/* The larger limit, -1 (none) being the largest */
static int64
merge_limit(int64 a, int64 b)
{
	return a < 0 || b < 0 ? -1 : Max(a, b);
}

/* Fold one more description of a column into what the others said */
static void
merge_attribute(Attribute *into, const Attribute *attribute, const char *table,
				Problem *problem)
{
	if (strcmp(into->type, attribute->type) != 0 ||
		into->array_depth != attribute->array_depth)
		merge_conflict(problem, psprintf("%s.type", attribute->path), table,
					   attribute->source, "type", attribute_type_show(into),
					   attribute_type_show(attribute));
	into->size = Max(into->size, attribute->size);
	/* none counts as the largest, as Elixir's nil does */
	into->precision = merge_limit(into->precision, attribute->precision);
	into->scale = merge_limit(into->scale, attribute->scale);
	into->allow_nil = into->allow_nil || attribute->allow_nil;
	into->generated = into->generated || attribute->generated;
	into->references = merge_references(into->references, attribute, table, problem);
	if (strcmp(into->default_source, attribute->default_source) != 0)
	{
		into->default_source = "nil";
		into->default_value = palloc0(sizeof(ElixirTerm));	/* ELIXIR_NIL */
	}
}

/* The attributes of all snapshots, each column once, in the order of its first mention */
static List *
merge_attributes(List *snapshots, const char *table, Problem *problem)
{
	List	   *result = NIL;
	List	   *counts = NIL;	/* in how many snapshots, in step with result */
	int			with_create = 0;
	ListCell   *lr;
	ListCell   *lc;

	foreach_ptr(const ResourceSnapshot, snapshot, snapshots)
	{
		with_create += snapshot->has_create_action ? 1 : 0;
		foreach_ptr(const Attribute, attribute, snapshot->attributes)
		{
			bool		known = false;

			forboth(lr, result, lc, counts)
			{
				Attribute  *into = lfirst(lr);

				if (strcmp(into->source, attribute->source) != 0)
					continue;
				merge_attribute(into, attribute, table, problem);
				lfirst_int(lc)++;
				known = true;
				break;
			}
			if (!known)
			{
				Attribute  *copy = palloc(sizeof(Attribute));

				*copy = *attribute;
				result = lappend(result, copy);
				counts = lappend_int(counts, 1);
			}
		}
	}

	/* a row that one resource creates lacks what only the other knows */
	forboth(lr, result, lc, counts)
	{
		if (lfirst_int(lc) < with_create)
			((Attribute *) lfirst(lr))->allow_nil = true;
	}
	return result;
}

/* ----------
 * Primary keys
 * ----------
 */
/* The names of the primary key's columns, in their order */
static List *
merge_primary_key(const ResourceSnapshot *snapshot)
{
	List	   *names = NIL;

	foreach_ptr(Attribute, attribute, snapshot->attributes)
	{
		if (attribute->primary_key)
			names = lappend(names, attribute->source);
	}
	return names;
}

static char *
key_show(List *names)
{
	return names == NIL ? "none" : psprintf("(%s)", quote_names(names));
}

/*
 * The one primary key.  Different ones are settled by the record; the others
 * are appended to *others, to become unique indexes.
 */
static List *
merge_choose_key(List *snapshots, const List *recorded_key, List **others,
				 Problem *problem)
{
	List	   *keys = NIL;		/* of List *, each different key once */
	List	   *chosen = NIL;
	ListCell   *ls;
	ListCell   *lk;

	foreach(ls, snapshots)
	{
		List	   *key = merge_primary_key(lfirst(ls));
		bool		known = false;

		foreach(lk, keys)
			known = known || names_same_set(lfirst(lk), key);
		if (!known)
			keys = lappend(keys, key);
	}
	if (list_length(keys) == 1)
		return linitial(keys);

	foreach(lk, keys)
	{
		if (recorded_key != NIL && names_same_set(lfirst(lk), recorded_key))
			chosen = lfirst(lk);
		else if (lfirst(lk) != NIL)
			*others = lappend(*others, lfirst(lk));
	}
	if (chosen == NIL)
	{
		const ResourceSnapshot *first = linitial(snapshots);

		problem_note(problem, ERRCODE_ASHMIG_CONFLICT, first->path,
					 psprintf("One has %s, another has %s.", key_show(linitial(keys)),
							  key_show(lsecond(keys))),
					 "Make the resources that share the table agree on the primary key, or apply the one with the right key first: a recorded key takes precedence.",
					 "snapshots of table \"%s\" have different primary keys", first->table);
	}
	return chosen;
}

/* A primary key that was not chosen, as the unique index that AshPostgres makes of it */
static Identity *
key_to_identity(const ResourceSnapshot *snapshot, const List *names)
{
	Identity   *identity = palloc0(sizeof(Identity));
	StringInfoData name;
	ListCell   *lc;

	initStringInfo(&name);
	appendStringInfoString(&name, snapshot->table);
	foreach(lc, names)
	{
		IndexKey   *key = palloc0(sizeof(IndexKey));

		appendStringInfo(&name, "_%s", (char *) lfirst(lc));
		key->value = lfirst(lc);
		identity->keys = lappend(identity->keys, key);
	}
	identity->name = identity->index_name = name.data;
	identity->path = snapshot->path;
	identity->nils_distinct = !SERVER_HAS_NULLS_NOT_DISTINCT;
	return identity;
}

/* ----------
 * Identities, indexes, checks, statements
 * ----------
 */

/* The cell of the identity that would be the same index, or NULL */
static ListCell *
find_same_identity(List *identities, const Identity *identity, bool by_tenant)
{
	ListCell   *lc;

	foreach(lc, identities)
	{
		if (identity_same_index(lfirst(lc), identity, by_tenant))
			return lc;
	}
	return NULL;
}

/*
 * Does the one name the index that both would be?  The one does that names it
 * already, or else the first by name.
 */
static bool
identity_wins(const Identity *one, const Identity *other, const List *recorded)
{
	bool		has_one = names_have(recorded, one->name);
	bool		has_other = names_have(recorded, other->name);

	if (has_one != has_other)
		return has_one;
	return strcmp(one->name, other->name) < 0;
}

/* All identities, but only one of those that would be the same index */
static List *
merge_identities(List *snapshots, const List *other_keys, const List *recorded)
{
	const ResourceSnapshot *first = linitial(snapshots);
	bool		by_tenant = first->multitenancy.strategy == STRATEGY_ATTRIBUTE;
	List	   *result = NIL;
	ListCell   *li;

	foreach_ptr(ResourceSnapshot, snapshot, snapshots)
	{
		foreach_ptr(Identity, identity, snapshot->identities)
		{
			ListCell   *known = find_same_identity(result, identity, by_tenant);

			if (known == NULL)
				result = lappend(result, identity);
			else if (strcmp(((Identity *) lfirst(known))->name, identity->name) != 0)
			{
				if (identity_wins(identity, lfirst(known), recorded))
					lfirst(known) = identity;
				((Identity *) lfirst(known))->chosen = true;
			}
		}
	}
	foreach(li, other_keys)
	{
		Identity   *identity = key_to_identity(llast(snapshots), lfirst(li));

		if (find_same_identity(result, identity, by_tenant) == NULL)
			result = lappend(result, identity);
	}
	return result;
}

/*
 * Parts of one kind, of all snapshots: the List at "offset" of each.  Parts
 * that "same" says are one appear once, as they were mentioned first; "check"
 * (or NULL) notes a problem if the mentions differ.
 */
typedef bool (*PartSame) (const void *one, const void *other);
typedef void (*PartCheck) (const void *one, const void *other,
						   const char *table, Problem *problem);

static List *
merge_parts(List *snapshots, size_t offset, PartSame same, PartCheck check,
			Problem *problem)
{
	const char *table = ((ResourceSnapshot *) linitial(snapshots))->table;
	List	   *result = NIL;
	ListCell   *ls;
	ListCell   *lp;
	ListCell   *lr;

	foreach(ls, snapshots)
	{
		foreach(lp, *(List **) ((char *) lfirst(ls) + offset))
		{
			const void *known = NULL;

			foreach(lr, result)
			{
				if (same(lfirst(lr), lfirst(lp)))
					known = lfirst(lr);
			}
			if (known == NULL)
				result = lappend(result, lfirst(lp));
			else if (check)
				check(known, lfirst(lp), table, problem);
		}
	}
	return result;
}

static bool
custom_index_same(const void *one, const void *other)
{
	return custom_index_equal(one, other);
}

static bool
check_same(const void *one, const void *other)
{
	return strcmp(((const CheckConstraint *) one)->name,
				  ((const CheckConstraint *) other)->name) == 0;
}

/* One name with two expressions is a conflict */
static void
check_conflict(const void *one, const void *other, const char *table, Problem *problem)
{
	const CheckConstraint *a = one;
	const CheckConstraint *b = other;

	if (strcmp(a->check, b->check) != 0 || !names_same(a->base_filter, b->base_filter))
		merge_conflict(problem, b->path, table, b->name, "definition",
					   a->check, b->check);
}

static bool
statement_same(const void *one, const void *other)
{
	return strcmp(((const CustomStatement *) one)->name,
				  ((const CustomStatement *) other)->name) == 0;
}

/* One name with two texts is a conflict */
static void
statement_conflict(const void *one, const void *other, const char *table, Problem *problem)
{
	const CustomStatement *a = one;
	const CustomStatement *b = other;

	if (strcmp(a->up, b->up) != 0 || strcmp(a->down, b->down) != 0)
		merge_conflict(problem, b->path, table, b->name, "definition", a->up, b->up);
}

/*
 * Merge the snapshots of one table.
 *
 * One snapshot goes through the same steps: a file may hold the same identity
 * twice under two names, and AshPostgres makes one index of it.
 */
ResourceSnapshot *
snapshot_merge(List *snapshots, const MergeHistory *history, Problem *problem)
{
	ResourceSnapshot *merged = palloc(sizeof(ResourceSnapshot));
	List	   *other_keys = NIL;
	List	   *key;

	*merged = *(ResourceSnapshot *) linitial(snapshots);
	key = merge_choose_key(snapshots, history->primary_key, &other_keys, problem);
	if (list_length(snapshots) > 1)
	{
		merged->attributes = merge_attributes(snapshots, merged->table, problem);
		foreach_ptr(Attribute, attribute, merged->attributes)
			attribute->primary_key = names_have(key, attribute->source);
		merged->custom_indexes = merge_parts(snapshots,
											 offsetof(ResourceSnapshot, custom_indexes),
											 custom_index_same, NULL, problem);
	}
	merged->check_constraints = merge_parts(snapshots,
											offsetof(ResourceSnapshot, check_constraints),
											check_same, check_conflict, problem);
	merged->custom_statements = merge_parts(snapshots,
											offsetof(ResourceSnapshot, custom_statements),
											statement_same, statement_conflict, problem);
	merged->identities = merge_identities(snapshots, other_keys, history->identities);
	return problem->sqlerrcode == 0 ? merged : NULL;
}
