/*
 * catalog_versions.h
 *		What is applied where: ashmig.versions, one row per migration and
 *		schema, and ashmig.schema_versions, which sums them up per repo so that
 *		a run with nothing to do reads one row per schema.
 *
 * Only catalog_record_applied and catalog_record_rolled_back write version
 * rows for a run; both keep the two tables in step.  The caller holds
 * catalog_lock_versions.
 */
#ifndef ASHMIG_CATALOG_VERSIONS_H
#define ASHMIG_CATALOG_VERSIONS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "base/scope.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"

/* What is applied in one schema, summed up: one per repo */
typedef struct SchemaVersion
{
	char	   *repo;
	int64		version;		/* newest applied */
	int			applied;
} SchemaVersion;

typedef struct AppliedVersion
{
	char	   *repo;
	int64		version;
	TimestampTz applied_at;
	char	   *checksum;
} AppliedVersion;

extern List *catalog_schema_versions(const char *schema, Scope scope);
extern List *catalog_applied(const char *schema, Scope scope);	/* newest first */

/* The rows of a query of schema and scope: repo, version, applied_at, checksum */
extern List *catalog_versions_of(CatalogStatement *query, const char *schema, Scope scope);

/* Newest version that a schema has, over all repos; 0: none */
extern int64 catalog_newest_version(Scope scope, const char *schema);

/*
 * The number of schemas that have applied migrations, and tables or other
 * relations; "example" is set to the name of one, palloc'd, if there are any.
 * A schema that is gone or emptied (by pg_restore --clean, for one) does not count.
 */
extern int	catalog_schemas_in_use(char **example);

/* Is a migration among these (List of AppliedVersion *)? */
extern bool catalog_is_applied(const Migration *migration, const List *applied);

/* A migration that has been run in a schema, up or down */
typedef struct ExecutedMigration
{
	const Migration *migration;
	int64		elapsed;		/* microseconds; -1: not run */
} ExecutedMigration;

/* Write the rows of executed migrations (List of ExecutedMigration *), or delete them. */
extern void catalog_record_applied(const char *schema, Scope scope, List *executed);
extern void catalog_record_rolled_back(const char *schema, Scope scope, List *executed);

#endif							/* ASHMIG_CATALOG_VERSIONS_H */
