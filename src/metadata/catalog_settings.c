/*
 * catalog_settings.c
 *		Settings of the database: see catalog_settings.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "metadata/catalog_settings.h"
#include "metadata/catalog_spi.h"

/*
 * A setting of the database, or NULL.
 */
char *
catalog_setting(const char *name, char **set_by)
{
	static CatalogStatement read = {
		.sql = "SELECT value, set_by::pg_catalog.text FROM ashmig.settings WHERE name = $1",
		.nargs = 1, .types = {TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	int			level = catalog_connect();
	char	   *result = NULL;

	values[0] = CStringGetTextDatum(name);
	if (catalog_query(&read, values, NULL) > 0)
	{
		result = catalog_string(0, 1, context);
		if (set_by)
			*set_by = catalog_string(0, 2, context);
	}
	catalog_disconnect(level);
	return result;
}

/*
 * Set one, or clear it (NULL).  An existing setting is replaced by a new row,
 * not updated: both ON CONFLICT and a BEFORE UPDATE trigger, as the table has
 * one, lock the row first, and if a transaction does that after some of its
 * subtransactions updated the row and were rolled back, an assertion in
 * heap_update fails.
 */
void
catalog_set_setting(const char *name, const char *value)
{
	static CatalogStatement clear = {
		.sql = "DELETE FROM ashmig.settings WHERE name = $1",
		.nargs = 1, .types = {TEXTOID}
	};
	static CatalogStatement insert = {
		.sql = "INSERT INTO ashmig.settings (name, value) VALUES ($1, $2)"
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value,"
		" set_by = excluded.set_by",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};
	Datum		values[2];
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(name);
	catalog_execute(&clear, values, NULL);
	if (value != NULL)
	{
		values[1] = CStringGetTextDatum(value);
		catalog_execute(&insert, values, NULL);
	}
	catalog_disconnect(level);
}
