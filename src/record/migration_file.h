/*
 * migration_file.h
 *		A migration as a file of an application's repository: readable SQL.
 *
 *		tenant/20260420153000_add_tickets.sql
 *
 * The folder is the scope, the name begins with the version.  The file is SQL
 * in parts, each after a line of its own:
 *
 *		-- name: add tickets			the header; all of it may be missing
 *		-- checksum: 5d0c...
 *
 *		-- ashmig: up
 *		ALTER TABLE ...;
 *
 *		-- ashmig: down					without it: cannot be rolled back
 *		ALTER TABLE ...;
 *
 *		-- ashmig: snapshots			what a generation brought, a table a line
 *		-- {"table_name": "tickets", ...}
 *
 * A file without any of this is the up of a migration written by hand.  A
 * generated one that was edited, so that its checksum no longer fits, counts
 * as written by hand, but keeps its snapshots.
 */
#ifndef ASHMIG_MIGRATION_FILE_H
#define ASHMIG_MIGRATION_FILE_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"

typedef struct MigrationFile
{
	const char *path;			/* as it was given */
	Migration	migration;
	char	   *snapshots;		/* a JSON array; NULL: none */
	bool		edited;			/* it has another text than its checksum says */
} MigrationFile;

/* The path of a migration's file, below the migrations folder */
extern char *migration_file_path(const Migration *migration);

/*
 * The text of the file.  Raises an error for a development migration, and for
 * one that was changed after it was recorded.
 */
extern char *migration_file_write(const Migration *migration);

/* Scope, version and repo of what a path names, for reading files in order */
extern void migration_file_identify(MigrationFile *file, const char *path, const char *repo);

/*
 * Read the text of an identified file.  Raises an error, with the path, where
 * it is not SQL or has a statement that a migration cannot run.  The caller
 * pins the settings of the parser.
 */
extern void migration_file_read(MigrationFile *file, const char *text);

/* What happened to a file that was imported */
typedef enum FileImport
{
	FILE_IMPORTED,
	FILE_REPLACED,				/* its migration was recorded with another
								 * text */
	FILE_UNCHANGED
} FileImport;

/*
 * Record the migration of a file that was read.  One that is recorded already
 * with another text is replaced, unless it is applied somewhere: then that is
 * an error.  *merged: its snapshots met those of another branch, so that nobody
 * has checked yet what they give together.
 */
extern FileImport migration_file_import(MigrationFile *file, bool *merged);

#endif							/* ASHMIG_MIGRATION_FILE_H */
