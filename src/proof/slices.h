/*
 * slices.h
 *		Parts of a large generation that can be tried one after the other.
 *
 * The locks of a trial last until its subtransaction ends, and the lock table
 * is shared by all sessions.  A generation of a thousand tables may need more
 * than there is room for; tables that have nothing to do with each other need
 * not be tried together.
 */
#ifndef ASHMIG_SLICES_H
#define ASHMIG_SLICES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "proof/prove.h"

/* A slice, or a part that is too large for one */
typedef struct ProofSlice
{
	ProofSubject subject;
	int			tables;			/* that its operations are about */
	int			locks;			/* about so many */
} ProofSlice;

/*
 * Divide a generation: List of ProofSlice *.  Tables of one slice are those that
 * foreign keys or custom statements join, and as many of such groups as the
 * lock table has room for.
 */
extern List *slices_make(const ProofSubject *subject);

#endif							/* ASHMIG_SLICES_H */
