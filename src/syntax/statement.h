/*
 * statement.h
 *		What a raw parse tree tells of a statement before it is run.
 *
 * Syntax alone: no name is looked up.
 */
#ifndef ASHMIG_STATEMENT_H
#define ASHMIG_STATEMENT_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

/*
 * The command's name where a statement cannot run in a transaction block, or
 * (a new value of an enum) is of no use there; NULL for all others
 */
extern const char *statement_outside_command(Node *statement);

/*
 * The statements of a DO block that is "BEGIN", SQL statements and "END", and
 * nothing more (of RawStmt *); NIL for others
 */
extern List *statement_block(const DoStmt *block);

#endif							/* ASHMIG_STATEMENT_H */
