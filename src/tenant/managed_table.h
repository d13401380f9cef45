/*
 * managed_table.h
 *		Managed tables, each row of which has a tenant (ashmig_manage_tenant),
 *		and the rights that meet there.  managed_setup.h sets them up,
 *		managed_rows.h is what their triggers do.
 *
 * Three roles meet here: the writer of a row, who fires the triggers; the
 * manager, who set them up and owns the tenants; and the owner of the table,
 * whose casts, policies, index expressions and generated columns run with
 * everything that reads it.  None of them gains the rights of another:
 *	 - the tenant's name for the current row is built as the writer, by the
 *	   output functions of its columns' types;
 *	 - other rows are read as the table's owner, as foreign keys are checked
 *	   (managed_table_has_row and managed_table_row_names; nothing else reads
 *	   the table);
 *	 - tenants are created, renamed and dropped as the manager, with the search
 *	   path and the settings from when the table was set up.  The table is not
 *	   read meanwhile.  The manager trusts the owners of the tables that its
 *	   migrations reference or write, as with all DDL of PostgreSQL.
 * Only names are passed from one to the other, as parameters: each is checked
 * against the rule for tenants' names and quoted before it is part of a
 * statement.
 */
#ifndef ASHMIG_MANAGED_TABLE_H
#define ASHMIG_MANAGED_TABLE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A registration: a row of ashmig.managed_tables */
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

#endif							/* ASHMIG_MANAGED_TABLE_H */
