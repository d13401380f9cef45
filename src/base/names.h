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
 * boundary, as an over-long identifier is.  Without the NOTICE that one gets.
 */
extern char *names_cut(const char *name);

/* The list with each name as PostgreSQL keeps it */
extern List *names_cut_all(const List *names);

/* Equal lists, in the same order */
extern bool names_equal(const List *a, const List *b);

/* The same names in whatever order; neither list has one twice */
extern bool names_same_set(const List *a, const List *b);

/* Does the list have this name? */
extern bool names_have(const List *list, const char *value);

/* Equal strings, where NULL equals NULL alone */
extern bool names_same(const char *a, const char *b);

#endif							/* ASHMIG_NAMES_H */
