/*
 * transaction.h
 *		Transactions of a process that runs one after another: a background
 *		worker.
 *
 * The server's functions change the memory context at both ends (until 17 for
 * good).  With these two the caller stays in its own, so what is palloc'd in
 * between outlives the transaction.
 */
#ifndef ASHMIG_TRANSACTION_H
#define ASHMIG_TRANSACTION_H

#include "postgres.h"

extern void transaction_begin(void);
extern void transaction_commit(void);

#endif							/* ASHMIG_TRANSACTION_H */
