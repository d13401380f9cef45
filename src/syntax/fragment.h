/*
 * fragment.h
 *		Raw SQL from outside: checks, where clauses, index expressions,
 *		fragments, types, table options, hand-written statements.
 *
 * Each is read with PostgreSQL's own parser before it becomes part of a
 * statement, and must be exactly one of what it stands for, so that no text
 * can end the construct that it is put into and begin another.  Only syntax is
 * looked at: names are resolved where the statement runs.
 *
 * Placeholders (sql_text.h) are read as the names that they stand for.
 *
 * The parser looks at standard_conforming_strings and backslash_quote: callers
 * at the edge pin them.  Its errors become problems (ERRCODE_ASHMIG_INVALID_SQL
 * unless said otherwise) with the parser's message, and the text as detail.
 */
#ifndef ASHMIG_FRAGMENT_H
#define ASHMIG_FRAGMENT_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/pg_list.h"

#include "base/problem.h"

/*
 * Exactly one expression.  It may end in a comment ("a > 0 -- positive"):
 * print it with fragment_parenthesize, or put a newline after it.
 */
extern bool fragment_check_expression(const char *sql, const char *path, Problem *problem);

/*
 * May the expression, which has been checked, give each row another value?  It
 * may if it calls a function that is not known to return the same for all
 * rows.
 */
extern bool fragment_is_volatile(const char *sql);

/* The same of an expression that the parser has read */
extern bool fragment_node_is_volatile(Node *node);

/*
 * The names of columns that an expression, or an element of an index, which
 * have been checked, refers to (of char *): its last part, where the name is
 * qualified.
 */
extern List *fragment_columns(const char *sql);
extern List *fragment_index_columns(const char *element);

/*
 * The same texts with a column called otherwise.  NULL where that is not just
 * its name: where a table's name or the like stands before it.
 */
extern char *fragment_rename(const char *sql, const char *column, const char *name);
extern char *fragment_index_rename(const char *element, const char *column, const char *name);

/*
 * Exactly one element of an index: "lower(email)", "title gin_trgm_ops",
 * "(a + b) DESC".  It may end in a comment: put a newline after it.
 */
extern bool fragment_check_index_element(const char *sql, const char *path, Problem *problem);

/*
 * The name that an identifier stands for, as PostgreSQL reads one: folded to
 * lower case unless it has quotes.  NULL with the problem noted if it is not
 * one.
 */
extern char *fragment_name(const char *identifier, const char *path, Problem *problem);

/*
 * The name of one type, without SETOF, %TYPE or comments
 * (ERRCODE_ASHMIG_INVALID_TYPE).
 */
extern bool fragment_check_type(const char *type, const char *path, Problem *problem);

/*
 * What may stand after the column list of CREATE TABLE.  It may end in a
 * comment or a semicolon: print nothing after it.
 */
extern bool fragment_check_table_options(const char *options, const char *path, Problem *problem);

/*
 * "(sql)", with a newline before the closing parenthesis where a comment could
 * swallow it
 */
extern char *fragment_parenthesize(const char *sql);

/*
 * The single statements of a text, List of char *, as they are written but for
 * the semicolons and the space between them.  NIL if there is none (blank
 * text, comments alone), and with the problem noted if it is not SQL.
 */
extern List *fragment_split(const char *sql, const char *path, Problem *problem);

/*
 * The statements of a text as the parser reads them (of RawStmt *), whose
 * placeholders are filled in; false if it is not SQL.
 */
extern bool fragment_parse(const char *sql, List **tree);

/* What comes after the white space and the comments that stand here, if any do */
extern const char *fragment_skip_space(const char *sql);

/*
 * Does an error that reading a text raised say nothing about the text (a
 * cancel, out of memory)?  Then it must be re-raised.
 */
extern bool fragment_is_foreign_error(const ErrorData *error);

#endif							/* ASHMIG_FRAGMENT_H */
