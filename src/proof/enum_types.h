/*
 * enum_types.h
 *		The enum types that recorded migrations bring, with the values that they
 *		end up with.
 */
#ifndef ASHMIG_ENUM_TYPES_H
#define ASHMIG_ENUM_TYPES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"

typedef struct RecordedEnum
{
	Scope		scope;
	char	   *schema;			/* that the statements name; NULL: the
								 * tenant's, or the default one */
	char	   *name;
	List	   *labels;			/* of char * */
} RecordedEnum;

/*
 * A new value cannot be used in the transaction that adds it, so whoever needs
 * the types creates them with their final values.  "migrations" is a List of
 * Migration *, in the order of their versions.  *complete turns false if they
 * change a type that none of them creates: a custom statement may do so.
 */
extern List *enum_types_of(List *migrations, bool *complete);

#endif							/* ASHMIG_ENUM_TYPES_H */
