/*
 * rename.h
 *		Which of the removed and the added tables and columns are the same
 *		under another name: the argument "renames", and the questions it leaves
 *		open.
 *
 * Snapshots do not say that something was renamed.  AshPostgres asks at the
 * terminal; here the answers come with the call, and what they leave open is
 * an error that shows the answers ready to paste.
 */
#ifndef ASHMIG_RENAME_H
#define ASHMIG_RENAME_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"
#include "model/model.h"
#include "plan/operation.h"

/* An answer to "was this renamed?", from the argument "renames" */
typedef struct RenameAnswer
{
	char	   *schema;			/* where the table lies, NULL: the default or
								 * a tenant */
	char	   *table;
	char	   *column;			/* NULL: the table itself */
	char	   *to;				/* the new name, or NULL */
	bool		has_to;			/* "to" is there; with to NULL: not a rename */
	char	   *to_schema;		/* the new schema, or NULL */
	bool		has_to_schema;
	char	   *path;
	bool		followed;		/* carried out, now or earlier, or nothing to
								 * do */
	char	   *obstacle;		/* why it was not: a sentence, or NULL */
} RenameAnswer;

/* A question that the input leaves open */
typedef struct RenameQuestion
{
	TableName	table;
	char	   *column;			/* NULL: the table itself */
	bool		move;			/* has the table moved to another schema? */
	List	   *candidates;		/* of char *: new names, or new schemas */
} RenameQuestion;

typedef struct RenameOptions
{
	List	   *answers;		/* of RenameAnswer *; what became of each is
								 * noted in it */
	bool		complete;		/* tables that the input lacks are dropped */
	bool		whole;			/* the input is more than one table: those
								 * that it lacks may have been renamed */
	const char *default_schema;
} RenameOptions;

typedef struct Renamed
{
	Model	   *from;			/* the recorded structure under its new names */
	List	   *operations;		/* of Operation *: moves and renames, in order */
	List	   *questions;		/* of RenameQuestion * */
	List	   *forgotten;		/* of TableName *: names no longer in use */
} Renamed;

/*
 * Decode the argument "renames", a JSON array. NIL with the problem noted if
 * it is malformed.
 */
extern List *rename_decode(const char *json, Problem *problem);

/*
 * Apply the answers to the recorded structure and collect what they leave
 * open.  "from" is not changed.  An answer may be about another repo, so
 * one that cannot be followed is a problem only for rename_check_answers; but
 * one whose new name no snapshot has is one at once.
 *
 * A recorded table that the input lacks may have become a new one, also where
 * the input is not complete: if a table of the input points to the new one
 * instead, or (where the input is whole) if nearly all columns are the same.
 */
extern Renamed *rename_resolve(const Model *from, const Model *given,
							   const RenameOptions *options, Problem *problem);

/*
 * A problem where an answer was followed in none of the repos.  One that an
 * earlier call has followed is none, so that a call can be repeated; nor is
 * one about a database in which nothing is recorded.
 */
extern bool rename_check_answers(const List *answers, Problem *problem);

/*
 * Note the open questions as a problem: the message says what to read, the
 * DETAIL is a JSON array with one object per question, the HINT shows the
 * argument ready to paste, "not a rename" first.
 */
extern void rename_report(List *questions, Problem *problem);

#endif							/* ASHMIG_RENAME_H */
