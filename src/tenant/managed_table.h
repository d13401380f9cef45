/*
 * managed_table.h
 *		Tables whose rows have a tenant each (ashmig_manage_tenant): setting the
 *		triggers up, and what they do.
 *
 * Three roles meet here: the writer of a row, who fires the triggers; the
 * manager, who set them up and has tenants made; and the owner of the table,
 * whose casts, policies, index expressions and generated columns run with
 * whatever reads it.  None gets at another's rights, as
 *	 - the name of the row at hand is made as the writer, by the output functions
 *	   of its columns' types;
 *	 - other rows are read as the table's owner, as foreign keys are checked
 *	   (manage_has_row and manage_row_names; nothing else reads the table);
 *	 - tenants are created, renamed and dropped as the manager, with the search
 *	   path and the settings of then.  We do not read the table meanwhile; whoever
 *	   owns a table that the manager's migrations reference or write is trusted
 *	   by him, as with all DDL of PostgreSQL.
 * Names alone go from one to the other, as parameters: each is checked against
 * the rule for tenants' names and quoted before it is part of a statement.
 */
#ifndef ASHMIG_MANAGED_TABLE_H
#define ASHMIG_MANAGED_TABLE_H

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
	char	   *owner;			/* of the registration: the manager's role */
} ManagedTable;

/* Set up, or change, and take away.  As the calling role. */
extern void manage_table(const ManagedTable *managed);
extern void manage_forget(Oid table);

/* What a row that was inserted, updated or deleted brings about */
extern void manage_inserted(Relation rel, HeapTuple row);
extern void manage_updated(Relation rel, HeapTuple old_row, HeapTuple new_row);
extern void manage_deleted(Relation rel, HeapTuple row);

#endif							/* ASHMIG_MANAGED_TABLE_H */
