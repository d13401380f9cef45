/*
 * public_references.h
 *		How far a public table can carry the foreign keys of tenants.
 *
 * PostgreSQL keeps two triggers for each foreign key on the table that it
 * references, and whoever deletes a row there or changes its key locks every
 * referencing table with its indexes, all at once.  With enough tenants these
 * locks do not fit into the lock table, and the delete fails.  What is here
 * tells so before.
 */
#ifndef ASHMIG_PUBLIC_REFERENCES_H
#define ASHMIG_PUBLIC_REFERENCES_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A table that foreign keys of other schemas reference */
typedef struct PublicReferences
{
	Oid			table;
	char	   *schema_name;
	char	   *table_name;
	int64		keys;			/* foreign keys of other schemas */
	int64		tenants;		/* schemas that have them */
	int64		triggers;		/* on the table, whosever */
	int64		locks;			/* that one delete there takes, about */
} PublicReferences;

/*
 * All such tables (of PublicReferences *), those with the most locks first; or
 * one of them alone, NIL if nothing references it.  The cost grows with the
 * number of keys.
 */
extern List *public_references_list(Oid table);

/*
 * A max_locks_per_transaction with which one delete leaves half of the lock
 * table to others.
 */
extern int64 public_references_setting(int64 locks);

/* Do so many locks leave too little to others? */
extern bool public_references_are_many(int64 locks);

/*
 * A tenant was created: warn, once a session and table, where a delete in a
 * public table soon needs more locks than there are.
 */
extern void public_references_note_tenant(void);

#endif							/* ASHMIG_PUBLIC_REFERENCES_H */
