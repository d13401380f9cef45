/*
 * export.h
 *		Migrations as scripts that record them in another database.  Scripts
 *		that run without ashmig are in export_sql.h and export_ecto.h.
 */
#ifndef ASHMIG_EXPORT_H
#define ASHMIG_EXPORT_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "metadata/catalog_migrations.h"

/*
 * A script for psql: it calls ashmig_import_migration with the migration, its
 * checksum and the snapshots that it brought.
 */
extern char *export_script(const Migration *migration);

/* The same for several (List of Migration *), in the order given: all are recorded, or none */
extern char *export_scripts(const List *migrations);

/*
 * May the migration leave this database?  An error for a development
 * migration, and where the statements were changed in the table: these are not
 * exported under the old checksum.  Returns the checksum.
 */
extern char *export_check(const Migration *migration);

/*
 * A literal that shows the text as it is, between tags that do not occur in
 * it; and a line of a comment, whatever the text.
 */
extern void export_append_quoted(StringInfo buf, const char *value);
extern void export_append_comment(StringInfo buf, const char *mark, const char *text);

/*
 * Raise an error where two databases have generated different migrations within
 * the same second, so that both have one version.
 */
extern void export_check_version(const Migration *recorded, const Migration *migration);

/*
 * The snapshots that the migration brought, each a JSON object with its base:
 * a List of char *
 */
extern List *export_snapshots(const Migration *migration);

/*
 * Record a migration that is not recorded yet, with the snapshots that it
 * brought: a jsonb array, or (Datum) 0.  True where these met those of another
 * branch, so that nobody has checked yet what they give together.
 */
extern bool export_record(Migration *migration, Datum snapshots);

/*
 * Record a migration that another database exported; its checksum is the one
 * that the script has.  "snapshots" is a jsonb array, or (Datum) 0.  False
 * where it is recorded already.  *merged: its snapshots met those of another
 * branch, so that nobody has checked yet what they give together.
 */
extern bool export_import(Migration *migration, Datum snapshots, bool *merged);

#endif							/* ASHMIG_EXPORT_H */
