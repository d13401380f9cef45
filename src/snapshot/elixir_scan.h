/*
 * elixir_scan.h
 *		The parts of Elixir source text below a term: numbers, names, quoted
 *		text with its escapes, sigils.  For elixir.c alone.
 *
 * Each scan_... reads from the cursor and moves it past what it read.  NULL or
 * false with the problem noted if it is not what it should be.
 */
#ifndef ASHMIG_ELIXIR_SCAN_H
#define ASHMIG_ELIXIR_SCAN_H

#include "postgres.h"

#include "base/problem.h"

typedef struct ElixirScan
{
	const char *source;			/* all of it, for messages */
	const char *cursor;
	const char *path;			/* for problems */
	Problem    *problem;
	int			depth;			/* of lists and maps that are open */
} ElixirScan;

/* A problem: the text is Elixir code, "what" being what kind of. */
extern bool scan_code(ElixirScan *scan, const char *what);

/*
 * A problem: the text is not Elixir, or not a literal that can be a default.
 */
extern bool scan_invalid(ElixirScan *scan, const char *what);

/* Skip space, newlines and comments. */
extern void scan_space(ElixirScan *scan);

/*
 * Skip space, then take this text if it comes next.
 */
extern bool scan_take(ElixirScan *scan, const char *text);

/* Does a variable's, function's or atom's name start, or go on, with this? */
extern bool scan_is_name_start(unsigned char c);
extern bool scan_is_name_part(unsigned char c);

/* A name: letters, digits, "_", and "?" or "!" at its end */
extern char *scan_name(ElixirScan *scan);

/*
 * A number, with its sign.  Decimal digits for an integer, whatever base it
 * is written in; a float as Elixir prints it.
 */
extern char *scan_number(ElixirScan *scan, bool *is_float);

/* ?a, ?\n: the number of the character, as decimal digits */
extern char *scan_code_point(ElixirScan *scan);

/* The text in "...", '...', or a heredoc of either */
extern char *scan_quoted(ElixirScan *scan);

/*
 * The text of a sigil, its letter and the modifiers after it
 */
extern char *scan_sigil(ElixirScan *scan, char *letter, char **modifiers);

#endif							/* ASHMIG_ELIXIR_SCAN_H */
