/*
 * mentions.h
 *		The names that an SQL text mentions, and those that it brings.
 *
 * A text is read word by word, its string literals and function bodies
 * included: it may say more names than it means, never fewer.
 */
#ifndef ASHMIG_MENTIONS_H
#define ASHMIG_MENTIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A name, or two that a dot joins: a schema's or a table's in front */
typedef struct Mention
{
	char	   *qualifier;		/* or NULL */
	const char *qualifier_at;	/* where it stands in the text, with its
								 * quotes */
	int			qualifier_length;
	char	   *name;
	const char *name_at;
	int			name_length;
	bool		in_string;		/* in a literal or a function's body */
} Mention;

typedef struct MentionScan
{
	const char *sql;
	const char *at;
	const char *string_end;		/* of the literal that is being read, or NULL */
	bool		is_body;		/* it is in dollars: a function's body,
								 * perhaps */
} MentionScan;

extern void mention_begin(MentionScan *scan, const char *sql);

/* The next one; false at the end.  Results are in the current memory context. */
extern bool mention_next(MentionScan *scan, Mention *mention);

/*
 * The names (of char *) of the functions, types, views, indexes, ... that a
 * statement creates.  It has no placeholders and is known to be SQL.
 */
extern List *mention_created(const char *sql);

#endif							/* ASHMIG_MENTIONS_H */
