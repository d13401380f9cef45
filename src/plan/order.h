/*
 * order.h
 *		The order in which operations can be carried out.
 */
#ifndef ASHMIG_ORDER_H
#define ASHMIG_ORDER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "plan/operation.h"

/*
 * Sort the operations (of Operation *) so that each finds what it needs;
 * returns the sorted list.  Carried out in reverse order, their inverses do so
 * too.
 */
extern List *order_operations(List *operations);

/*
 * Is the operation one of those that come first, which let go of things:
 * statements and SQL text that speaks of old names, renames, foreign keys?
 */
extern bool order_lets_go(const Operation *operation);

#endif							/* ASHMIG_ORDER_H */
