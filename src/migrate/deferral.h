/*
 * deferral.h
 *		Foreign keys that can wait until the end of a schema's transaction.
 *
 * A foreign key to a public table locks that table, against every other tenant
 * that needs the same lock, until the transaction ends.  In a series of
 * generated migrations it is moved behind the statements that neither need it
 * nor change what it names, so that parallel tenants wait for each other only
 * for that last part.
 */
#ifndef ASHMIG_DEFERRAL_H
#define ASHMIG_DEFERRAL_H

#include "postgres.h"

/* Is the statement one foreign key to a table outside the schema? */
extern bool deferral_can_wait(const char *sql, const char *schema);

/* Does it make no difference whether this one runs before or after that? */
extern bool deferral_is_harmless(const char *sql);

#endif							/* ASHMIG_DEFERRAL_H */
