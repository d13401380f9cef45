/*
 * mark.h
 *		Saying of one schema that a migration is there, or is not, without
 *		running anything; and telling Ecto what is applied where.
 */
#ifndef ASHMIG_MARK_H
#define ASHMIG_MARK_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "metadata/catalog_migrations.h"

/*
 * Record a migration as applied in a schema (NULL: the default schema, for a
 * public one), or as not applied.  False where that is so already.  Keeps runs
 * out of the schema until the end of the transaction, and forgets how far a
 * non-transactional migration got there.
 */
extern bool mark_applied(const Migration *migration, const char *schema);
extern bool mark_rolled_back(const Migration *migration, const char *schema);

/* What ashmig_release has done in a schema */
typedef struct Released
{
	char	   *schema;
	int			written;		/* versions that were not there */
} Released;

/* Schemas, by name, in which a migration is applied and which exist (List of char *) */
extern List *mark_schemas(void);

/*
 * Write each applied version of a schema into Ecto's table there, and keep runs
 * out of it until the end of the transaction.
 */
extern Released *mark_release(const char *schema);

#endif							/* ASHMIG_MARK_H */
