/*
 * bundled.c
 *		Finding the built-in extensions and their objects: see bundled.h.
 */
#include "postgres.h"

#include "record/bundled.h"
#include "syntax/sql_text.h"

static const BundledExtension *const extensions[] = {
	&bundled_ash_functions, &bundled_ash_money, &bundled_ash_uuid
};

static const char *const kind_names[] = {
	[BUNDLED_FUNCTION] = "FUNCTION",
	[BUNDLED_AGGREGATE] = "AGGREGATE",
	[BUNDLED_OPERATOR] = "OPERATOR",
	[BUNDLED_TYPE] = "TYPE"
};

const BundledExtension *
bundled_find(const char *name)
{
	for (int i = 0; i < lengthof(extensions); i++)
	{
		if (strcmp(extensions[i]->name, name) == 0)
			return extensions[i];
	}
	return NULL;
}

int
bundled_next(const BundledExtension *extension, int from)
{
	const BundledObject *object = &extension->objects[from];
	int			next = from + 1;

	while (next < extension->count && extension->objects[next].kind == object->kind &&
		   strcmp(extension->objects[next].signature, object->signature) == 0)
		next++;
	return next;
}

const BundledObject *
bundled_at(const BundledExtension *extension, int first, int version)
{
	const BundledObject *found = NULL;

	for (int i = first; i < bundled_next(extension, first); i++)
	{
		if (extension->objects[i].since <= version)
			found = &extension->objects[i];
	}
	return found;
}

char *
bundled_drop(const BundledObject *object)
{
	return psprintf("DROP %s IF EXISTS %s.%s", kind_names[object->kind], PLACEHOLDER_DEFAULT,
					object->signature);
}
