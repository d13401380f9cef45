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

/* A setting of the database, or NULL */
extern char *catalog_setting(const char *name);

/* Set one, or clear it (NULL). */
extern void catalog_set_setting(const char *name, const char *value);

#endif							/* ASHMIG_CATALOG_SETTINGS_H */
