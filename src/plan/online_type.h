/*
 * online_type.h
 *		A change of type that rewrites the table, in a form that lets others read
 *		and write meanwhile.
 *
 * The column gets a successor of the new type beside it.  A trigger fills that
 * in whatever is written, batches fill it in all other rows, and what hangs on
 * the column (indexes, keys, checks, NOT NULL) is made for the successor under
 * other names.  In the end, in one short transaction, the column goes and the
 * successor takes over its name and theirs.
 *
 * That is possible where all that hangs on the column is known from the
 * snapshots and belongs to the table itself.  Otherwise the change keeps its
 * plain form, and Operation.no_online_form says why.
 */
#ifndef ASHMIG_ONLINE_TYPE_H
#define ASHMIG_ONLINE_TYPE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/model.h"
#include "plan/operation.h"

/* A change of type that rewrites its table */
typedef struct OnlineType
{
	const Operation *operation; /* OP_ALTER_ATTRIBUTE */
	const char *obstacle;		/* why it has no online form; or NULL */
	Table	   *carried;		/* the parts that hang on the column before
								 * and after; all else in it is empty */
	List	   *absorbed;		/* of Operation *: take such parts down and
								 * make them again; needed for a small table
								 * alone */
} OnlineType;

/*
 * Those among the operations (as diff found them), of OnlineType *.  "result" is
 * the structure afterwards.
 */
extern List *online_type_find(List *operations, const Model *result);

/* What the form for a small table consists of, in order: of Operation * */
extern List *online_type_plain(const OnlineType *type);

/* Does any of them (of OnlineType *) change one of these columns online? */
extern bool online_type_has_column(const List *types, const TableName *table, const List *columns);

/*
 * Names of what exists only meanwhile: the successor of a column, the trigger
 * and its function.
 */
extern char *online_type_successor(const Column *column);
extern char *online_type_trigger(const Column *column);
extern char *online_type_function(const TableName *table, const Column *column);

/*
 * The carried parts as they are made for the successor, in the same order and
 * under names for the meantime.
 */
extern const Table *online_type_copies(const Table *carried, const Column *column);

#endif							/* ASHMIG_ONLINE_TYPE_H */
