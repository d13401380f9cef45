/*
 * retype.h
 *		What a change of type does to the values of a column.
 *
 * Types are those of the model, as SQL: "varchar(255)".
 */
#ifndef ASHMIG_RETYPE_H
#define ASHMIG_RETYPE_H

#include "postgres.h"

/*
 * Are all values of the old type valid for the new one as they are, so that
 * PostgreSQL keeps the table (ATColumnChangeRequiresRewrite() in tablecmds.c)?
 */
extern bool retype_in_place(const char *from, const char *to);

/* Does the change lose values, and how?  NULL if it does not. */
extern const char *retype_loss(const char *from, const char *to);

#endif							/* ASHMIG_RETYPE_H */
