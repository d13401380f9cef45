/*
 * enum_history.h
 *		An enum of the migrations, and the values that it has by now.
 */
#ifndef ASHMIG_ENUM_HISTORY_H
#define ASHMIG_ENUM_HISTORY_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"

typedef struct EnumType
{
	char	   *name;
	char	   *schema;			/* or NULL: the tenant's, or the default one */
	Scope		scope;
	const char *repo;
} EnumType;

/*
 * The values (List of char *) of a type: as the recorded migrations leave it,
 * or as the database has it where they do not know it.  False where neither does.
 */
extern bool enum_history_labels(const EnumType *type, List **labels);

/*
 * The statements (List of char *) that create the enums which these migrations
 * of the tenants leave, with the labels that they have by then: of those that
 * migrations of kind "enum" have to do with.  False where that cannot be told.
 */
extern bool enum_history_statements(List *migrations, List **statements);

#endif							/* ASHMIG_ENUM_HISTORY_H */
