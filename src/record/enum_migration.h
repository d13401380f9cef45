/*
 * enum_migration.h
 *		Recording the migrations of enums.
 *
 * Each function records one migration and returns its version.  They refuse
 * values that PostgreSQL would refuse when it runs.
 */
#ifndef ASHMIG_ENUM_MIGRATION_H
#define ASHMIG_ENUM_MIGRATION_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "record/enum_history.h"

extern int64 enum_migration_create(const EnumType *type, List *labels);

/* "labels" are the values with which the down creates it again. */
extern int64 enum_migration_drop(const EnumType *type, List *labels);

/*
 * Add a value, "before" or "after" another one where that is not NULL: not
 * transactional, as what follows may use the value only after a commit.
 * PostgreSQL cannot remove a value, so rolling back leaves it there, and
 * adding it again finds it.
 */
extern int64 enum_migration_add_value(const EnumType *type, char *value,
									  const char *before, const char *after);

#endif							/* ASHMIG_ENUM_MIGRATION_H */
