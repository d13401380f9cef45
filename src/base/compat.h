/*
 * compat.h
 *		Differences between PostgreSQL 14 and 18, and nothing else.
 *
 * Every other file is written as for the newest version; what an older version
 * spells differently is handled here, once.
 */
#ifndef ASHMIG_COMPAT_H
#define ASHMIG_COMPAT_H

#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#if PG_VERSION_NUM < 140000
#error "ashmig needs PostgreSQL 14 or newer"
#endif

/*
 * The server calls what is exported, and the Makefile hides everything else.
 * Before 16 the server's macros export nothing by themselves.
 */
#if PG_VERSION_NUM < 160000 && defined(__GNUC__)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))

#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
extern PGDLLEXPORT const Pg_finfo_record *pg_finfo_##funcname(void); \
const Pg_finfo_record * \
pg_finfo_##funcname(void) \
{ \
	static const Pg_finfo_record my_finfo = {1}; \
\
	return &my_finfo; \
} \
extern int	no_such_variable

extern PGDLLEXPORT void _PG_init(void);
#endif

#if PG_VERSION_NUM < 150000
#define pg_analyze_and_rewrite_fixedparams(stmt, sql, types, n, env) \
	pg_analyze_and_rewrite(stmt, sql, types, n, env)
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#define RELKIND_HAS_TABLE_AM(relkind) \
	((relkind) == RELKIND_RELATION || (relkind) == RELKIND_TOASTVALUE || (relkind) == RELKIND_MATVIEW)

/* The rows are what the caller expects: for a function that returns a set of one plain type */
#define MAT_SRF_USE_EXPECTED_DESC 0x01

/* A set-returning function that fills a tuplestore at once */
static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	tupdesc;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		!(rsinfo->allowedModes & SFRM_Materialize) ||
		((flags & MAT_SRF_USE_EXPECTED_DESC) != 0 && rsinfo->expectedDesc == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if ((flags & MAT_SRF_USE_EXPECTED_DESC) != 0)
		tupdesc = CreateTupleDescCopy(rsinfo->expectedDesc);
	else if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	rsinfo->setDesc = tupdesc;
	MemoryContextSwitchTo(old);
}
#endif

/*
 * Loops that declare the variable for the element; with foreach_ptr, "type"
 * may begin with const.  The outer loop runs once and is there for the declaration.
 */
#if PG_VERSION_NUM < 170000
#define foreach_internal(type, pointer, var, lst, func) \
	for (type pointer var = 0, pointer var##__outerloop = (type pointer) 1; \
		 var##__outerloop; \
		 var##__outerloop = 0) \
		for (ForEachState var##__state = {(lst), 0}; \
			 (var##__state.l != NIL && \
			  var##__state.i < var##__state.l->length && \
			 (var = (type pointer) func(&var##__state.l->elements[var##__state.i]), true)); \
			 var##__state.i++)
#define foreach_ptr(type, var, lst) foreach_internal(type, *, var, lst, lfirst)
#define foreach_node(type, var, lst) \
	for (type * var = 0, *var##__outerloop = (type *) 1; \
		 var##__outerloop; \
		 var##__outerloop = 0) \
		for (ForEachState var##__state = {(lst), 0}; \
			 (var##__state.l != NIL && \
			  var##__state.i < var##__state.l->length && \
			 (var = lfirst_node(type, &var##__state.l->elements[var##__state.i]), true)); \
			 var##__state.i++)
#endif

/* As strtoll, whichever type int64 is */
#if PG_VERSION_NUM < 150000
#define strtoi64(string, end, base) ((int64) strtoll(string, end, base))
#endif

/* What pg_stat_activity shows of one session, by its position from 1 */
#if PG_VERSION_NUM < 160000
#define pgstat_get_local_beentry_by_index(i) pgstat_fetch_stat_local_beentry(i)
#endif

/* The table of a MERGE, which is there since 15; NULL if the statement is none */
#if PG_VERSION_NUM < 150000
#define merge_target(statement) ((RangeVar *) NULL)
#else
#define merge_target(statement) \
	(IsA(statement, MergeStmt) ? ((MergeStmt *) (statement))->relation : NULL)
#endif

/* Is it a command of ALTER TABLE that writes the table anew, and that 14 does not have? */
#if PG_VERSION_NUM < 150000
#define alter_is_new_rewrite(type) false
#elif PG_VERSION_NUM < 170000
#define alter_is_new_rewrite(type) ((type) == AT_SetAccessMethod)
#else
#define alter_is_new_rewrite(type) ((type) == AT_SetAccessMethod || (type) == AT_SetExpression)
#endif

/* Is a generated column computed when it is read, rather than stored? */
#if PG_VERSION_NUM < 180000
#define generated_is_virtual(constraint) false
#else
#define generated_is_virtual(constraint) ((constraint)->generated_kind == 'v')
#endif

/* The columns of a table's NOT NULL that is written as a constraint of it, which is new in 18 */
#if PG_VERSION_NUM < 180000
#define not_null_columns(constraint) NIL
#else
#define not_null_columns(constraint) ((constraint)->keys)
#endif

/* Are nulls equal in an index or a key?  A member of both since 15. */
#if PG_VERSION_NUM < 150000
#define treats_nulls_as_equal(node) false
#else
#define treats_nulls_as_equal(node) ((node)->nulls_not_distinct)
#endif

/* Does a column hold no null?  Since 18 its NOT NULL may be NOT VALID. */
#if PG_VERSION_NUM < 180000
#define attribute_holds_no_null(desc, i) (TupleDescAttr(desc, i)->attnotnull)
#else
#define attribute_holds_no_null(desc, i) \
	(TupleDescCompactAttr(desc, i)->attnullability == ATTNULLABLE_VALID)
#endif

/* Run a plan to its end */
#if PG_VERSION_NUM < 180000
#define executor_run_all(query) ExecutorRun(query, ForwardScanDirection, 0, true)
#else
#define executor_run_all(query) ExecutorRun(query, ForwardScanDirection, 0)
#endif

/* Begin an index scan */
#if PG_VERSION_NUM < 180000
#define index_beginscan_with(rel, index, snapshot, keys) index_beginscan(rel, index, snapshot, keys, 0)
#else
#define index_beginscan_with(rel, index, snapshot, keys) \
	index_beginscan(rel, index, snapshot, NULL, keys, 0)
#endif

/* Does a role own a table? */
#if PG_VERSION_NUM < 160000
#define table_owned_by(table, role) pg_class_ownercheck(table, role)
#else
#define table_owned_by(table, role) object_ownercheck(RelationRelationId, table, role)
#endif

/* Does a role own an extension, or is it a member of the role that does? */
#if PG_VERSION_NUM < 160000
#define extension_owned_by(extension, role) pg_extension_ownercheck(extension, role)
#else
#define extension_owned_by(extension, role) object_ownercheck(ExtensionRelationId, extension, role)
#endif

/* What may a role do with a schema? */
#if PG_VERSION_NUM < 160000
#define schema_aclcheck(schema, role, mode) pg_namespace_aclcheck(schema, role, mode)
#else
#define schema_aclcheck(schema, role, mode) object_aclcheck(NamespaceRelationId, schema, role, mode)
#endif

/* May a role create schemas in this database? */
#if PG_VERSION_NUM < 160000
#define database_creatable(role) \
	(pg_database_aclcheck(MyDatabaseId, role, ACL_CREATE) == ACLCHECK_OK)
#else
#define database_creatable(role) \
	(object_aclcheck(DatabaseRelationId, MyDatabaseId, role, ACL_CREATE) == ACLCHECK_OK)
#endif

/* May a role do SET ROLE to another?  Since 16 not every member may. */
#if PG_VERSION_NUM < 160000
#define role_can_become(member, role) is_member_of_role(member, role)
#else
#define role_can_become(member, role) member_can_set_role(member, role)
#endif

/* A random number from 0 to 1 */
#if PG_VERSION_NUM < 150000
#define random_fraction() ((double) random() / MAX_RANDOM_VALUE)
#else
#include "common/pg_prng.h"
#define random_fraction() pg_prng_double(&pg_global_prng_state)
#endif

/* Run all that a portal has, as a session's top level does, and look at no result */
#if PG_VERSION_NUM < 180000
#define portal_run_all(portal) \
	((void) PortalRun(portal, FETCH_ALL, true, true, None_Receiver, None_Receiver, NULL))
#else
#define portal_run_all(portal) \
	((void) PortalRun(portal, FETCH_ALL, true, None_Receiver, None_Receiver, NULL))
#endif

/*
 * What ALTER TABLE ... ALTER CONSTRAINT says of when a key is checked; false where it
 * says something else (since 18).
 */
static inline bool
compat_altered_deferrability(Node *def, const char **name, bool *deferrable, bool *deferred)
{
#if PG_VERSION_NUM < 180000
	Constraint *change = castNode(Constraint, def);
	bool		says_so = true;
#else
	ATAlterConstraint *change = castNode(ATAlterConstraint, def);
	bool		says_so = change->alterDeferrability;
#endif

	*name = change->conname;
	*deferrable = change->deferrable;
	*deferred = change->initdeferred;
	return says_so;
}

/* The local transaction of this process, to be told from the next one */
#if PG_VERSION_NUM < 170000
#define my_local_transaction() (MyProc->lxid)
#else
#define my_local_transaction() (MyProc->vxid.lxid)
#endif

/*
 * Look up a type; false if there is none.  Before PostgreSQL 16, text that is
 * not a type name and invalid modifiers raise an error.
 */
static inline bool
compat_parse_type(const char *text, Oid *type, int32 *typmod)
{
#if PG_VERSION_NUM < 160000
	parseTypeString(text, type, typmod, true);
	return OidIsValid(*type);
#else
	ErrorSaveContext save = {.type = T_ErrorSaveContext};

	return parseTypeString(text, type, typmod, (Node *) &save) && OidIsValid(*type);
#endif
}

/* What the server's SQL has */
#define SERVER_HAS_NULLS_NOT_DISTINCT	(PG_VERSION_NUM >= 150000)
#define SERVER_HAS_SET_EXPRESSION		(PG_VERSION_NUM >= 170000)
#define SERVER_HAS_SET_NULL_COLUMNS		(PG_VERSION_NUM >= 150000)

#endif							/* ASHMIG_COMPAT_H */
