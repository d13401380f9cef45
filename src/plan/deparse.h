/*
 * deparse.h
 *		Operations as SQL text.
 *
 * Every name is quoted and qualified: "@tenant@" or "@default@" (sql_text.h) or
 * the named schema in front.  The down is the same printer on the inverted
 * operations in reverse order.
 */
#ifndef ASHMIG_DEPARSE_H
#define ASHMIG_DEPARSE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "plan/operation.h"

/*
 * The statements (of char *) that carry out the operations, in order;
 * neighbouring changes of one table share an ALTER TABLE.
 */
extern List *deparse_up(List *operations);

/* The statements that undo them, the last operation first */
extern List *deparse_down(List *operations);

#endif							/* ASHMIG_DEPARSE_H */
