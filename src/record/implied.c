/*
 * implied.c
 *		Extensions that snapshots cannot do without: see implied.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/names.h"
#include "metadata/catalog_migrations.h"
#include "record/implied.h"
#include "syntax/sql_words.h"

/* A name by which an extension is recognized */
typedef struct Known
{
	const char *word;
	const char *extension;
} Known;

static const Known known_types[] = {
	{"citext", "citext"},
	{"cube", "cube"},
	{"geography", "postgis"},
	{"geometry", "postgis"},
	{"halfvec", "vector"},
	{"hstore", "hstore"},
	{"lquery", "ltree"},
	{"ltree", "ltree"},
	{"ltxtquery", "ltree"},
	{"money_with_currency", "ash_money"},
	{"sparsevec", "vector"},
	{"vector", "vector"},
};

/* Functions, and operator classes of indexes */
static const Known known_words[] = {
	{"ash_elixir_and", "ash-functions"},
	{"ash_elixir_or", "ash-functions"},
	{"ash_raise_error", "ash-functions"},
	{"ash_required", "ash-functions"},
	{"ash_trim_whitespace", "ash-functions"},
	{"gen_random_bytes", "pgcrypto"},
	{"gin_trgm_ops", "pg_trgm"},
	{"gist_trgm_ops", "pg_trgm"},
	{"timestamp_from_uuid_v7", "ash-uuid"},
	{"uuid_generate_v1", "uuid-ossp"},
	{"uuid_generate_v1mc", "uuid-ossp"},
	{"uuid_generate_v3", "uuid-ossp"},
	{"uuid_generate_v4", "uuid-ossp"},
	{"uuid_generate_v5", "uuid-ossp"},
	{"uuid_generate_v7", "ash-functions"},
};

/* What is being looked for, and where */
typedef struct Search
{
	const Bundle *bundle;
	List	   *recorded;		/* of Migration * */
	List	   *known;			/* of const Known *: those that snapshots use */
} Search;

/* ------------------------------------------------------------------------
 * What snapshots use
 * ------------------------------------------------------------------------
 */

static void
note(Search *search, const Known *known)
{
	search->known = list_append_unique_ptr(search->known, (void *) known);
}

/* The type of a column, without its size */
static void
look_at_type(Search *search, const char *type)
{
	for (int i = 0; i < lengthof(known_types); i++)
	{
		size_t		length = strlen(known_types[i].word);

		if (pg_strncasecmp(type, known_types[i].word, length) == 0 &&
			(type[length] == '\0' || strchr(" ([", type[length])))
			note(search, &known_types[i]);
	}
}

/* SQL of a snapshot, or NULL */
static void
look_at_sql(Search *search, const char *sql)
{
	List	   *words = NIL;

	for (int i = 0; i < lengthof(known_words) && sql; i++)
	{
		if (strstr(sql, known_words[i].word) == NULL)
			continue;
		if (words == NIL)
			words = sql_words(sql);
		if (sql_words_name(words, known_words[i].word))
			note(search, &known_words[i]);
	}
}

/*
 * A constraint that excludes equal values beside others has them in an index of
 * a kind that only btree_gist brings for numbers, texts and UUIDs.
 */
static void
look_at_exclusion(Search *search, const char *sql)
{
	static const Known equality = {"gist_text_ops", "btree_gist"};
	List	   *words;

	if (strstr(sql, " =") == NULL && strstr(sql, " <>") == NULL)
		return;
	words = sql_words(sql);
	if (sql_words_name(words, "exclude") && sql_words_name(words, "gist"))
		note(search, &equality);
}

static void
look_at_keys(Search *search, List *keys)
{
	foreach_ptr(const IndexKey, key, keys)
	{
		if (key->is_sql)
			look_at_sql(search, key->value);
	}
}

static void
look_at_snapshot(Search *search, const ResourceSnapshot *snapshot)
{
	foreach_ptr(const Attribute, attribute, snapshot->attributes)
	{
		look_at_type(search, attribute->type);
		if (attribute->default_value->kind == ELIXIR_FRAGMENT)
			look_at_sql(search, attribute->default_value->text);
	}
	foreach_ptr(const Identity, identity, snapshot->identities)
	{
		look_at_keys(search, identity->keys);
		look_at_sql(search, identity->where);
	}
	foreach_ptr(const CustomIndex, index, snapshot->custom_indexes)
	{
		look_at_keys(search, index->fields);
		look_at_sql(search, index->where);
	}
	foreach_ptr(const CheckConstraint, check, snapshot->check_constraints)
		look_at_sql(search, check->check);
	foreach_ptr(const CustomStatement, statement, snapshot->custom_statements)
	{
		look_at_sql(search, statement->up);
		look_at_exclusion(search, statement->up);
	}
	look_at_sql(search, snapshot->base_filter);
}

/* ------------------------------------------------------------------------
 * What there is
 * ------------------------------------------------------------------------
 */

/*
 * Has the database anything of that name, wherever it is?
 */
static bool
is_there(const char *word)
{
	static CatalogStatement find = {
		.sql = "SELECT FROM pg_catalog.pg_type WHERE typname = $1::pg_catalog.name"
		" UNION ALL SELECT FROM pg_catalog.pg_proc WHERE proname = $1::pg_catalog.name"
		" UNION ALL SELECT FROM pg_catalog.pg_opclass WHERE opcname = $1::pg_catalog.name LIMIT 1",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1];
	bool		found;
	int			level;

	values[0] = CStringGetTextDatum(word);
	level = catalog_connect();
	found = catalog_query(&find, values, NULL) > 0;
	catalog_disconnect(level);
	return found;
}

/* Does this SQL make it, as far as one can see without running it? */
static bool
sql_makes(const char *sql, const Known *known)
{
	SqlFacts   *facts;

	if (strstr(sql, known->word) == NULL && strstr(sql, known->extension) == NULL)
		return false;
	facts = sql_facts(sql);
	return facts->opaque || names_have(facts->makes, known->word) ||
		(sql_words_name(facts->words, "extension") && sql_words_have(facts->words, known->extension));
}

/* Does a recorded migration, or a custom statement of the snapshots? */
static bool
will_be_made(const Search *search, const Known *known)
{
	foreach_ptr(const Migration, migration, search->recorded)
	{
		foreach_ptr(const char, statement, migration->up)
		{
			if (sql_makes(statement, known))
				return true;
		}
	}
	foreach_ptr(const ResourceSnapshot, snapshot, search->bundle->snapshots)
	{
		foreach_ptr(const CustomStatement, statement, snapshot->custom_statements)
		{
			if (sql_makes(statement->up, known))
				return true;
		}
	}
	return false;
}

/* Does the list name the extension, with a version or without? */
static bool
is_listed(const Bundle *bundle, const char *extension)
{
	size_t		length = strlen(extension);

	foreach_ptr(const char, entry, bundle->extensions)
	{
		if (strcmp(entry, extension) == 0 ||
			(strncmp(entry, extension, length) == 0 && strncmp(entry + length, "_v", 2) == 0))
			return true;
	}
	return false;
}

List *
implied_extensions(const Bundle *bundle, List *recorded)
{
	Search		search = {bundle, recorded, NIL};
	List	   *result = NIL;

	foreach_ptr(const ResourceSnapshot, snapshot, bundle->snapshots)
		look_at_snapshot(&search, snapshot);
	foreach_ptr(const Known, known, search.known)
	{
		if (names_have(result, known->extension) || is_listed(bundle, known->extension) ||
			is_there(known->word) || will_be_made(&search, known))
			continue;
		ereport(NOTICE,
				(errmsg("snapshots use \"%s\", so extension \"%s\" is installed as well",
						known->word, known->extension)));
		result = lappend(result, (char *) known->extension);
	}
	return result;
}
