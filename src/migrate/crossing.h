/*
 * crossing.h
 *		Public migrations that take away what tenant migrations refer to.
 *
 * History is one sequence over both scopes, in the order of versions.  Where a
 * public migration only adds, that order does not matter to the tenants.  One
 * that drops, renames, moves or changes what tenant migrations name (see
 * withdrawal.h) crosses their history: an older tenant migration fits public
 * only before it, a newer one only after it.
 */
#ifndef ASHMIG_CROSSING_H
#define ASHMIG_CROSSING_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "metadata/catalog_migrations.h"

/* A public migration that older tenant migrations have to precede */
typedef struct Crossing
{
	char	   *repo;
	int64		version;
	char	   *name;
	char	   *subject;		/* what it takes away: the name of a table,
								 * say */
	List	   *withdrawals;	/* of Withdrawal * */
} Crossing;

/*
 * Those of all recorded migrations, by version: List of Crossing *, of a cache
 * that is valid until the next call.  Found once for each change of the
 * recorded migrations.
 */
extern List *crossing_list(void);

/*
 * What rolling back a public migration takes away from newer tenant migrations:
 * the versions (List of int64 *) of those, or NIL; *subject names it.
 */
extern List *crossing_of_rollback(const Migration *migration, char **subject);

/*
 * The crossings newer than this version that public has: what a tenant at that
 * version has been left behind by.  List of Crossing *, copies.
 */
extern List *crossing_passed(int64 version);

/* Does a tenant's statement name what one of these (List of Crossing *) takes away? */
extern bool crossing_concerns(const List *crossings, int64 version, const char *statement);

/*
 * Raise where public has since changed what the down of a tenant migration
 * refers to: there the public migration has to be rolled back first.
 */
extern void crossing_check_rollback(const Migration *migration, const char *schema);

#endif							/* ASHMIG_CROSSING_H */
