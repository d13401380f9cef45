/*
 * elixir.h
 *		Elixir literals: what a snapshot's "default" is written in.
 *
 * AshPostgres writes defaults with Kernel.inspect/1, so a default is source
 * text: "nil", "1_000", "\"draft\"", "[\"a\"]", "%{a: 1}",
 * "fragment(\"now()\")".  elixir_parse takes literals and the call of
 * fragment/1 with one string, and nothing that would need Elixir to run.
 */
#ifndef ASHMIG_ELIXIR_H
#define ASHMIG_ELIXIR_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"

typedef enum ElixirKind
{
	ELIXIR_NIL,
	ELIXIR_BOOLEAN,
	ELIXIR_INTEGER,				/* text: decimal digits, "-" in front; any
								 * size */
	ELIXIR_FLOAT,				/* text: as Elixir prints it, which SQL takes */
	ELIXIR_STRING,				/* text: the value, UTF-8; also atoms,
								 * charlists, ~s, ~D, ~U, ... */
	ELIXIR_LIST,				/* items: of ElixirTerm * (keyword lists are
								 * maps) */
	ELIXIR_MAP,					/* items: of ElixirTerm *, key and value in
								 * turn */
	ELIXIR_FRAGMENT				/* text: SQL */
} ElixirKind;

typedef struct ElixirTerm
{
	ElixirKind	kind;
	bool		boolean;
	bool		charlist;		/* a string in single quotes: to Elixir a list
								 * of code points */
	char	   *text;
	List	   *items;
} ElixirTerm;

/*
 * Parse source text.  NULL, with the problem noted under "path"
 * (ERRCODE_ASHMIG_INVALID_DEFAULT, or ERRCODE_ASHMIG_ELIXIR_CODE where it is
 * code: interpolation, a call, an operator, a variable, a module name), where
 * it is not one literal.
 */
extern ElixirTerm *elixir_parse(const char *source, const char *path, Problem *problem);

/* The term as JSON text (lists, maps, strings, numbers, true, false, null). */
extern char *elixir_to_json(const ElixirTerm *term);

#endif							/* ASHMIG_ELIXIR_H */
