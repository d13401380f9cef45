/*
 * transaction.c
 *		Transactions that leave the memory context alone: see transaction.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/transaction.h"

/*
 * Begin a transaction.
 */
void
transaction_begin(void)
{
	MemoryContext context = CurrentMemoryContext;

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

	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}
