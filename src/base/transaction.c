/*
 * transaction.c
 *		Transactions that leave the memory context alone: see transaction.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/transaction.h"

/*
 * Begin a transaction block.
 */
void
transaction_begin(void)
{
	MemoryContext context = CurrentMemoryContext;

	StartTransactionCommand();
	BeginTransactionBlock();
	CommitTransactionCommand();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
}

/*
 * Commit it.
 */
void
transaction_commit(void)
{
	MemoryContext context = CurrentMemoryContext;

	if (!EndTransactionBlock(false))
		elog(ERROR, "the transaction block has failed already");
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/*
 * Roll it back, or whatever is left of it.
 */
void
transaction_abort(void)
{
	MemoryContext context = CurrentMemoryContext;

	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(context);
}
