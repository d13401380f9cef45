/*
 * typecheck.h
 *		Does this database know the types that a generation brings, and do its
 *		defaults fit them?
 */
#ifndef ASHMIG_TYPECHECK_H
#define ASHMIG_TYPECHECK_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/problem.h"
#include "metadata/catalog_migrations.h"
#include "model/model.h"

/*
 * Raise ERRCODE_ASHMIG_INVALID_TYPE for the first column of the operations (of
 * Operation *) whose type does not exist in the database, or has invalid
 * modifiers, and ERRCODE_ASHMIG_INVALID_DEFAULT for the first one whose
 * default is a literal that is not valid for the type.  Types are looked up, and
 * literals read, as migrations do it (metadata/search_path.h, base/pin.h).
 */
extern void typecheck_operations(List *operations);

/*
 * Note ERRCODE_ASHMIG_INVALID_TYPE for the first foreign key that points to a
 * column whose type cannot be compared with its own.  Types that this database
 * does not know are let through, as a migration may bring them.
 */
extern bool typecheck_foreign_keys(const Model *model, Problem *problem);

/*
 * May the migration bring a type, or a value of one, that the database does not
 * have before it has run?  A generated one does so by a custom statement alone.
 * True is the answer in doubt.
 */
extern bool typecheck_may_bring_types(const Migration *migration);

/* May this SQL text do so? */
extern bool typecheck_text_may_bring_types(const char *sql);

#endif							/* ASHMIG_TYPECHECK_H */
