/*
 * export_sql.h
 *		A migration as plain SQL for psql, which needs no ashmig: for servers
 *		where no extension can be installed, and for reading.
 */
#ifndef ASHMIG_EXPORT_SQL_H
#define ASHMIG_EXPORT_SQL_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"

/*
 * A script that applies the migration in one schema, or rolls it back with "psql
 * -v rollback=on", and keeps its version in Ecto's table there: it refuses to
 * do either twice.  "schema" NULL: the default schema for a public migration;
 * for that of tenants the script asks for the variable "schema".
 */
extern char *export_sql(const Migration *migration, const char *schema);

#endif							/* ASHMIG_EXPORT_SQL_H */
