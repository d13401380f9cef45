/*
 * makers.h
 *		Custom statements that make what a part of a table uses: a function that
 *		a check calls, the type of a column, a column that an index is on.
 *
 * What uses what is told by the words of both (sql_words.h).
 */
#ifndef ASHMIG_MAKERS_H
#define ASHMIG_MAKERS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/model.h"
#include "plan/operation.h"
#include "syntax/sql_words.h"

/* A statement that makes something */
typedef struct Maker
{
	const Statement *statement;
	SqlFacts   *facts;			/* of its up */
} Maker;

/* A table made in steps */
typedef struct SplitTable
{
	const Table *first;			/* what CREATE TABLE has */
	List	   *columns;		/* of Column *: to be added afterwards */
	List	   *defaults;		/* of Column *: to get their default
								 * afterwards */
	List	   *checks;			/* of Check *: to be added afterwards */
} SplitTable;

/* The words of a part's SQL text, of SqlWord *; columns of an index are words, too */
extern List *makers_check_words(const Check *check);
extern List *makers_index_words(const TableIndex *index);

/*
 * Those of one side of an operation on a part of a table, or on a table with its
 * columns, checks and options; NIL for other operations, or without that side
 */
extern List *makers_words(const Operation *operation, const void *side);

/*
 * Does a part of the table with these words use what the statement makes?  The
 * name of a column that it adds means one of a table that it names.
 */
extern bool makers_used(const SqlFacts *facts, const List *words, const char *table);

/*
 * Does another statement use it?  Not what it makes itself.  "table" is that of
 * the maker, which the other one has to name to mean a column of it.
 */
extern bool makers_used_by(const SqlFacts *facts, const char *table, const SqlFacts *other);

/* Can what a statement makes be used in this scope?  Tenants use what is public. */
extern bool makers_in_reach(const Statement *statement, Scope scope);

/* The statements (of Statement *) that make something, of Maker * */
extern List *makers_of(const List *statements);

/* Does the index use what any of the makers makes? */
extern bool makers_index_uses(const List *makers, const Table *table, const TableIndex *index);

/*
 * Take out of the table what uses something that one of the makers makes, where
 * that maker needs the table itself.  What is made without the table can be
 * there before it.
 */
extern SplitTable makers_split(const List *makers, const Table *table);

/* The column without its default */
extern Column *makers_column_without_default(const Column *column);

#endif							/* ASHMIG_MAKERS_H */
