/*
 * args.h
 *		What the SQL-callable functions share: arguments by name, and checks
 *		of how they were called.
 */
#ifndef ASHMIG_ARGS_H
#define ASHMIG_ARGS_H

#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"

#include "base/scope.h"

/*
 * The names of the arguments of the function that is called, in the order of
 * PG_GETARG_DATUM; NULL for one without a name.  Returns how many.
 */
extern int	call_argument_names(FunctionCallInfo fcinfo, char ***names);

/* The argument of that name: false if there is none, or it is NULL. */
extern bool call_argument(FunctionCallInfo fcinfo, const char *name, Datum *value);

/*
 * A boolean or text argument; "otherwise", or NULL, if it is missing or NULL
 */
extern bool call_boolean(FunctionCallInfo fcinfo, const char *name, bool otherwise);
extern char *call_string(FunctionCallInfo fcinfo, const char *name);

/* The boolean argument "tenant" as a scope: public where it is not there or NULL */
extern Scope call_scope(FunctionCallInfo fcinfo);

/* Raise an error if a required argument is NULL. */
extern void call_require(FunctionCallInfo fcinfo, int argument, const char *name);

/*
 * Raise an error if the procedure "name", which commits, is called in a
 * transaction block.
 */
extern void call_check_not_atomic(FunctionCallInfo fcinfo, const char *name);

/*
 * The data of the trigger that the function ashmig.name() is called as; an
 * error if it is called otherwise, or has another timing or level than "kind"
 * says: TRIGGER_EVENT_BEFORE or _AFTER, with TRIGGER_EVENT_ROW or without.  The
 * second one is for a function that belongs to one table of schema ashmig, and
 * raises an error for a trigger of any other.
 */
extern TriggerData *call_trigger(FunctionCallInfo fcinfo, const char *name, TriggerEvent kind);
extern TriggerData *call_catalog_trigger(FunctionCallInfo fcinfo, const char *name,
										 const char *table, TriggerEvent kind);

#endif							/* ASHMIG_ARGS_H */
