/*
 * alter_table.h
 *		The text of an ALTER TABLE, taken apart.
 */
#ifndef ASHMIG_ALTER_TABLE_H
#define ASHMIG_ALTER_TABLE_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/*
 * One statement for each of its subcommands, of char *, in their order.  "sql" is the
 * text that "statement" was read from, and nothing else.  Where the text is too odd
 * to be cut it comes back whole.
 */
extern List *alter_table_split(AlterTableStmt *statement, const char *sql);

/*
 * CREATE INDEX or DROP INDEX without the word CONCURRENTLY.
 */
extern char *index_without_concurrently(const char *sql);

#endif							/* ASHMIG_ALTER_TABLE_H */
