/*
 * failure.h
 *		The error at the end of a run in which schemas failed.
 */
#ifndef ASHMIG_FAILURE_H
#define ASHMIG_FAILURE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Is there a failure among the results? */
extern bool failure_among(List *results);

/*
 * Raise it, with the failed schemas and what failed there, where there is one.
 */
extern void failure_raise(List *results);

#endif							/* ASHMIG_FAILURE_H */
