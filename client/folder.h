/*
 * folder.h
 *		The migrations folder: a file per migration, for git.
 *
 *		public/20260420152959_add_tickets.sql
 *		tenant/20260420153000_add_tickets.sql
 *		renames.json						answers to questions about renames
 *
 * What is in the files only the server knows (ashmig_export_files,
 * ashmig_import_files); here they are texts that come and go.
 */
#ifndef ASHMIG_FOLDER_H
#define ASHMIG_FOLDER_H

#include <stdbool.h>

#include "session.h"
#include "text.h"

/* The paths of the files, below the folder, in the order of their versions */
extern StringList folder_files(const char *folder);

/* The version and the scope ("public" or "tenant") that a path says */
extern long long folder_version(const char *path);
extern char *folder_scope(const char *path);

/* Scope and version of a migration, as one string that a list can have */
extern char *folder_key(const char *scope, const char *version);

/* All of a file, as a string; fails if it cannot be read */
extern char *folder_read_file(const char *path);

/*
 * Bring into the database what the folder has and the database lacks, and what
 * was edited and is applied nowhere.  "all": look at the other files as well,
 * so that one which differs from what is applied is an error.  The result of
 * ashmig_import_files; NULL if there was nothing to send.
 */
extern PGresult *folder_import(Session *session, bool all);

/* Tell people what was imported; how many */
extern int	folder_tell_imported(const Session *session, const PGresult *imported);

/* Connect, import, and report what was imported */
extern Session *folder_open_session(const Arguments *arguments);

/*
 * Write files (path, content) as new ones: first under temporary names, so that
 * a full disk is noticed while the database can still forget what it recorded.
 */
extern void folder_write(const char *folder, const PGresult *files);

/* Give the files that were written their names. */
extern void folder_commit(const char *folder, const PGresult *files);

/* Replace a file of our own, by way of a temporary name. */
extern void folder_replace_file(const char *path, const char *content);

#endif							/* ASHMIG_FOLDER_H */
