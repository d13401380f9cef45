/*
 * managed_part.h
 *		What the files about managed tables share: managed_setup.c and
 *		managed_rows.c stand on managed_table.c, and all of them on managed_role.c.
 */
#ifndef ASHMIG_MANAGED_PART_H
#define ASHMIG_MANAGED_PART_H

#include "postgres.h"

#include "tenant/managed_table.h"

/* ----------
 * managed_role.c: who runs what, and with which settings
 * ----------
 */

/* The role and settings from before becoming another role */
typedef struct RoleBefore
{
	Oid			user;
	int			security;
	int			guc_level;
} RoleBefore;

/*
 * Become a role, as a SECURITY DEFINER function does, with more SECURITY_*
 * flags in "security", and switch back to the previous role.  Settings that
 * were changed in between are restored.  After an error, the end of the
 * (sub)transaction does this.
 */
extern RoleBefore managed_role_enter(Oid role, int security);
extern void managed_role_leave(RoleBefore before);

/*
 * Pin what the text of a value depends on, until AtEOXact_GUC, so that a row
 * has the same tenant in every session.
 */
extern int	managed_role_pin_text(void);

/* ----------
 * managed_table.c: the parts of a template, and the rows of a table
 * ----------
 */

/* "schema"."table" of a table */
extern char *managed_table_qualified_name(Oid table);

/* The column that a part of a template names, or NULL if it is text */
extern const char *managed_table_part_column(const char *part);

/*
 * The text of a column in SQL.  Bytewise, as schemas' names are compared: a
 * column may have a collation in which 'Acme' equals 'acme'.
 */
extern char *managed_table_column_expression(const char *alias, const char *column);

/* Has a row of the table, as it is now, that name? */
extern bool managed_table_has_row(const ManagedTable *managed, const char *name);

/* The names of all rows, text[]; NULL if a column is */
extern Datum managed_table_row_names(const ManagedTable *managed);

#endif							/* ASHMIG_MANAGED_PART_H */
