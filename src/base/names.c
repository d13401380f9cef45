/*
 * names.c
 *		Names, and lists of them: see names.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/names.h"

char *
names_cut(const char *name)
{
	int			length = strlen(name);

	if (length >= NAMEDATALEN)
		length = pg_mbcliplen(name, length, NAMEDATALEN - 1);
	return pnstrdup(name, length);
}

List *
names_cut_all(const List *names)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, names)
		result = lappend(result, names_cut(lfirst(lc)));
	return result;
}

bool
names_equal(const List *a, const List *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(la, a, lb, b)
	{
		if (strcmp(lfirst(la), lfirst(lb)) != 0)
			return false;
	}
	return true;
}

bool
names_same_set(const List *a, const List *b)
{
	ListCell   *lc;

	if (list_length(a) != list_length(b))
		return false;
	foreach(lc, a)
	{
		if (!names_have(b, lfirst(lc)))
			return false;
	}
	return true;
}

bool
names_have(const List *list, const char *value)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		if (strcmp(lfirst(lc), value) == 0)
			return true;
	}
	return false;
}

bool
names_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}
