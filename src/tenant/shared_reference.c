/*
 * shared_reference.c
 *		References of tenants that share the triggers of the public table: see
 *		shared_reference.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "syntax/sql_text.h"
#include "tenant/shared_reference.h"

/* ------------------------------------------------------------------------
 * Actions
 * ------------------------------------------------------------------------
 */

static const char *const action_names[] = {
	[REFERENCE_NO_ACTION] = "no action",
	[REFERENCE_RESTRICT] = "restrict",
	[REFERENCE_CASCADE] = "cascade",
	[REFERENCE_SET_NULL] = "set null"
};

const char *
reference_action_name(ReferenceAction action)
{
	return action_names[action];
}

bool
reference_action_parse(const char *text, ReferenceAction *action)
{
	for (int i = 0; i < lengthof(action_names); i++)
	{
		if (strcmp(text, action_names[i]) != 0)
			continue;
		*action = i;
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * The trigger of a tenant's table
 * ------------------------------------------------------------------------
 */

/* Raise for a trigger that somebody else has made of our function. */
static void
raise_strange_trigger(const Trigger *trigger)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("trigger \"%s\" is no shared reference", trigger->tgname),
			 errhint("Drop it, and make one with ashmig_add_reference().")));
}

/*
 * The columns are in the trigger's condition, NEW.a IS NOT NULL AND NEW.b IS NOT
 * NULL, where PostgreSQL keeps numbers and not names; the actions are its
 * arguments.
 */
SharedReference *
shared_reference_of(const Trigger *trigger)
{
	SharedReference *reference = palloc0(sizeof(SharedReference));

	if (trigger->tgqual == NULL || trigger->tgnargs != 2 || !OidIsValid(trigger->tgconstrrelid) ||
		!reference_action_parse(trigger->tgargs[0], &reference->on_delete) ||
		!reference_action_parse(trigger->tgargs[1], &reference->on_update))
		raise_strange_trigger(trigger);
	reference->name = pstrdup(trigger->tgname);
	reference->referenced = trigger->tgconstrrelid;
	foreach_node(Var, column, pull_var_clause(stringToNode(trigger->tgqual), 0))
	{
		if (reference->columns.n >= INDEX_MAX_KEYS || column->varattno <= 0)
			raise_strange_trigger(trigger);
		reference->columns.numbers[reference->columns.n++] = column->varattno;
	}
	return reference;
}

/* ------------------------------------------------------------------------
 * The referenced table
 * ------------------------------------------------------------------------
 */

KeyColumns
shared_reference_key(Relation referenced)
{
	KeyColumns	key = {0};
	Relation	index;

	(void) RelationGetIndexList(referenced);
	if (OidIsValid(referenced->rd_pkindex))
	{
		index = index_open(referenced->rd_pkindex, AccessShareLock);
		if (index->rd_index->indimmediate && index->rd_index->indisvalid)
		{
			key.n = index->rd_index->indnkeyatts;
			for (int i = 0; i < key.n; i++)
				key.numbers[i] = index->rd_index->indkey.values[i];
		}
		index_close(index, AccessShareLock);
	}
	if (key.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FOREIGN_KEY),
				 errmsg("table \"%s\" has no primary key that a shared reference can use",
						RelationGetRelationName(referenced)),
				 errdetail("Shared references point to the primary key, which must not be deferrable.")));
	return key;
}

/* Is there an operator of the type that is PostgreSQL's own "="? */
static bool
has_plain_equality(Oid type)
{
	Oid			equals = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	char	   *name = OidIsValid(equals) ? get_opname(equals) : NULL;

	return name != NULL && strcmp(name, "=") == 0 && equals < FirstNormalObjectId &&
		get_typtype(type) == TYPTYPE_BASE;
}

void
shared_reference_check_types(Relation rel, const KeyColumns *columns, Relation referenced,
							 const KeyColumns *key)
{
	if (columns->n != key->n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FOREIGN_KEY),
				 errmsg("reference of table \"%s\" does not fit the primary key of table \"%s\"",
						RelationGetRelationName(rel), RelationGetRelationName(referenced)),
				 errdetail("The number of its columns is %d, that of the key %d.", columns->n, key->n)));
	for (int i = 0; i < key->n; i++)
	{
		Form_pg_attribute from = TupleDescAttr(RelationGetDescr(rel), columns->numbers[i] - 1);
		Form_pg_attribute to = TupleDescAttr(RelationGetDescr(referenced), key->numbers[i] - 1);

		if (from->atttypid == to->atttypid && from->attcollation == to->attcollation &&
			has_plain_equality(to->atttypid) &&
			(!OidIsValid(to->attcollation) || get_collation_isdeterministic(to->attcollation)))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" cannot be a shared reference to column \"%s\" of table \"%s\"",
						NameStr(from->attname), RelationGetRelationName(rel),
						NameStr(to->attname), RelationGetRelationName(referenced)),
				 errdetail("The columns have the types %s and %s. Both must have the same type and collation, of those that PostgreSQL's own operator = compares.",
						   format_type_be(from->atttypid), format_type_be(to->atttypid)),
				 errhint("Use a foreign key.")));
	}
}

/*
 * Not by LookupFuncName, which asks for USAGE on the schema ashmig.
 */
Oid
shared_reference_function(const char *name)
{
	Oid			oid = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
									  PointerGetDatum(buildoidvector(NULL, 0)),
									  ObjectIdGetDatum(get_namespace_oid(ASHMIG_CATALOG_SCHEMA, false)));

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s.%s() does not exist", ASHMIG_CATALOG_SCHEMA, name)));
	return oid;
}

/* Is a trigger with this function there, and does it fire? */
static bool
has_trigger(Relation rel, const char *function)
{
	Oid			oid = shared_reference_function(function);

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == oid && (trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
									   trigger->tgenabled == TRIGGER_FIRES_ALWAYS))
			return true;
	}
	return false;
}

const char *
shared_reference_missing_trigger(Relation referenced)
{
	return !has_trigger(referenced, "referenced_row_deleted") ? REFERENCED_ROW_DELETED
		: !has_trigger(referenced, "referenced_row_updated") ? REFERENCED_ROW_UPDATED
		: !has_trigger(referenced, "referenced_table_truncated") ? REFERENCED_TABLE_TRUNCATED : NULL;
}

/* ------------------------------------------------------------------------
 * Keys
 * ------------------------------------------------------------------------
 */

bool
key_values(Relation rel, const KeyColumns *columns, TupleTableSlot *slot, KeyValues *values)
{
	values->n = columns->n;
	for (int i = 0; i < columns->n; i++)
	{
		bool		isnull;

		values->values[i] = slot_getattr(slot, columns->numbers[i], &isnull);
		values->types[i] = TupleDescAttr(RelationGetDescr(rel), columns->numbers[i] - 1)->atttypid;
		if (isnull)
			return false;
	}
	return true;
}

bool
key_values_equal(Relation rel, const KeyColumns *columns, const KeyValues *a, const KeyValues *b)
{
	for (int i = 0; i < columns->n; i++)
	{
		TypeCacheEntry *type = lookup_type_cache(a->types[i], TYPECACHE_EQ_OPR_FINFO);
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), columns->numbers[i] - 1);

		if (!DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, column->attcollation,
											a->values[i], b->values[i])))
			return false;
	}
	return true;
}

char *
key_condition(Relation rel, const KeyColumns *columns)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < columns->n; i++)
		appendStringInfo(&sql, "%sx.%s OPERATOR(pg_catalog.=) $%d", i == 0 ? "" : " AND ",
						 quote_name(NameStr(TupleDescAttr(RelationGetDescr(rel), columns->numbers[i] - 1)->attname)),
						 i + 1);
	return sql.data;
}

char *
key_show(Relation rel, const KeyColumns *columns, const KeyValues *values)
{
	StringInfoData names;
	StringInfoData texts;

	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED ||
		pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return NULL;
	initStringInfo(&names);
	initStringInfo(&texts);
	for (int i = 0; i < columns->n; i++)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(values->types[i], &output, &is_varlena);
		appendStringInfo(&names, "%s%s", i == 0 ? "" : ", ",
						 NameStr(TupleDescAttr(RelationGetDescr(rel), columns->numbers[i] - 1)->attname));
		appendStringInfo(&texts, "%s%s", i == 0 ? "" : ", ",
						 OidOutputFunctionCall(output, values->values[i]));
	}
	return psprintf("(%s)=(%s)", names.data, texts.data);
}

/* ------------------------------------------------------------------------
 * Statements
 * ------------------------------------------------------------------------
 */

/* Who called, while the owner of a table works */
typedef struct Caller
{
	Oid			user;
	int			security;
} Caller;

static Caller
become_owner(Relation rel)
{
	Caller		caller;

	GetUserIdAndSecContext(&caller.user, &caller.security);
	SetUserIdAndSecContext(RelationGetForm(rel)->relowner,
						   caller.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	return caller;
}

static void
become_caller(Caller caller)
{
	SetUserIdAndSecContext(caller.user, caller.security);
}

SPIPlanPtr
shared_reference_prepare(Relation rel, const char *sql, const KeyValues *values)
{
	Caller		caller = become_owner(rel);
	SPIPlanPtr	plan = SPI_prepare(sql, values->n, (Oid *) values->types);

	become_caller(caller);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not prepare statement: %s", SPI_result_code_string(SPI_result)),
				 errdetail("Statement: %s", sql)));
	return plan;
}

/*
 * PostgreSQL's own foreign keys run their queries in the same way; what is said
 * of snapshots there (ri_PerformCheck) holds here.
 */
uint64
shared_reference_run(Relation rel, SPIPlanPtr plan, const KeyValues *values, bool detect_new,
					 long limit)
{
	Snapshot	snapshot = InvalidSnapshot;
	Snapshot	crosscheck = InvalidSnapshot;
	Caller		caller;
	int			code;

	if (IsolationUsesXactSnapshot() && detect_new)
	{
		CommandCounterIncrement();	/* our own changes must be visible */
		snapshot = GetLatestSnapshot();
		crosscheck = GetTransactionSnapshot();
	}
	caller = become_owner(rel);
	code = SPI_execute_snapshot(plan, (Datum *) values->values, NULL, snapshot, crosscheck,
								false, false, limit);
	become_caller(caller);
	if (code < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not check references of table \"%s\": %s",
						RelationGetRelationName(rel), SPI_result_code_string(code))));
	return SPI_processed;
}
