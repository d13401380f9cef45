/*
 * names.h
 *		Names, and lists of them (List of char *).
 */
#ifndef ASHMIG_NAMES_H
#define ASHMIG_NAMES_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * A name as PostgreSQL keeps it: cut to NAMEDATALEN - 1 bytes at a character
 * boundary, as an overlong identifier is, but without the NOTICE.
 */
extern char *names_cut(const char *name);

/* The list with each name as PostgreSQL keeps it */
extern List *names_cut_all(const List *names);

/* Equal lists, in the same order */
extern bool names_equal(const List *a, const List *b);

/* The same names in any order; neither list has duplicates */
extern bool names_same_set(const List *a, const List *b);

/* Does the list have this name? */
extern bool names_have(const List *list, const char *value);

/* Equal strings; NULL equals only NULL */
extern bool names_same(const char *a, const char *b);

#endif							/* ASHMIG_NAMES_H */
