/*
 * catalog_extensions.c
 *		The extensions that an application brings itself: see
 *		catalog_extensions.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "metadata/catalog_extensions.h"
#include "metadata/catalog_spi.h"

List *
catalog_extension_versions(const char *name)
{
	static CatalogStatement read = {
		.sql = "SELECT version, up, down FROM ashmig.extensions WHERE name = $1 ORDER BY version",
		.nargs = 1, .types = {TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	Datum		values[1];
	int			level;
	uint64		rows;

	values[0] = CStringGetTextDatum(name);
	level = catalog_connect();
	rows = catalog_query(&read, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		DefinedExtension *defined = palloc(sizeof(DefinedExtension));
		bool		isnull;

		defined->version = DatumGetInt32(catalog_datum(i, 1, &isnull));
		defined->up = catalog_text_list(catalog_datum(i, 2, &isnull));
		defined->down = catalog_text_list(catalog_datum(i, 3, &isnull));
		result = lappend(result, defined);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

void
catalog_define_extension(const char *name, const DefinedExtension *defined)
{
	static CatalogStatement define = {
		.sql = "INSERT INTO ashmig.extensions (name, version, up, down) VALUES ($1, $2, $3, $4)"
		" ON CONFLICT (name, version) DO UPDATE SET up = excluded.up, down = excluded.down",
		.nargs = 4, .types = {TEXTOID, INT4OID, TEXTARRAYOID, TEXTARRAYOID}
	};
	Datum		values[4];
	int			level = catalog_connect();

	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(defined->version);
	values[2] = catalog_text_array(defined->up);
	values[3] = catalog_text_array(defined->down);
	catalog_execute(&define, values, NULL);
	catalog_disconnect(level);
}
