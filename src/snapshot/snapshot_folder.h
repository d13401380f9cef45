/*
 * snapshot_folder.h
 *		A resource_snapshots folder of the server as a bundle.
 *
 * The folder is laid out as
 *
 *		[<repo>/][tenants/][<schema>.]<table>/<14 digits>[_dev].json
 *
 * where the newest file of a table counts, or <table>.json in old projects.
 */
#ifndef ASHMIG_SNAPSHOT_FOLDER_H
#define ASHMIG_SNAPSHOT_FOLDER_H

#include "postgres.h"

/*
 * Load a resource_snapshots folder, or one repo's folder in it, as the JSON
 * text of a bundle; "dev": _dev files count.  The caller checks who may read
 * files.  Raises an error if a file is not what AshPostgres writes, and if
 * there is nothing: with drop_tables, an empty bundle would drop every table.
 */
extern char *snapshot_folder_load(const char *root, bool dev);

#endif							/* ASHMIG_SNAPSHOT_FOLDER_H */
