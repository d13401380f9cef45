/*
 * historic_names.h
 *		Names of keys and sequences that history gave.  For diff.c alone.
 *
 * A table or a column that was renamed keeps the names of its key and its
 * sequences, so a new one of the old name cannot have them.  It gets a number
 * behind its name, as PostgreSQL itself would give it.
 */
#ifndef ASHMIG_HISTORIC_NAMES_H
#define ASHMIG_HISTORIC_NAMES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/model.h"

/* The names of a structure that PostgreSQL would not derive: a List of TableName * */
extern List *historic_names_collect(const Model *model);

/*
 * "name", which PostgreSQL would derive from table, column (or NULL) and label,
 * or the next one that none of the historic ones is
 */
extern char *historic_names_avoid(const List *historic, const TableName *table,
								  const char *column, const char *label, char *name);

#endif							/* ASHMIG_HISTORIC_NAMES_H */
