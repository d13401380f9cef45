/*
 * catalog_partial.c
 *		Progress of non-transactional migrations: see catalog_partial.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "metadata/catalog_partial.h"
#include "metadata/catalog_spi.h"

/* Parameters that name a migration in a schema */
static void
name_migration(const Migration *migration, const char *schema, Datum *values)
{
	values[0] = CStringGetTextDatum(schema);
	values[1] = CStringGetTextDatum(migration->repo);
	values[2] = CStringGetTextDatum(scope_name(migration->scope));
	values[3] = Int64GetDatum(migration->version);
}

/*
 * How far a migration has come in a schema.
 */
PartialMigration
catalog_partial_read(const Migration *migration, const char *schema)
{
	static CatalogStatement read = {
		.sql = "SELECT down, done, started FROM ashmig.partial_migrations WHERE schema_name = $1"
		" AND repo = $2 AND scope = $3 AND version = $4",
		.nargs = 4, .types = {TEXTOID, TEXTOID, TEXTOID, INT8OID}
	};
	Datum		values[4];
	int			level = catalog_connect();
	PartialMigration partial = {false};
	bool		isnull;

	name_migration(migration, schema, values);
	partial.found = catalog_query(&read, values, NULL) > 0;
	if (partial.found)
	{
		partial.down = DatumGetBool(catalog_datum(0, 1, &isnull));
		partial.done = DatumGetInt32(catalog_datum(0, 2, &isnull));
		partial.started = DatumGetBool(catalog_datum(0, 3, &isnull));
	}
	catalog_disconnect(level);
	return partial;
}

/*
 * The migrations that a schema has in part.
 */
List *
catalog_partial_versions(const char *schema, Scope scope)
{
	static CatalogStatement read = {
		.sql = "SELECT repo, version, '-infinity'::timestamptz, '' FROM ashmig.partial_migrations"
		" WHERE schema_name = $1 AND scope = $2 ORDER BY version DESC, repo DESC",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};

	return catalog_versions_of(&read, schema, scope);
}

/*
 * Say how far it has come.
 */
void
catalog_partial_write(const Migration *migration, const char *schema, bool down,
					  int done, bool started)
{
	static CatalogStatement write = {
		.sql = "INSERT INTO ashmig.partial_migrations"
		" (schema_name, repo, scope, version, down, done, started)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)"
		" ON CONFLICT (schema_name, repo, scope, version) DO UPDATE"
		" SET down = excluded.down, done = excluded.done, started = excluded.started,"
		" batch_rows = NULL, batch_block = NULL, batch_blocks = NULL",
		.nargs = 7, .types = {TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID, INT4OID, BOOLOID}
	};
	Datum		values[7];
	int			level = catalog_connect();

	name_migration(migration, schema, values);
	values[4] = BoolGetDatum(down);
	values[5] = Int32GetDatum(done);
	values[6] = BoolGetDatum(started);
	catalog_execute(&write, values, NULL);
	catalog_disconnect(level);
}

/*
 * How far the statement has come that is run batch by batch; zero where none is.
 */
PartialBatch
catalog_partial_read_batch(const Migration *migration, const char *schema, bool down)
{
	static CatalogStatement read = {
		.sql = "SELECT batch_rows, batch_block, batch_blocks FROM ashmig.partial_migrations"
		" WHERE schema_name = $1 AND repo = $2 AND scope = $3 AND version = $4 AND down = $5"
		" AND batch_block IS NOT NULL",
		.nargs = 5, .types = {TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID}
	};
	PartialBatch batch = {0};
	Datum		values[5];
	int			level = catalog_connect();

	name_migration(migration, schema, values);
	values[4] = BoolGetDatum(down);
	if (catalog_query(&read, values, NULL) > 0)
	{
		batch.rows = catalog_int64(0, 1);
		batch.block = (BlockNumber) catalog_int64(0, 2);
		batch.blocks = (BlockNumber) catalog_int64(0, 3);
	}
	catalog_disconnect(level);
	return batch;
}

/*
 * Say that, in the transaction of the batch.
 */
void
catalog_partial_write_batch(const Migration *migration, const char *schema, bool down, int done,
							const PartialBatch *batch)
{
	static CatalogStatement write = {
		.sql = "INSERT INTO ashmig.partial_migrations"
		" (schema_name, repo, scope, version, down, done, started, batch_rows, batch_block, batch_blocks)"
		" VALUES ($1, $2, $3, $4, $5, $6, false, $7, $8, $9)"
		" ON CONFLICT (schema_name, repo, scope, version) DO UPDATE"
		" SET down = excluded.down, done = excluded.done, started = excluded.started,"
		" batch_rows = excluded.batch_rows, batch_block = excluded.batch_block,"
		" batch_blocks = excluded.batch_blocks",
		.nargs = 9, .types = {TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID, INT4OID, INT8OID, INT8OID, INT8OID}
	};
	Datum		values[9];
	int			level = catalog_connect();

	name_migration(migration, schema, values);
	values[4] = BoolGetDatum(down);
	values[5] = Int32GetDatum(done);
	values[6] = Int64GetDatum(batch->rows);
	values[7] = Int64GetDatum(batch->block);
	values[8] = Int64GetDatum(batch->blocks);
	catalog_execute(&write, values, NULL);
	catalog_disconnect(level);
}

/*
 * Delete the progress of a migration in a schema.
 */
void
catalog_partial_forget(const Migration *migration, const char *schema)
{
	static CatalogStatement forget = {
		.sql = "DELETE FROM ashmig.partial_migrations WHERE schema_name = $1"
		" AND repo = $2 AND scope = $3 AND version = $4",
		.nargs = 4, .types = {TEXTOID, TEXTOID, TEXTOID, INT8OID}
	};
	Datum		values[4];
	int			level = catalog_connect();

	name_migration(migration, schema, values);
	catalog_execute(&forget, values, NULL);
	catalog_disconnect(level);
}

/*
 * Number of executed statements in the schema where the migration has
 * progressed furthest.
 */
int
catalog_partial_farthest(const Migration *migration, bool down, char **schema)
{
	static CatalogStatement query = {
		.sql = "SELECT done, schema_name FROM ashmig.partial_migrations"
		" WHERE repo = $1 AND scope = $2 AND version = $3 AND down = $4"
		" ORDER BY done DESC, schema_name LIMIT 1",
		.nargs = 4, .types = {TEXTOID, TEXTOID, INT8OID, BOOLOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[4];
	bool		isnull;
	int			done = -1;
	int			level;

	values[0] = CStringGetTextDatum(migration->repo);
	values[1] = CStringGetTextDatum(scope_name(migration->scope));
	values[2] = Int64GetDatum(migration->version);
	values[3] = BoolGetDatum(down);
	level = catalog_connect();
	if (catalog_query(&query, values, NULL) > 0)
	{
		done = DatumGetInt32(catalog_datum(0, 1, &isnull));
		*schema = catalog_string(0, 2, context);
	}
	catalog_disconnect(level);
	return done;
}
