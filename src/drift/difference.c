/*
 * difference.c
 *		Differences between structures: see difference.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"
#include "drift/difference.h"
#include "drift/repair_ddl.h"
#include "proof/comparison.h"
#include "syntax/sql_text.h"

/* What the search works on */
typedef struct Search
{
	const Expected *expected;
	List	   *actual;			/* of StructureFact * */
	List	   *raw;			/* of StructureDifference * */
	List	   *found;			/* of Difference * */
} Search;

static const char *const kind_names[] = {
	[DIFFERENCE_MISSING] = "missing",
	[DIFFERENCE_EXTRA] = "extra",
	[DIFFERENCE_DIFFERENT] = "different"
};

const char *
difference_kind_name(DifferenceKind kind)
{
	return kind_names[kind];
}

static bool
is_kind(const StructureFact *fact, const char *kind)
{
	return strcmp(fact->kind, kind) == 0;
}

/* ----------
 * What belongs to another difference
 * ----------
 */

/* The side of the object of that kind and name beside a fact; NULL: it does not differ on that side */
static const StructureFact *
other_fact(const Search *search, const StructureFact *fact, const char *kind, const char *name,
		   bool expected)
{
	foreach_ptr(const StructureDifference, raw, search->raw)
	{
		const StructureFact *other = expected ? raw->expected : raw->actual;

		if (other && is_kind(other, kind) && strcmp(other->name, name) == 0 &&
			strcmp(other->table, fact->table) == 0 && strcmp(other->schema, fact->schema) == 0)
			return other;
	}
	return NULL;
}

/* Is there no table for it?  Then that is the difference. */
static bool
is_of_missing_table(const Search *search, const StructureFact *fact)
{
	return *fact->table != '\0' && !is_kind(fact, "table") &&
		other_fact(search, fact, "table", fact->table, true) != NULL &&
		other_fact(search, fact, "table", fact->table, false) == NULL;
}

/* An index comes and goes with its constraint, a sequence with its column. */
static bool
is_part_of_other(const Search *search, const StructureDifference *raw)
{
	const StructureFact *fact = raw->expected ? raw->expected : raw->actual;
	const StructureFact *column;

	if (is_kind(fact, "index"))
		return other_fact(search, fact, "constraint", fact->name, raw->expected != NULL) != NULL;
	if (!is_kind(fact, "sequence") || fact->column == NULL)
		return false;
	column = other_fact(search, fact, "column", fact->column, true);
	if (column == NULL)
		return false;
	return column->parts->identity != '\0' ||
		other_fact(search, fact, "column", fact->column, false) == NULL;
}

/* Is something that is there and not expected a difference at all? */
static bool
counts_as_extra(const Search *search, const StructureFact *fact)
{
	if (!is_kind(fact, "column") && !is_kind(fact, "constraint") && !is_kind(fact, "index"))
		return false;
	return expected_find(search->expected, fact->schema, fact->table, "table", fact->table) != NULL &&
		!expected_may_have(search->expected, fact->name);
}

/*
 * A table that has more than is expected (row level security, a partition key)
 * has been given it by someone else.
 */
static bool
has_all_of(const char *expected, const char *actual)
{
	return strncmp(actual, "UNLOGGED", strlen("UNLOGGED")) != 0 && strstr(actual, expected) != NULL;
}

/* ----------
 * Finding
 * ----------
 */

/*
 * Does something extra stop nothing?  A column that may be left out and an index
 * that is not unique do so.
 */
static bool
stops_nothing(const StructureFact *fact)
{
	if (is_kind(fact, "column"))
		return !fact->parts->not_null || *fact->parts->expression != '\0' || fact->parts->identity != '\0';
	return is_kind(fact, "index") &&
		strncmp(fact->definition, "CREATE UNIQUE", strlen("CREATE UNIQUE")) != 0;
}

static Difference *
add_difference(Search *search, const StructureFact *expected, const StructureFact *actual)
{
	const StructureFact *fact = expected ? expected : actual;
	Difference *difference = palloc0(sizeof(Difference));

	difference->kind = expected == NULL ? DIFFERENCE_EXTRA
		: actual == NULL ? DIFFERENCE_MISSING : DIFFERENCE_DIFFERENT;
	difference->schema = fact->schema;
	difference->table = fact->table;
	difference->object_kind = fact->kind;
	difference->object = fact->name;
	difference->expected = expected;
	difference->actual = actual;
	difference->informs = expected == NULL && stops_nothing(actual);
	search->found = lappend(search->found, difference);
	return difference;
}

/* A definition without the name of what it defines */
static const char *
nameless(const StructureFact *fact)
{
	const char *on = is_kind(fact, "index") ? strstr(fact->definition, " ON ") : NULL;

	return on ? on : fact->definition;
}

static bool
is_unique_index(const StructureFact *fact)
{
	return strncmp(fact->definition, "CREATE UNIQUE", strlen("CREATE UNIQUE")) == 0;
}

/* Is the one that is there the one that is missing, under another name? */
static bool
is_renamed(const StructureFact *expected, const StructureFact *actual)
{
	return strcmp(expected->kind, actual->kind) == 0 &&
		(is_kind(expected, "constraint") || is_kind(expected, "index")) &&
		strcmp(expected->table, actual->table) == 0 && strcmp(expected->schema, actual->schema) == 0 &&
		is_unique_index(expected) == is_unique_index(actual) &&
		strcmp(nameless(expected), nameless(actual)) == 0;
}

/* Take something extra that is what is missing under another name; NULL: there is none. */
static const StructureFact *
take_renamed(List **extra, const StructureFact *expected)
{
	foreach_ptr(const StructureFact, actual, *extra)
	{
		if (is_renamed(expected, actual))
		{
			*extra = list_delete_ptr(*extra, (void *) actual);
			return actual;
		}
	}
	return NULL;
}

static void
find_missing(Search *search, const StructureFact *expected, List **extra)
{
	const StructureFact *renamed = take_renamed(extra, expected);

	add_difference(search, expected, renamed)->is_renamed = renamed != NULL;
}

static bool
is_of_interest(const Search *search, const StructureDifference *raw)
{
	const StructureFact *fact = raw->expected ? raw->expected : raw->actual;

	if (is_of_missing_table(search, fact) || is_part_of_other(search, raw))
		return false;
	if (raw->expected == NULL)
		return counts_as_extra(search, fact);
	return raw->actual == NULL || !is_kind(fact, "table") ||
		!has_all_of(raw->expected->definition, raw->actual->definition);
}

/* The definition with the name of the schema where the placeholder for the plain name stands */
static char *
fill_prefix(const char *definition, const char *schema)
{
	StringInfoData buf;
	const char *at;

	initStringInfo(&buf);
	while ((at = strstr(definition, PLACEHOLDER_PREFIX)) != NULL)
	{
		appendBinaryStringInfo(&buf, definition, at - definition);
		appendStringInfoString(&buf, schema);
		definition = at + strlen(PLACEHOLDER_PREFIX);
	}
	appendStringInfoString(&buf, definition);
	return buf.data;
}

/* Facts whose definitions name the tenant as plain text, with the name of this one */
static List *
name_schema(List *facts, const char *schema)
{
	List	   *result = NIL;

	foreach_ptr(StructureFact, fact, facts)
	{
		StructureFact *copy = fact;

		if (strstr(fact->definition, PLACEHOLDER_PREFIX) != NULL)
		{
			copy = palloc(sizeof(StructureFact));
			*copy = *fact;
			copy->definition = fill_prefix(fact->definition, schema);
		}
		result = lappend(result, copy);
	}
	return result;
}

List *
differences_find(const Expected *expected, List *actual, const char *schema)
{
	Search		search = {.expected = expected, .actual = actual};
	List	   *extra = NIL;

	search.raw = comparison_differences(expected->model, name_schema(expected->facts, schema), actual,
										false);
	foreach_ptr(StructureDifference, raw, search.raw)
	{
		if (raw->expected == NULL && is_of_interest(&search, raw))
			extra = lappend(extra, (void *) raw->actual);
	}
	foreach_ptr(StructureDifference, raw, search.raw)
	{
		if (raw->expected == NULL || !is_of_interest(&search, raw))
			continue;
		if (raw->actual == NULL)
			find_missing(&search, raw->expected, &extra);
		else
			add_difference(&search, raw->expected, raw->actual);
	}
	foreach_ptr(const StructureFact, fact, extra)
		add_difference(&search, NULL, fact);
	foreach_ptr(Difference, difference, search.found)
		repair_ddl_add(expected, actual, difference);
	return search.found;
}

/* ----------
 * Showing
 * ----------
 */
static char *
definition_show(const Difference *difference, const StructureFact *fact, const char *schema)
{
	const char *definition;

	if (fact == NULL)
		return NULL;
	definition = *fact->definition ? fact->definition : fact->name;
	if (difference->is_renamed && is_kind(fact, "constraint"))
		definition = psprintf("CONSTRAINT %s %s", quote_name(fact->name), definition);
	return sql_fill(definition, schema, ashmig_default_schema);
}

char *
difference_expected(const Difference *difference, const char *schema)
{
	return definition_show(difference, difference->expected, schema);
}

char *
difference_actual(const Difference *difference, const char *schema)
{
	return definition_show(difference, difference->actual, schema);
}

char *
difference_repair(const Difference *difference, const char *schema)
{
	StringInfoData buf;

	if (difference->repairs == NIL)
		return NULL;
	initStringInfo(&buf);
	foreach_ptr(const Repair, repair, difference->repairs)
		appendStringInfo(&buf, "%s%s;", buf.len > 0 ? "\n" : "",
						 sql_fill(repair->sql, schema, ashmig_default_schema));
	return buf.data;
}

List *
differences_repair(List *differences)
{
	List	   *statements = NIL;

	for (RepairStep step = REPAIR_EXTENSION; step <= REPAIR_DEPENDENT; step++)
	{
		foreach_ptr(const Difference, difference, differences)
		{
			foreach_ptr(const Repair, repair, difference->repairs)
			{
				if (repair->step == step)
					statements = lappend(statements, repair->sql);
			}
		}
	}
	return statements;
}
