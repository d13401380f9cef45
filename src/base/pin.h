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
 * Open a nest level and pin the settings that PostgreSQL's parser looks at, so
 * that a fragment means the same in every session.  settings_unpin closes it.
 */
extern int	settings_pin_parser(void);
extern void settings_unpin(int guc_level);

#endif							/* ASHMIG_PIN_H */
