/*
 * args.c
 *		Arguments of SQL-callable functions: see args.h.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "funcapi.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_spi.h"
#include "syntax/sql_text.h"

int
call_argument_names(FunctionCallInfo fcinfo, char ***names)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Datum		all;
	Datum		modes;
	bool		no_names;
	bool		no_modes;
	int			count = 0;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	all = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargnames, &no_names);
	modes = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargmodes, &no_modes);
	if (!no_names)
		count = get_func_input_arg_names(all, no_modes ? PointerGetDatum(NULL) : modes, names);
	ReleaseSysCache(tuple);
	return Min(count, PG_NARGS());
}

bool
call_argument(FunctionCallInfo fcinfo, const char *name, Datum *value)
{
	char	  **names;
	int			count = call_argument_names(fcinfo, &names);

	for (int i = 0; i < count; i++)
	{
		if (names[i] != NULL && strcmp(names[i], name) == 0 && !PG_ARGISNULL(i))
		{
			*value = PG_GETARG_DATUM(i);
			return true;
		}
	}
	return false;
}

bool
call_boolean(FunctionCallInfo fcinfo, const char *name, bool otherwise)
{
	Datum		value;

	return call_argument(fcinfo, name, &value) ? DatumGetBool(value) : otherwise;
}

Scope
call_scope(FunctionCallInfo fcinfo)
{
	return call_boolean(fcinfo, "tenant", false) ? SCOPE_TENANT : SCOPE_PUBLIC;
}

char *
call_string(FunctionCallInfo fcinfo, const char *name)
{
	Datum		value;

	return call_argument(fcinfo, name, &value) ? TextDatumGetCString(value) : NULL;
}

void
call_require(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("argument \"%s\" must not be NULL", name)));
}

/* The words of a trigger's timing and level */
static const char *
trigger_words(TriggerEvent kind)
{
	bool		before = (kind & TRIGGER_EVENT_TIMINGMASK) == TRIGGER_EVENT_BEFORE;

	if (kind & TRIGGER_EVENT_ROW)
		return before ? "BEFORE ROW" : "AFTER ROW";
	return before ? "BEFORE STATEMENT" : "AFTER STATEMENT";
}

/*
 * The data of a trigger, checked: who may execute the function can make a
 * trigger of it that has another timing and level.
 */
TriggerData *
call_trigger(FunctionCallInfo fcinfo, const char *name, TriggerEvent kind)
{
	const TriggerEvent mask = TRIGGER_EVENT_TIMINGMASK | TRIGGER_EVENT_ROW;
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || (data->tg_event & mask) != kind)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function ashmig.%s() must be fired %s", name, trigger_words(kind))));
	return data;
}

/*
 * The same for a table of schema ashmig.  On another table the columns that
 * the function looks for may be missing, or have other types.
 */
TriggerData *
call_catalog_trigger(FunctionCallInfo fcinfo, const char *name, const char *table,
					 TriggerEvent kind)
{
	TriggerData *data = call_trigger(fcinfo, name, kind);

	if (RelationGetRelid(data->tg_relation) != catalog_table(table))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function ashmig.%s() is a trigger of table ashmig.%s only", name, table),
				 errdetail("It was fired for table \"%s\".", RelationGetRelationName(data->tg_relation)),
				 errhint("DROP TRIGGER %s ON %s.%s;", quote_name(data->tg_trigger->tgname),
						 quote_name(get_namespace_name(RelationGetNamespace(data->tg_relation))),
						 quote_name(RelationGetRelationName(data->tg_relation)))));
	return data;
}

/*
 * Raise an error if a procedure that commits is called in a transaction block.
 */
void
call_check_not_atomic(FunctionCallInfo fcinfo, const char *name)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_IN_TRANSACTION),
				 errmsg("%s() cannot run inside a transaction block", name),
				 errhint("CALL it outside a transaction block, as it commits in between.")));
}
