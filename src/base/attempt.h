/*
 * attempt.h
 *		Doing something that may fail, with its error as a value.
 */
#ifndef ASHMIG_ATTEMPT_H
#define ASHMIG_ATTEMPT_H

#include "postgres.h"

typedef void (*Attempt) (void *arg);

/*
 * Run it in a subtransaction that is rolled back, or, with "keep" and without
 * an error, becomes part of the transaction.  Returns the error, in the current
 * memory context, or NULL.  What says nothing about what was tried (a cancel,
 * no memory, a lock that could not be acquired) is raised again.
 */
extern ErrorData *attempt(Attempt run, void *arg, bool keep);

/* The same, but every error is returned. */
extern ErrorData *attempt_any(Attempt run, void *arg, bool keep);

#endif							/* ASHMIG_ATTEMPT_H */
