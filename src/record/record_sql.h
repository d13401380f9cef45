/*
 * record_sql.h
 *		The SQL of a migration that is given rather than generated: taken apart
 *		into statements, and checked for what a migration cannot run.
 */
#ifndef ASHMIG_RECORD_SQL_H
#define ASHMIG_RECORD_SQL_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"

/*
 * The single statements of a text (List of char *), with the placeholders that
 * are in it.  Raises, with the position, where it is not SQL or has a
 * statement that a migration of this kind cannot run.  The caller pins the
 * settings of the parser.
 */
extern List *record_sql_split(const char *sql, Scope scope, bool transactional);

/*
 * A statement that is run batch by batch (syntax/directive.h), marked as such.
 * Raises ERRCODE_ASHMIG_INVALID_ARGUMENT where it is none that can be.
 */
extern char *record_sql_batch(const char *sql, Scope scope);

#endif							/* ASHMIG_RECORD_SQL_H */
