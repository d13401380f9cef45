/*
 * name_table.h
 *		Hash tables whose keys are names of any length.
 *
 * PostgreSQL's own tables of strings (HASH_STRINGS) cut a key to a fixed
 * size: two long names may become one there.
 */
#ifndef ASHMIG_NAME_TABLE_H
#define ASHMIG_NAME_TABLE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

/*
 * An empty table in the current memory context, for dynahash.h's functions:
 * an entry of "entry_size" bytes begins with a "const char *", and so does
 * what is looked for.  The names are not copied.
 */
extern HTAB *name_table_create(const char *title, Size entry_size);

/* The same where only the names matter: a set */
extern HTAB *name_set_create(const char *title, const List *names);
extern bool name_set_has(HTAB *set, const char *name);

/* Add a name; false if the set has it. */
extern bool name_set_add(HTAB *set, const char *name);

#endif							/* ASHMIG_NAME_TABLE_H */
