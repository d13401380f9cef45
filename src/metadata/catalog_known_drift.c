/*
 * catalog_known_drift.c
 *		Differences that were accepted: see catalog_known_drift.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/compat.h"
#include "metadata/catalog_known_drift.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"

/* What a difference is known by: a hash of all of it */
#define KEY_LENGTH	(2 * 32 + 1)

static void
make_key(char *key, const KnownDrift *drift)
{
	/* names have no newlines that could make two of these one by accident */
	char	   *text = psprintf("%s\n%s\n%s\n%s\n%s\n%s\n%s", scope_name(drift->scope), drift->schema,
								drift->table, drift->object_kind, drift->object, drift->difference,
								drift->actual ? drift->actual : "");

	strlcpy(key, catalog_hash(text), KEY_LENGTH);
	pfree(text);
}

KnownDriftSet *
catalog_known_drift(void)
{
	static CatalogStatement read = {
		.sql = "SELECT scope, schema_name, table_name, object_kind, object_name, difference, actual"
		" FROM ashmig.known_drift"
	};
	MemoryContext context = CurrentMemoryContext;
	HASHCTL		control = {.keysize = KEY_LENGTH, .entrysize = KEY_LENGTH, .hcxt = context};
	HTAB	   *set = hash_create("ashmig known drift", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	int			level = catalog_connect();
	uint64		rows = catalog_query(&read, NULL, NULL);

	for (uint64 i = 0; i < rows; i++)
	{
		KnownDrift	drift = {0};
		char		key[KEY_LENGTH];

		drift.scope = strcmp(catalog_string(i, 1, context), scope_name(SCOPE_TENANT)) == 0 ? SCOPE_TENANT : SCOPE_PUBLIC;
		drift.schema = catalog_string(i, 2, context);
		drift.table = catalog_string(i, 3, context);
		drift.object_kind = catalog_string(i, 4, context);
		drift.object = catalog_string(i, 5, context);
		drift.difference = catalog_string(i, 6, context);
		drift.actual = catalog_string(i, 7, context);
		make_key(key, &drift);
		(void) hash_search(set, key, HASH_ENTER, NULL);
	}
	catalog_disconnect(level);
	return set;
}

bool
catalog_drift_is_known(KnownDriftSet *set, const KnownDrift *drift)
{
	char		key[KEY_LENGTH];

	if (hash_get_num_entries(set) == 0)
		return false;
	make_key(key, drift);
	return hash_search(set, key, HASH_FIND, NULL) != NULL;
}

void
catalog_known_drift_add(List *drifts)
{
	static CatalogStatement add = {
		.sql = "INSERT INTO ashmig.known_drift (scope, schema_name, table_name, object_kind, object_name,"
		" difference, actual) SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT FROM ashmig.known_drift AS k"
		"  WHERE (k.scope, k.schema_name, k.table_name, k.object_kind, k.object_name, k.difference)"
		"   = ($1, $2, $3, $4, $5, $6) AND k.actual IS NOT DISTINCT FROM $7)",
		.nargs = 7, .types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}
	};
	int			level = catalog_connect();

	foreach_ptr(const KnownDrift, drift, drifts)
	{
		Datum		values[7];

		values[0] = CStringGetTextDatum(scope_name(drift->scope));
		values[1] = CStringGetTextDatum(drift->schema);
		values[2] = CStringGetTextDatum(drift->table);
		values[3] = CStringGetTextDatum(drift->object_kind);
		values[4] = CStringGetTextDatum(drift->object);
		values[5] = CStringGetTextDatum(drift->difference);
		values[6] = drift->actual ? CStringGetTextDatum(drift->actual) : (Datum) 0;
		catalog_execute(&add, values, drift->actual ? NULL : "      n");
	}
	catalog_disconnect(level);
}
