/*
 * transaction.h
 *		Transactions of a process that runs one after another: a background
 *		worker.
 *
 * The server's functions change the memory context at both ends (until 17 for
 * good).  With these the caller stays in its own, so what is palloc'd in
 * between outlives the transaction.
 *
 * They are transaction blocks, as by BEGIN and COMMIT: Citus asks for that to know
 * whether the next statement belongs to the same transaction, and would otherwise
 * commit on the other nodes by itself.
 */
#ifndef ASHMIG_TRANSACTION_H
#define ASHMIG_TRANSACTION_H

#include "postgres.h"

extern void transaction_begin(void);
extern void transaction_commit(void);

/* After an error, in whatever state it has left the transaction */
extern void transaction_abort(void);

#endif							/* ASHMIG_TRANSACTION_H */
