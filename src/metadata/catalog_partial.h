/*
 * catalog_partial.h
 *		ashmig.partial_migrations: how far a non-transactional migration has
 *		come in a schema.
 *
 * Such a migration commits statement by statement.  While it is under way, or
 * was cut short, its row says how many statements are done; when it is
 * through, the version's row takes the place of that one.
 */
#ifndef ASHMIG_CATALOG_PARTIAL_H
#define ASHMIG_CATALOG_PARTIAL_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"

/* Statements that are done in a schema; *started: the next one was begun. */
extern int	catalog_partial_read(const Migration *migration, const char *schema, bool down,
								 bool *started);
extern void catalog_partial_write(const Migration *migration, const char *schema, bool down,
								  int done, bool started);
extern void catalog_partial_forget(const Migration *migration, const char *schema);

/*
 * Statements that are done in the schema where the migration has come
 * farthest: *schema.  -1: it was begun nowhere.
 */
extern int	catalog_partial_farthest(const Migration *migration, char **schema);

#endif							/* ASHMIG_CATALOG_PARTIAL_H */
