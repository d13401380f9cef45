/*
 * bundle.h
 *		The snapshots of an application: a resource_snapshots folder, read into
 *		what ashmig's functions take as "snapshots".
 *
 * The folder is laid out as
 *
 *		[<repo>/][tenants/][<schema>.]<table>/<14 digits>[_dev].json
 *
 * where the newest file of a table counts, or <table>.json in old projects.
 * The function ashmig_load reads a folder of the server in the same way.
 */
#ifndef ASHMIG_BUNDLE_H
#define ASHMIG_BUNDLE_H

#include <stdbool.h>

#include "text.h"

/* The folder as the JSON text of a bundle; "dev": files ending in _dev.json count. */
extern char *bundle_read(const char *folder, bool dev);

/*
 * The rest is for squashing as well.
 */

/* "<14 digits>.json", and with "dev" also "<14 digits>_dev.json" */
extern bool bundle_is_snapshot_name(const char *name, bool dev);

/* The names in a folder, sorted, without hidden ones; none if it cannot be read */
extern StringList bundle_names(const char *folder);

extern bool bundle_is_folder(const char *path);
extern bool bundle_is_file(const char *path);

#endif							/* ASHMIG_BUNDLE_H */
