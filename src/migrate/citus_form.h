/*
 * citus_form.h
 *		Statements as Citus takes them.
 *
 * What is recorded is the same everywhere; a statement changes its form when it
 * runs, where the table that it is about is one of Citus'.  It comes to the same
 * structure.
 */
#ifndef ASHMIG_CITUS_FORM_H
#define ASHMIG_CITUS_FORM_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

/* The text of one statement among those of a string: Citus sends on all that it is given. */
extern char *citus_form_own_text(const RawStmt *raw, const char *sql);

/*
 * The statements (of char *) to run in place of one.  "sql" is its own text.  Looks
 * names up, with the search_path that it will run with.
 */
extern List *citus_form_statements(Node *statement, const char *sql);

#endif							/* ASHMIG_CITUS_FORM_H */
