/*
 * batch_statement.h
 *		A statement that changes rows batch by batch, as a raw parse tree.
 *
 * An UPDATE or DELETE of a table is cut into batches by the blocks of the
 * table: each batch is the statement with one more condition on ctid, which
 * PostgreSQL (14 and later) carries out as a TID range scan.  What limits
 * itself, by a LIMIT in its WITH or WHERE, and an INSERT, is repeated as it is.
 * Syntax alone: no name is looked up.
 */
#ifndef ASHMIG_BATCH_STATEMENT_H
#define ASHMIG_BATCH_STATEMENT_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/primnodes.h"
#include "storage/block.h"

/* Blocks of a table, the last one not included; InvalidBlockNumber: to its end */
typedef struct BlockRange
{
	BlockNumber from;
	BlockNumber to;
} BlockRange;

/* Why it cannot be run in batches, or NULL */
extern const char *batch_statement_fault(Node *statement);

/* The table to go through, block by block; NULL: the statement is repeated */
extern RangeVar *batch_statement_table(Node *statement);

/* Restrict a statement that has such a table to some of its blocks. */
extern void batch_statement_restrict(Node *statement, const BlockRange *range);

#endif							/* ASHMIG_BATCH_STATEMENT_H */
