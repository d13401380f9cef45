/*
 * pin.h
 *		Settings for our own statements, whatever the session has.
 *
 * They hold until the end of the GUC nest level that is open (NewGUCNestLevel,
 * AtEOXact_GUC); an error ends it as well.
 */
#ifndef ASHMIG_PIN_H
#define ASHMIG_PIN_H

#include "postgres.h"

/* Set one, also where only a superuser may. */
extern void settings_pin(const char *name, const char *value);

/*
 * Pin all settings that change what DDL means; the list is in pin.c.  (The
 * other one that does, search_path, is metadata/search_path.h's.)
 */
extern void settings_pin_ddl(void);

/*
 * The same for the session, in a process that runs nothing else.  To be called
 * in a transaction.
 */
extern void settings_set_ddl(void);

/*
 * Open a nest level and pin the settings that PostgreSQL's parser looks at, so
 * that a fragment means the same in every session.  settings_unpin closes it.
 */
extern int	settings_pin_parser(void);
extern void settings_unpin(int guc_level);

#endif							/* ASHMIG_PIN_H */
