/*
 * attach.h
 *		Schemas that exist become tenants, at the version whose structure they
 *		have.
 */
#ifndef ASHMIG_ATTACH_H
#define ASHMIG_ATTACH_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "drift/fleet.h"

/* Schemas that have the structure of a version */
typedef struct VersionMatch
{
	int64		version;
	List	   *schemas;		/* of char * */
} VersionMatch;

/*
 * Find the newest recorded tenant version, "oldest" at least, whose structure
 * each of these schemas has: a List of VersionMatch *.  *rest are groups (of
 * FleetGroup *) of those that have none, compared with "oldest", or with the
 * newest one where that is 0.
 */
extern List *attach_match(List *schemas, int64 oldest, List **rest);

/* The versions (of int64 *) of the recorded migrations of a scope up to one */
extern List *attach_versions(Scope scope, int64 version);

/* Do differences keep a schema from being what is expected of it? */
extern bool attach_is_stopped(List *differences);

/* The first differences of a schema, for the DETAIL of an error */
extern char *attach_describe(const char *schema, List *differences);

/*
 * Make an existing schema a tenant at a version (0: the newest whose structure it
 * has), which is returned.  Raises where its structure is another one.
 */
extern int64 attach_tenant(const char *schema, int64 version);

#endif							/* ASHMIG_ATTACH_H */
