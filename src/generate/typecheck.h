/*
 * typecheck.h
 *		Does this database know the types that a generation brings, and do its
 *		defaults fit them?
 */
#ifndef ASHMIG_TYPECHECK_H
#define ASHMIG_TYPECHECK_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "metadata/catalog_migrations.h"

/*
 * Raise ERRCODE_ASHMIG_INVALID_TYPE for the first column of the operations (of
 * Operation *) whose type the database does not have, or whose modifiers the
 * type refuses, and ERRCODE_ASHMIG_INVALID_DEFAULT for the first one whose
 * default, where it is a literal, is no value of the type.  Types are
 * looked for where migrations find them (metadata/search_path.h).
 */
extern void typecheck_operations(List *operations);

/*
 * May the migration bring a type, or a value of one, that the database does not
 * have before it has run?  A generated one does so by a custom statement alone.
 * True is the answer in doubt.
 */
extern bool typecheck_may_bring_types(const Migration *migration);

#endif							/* ASHMIG_TYPECHECK_H */
