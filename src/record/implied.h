/*
 * implied.h
 *		Extensions that snapshots cannot do without, though no list names them.
 *
 * AshPostgres keeps the list in the repo's Elixir code, so snapshots may come
 * without it; AshSqlite's always do.  What a column of type "citext" needs is
 * clear all the same.
 */
#ifndef ASHMIG_IMPLIED_H
#define ASHMIG_IMPLIED_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "snapshot/snapshot.h"

/*
 * The extensions (List of char *, each once) whose types, functions or operator
 * classes the snapshots of a bundle use, where neither the database has
 * something of that name, nor the bundle's list names the extension, nor a
 * recorded migration (of "recorded", Migration *) or a custom statement of the
 * bundle makes it.  Says so in a NOTICE.
 */
extern List *implied_extensions(const Bundle *bundle, List *recorded);

#endif							/* ASHMIG_IMPLIED_H */
