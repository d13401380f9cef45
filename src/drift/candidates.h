/*
 * candidates.h
 *		Schemas that Ecto has migrated so far, and that may become tenants.
 */
#ifndef ASHMIG_CANDIDATES_H
#define ASHMIG_CANDIDATES_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct Candidate
{
	char	   *schema;
	bool		exists;
	bool		owned;			/* by the current role, or one it is a member
								 * of */
	bool		is_tenant;		/* it is registered already */
	bool		has_versions;	/* it has Ecto's table of versions */
	List	   *versions;		/* of int64 *, of that, in order */
	bool		behind;			/* it lacks a version that the others have */
} Candidate;

/*
 * The schemas of these names (of char *); NIL with "given" false: those that the
 * query of ashmig_set_all_tenants lists, or else all with Ecto's table of versions
 * (ashmig.ecto_migration_source) but the default one.  List of Candidate *, by name.
 *
 * Reading them opens each such table; the locks are released.
 */
extern List *candidates_find(List *names, bool given);

/* One schema, the default one among them */
extern Candidate *candidates_find_one(const char *schema);

/*
 * The versions (of int64 *) that all of them have, but for those that are
 * behind; NIL where none has any.
 */
extern List *candidates_common(List *candidates);

/* Newest of its versions; 0: none */
extern int64 candidate_version(const Candidate *candidate);

#endif							/* ASHMIG_CANDIDATES_H */
