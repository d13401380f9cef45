/*
 * manage.h
 *		Tables whose rows have a tenant each (ashmig_manage_tenant): setting the
 *		triggers up, and what they do.
 *
 * The triggers run whoever writes the row, so what they do on tenants they do
 * as the role that set them up, with the search path and the settings of then.
 * A column's value becomes a name and nothing else: it is checked against the
 * rule for tenants' names and quoted.
 */
#ifndef ASHMIG_MANAGE_H
#define ASHMIG_MANAGE_H

#include "postgres.h"

#include "access/htup.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

typedef struct ManagedTable
{
	Oid			table;			/* the one that was given: a partition's root */
	List	   *template;		/* of char *; ":column", or text */
	bool		on_insert;
	bool		on_update;
	bool		drop_on_delete;
	char	   *default_schema;
	char	   *owner;			/* role */
} ManagedTable;

/* Set up, or change, and take away.  As the calling role. */
extern void manage_table(const ManagedTable *managed);
extern void manage_forget(Oid table);

/* What a row that was inserted, updated or deleted brings about */
extern void manage_inserted(Relation rel, HeapTuple row);
extern void manage_updated(Relation rel, HeapTuple old_row, HeapTuple new_row);
extern void manage_deleted(Relation rel, HeapTuple row);

#endif							/* ASHMIG_MANAGE_H */
