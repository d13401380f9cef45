/*
 * compat.h
 *		Differences between PostgreSQL 14 and 18, and nothing else.
 *
 * Every other file is written as for the newest version; what an older one
 * spells otherwise is said here, once.
 */
#ifndef ASHMIG_COMPAT_H
#define ASHMIG_COMPAT_H

#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#endif
#include "parser/parse_type.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#if PG_VERSION_NUM < 140000
#error "ashmig needs PostgreSQL 14 or newer"
#endif

#if PG_VERSION_NUM < 150000
#define pg_analyze_and_rewrite_fixedparams(stmt, sql, types, n, env) \
	pg_analyze_and_rewrite(stmt, sql, types, n, env)
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#define RELKIND_HAS_TABLE_AM(relkind) \
	((relkind) == RELKIND_RELATION || (relkind) == RELKIND_TOASTVALUE || (relkind) == RELKIND_MATVIEW)

/* A set-returning function that fills a tuplestore at once */
static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	tupdesc;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		!(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	rsinfo->setDesc = tupdesc;
	MemoryContextSwitchTo(old);
}
#endif

/* Run a plan to its end */
#if PG_VERSION_NUM < 180000
#define executor_run_all(query) ExecutorRun(query, ForwardScanDirection, 0, true)
#else
#define executor_run_all(query) ExecutorRun(query, ForwardScanDirection, 0)
#endif

/* Does a role own a schema, or is it a member of the role that does? */
#if PG_VERSION_NUM < 160000
#define schema_owned_by(schema, role) pg_namespace_ownercheck(schema, role)
#else
#define schema_owned_by(schema, role) object_ownercheck(NamespaceRelationId, schema, role)
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

/*
 * Look a type up; false where there is none.  A text that is no type, or
 * modifiers that the type refuses, raise an error before PostgreSQL 16.
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
#define SERVER_HAS_SET_NULL_COLUMNS		(PG_VERSION_NUM >= 150000)

#endif							/* ASHMIG_COMPAT_H */
