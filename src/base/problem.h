/*
 * problem.h
 *		An error as a value.
 *
 * The core (decoding, merging, diffing, printing) raises nothing: it fills a
 * Problem and returns false or NULL, so that each step can be tried, and the
 * one place that raises knows everything there is to say.  The first problem
 * wins; later ones are consequences.
 */
#ifndef ASHMIG_PROBLEM_H
#define ASHMIG_PROBLEM_H

#include "postgres.h"

#include "base/errors.h"

typedef struct Problem
{
	int			sqlerrcode;		/* 0: no problem so far */
	char	   *message;		/* what, with the name in it */
	char	   *path;			/* JSON path of the fact,
								 * "$[3].attributes[0].type"; or NULL */
	char	   *detail;			/* the fact, or NULL */
	char	   *hint;			/* the remedy, ready to paste; or NULL */
} Problem;

/*
 * Note a problem, unless there is one already.  "path", "detail" and "hint"
 * may be NULL and are copied into the current memory context.  Always returns
 * false, so that a caller can write "return problem_note(...)".
 */
extern bool problem_note(Problem *problem, int sqlerrcode, const char *path,
						 const char *detail, const char *hint,
						 const char *fmt, ...) pg_attribute_printf(6, 7);

/* ereport(ERROR) the noted problem; returns if there is none. */
extern void problem_raise(const Problem *problem);

#endif							/* ASHMIG_PROBLEM_H */
