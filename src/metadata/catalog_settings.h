/*
 * catalog_settings.h
 *		ashmig.settings: what ashmig remembers of the database as a whole.
 *
 * These are facts (the last version given, the query that lists tenants), not
 * the settings ashmig.* of a session, which are in base/settings.h.
 */
#ifndef ASHMIG_CATALOG_SETTINGS_H
#define ASHMIG_CATALOG_SETTINGS_H

#include "postgres.h"

/*
 * A setting of the database, or NULL.  "set_by", unless it is NULL, is set to the
 * name of the role that wrote it, which a trigger sees to: nobody but a superuser
 * can name another.
 */
extern char *catalog_setting(const char *name, char **set_by);

/* Set one, or clear it (NULL), as the current role. */
extern void catalog_set_setting(const char *name, const char *value);

#endif							/* ASHMIG_CATALOG_SETTINGS_H */
