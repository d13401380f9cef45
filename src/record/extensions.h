/*
 * extensions.h
 *		The extensions that an application needs, as migrations.
 *
 * Besides PostgreSQL's own there are those of Ash packages, which ashmig has
 * built in (bundled.h), and those that a team has defined
 * (catalog_extensions.h).
 *
 * What is installed is what migrations of kind "extension" say: remove such a
 * migration and the extension counts as missing again.  PostgreSQL's own
 * extensions are recognized by their CREATE EXTENSION, the others by the
 * comment in front of their first statement.
 */
#ifndef ASHMIG_EXTENSIONS_H
#define ASHMIG_EXTENSIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "snapshot/snapshot.h"

/*
 * The migrations (a List of Migration *, see catalog_migrations.h) that
 * install what the bundle asks for, or what its snapshots cannot do without
 * (implied.h), and no recorded migration installs; NIL if there is nothing to
 * do.  Migrations that are dev count as recorded only "with_dev".
 *
 * They are of scope public and the bundle's first repo, to be recorded, in
 * order, before the migrations of the snapshots; version (0), generation (0)
 * and dev (with_dev) are the caller's to fill in.
 *
 * Where a bundle names no version of a built-in or defined extension, it is
 * the newest; a later version that is installed is left as it is.  A name that
 * is none of an extension is an error (ERRCODE_ASHMIG_UNKNOWN_EXTENSION).
 *
 * What exists in the database and was not made by a recorded migration is not
 * dropped by the down.
 */
extern List *extensions_missing(const Bundle *bundle, bool with_dev);

/*
 * Define a version of an extension of the application's own.  Refuses names
 * that mean something else, and to change a version that a recorded migration
 * has installed.
 */
extern void extensions_define(const char *name, int version, List *up, List *down);

#endif							/* ASHMIG_EXTENSIONS_H */
