/*
 * table_name.c
 *		Names of tables, and a map from them to anything: see table_name.h.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/names.h"
#include "syntax/table_name.h"

/* Expected number of tables in a map, which grows as needed */
#define EXPECTED_TABLES 256

/* A TableName that hash_search can compare: names are cut to NAMEDATALEN */
typedef struct TableKey
{
	Scope		scope;
	NameData	schema;
	NameData	name;
} TableKey;

typedef struct TableEntry
{
	TableKey	key;
	void	   *value;
} TableEntry;

TableName
table_name_bare(const char *name)
{
	TableName	key = {SCOPE_PUBLIC, NULL, (char *) name};

	return key;
}

bool
table_name_equal(const TableName *a, const TableName *b)
{
	return a->scope == b->scope && names_same(a->schema, b->schema) &&
		strcmp(a->name, b->name) == 0;
}

char *
table_name_show(const TableName *name)
{
	if (name->scope == SCOPE_TENANT)
		return psprintf("<tenant>.%s", name->name);
	if (name->schema)
		return psprintf("%s.%s", name->schema, name->name);
	return pstrdup(name->name);
}

static TableKey
table_key(const TableName *name)
{
	TableKey	key;

	memset(&key, 0, sizeof(key));
	key.scope = name->scope;
	namestrcpy(&key.schema, name->schema ? name->schema : "");
	namestrcpy(&key.name, name->name);
	return key;
}

TableMap *
table_map_create(void)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(TableKey);
	ctl.entrysize = sizeof(TableEntry);
	ctl.hcxt = CurrentMemoryContext;
	return hash_create("ashmig tables", EXPECTED_TABLES, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void *
table_map_get(TableMap *map, const TableName *name)
{
	TableKey	key = table_key(name);
	TableEntry *entry = hash_search(map, &key, HASH_FIND, NULL);

	return entry ? entry->value : NULL;
}

void
table_map_put(TableMap *map, const TableName *name, void *value)
{
	TableKey	key = table_key(name);
	TableEntry *entry = hash_search(map, &key, HASH_ENTER, NULL);

	entry->value = value;
}
