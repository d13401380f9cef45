/*
 * catalog_partial.h
 *		ashmig.partial_migrations: the progress of a non-transactional
 *		migration in a schema.
 *
 * Such a migration commits statement by statement.  While it is being applied
 * or rolled back, and after that was interrupted, its row says how many
 * statements have been executed.  The version's row stands for all of it: it
 * replaces that one when all is applied, and gives way to it when a rollback
 * begins.
 */
#ifndef ASHMIG_CATALOG_PARTIAL_H
#define ASHMIG_CATALOG_PARTIAL_H

#include "postgres.h"

#include "storage/block.h"

#include "metadata/catalog_migrations.h"
#include "metadata/catalog_versions.h"

typedef struct PartialMigration
{
	bool		found;			/* there is something of it in the schema */
	bool		down;			/* it was being rolled back */
	int			done;			/* number of statements executed */
	bool		started;		/* the next one was started */
} PartialMigration;

extern PartialMigration catalog_partial_read(const Migration *migration, const char *schema);

/* Those of a schema, as AppliedVersions, newest first */
extern List *catalog_partial_versions(const char *schema, Scope scope);
extern void catalog_partial_write(const Migration *migration, const char *schema, bool down,
								  int done, bool started);

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
extern void catalog_partial_forget(const Migration *migration, const char *schema);

/*
 * Number of executed statements in the schema where applying the migration (or
 * rolling it back) has progressed furthest: *schema.  -1: it was not started
 * anywhere.
 */
extern int	catalog_partial_farthest(const Migration *migration, bool down, char **schema);

#endif							/* ASHMIG_CATALOG_PARTIAL_H */
