/*
 * repair_ddl.h
 *		The DDL that makes one difference go.
 *
 * Nothing in it destroys data.  A column that is not expected is dropped only if
 * it is empty; a type is changed only where no value changes with it.  Where that
 * cannot be had, or nothing but an exact text would do (a domain, a policy), there
 * is none, and the difference is left to the user.
 */
#ifndef ASHMIG_REPAIR_DDL_H
#define ASHMIG_REPAIR_DDL_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "drift/difference.h"

/* Fill in the repairs of a difference; "actual" are all facts of the schema. */
extern void repair_ddl_add(const Expected *expected, List *actual, Difference *difference);

#endif							/* ASHMIG_REPAIR_DDL_H */
