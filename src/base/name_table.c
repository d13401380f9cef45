/*
 * name_table.c
 *		Hash tables whose keys are names of any length: see name_table.h.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "base/name_table.h"

/* Initial number of entries; the tables grow. */
#define EXPECTED_NAMES 256

static uint32
name_hash(const void *key, Size size)
{
	const char *name = *(const char *const *) key;

	return hash_bytes((const unsigned char *) name, strlen(name));
}

static int
name_match(const void *a, const void *b, Size size)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

HTAB *
name_table_create(const char *title, Size entry_size)
{
	HASHCTL		control = {.keysize = sizeof(const char *), .entrysize = entry_size,
	.hash = name_hash, .match = name_match, .hcxt = CurrentMemoryContext};

	return hash_create(title, EXPECTED_NAMES, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

HTAB *
name_set_create(const char *title, const List *names)
{
	HTAB	   *set = name_table_create(title, sizeof(const char *));
	ListCell   *lc;

	foreach(lc, names)
		(void) name_set_add(set, lfirst(lc));
	return set;
}

bool
name_set_has(HTAB *set, const char *name)
{
	return hash_search(set, &name, HASH_FIND, NULL) != NULL;
}

bool
name_set_add(HTAB *set, const char *name)
{
	bool		found;

	(void) hash_search(set, &name, HASH_ENTER, &found);
	return !found;
}
