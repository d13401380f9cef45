/*
 * retype.c
 *		What a change of type does to the values of a column: see retype.h.
 */
#include "postgres.h"

#include "model/column_type.h"
#include "plan/retype.h"

/* A type as "name(first,second)"; a number that is not there is -1 */
typedef struct TypeSize
{
	char		name[32];
	int			first;
	int			second;
} TypeSize;

static bool
read_type(const char *type, TypeSize *size)
{
	const char *end = type + strcspn(type, "(");
	int			length = end - type;

	if (length >= sizeof(size->name))
		return false;
	memcpy(size->name, type, length);
	size->name[length] = '\0';
	size->first = size->second = -1;
	if (*end == '\0')
		return true;
	size->first = atoi(end + 1);
	end = strchr(end, ',');
	if (end != NULL)
		size->second = atoi(end + 1);
	return true;
}

/* The number of a type in "names", which ends with NULL */
static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
	{
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

/* No less of it than before? -1 is without a limit. */
static bool
is_wider(int from, int to)
{
	return to < 0 || (from >= 0 && to >= from);
}

/*
 * PostgreSQL's casts between text types do nothing, and varchar_support(),
 * numeric_support() and the like drop a cast to a wider limit.
 */
bool
retype_in_place(const char *from, const char *to)
{
	static const char *const texts[] = {"text", "citext", "varchar", "character varying", NULL};
	static const char *const numbers[] = {"numeric", "decimal", NULL};
	static const char *const limited[] = {
		"timestamp", "timestamp without time zone", "timestamptz", "time", "timetz", "interval",
		"varbit", NULL
	};
	TypeSize	old;
	TypeSize	new;

	if (!read_type(from, &old) || !read_type(to, &new))
		return false;
	if (is_one_of(old.name, texts) && is_one_of(new.name, texts))
		return is_wider(old.first, new.first);
	if (is_one_of(old.name, numbers) && is_one_of(new.name, numbers))
		return new.first < 0 ||
			(old.first >= 0 && new.first >= old.first && Max(old.second, 0) == Max(new.second, 0));
	return strcmp(old.name, new.name) == 0 && is_one_of(old.name, limited) &&
		is_wider(old.first, new.first);
}

const char *
retype_loss(const char *from, const char *to)
{
	TypeSize	new;

	if (column_type_loses_elements(from, to))
		return "keeps the first element of each array";
	if (read_type(to, &new) && strcmp(new.name, "varchar") == 0 && new.first > 0 &&
		!retype_in_place(from, to))
		return "the cast truncates longer values";
	return NULL;
}
