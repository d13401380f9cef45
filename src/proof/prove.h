/*
 * prove.h
 *		The proof of a generation, before it is recorded: that it runs, that it
 *		leads to what a new schema gets, and that its down leads back.
 */
#ifndef ASHMIG_PROVE_H
#define ASHMIG_PROVE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/model.h"

typedef struct ProofSubject
{
	Model	   *before;			/* the recorded structure, whole */
	Model	   *after;			/* the structure that the generation leads to,
								 * whole */
	List	   *migrations;		/* of PlannedMigration *, in the order in
								 * which they run */
	List	   *extensions;		/* of Migration *: run before them */
} ProofSubject;

/*
 * Try the generation in scratch schemas, in a subtransaction that is rolled
 * back; no live table is locked or opened.  Raises ERRCODE_ASHMIG_PROOF where
 *
 *	 the ups fail on the structure before, or lead to another structure than
 *	 the new one built from nothing (which is what a new tenant gets), or that
 *	 one cannot be built;
 *
 *	 the downs fail, or do not lead back to the structure before.
 *
 * Retired columns and the order of columns are no difference.  What cannot be
 * tried is said in a NOTICE.  Does nothing where ashmig.prove is off.
 */
extern void prove_generation(const ProofSubject *subject);

#endif							/* ASHMIG_PROVE_H */
