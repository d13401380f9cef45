/*
 * ecto_versions.h
 *		schema_migrations, the table in which Ecto keeps the versions of a
 *		schema.
 *
 * ashmig itself does not need it.  With ashmig.ecto_schema_migrations it has
 * each version that ashmig applies as well, so that Ecto's migrator and
 * Phoenix' check for pending migrations see what is true; ashmig_release
 * writes them all.  Versions that Ecto wrote stay.  A base migration stands for
 * those that Ecto had run when the database was adopted: they are written with
 * it, as a tenant that ashmig has built has nothing left of them to do.
 *
 * The table is called ashmig.ecto_migration_source, as the repo's
 * migration_source, and is made as Ecto makes it where it is missing.
 */
#ifndef ASHMIG_ECTO_VERSIONS_H
#define ASHMIG_ECTO_VERSIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * After migrations (List of ExecutedMigration *) were recorded in a schema as
 * applied or as rolled back: the same for Ecto, where the setting is on.
 */
extern void ecto_versions_applied(const char *schema, List *executed);
extern void ecto_versions_rolled_back(const char *schema, List *executed);

/* The same for the versions of a new tenant, a bigint[] */
extern void ecto_versions_built(const char *schema, Datum versions);

/*
 * Where the setting is on: keep Ecto's migrator out of the schema until the end
 * of the transaction, by the lock that it takes itself.
 */
extern void ecto_versions_lock(const char *schema);

/*
 * Write versions (bigint[]) whatever the setting says.  Returns how many were
 * not there.
 */
extern int	ecto_versions_write(const char *schema, Datum versions);

#endif							/* ASHMIG_ECTO_VERSIONS_H */
