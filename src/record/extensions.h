/*
 * extensions.h
 *		The extensions that an application needs, as migrations.
 *
 * What is installed is what migrations of kind "extension" say: remove such a
 * migration and the extension counts as missing again.  PostgreSQL's own
 * extensions are recognized by their CREATE EXTENSION, ash-functions by the
 * comment in front of its first statement.
 */
#ifndef ASHMIG_EXTENSIONS_H
#define ASHMIG_EXTENSIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "snapshot/snapshot.h"

/*
 * The migrations (a List of Migration *, see catalog_migrations.h) that
 * install what the bundle asks for and no recorded migration installs; NIL if
 * there is nothing to do.  Migrations that are dev count as recorded only
 * "with_dev".
 *
 * They are of scope public and the bundle's first repo, to be recorded, in
 * order, before the migrations of the snapshots; version (0), generation (0)
 * and dev (with_dev) are the caller's to fill in.
 *
 * ash-functions is installed in the version that the bundle names, or in the
 * newest where it names none; a later version is left as it is.
 *
 * What exists in the database and was not made by a recorded migration is not
 * dropped by the down.
 */
extern List *extensions_missing(const Bundle *bundle, bool with_dev);

#endif							/* ASHMIG_EXTENSIONS_H */
