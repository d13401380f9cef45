/*
 * renames.h
 *		Answers to the question whether something was renamed.
 *
 * A generation that cannot tell ends with an error (MG006) whose DETAIL has the
 * questions.  They are answered from renames.json in the migrations folder, or
 * by a person; what was answered is kept there, so that nobody has to answer
 * again who generates again.
 */
#ifndef ASHMIG_RENAMES_H
#define ASHMIG_RENAMES_H

#include <stdbool.h>

#include <cjson/cJSON.h>
#include <libpq-fe.h>

typedef struct Renames
{
	char	   *path;			/* of renames.json */
	cJSON	   *kept;			/* what it has */
	cJSON	   *answers;		/* to what was asked so far */
	bool		changed;		/* a person has answered */
} Renames;

extern void renames_read(Renames *renames, const char *folder);

/* Is the result an error that asks? */
extern bool renames_asked(const PGresult *result);

/*
 * Answer the questions of such an error.  False where one stays open, as it is
 * not kept and nobody may be asked.
 */
extern bool renames_answer(Renames *renames, const PGresult *error, bool may_ask);

/*
 * Say which question such an error asks, and how it can be answered: for when
 * one stays open.
 */
extern void renames_report(const Renames *renames, const PGresult *error);

/* The argument "renames"; NULL if nothing was asked */
extern char *renames_text(const Renames *renames);

/* Keep what a person has answered. */
extern void renames_keep(const Renames *renames);

#endif							/* ASHMIG_RENAMES_H */
