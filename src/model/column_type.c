/*
 * column_type.c
 *		Attributes as columns: see column_type.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "model/column_type.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* An Ecto type name and PostgreSQL's; anything else is PostgreSQL's already. */
typedef struct EctoType
{
	const char *ecto;
	const char *sql;
	bool		whole_seconds;	/* always (0) */
	bool		own_precision;	/* takes (precision) and never a scale */
} EctoType;

static const EctoType ecto_types[] = {
	{"id", "integer", false, false},
	{"serial", "integer", false, false},
	{"bigserial", "bigint", false, false},
	{"smallserial", "smallint", false, false},
	{"identity", "bigint", false, false},
	{"binary_id", "uuid", false, false},
	{"string", "varchar", false, false},
	{"bitstring", "varbit", false, false},
	{"binary", "bytea", false, false},
	{"blob", "bytea", false, false},
	{"map", "jsonb", false, false},
	{"time", "time", true, false},
	{"utc_datetime", "timestamp", true, false},
	{"naive_datetime", "timestamp", true, false},
	{"time_usec", "time", false, true},
	{"utc_datetime_usec", "timestamp", false, true},
	{"naive_datetime_usec", "timestamp", false, true},
	{"duration", "interval", false, true},
};

/* Ecto's limit for a :string without a size */
#define ECTO_STRING_SIZE 255

/* The entry of an Ecto type name, or NULL. */
static const EctoType *
column_type_find(const char *name)
{
	for (int i = 0; i < lengthof(ecto_types); i++)
	{
		if (strcmp(ecto_types[i].ecto, name) == 0)
			return &ecto_types[i];
	}
	return NULL;
}

/* "type" followed by "[]" for each dimension */
static char *
column_type_with_brackets(const char *type, int array_depth)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, type);
	for (int i = 0; i < array_depth; i++)
		appendStringInfoString(&buf, "[]");
	return buf.data;
}

/*
 * The sequence that the attribute brings.
 *
 * AshPostgres prints :bigserial and :serial for generated columns whose
 * default is "nil", and takes the plain kind for a column that references:
 * its numbers come from the table it points to.  A resource can ask for a
 * serial type by name as well (migration_types).
 */
SequenceKind
column_type_sequence(const Attribute *attribute)
{
	if (attribute->references != NULL || attribute->array_depth > 0)
		return SEQUENCE_NONE;
	if (strcmp(attribute->type, "identity") == 0)
		return SEQUENCE_IDENTITY;
	if (attribute->default_value->kind != ELIXIR_NIL)
		return SEQUENCE_NONE;
	if (strcmp(attribute->type, "serial") == 0 ||
		strcmp(attribute->type, "bigserial") == 0 ||
		strcmp(attribute->type, "smallserial") == 0)
		return SEQUENCE_SERIAL;
	if (attribute->generated &&
		(strcmp(attribute->type, "bigint") == 0 ||
		 strcmp(attribute->type, "integer") == 0))
		return SEQUENCE_SERIAL;
	return SEQUENCE_NONE;
}

/*
 * Does an integer column that references get to be a bigint?
 *
 * It does where the column it points to is generated (a bigserial), and where
 * it is generated itself (AshPostgres' reference_type).
 */
static bool
column_type_widens(const Attribute *attribute)
{
	const Reference *reference = attribute->references;

	if (reference == NULL || strcmp(attribute->type, "integer") != 0)
		return false;
	if (reference->destination_generated == MAYBE_TRUE &&
		(reference->destination_default == NULL ||
		 strcmp(reference->destination_default, "nil") == 0))
		return true;
	return attribute->generated && attribute->default_value->kind == ELIXIR_NIL;
}

/*
 * The column's type as SQL.
 */
char *
column_type_sql(const Attribute *attribute, Problem *problem)
{
	const EctoType *known = column_type_find(attribute->type);
	const char *name = known ? known->sql : attribute->type;
	char	   *type;

	if (column_type_widens(attribute))
		name = "bigint";

	if (known && known->whole_seconds)
		type = psprintf("%s(0)", name);
	else if (known && known->own_precision)
		type = attribute->precision >= 0
			? psprintf("%s(" INT64_FORMAT ")", name, attribute->precision)
			: pstrdup(name);
	else if (attribute->size >= 0)
		type = psprintf("%s(" INT64_FORMAT ")", name, attribute->size);
	else if (attribute->precision >= 0)
		type = psprintf("%s(" INT64_FORMAT "," INT64_FORMAT ")", name,
						attribute->precision,
						attribute->scale >= 0 ? attribute->scale : 0);
	else if (strcmp(attribute->type, "string") == 0)
		type = psprintf("%s(%d)", name, ECTO_STRING_SIZE);
	else
		type = pstrdup(name);

	if (!fragment_check_type(type, psprintf("%s.type", attribute->path), problem))
		return NULL;
	return column_type_with_brackets(type, attribute->array_depth);
}

static char *column_type_literal(const ElixirTerm *term, const char *base,
								 int array_depth, const char *path, Problem *problem);

/*
 * A list for an array column: ARRAY[...]::type[], as Ecto prints it.
 */
static char *
column_type_array(const ElixirTerm *term, const char *base, int array_depth,
				  const char *path, Problem *problem)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "ARRAY[");
	foreach(lc, term->items)
	{
		char	   *item = column_type_literal(lfirst(lc), base, array_depth - 1,
											   path, problem);

		if (item == NULL && problem->sqlerrcode != 0)
			return NULL;
		if (lc != list_head(term->items))
			appendStringInfoString(&buf, ", ");
		appendStringInfoString(&buf, item ? item : "NULL");
	}
	appendStringInfo(&buf, "]::%s", column_type_with_brackets(base, array_depth));
	return buf.data;
}

/*
 * A charlist for an array column.  To Elixir 'ab' is [97, 98], so Ecto makes
 * an array of code points of it, and so do we.
 */
static char *
column_type_charlist(const char *text, const char *base, int array_depth)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "ARRAY[");
	for (const char *p = text; *p; p += pg_mblen(p))
	{
		pg_wchar	code[2];

		pg_mb2wchar_with_len(p, code, pg_mblen(p));
		appendStringInfo(&buf, "%s%u", p == text ? "" : ", ", (unsigned int) code[0]);
	}
	appendStringInfo(&buf, "]::%s", column_type_with_brackets(base, array_depth));
	return buf.data;
}

/*
 * A literal as SQL, for a column of type "base" with "array_depth" dimensions.
 */
static char *
column_type_literal(const ElixirTerm *term, const char *base, int array_depth,
					const char *path, Problem *problem)
{
	switch (term->kind)
	{
		case ELIXIR_NIL:
			return NULL;
		case ELIXIR_BOOLEAN:
			return pstrdup(term->boolean ? "true" : "false");
		case ELIXIR_INTEGER:
		case ELIXIR_FLOAT:
			return pstrdup(term->text);
		case ELIXIR_STRING:
			if (term->charlist && array_depth == 1)
				return column_type_charlist(term->text, base, array_depth);
			return quote_text(term->text);
		case ELIXIR_LIST:
			if (array_depth > 0)
				return column_type_array(term, base, array_depth, path, problem);
			return quote_text(elixir_to_json(term));
		case ELIXIR_MAP:
			return quote_text(elixir_to_json(term));
		case ELIXIR_FRAGMENT:
			if (!fragment_check_expression(term->text, path, problem))
				return NULL;
			return fragment_parenthesize(term->text);
	}
	return NULL;				/* not reached: every kind is above */
}

/*
 * The default as an SQL expression, or NULL if there is none.
 */
char *
column_type_default(const Attribute *attribute, Problem *problem)
{
	const EctoType *known = column_type_find(attribute->type);

	/* Ecto's and AshPostgres' :identity takes no default */
	if (column_type_sequence(attribute) != SEQUENCE_NONE)
		return NULL;
	return column_type_literal(attribute->default_value,
							   known ? known->sql : attribute->type,
							   attribute->array_depth,
							   psprintf("%s.default", attribute->path), problem);
}

/* ----------
 * Changes of type
 * ----------
 */

/* Types that PostgreSQL casts into each other */
typedef enum TypeFamily
{
	FAMILY_OTHER,
	FAMILY_TEXT,				/* casts to and from everything, by its text */
	FAMILY_NUMBER,
	FAMILY_TIME
} TypeFamily;

typedef struct TypeWord
{
	const char *name;
	TypeFamily	family;
} TypeWord;

static const TypeWord type_words[] = {
	{"text", FAMILY_TEXT}, {"varchar", FAMILY_TEXT}, {"char", FAMILY_TEXT},
	{"character", FAMILY_TEXT}, {"bpchar", FAMILY_TEXT}, {"citext", FAMILY_TEXT},
	{"name", FAMILY_TEXT},
	{"smallint", FAMILY_NUMBER}, {"integer", FAMILY_NUMBER}, {"bigint", FAMILY_NUMBER},
	{"int", FAMILY_NUMBER}, {"int2", FAMILY_NUMBER}, {"int4", FAMILY_NUMBER},
	{"int8", FAMILY_NUMBER}, {"decimal", FAMILY_NUMBER}, {"numeric", FAMILY_NUMBER},
	{"float", FAMILY_NUMBER}, {"float4", FAMILY_NUMBER}, {"float8", FAMILY_NUMBER},
	{"real", FAMILY_NUMBER}, {"double", FAMILY_NUMBER}, {"money", FAMILY_NUMBER},
	{"date", FAMILY_TIME}, {"timestamp", FAMILY_TIME}, {"timestamptz", FAMILY_TIME},
};

/* The first word of the type, without modifiers: "varchar(20)[]" is "varchar" */
static char *
type_word(const char *type)
{
	return pnstrdup(type, strcspn(type, " ([\""));
}

static TypeFamily
type_family(const char *word)
{
	for (int i = 0; i < lengthof(type_words); i++)
	{
		if (pg_strcasecmp(type_words[i].name, word) == 0)
			return type_words[i].family;
	}
	return FAMILY_OTHER;
}

static int
type_dimensions(const char *type)
{
	int			dimensions = 0;

	for (const char *p = type; (p = strstr(p, "[]")) != NULL; p += 2)
		dimensions++;
	return dimensions;
}

/*
 * Is there a cast from one type to the other?
 *
 * The catalog would know, but the text of a migration must not depend on the
 * database that it is made in; so the answer is yes only for the casts that
 * every server has.
 */
static bool
type_has_cast(const char *from, const char *to)
{
	char	   *from_word = type_word(from);
	char	   *to_word = type_word(to);
	TypeFamily	from_family = type_family(from_word);
	TypeFamily	to_family = type_family(to_word);

	if (from_family == FAMILY_TEXT || to_family == FAMILY_TEXT)
		return true;
	if (from_family != FAMILY_OTHER && from_family == to_family)
		return true;
	if (strcmp(from_word, "boolean") == 0 || strcmp(to_word, "boolean") == 0)
		return strcmp(from_word, "integer") == 0 || strcmp(to_word, "integer") == 0;
	return strcmp(from_word, to_word) == 0;
}

/* The type of an array's elements, or the type itself */
static char *
type_element(const char *type)
{
	return pnstrdup(type, strcspn(type, "["));
}

static bool
type_is_json(const char *type)
{
	return strcmp(type, "jsonb") == 0 || strcmp(type, "json") == 0;
}

/* A value becomes an array of one; NULL stays NULL. */
static char *
conversion_to_array(const char *column, const char *from, const char *to)
{
	char	   *value = column_type_conversion(column, from, type_element(to));

	for (int i = type_dimensions(to); i > 0; i--)
		value = psprintf("ARRAY[%s]", value);
	return psprintf("CASE WHEN %s IS NOT NULL THEN %s::%s END", column, value, to);
}

/* An array becomes its first element; JSON has arrays of its own. */
static char *
conversion_from_array(const char *column, const char *from, const char *to)
{
	char	   *value = pstrdup(column);

	if (type_is_json(to))
		return psprintf("pg_catalog.to_%s(%s)", to, column);
	for (int i = type_dimensions(from); i > 0; i--)
		value = psprintf("%s[1]", value);
	return column_type_conversion(value, type_element(from), to);
}

char *
column_type_conversion(const char *column, const char *from, const char *to)
{
	if (type_dimensions(from) == 0 && type_dimensions(to) > 0)
		return conversion_to_array(column, from, to);
	if (type_dimensions(from) > 0 && type_dimensions(to) == 0)
		return conversion_from_array(column, from, to);
	if (type_has_cast(from, to))
		return psprintf("%s::%s", column, to);
	return psprintf("%s::text::%s", column, to);
}

bool
column_type_loses_elements(const char *from, const char *to)
{
	return type_dimensions(from) > 0 && type_dimensions(to) == 0 && !type_is_json(to);
}
