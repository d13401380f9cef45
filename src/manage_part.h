/*
 * manage_part.h
 *		What the files of manage share.
 */
#ifndef ASHMIG_MANAGE_PART_H
#define ASHMIG_MANAGE_PART_H

#include "postgres.h"

#include "manage.h"

/* "schema"."table" of a table */
extern char *manage_qualified_name(Oid table);

/* The column that a part of a template names, or NULL where it is text */
extern const char *manage_part_column(const char *part);

/* Set a setting for the time until AtEOXact_GUC. */
extern void manage_set_local(const char *name, const char *value);

/*
 * Pin what the text of a value depends on, until AtEOXact_GUC, so that a row
 * has the same tenant in every session.
 */
extern int	manage_pin_text(void);

/* The name of a row's tenant in SQL: an expression over the columns of "alias" */
extern char *manage_name_expression(const ManagedTable *managed, const char *alias);

#endif							/* ASHMIG_MANAGE_PART_H */
