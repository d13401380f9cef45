/*
 * catalog_partial.h
 *		ashmig.partial_migrations: the progress of a non-transactional
 *		migration in a schema.
 *
 * Such a migration commits statement by statement.  While it is running, and
 * after it was interrupted, its row says how many statements have been
 * executed; when it is complete, the version's row replaces that one.
 */
#ifndef ASHMIG_CATALOG_PARTIAL_H
#define ASHMIG_CATALOG_PARTIAL_H

#include "postgres.h"

#include "storage/block.h"

#include "metadata/catalog_migrations.h"

/*
 * Number of statements executed in a schema; *started: the next one was
 * started.
 */
extern int	catalog_partial_read(const Migration *migration, const char *schema, bool down,
								 bool *started);
extern void catalog_partial_write(const Migration *migration, const char *schema, bool down,
								  int done, bool started);

/* Has a run begun to apply it, or to roll it back, in a schema? */
extern bool catalog_partial_exists(const Migration *migration, const char *schema);
extern void catalog_partial_forget(const Migration *migration, const char *schema);

/*
 * For queries: generated migrations that are applied in part, or rolled back in
 * part without having been applied.  Their downs undo whatever is there, so
 * that they can be rolled back at any point.
 */
#define PARTIAL_GENERATED \
	"SELECT p.schema_name, p.repo, p.scope, p.version FROM ashmig.partial_migrations AS p" \
	" JOIN ashmig.migrations AS m ON m.repo = p.repo AND m.scope = p.scope AND m.version = p.version" \
	" WHERE m.kind = 'generated' AND NOT EXISTS (SELECT FROM ashmig.versions AS v" \
	"  WHERE v.schema_name = p.schema_name AND v.repo = p.repo AND v.scope = p.scope AND v.version = p.version)"

/* How far the statement has come that is run batch by batch (migrate/batch.h) */
typedef struct PartialBatch
{
	int64		rows;			/* that it has changed */
	BlockNumber block;			/* of its table: the next one */
	BlockNumber blocks;			/* at which this pass ends */
} PartialBatch;

extern PartialBatch catalog_partial_read_batch(const Migration *migration, const char *schema,
											   bool down);
extern void catalog_partial_write_batch(const Migration *migration, const char *schema, bool down,
										int done, const PartialBatch *batch);

/*
 * Number of executed statements in the schema where the migration has
 * progressed furthest: *schema.  -1: it was not started anywhere.
 */
extern int	catalog_partial_farthest(const Migration *migration, char **schema);

#endif							/* ASHMIG_CATALOG_PARTIAL_H */
