/*
 * result_rows.h
 *		What a run did, as the rows of ashmig_migrate and related functions.
 */
#ifndef ASHMIG_RESULT_ROWS_H
#define ASHMIG_RESULT_ROWS_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"

/* Return the results (List of RunResult *) as the rows of this function. */
extern void result_rows_return(FunctionCallInfo fcinfo, List *results);

#endif							/* ASHMIG_RESULT_ROWS_H */
