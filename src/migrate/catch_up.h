/*
 * catch_up.h
 *		Tenants that public has left behind.
 *
 * A tenant that was excluded from a run, or one that is made by replaying
 * history, runs migrations that are older than what public has become (see
 * crossing.h): a foreign key to a table that has another name by now, say.
 * Such foreign keys are left out on the way, and in the end the tenant gets
 * those of the newest recorded structure that it lacks.
 */
#ifndef ASHMIG_CATCH_UP_H
#define ASHMIG_CATCH_UP_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "metadata/catalog_migrations.h"

typedef struct CatchUp
{
	const char *schema;
	List	   *crossings;		/* of Crossing *: newer than the oldest
								 * migration to run */
	bool		to_newest;		/* do the migrations to run lead to the newest
								 * version? */
	List	   *skipped;		/* of char *: names of foreign keys left out */
} CatchUp;

/*
 * The newest recorded structure of a tenant as statements with placeholders:
 * List of char *, among them its foreign keys to public tables.  Set when the
 * module is loaded, as it takes code generation to know them.
 */
typedef List *(*NewestStructure) (void);
extern NewestStructure catch_up_newest_structure;

/*
 * Look whether a tenant with these pending migrations has been left behind;
 * NULL where it has not.
 */
extern CatchUp *catch_up_begin(const char *schema, List *pending);

/*
 * The statement to run instead of this one of a generated migration ("sql" has
 * its placeholders filled in), or NULL where nothing is left of it.  Raises
 * where a foreign key has to be left out and the run stops short of the newest
 * version, for which alone they are known.
 */
extern char *catch_up_statement(CatchUp *catch_up, const Migration *migration, char *sql);

/*
 * The same for a statement that stands alone, outside the series in which the
 * tenant's foreign keys were left out: what it would validate may be missing.
 */
extern char *catch_up_alone(const Migration *migration, const char *schema, char *sql);

/*
 * The foreign keys to public tables that a tenant lacks, when its migrations are
 * done: statements, filled in, List of char *
 */
extern List *catch_up_missing(const char *schema);

#endif							/* ASHMIG_CATCH_UP_H */
