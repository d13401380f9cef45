/*
 * not_null_proof.h
 *		Checks that prove that a column holds no NULL.
 *
 * SET NOT NULL reads the table, unless a valid CHECK (c IS NOT NULL) proves it
 * (ATExecSetNotNull() in tablecmds.c).  The online form of NOT NULL is made of
 * that, and so are careful migrations written by hand.  The commands of ALTER
 * TABLE are read in order; syntax alone is looked at.
 */
#ifndef ASHMIG_NOT_NULL_PROOF_H
#define ASHMIG_NOT_NULL_PROOF_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

/* What the commands so far have proved */
typedef struct NotNullProofs
{
	MemoryContext context;		/* of what is noted */
	List	   *checks;
} NotNullProofs;

/* The column of CHECK (column IS NOT NULL), as the parser leaves it; or NULL */
extern const char *not_null_proof_column(const Node *check);

/* Note what a command adds, validates or drops. */
extern void not_null_proof_read(NotNullProofs *proofs, const RangeVar *table,
								const AlterTableCmd *command);

/* Note that a column is renamed: its check follows. */
extern void not_null_proof_rename(NotNullProofs *proofs, const RangeVar *table,
								  const char *from, const char *to);

/* Is it the name of such a check that the commands have added? */
extern bool not_null_proof_known(const NotNullProofs *proofs, const RangeVar *table,
								 const char *name);

/* Does a valid check prove it of the column? */
extern bool not_null_proof_has(const NotNullProofs *proofs, const RangeVar *table,
							   const char *column);

#endif							/* ASHMIG_NOT_NULL_PROOF_H */
