/*
 * diff.h
 *		The operations that lead from one model to another.
 */
#ifndef ASHMIG_DIFF_H
#define ASHMIG_DIFF_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"
#include "model/model.h"
#include "plan/operation.h"
#include "plan/rename.h"

typedef struct DiffOptions
{
	bool		drop_columns;	/* else they are retired */
	bool		drop_tables;	/* the input is complete: what is absent is
								 * dropped */
	bool		whole;			/* the input is more than one table (rename.h) */
	bool		ask;			/* for the caller: open questions are an error */
	List	   *answers;		/* of RenameAnswer * */
	bool		concurrent_indexes;
	bool		online;			/* for the caller: see online.h */
	bool		quiet;			/* for the caller: no warnings */
	const char *default_schema;
} DiffOptions;

typedef struct Diff
{
	List	   *operations;		/* of Operation *, not yet in order */
	List	   *questions;		/* of RenameQuestion * */
	Model	   *result;			/* the structure afterwards */
	List	   *forgotten;		/* of TableName *: tables that are gone, or go
								 * by another name */
} Diff;

/*
 * Compare.  "given" holds the tables of the input; recorded tables that are
 * not in it stay as they are, unless drop_tables.  "from" is not changed;
 * tables of "given" take over the names that history gave (a renamed table's
 * primary key).  NULL with the problem noted if the answers do not fit.
 */
extern Diff *diff_models(const Model *from, Model *given,
						 const DiffOptions *options, Problem *problem);

#endif							/* ASHMIG_DIFF_H */
