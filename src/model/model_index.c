/*
 * model_index.c
 *		The indexes that snapshots ask for: of identities, custom ones, those of
 *		references.  See model.h.
 */
#include "postgres.h"

#include "parser/scansup.h"

#include "base/compat.h"
#include "base/names.h"
#include "model/model_part.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* ----------
 * Keys
 * ----------
 */
static IndexKey *
index_key_column(const char *name)
{
	IndexKey   *key = palloc0(sizeof(IndexKey));

	key->value = names_cut(name);
	return key;
}

/* Is the key in the list?  To Elixir a string is not the atom of its name. */
static bool
index_keys_have(const List *keys, const IndexKey *wanted)
{
	foreach_ptr(const IndexKey, key, keys)
	{
		if (key->is_string == wanted->is_string && index_key_equal(key, wanted))
			return true;
	}
	return false;
}

/*
 * The keys of an index, the tenant column in front where rows of all tenants
 * share the table, and then each key once: AshPostgres' index_keys, and its
 * Enum.uniq.  So a tenant column that is given as a string, or with an order,
 * stands there twice.
 */
static List *
index_keys(const ResourceSnapshot *snapshot, const List *keys, bool all_tenants)
{
	bool		with_tenant = snapshot->multitenancy.strategy == STRATEGY_ATTRIBUTE &&
		!all_tenants;
	List	   *result = NIL;
	ListCell   *lc;

	if (with_tenant)
		result = lappend(result, index_key_column(snapshot->multitenancy.attribute));
	foreach(lc, keys)
	{
		IndexKey   *key = palloc(sizeof(IndexKey));

		*key = *(IndexKey *) lfirst(lc);
		if (!key->is_sql)
			key->value = names_cut(key->value);
		if (!with_tenant || !index_keys_have(result, key))
			result = lappend(result, key);
	}
	return result;
}

/*
 * Append one part of a derived index name: every byte that is not a letter, a
 * digit or "_" becomes "_", and trailing "_" go (Ecto's default_index_name,
 * whose pattern works on bytes).
 */
static void
index_name_part(StringInfo buf, const char *part)
{
	int			start = buf->len;

	for (const char *p = part; *p; p++)
	{
		bool		word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9');

		appendStringInfoChar(buf, word ? *p : '_');
	}
	while (buf->len > start && buf->data[buf->len - 1] == '_')
		buf->data[--buf->len] = '\0';
	appendStringInfoChar(buf, '_');
}

/* "<table>_<keys joined by _>_index" */
static char *
index_derived_name(const char *table, const List *keys)
{
	StringInfoData buf;

	initStringInfo(&buf);
	index_name_part(&buf, table);
	foreach_ptr(IndexKey, key, keys)
		index_name_part(&buf, key->value);
	appendStringInfoString(&buf, "index");
	return names_cut(buf.data);
}

/* Every SQL key of the index must, with its order, be one index element. */
static void
index_check_keys(const TableIndex *index, Problem *problem)
{
	foreach_ptr(IndexKey, key, index->keys)
	{
		if (key->is_sql)
			fragment_check_index_element(index_key_sql(key), index->path, problem);
	}
}

/* ----------
 * Indexes
 * ----------
 */

/*
 * Two conditions as one, each in parentheses; either may be NULL.
 */
static char *
condition_join(const char *first, const char *first_path, const char *second,
			   const char *second_path, Problem *problem)
{
	if (first && !fragment_check_expression(first, first_path, problem))
		return NULL;
	if (second && !fragment_check_expression(second, second_path, problem))
		return NULL;
	if (first && second)
		return psprintf("%s AND %s", fragment_parenthesize(first),
						fragment_parenthesize(second));
	if (first)
		return fragment_parenthesize(first);
	return second ? fragment_parenthesize(second) : NULL;
}

TableIndex *
model_identity(const ResourceSnapshot *snapshot, const Identity *identity, Problem *problem)
{
	TableIndex *index = palloc0(sizeof(TableIndex));

	index->kind = INDEX_IDENTITY;
	index->path = identity->path;
	index->name = names_cut(identity->index_name);
	index->identity = identity->name;
	index->chosen = identity->chosen;
	index->keys = index_keys(snapshot, identity->keys, identity->all_tenants);
	index->unique = true;
	index->nulls_distinct = identity->nils_distinct;
	index->where = condition_join(identity->where, psprintf("%s.where", identity->path),
								  identity->base_filter,
								  psprintf("%s.base_filter", identity->path), problem);
	index_check_keys(index, problem);
	return index;
}

static bool
has_attribute(const ResourceSnapshot *snapshot, const char *source)
{
	foreach_ptr(Attribute, attribute, snapshot->attributes)
	{
		if (strcmp(attribute->source, source) == 0)
			return true;
	}
	return false;
}

/*
 * The columns that the index includes.  Ecto prints them without quotes, so
 * they are what PostgreSQL reads; but where the table has only a column of the
 * very name ("Title"), that one is meant.
 */
static List *
index_include(const ResourceSnapshot *snapshot, const CustomIndex *custom, Problem *problem)
{
	List	   *result = NIL;
	int			i = 0;

	foreach_ptr(const char, text, custom->include)
	{
		char	   *path = psprintf("%s.include[%d]", custom->path, i++);
		char	   *folded = downcase_identifier(text, strlen(text), false, false);
		bool		as_it_stands = has_attribute(snapshot, text) &&
			(strcmp(folded, text) == 0 || !has_attribute(snapshot, folded));
		char	   *name = as_it_stands ? names_cut(text) : fragment_name(text, path, problem);

		if (name == NULL)
			return NIL;
		result = lappend(result, name);
	}
	return result;
}

/*
 * The schema of another table of the same name that the index is built on, or
 * NULL.  A schema that the snapshot names comes after the index's prefix in
 * Ecto's options, and so overrides it; and in a tenant it could only be one
 * schema of all.
 */
static char *
index_prefix(const ResourceSnapshot *snapshot, const CustomIndex *custom,
			 const char *default_schema)
{
	if (custom->prefix == NULL || snapshot->schema != NULL ||
		snapshot->multitenancy.strategy == STRATEGY_CONTEXT ||
		strcmp(custom->prefix, default_schema) == 0)
		return NULL;
	return names_cut(custom->prefix);
}

TableIndex *
model_custom_index(const ResourceSnapshot *snapshot, const CustomIndex *custom,
				   const char *default_schema, Problem *problem)
{
	TableIndex *index = palloc0(sizeof(TableIndex));

	index->kind = INDEX_CUSTOM;
	index->path = custom->path;
	index->keys = index_keys(snapshot, custom->fields, custom->all_tenants);
	index->name = custom->name ? names_cut(custom->name)
		: index_derived_name(snapshot->table, index->keys);
	index->unique = custom->unique;
	index->nulls_distinct = custom->nulls_distinct;
	index->concurrently = custom->concurrently;
	/* Ecto prints it without quotes */
	index->using = custom->using == NULL ? NULL
		: fragment_name(custom->using, psprintf("%s.using", custom->path), problem);
	index->include = index_include(snapshot, custom, problem);
	index->prefix = index_prefix(snapshot, custom, default_schema);
	index->where = condition_join(custom->include_base_filter ? snapshot->base_filter : NULL,
								  psprintf("%s.base_filter", snapshot->path),
								  custom->where, psprintf("%s.where", custom->path), problem);
	index_check_keys(index, problem);
	return index;
}

/* The index of "index? true", or NULL */
TableIndex *
model_reference_index(const ResourceSnapshot *snapshot, const Attribute *attribute,
					  Problem *problem)
{
	const Reference *reference = attribute->references;
	TableIndex *index;

	if (reference == NULL || reference->index != MAYBE_TRUE)
		return NULL;
	index = palloc0(sizeof(TableIndex));
	index->kind = INDEX_REFERENCE;
	index->path = reference->path;
	index->keys = index_keys(snapshot, list_make1(index_key_column(attribute->source)),
							 false);
	index->name = index_derived_name(snapshot->table, index->keys);
	index->nulls_distinct = true;
	index->where = condition_join(NULL, NULL, reference->index_where,
								  psprintf("%s.index_where", reference->path), problem);
	return index;
}
