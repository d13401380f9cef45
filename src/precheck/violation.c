/*
 * violation.c
 *		Looking for rows that break a demand: see violation.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/tupconvert.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "precheck/future_table.h"
#include "precheck/violation.h"
#include "syntax/sql_text.h"

/* What is being looked at, and what is found */
typedef struct Look
{
	const Demand *demand;
	MemoryContext context;		/* of the result */
	Violation  *violation;		/* or NULL */
	Oid			table;			/* of the row that is being evaluated */
	ItemPointerData row;
} Look;

/* ------------------------------------------------------------------------
 * The time
 * ------------------------------------------------------------------------
 */

static volatile sig_atomic_t time_is_over = false;

/* Cancel what runs, as statement_timeout does. */
static void
end_time(void)
{
	time_is_over = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

/* A timer of our own: statement_timeout is about the whole call. */
static TimeoutId
own_timeout(void)
{
	static TimeoutId id = MAX_TIMEOUTS;

	if (id == MAX_TIMEOUTS)
		id = RegisterTimeout(USER_TIMEOUT, end_time);
	return id;
}

/* ------------------------------------------------------------------------
 * Looking
 * ------------------------------------------------------------------------
 */

/* The first column of the first row of a query, in the context of the result; NULL: none */
static char *
first_value(const Look *look, const char *sql)
{
	char	   *value;
	int			code = SPI_execute(sql, true, 1);

	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not look at rows: %s", SPI_result_code_string(code));
	if (SPI_processed == 0)
		return NULL;
	value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	return value ? MemoryContextStrdup(look->context, value) : NULL;
}

/* Rows that must not be there */
static void
look_for_rows(Look *look)
{
	const char *query = look->demand->query;
	char	   *sample = first_value(look, psprintf("SELECT pg_catalog.to_jsonb(v.*) FROM (%s LIMIT 1) AS v", query));

	if (sample == NULL)
		return;
	look->violation = MemoryContextAllocZero(look->context, sizeof(Violation));
	look->violation->sample = sample;
}

/*
 * Evaluate what the statement will evaluate, row by row, as ALTER TABLE does.
 * Row by row in the executor alone: an error stops it at the row that it is of.
 * The expression is over the columns of "root", which "rel" is or inherits from.
 */
static void
look_at_table(Look *look, Relation rel, Relation root)
{
	const Demand *demand = look->demand;
	EState	   *estate = CreateExecutorState();
	ExprContext *econtext = GetPerTupleExprContext(estate);
	ExprState  *value = ExecPrepareExpr((Expr *) copyObject(demand->expr), estate);
	ExprState  *filter = demand->filter == NULL ? NULL :
		ExecPrepareQual(list_make1(copyObject(demand->filter)), estate);
	TupleConversionMap *map = convert_tuples_by_name(RelationGetDescr(rel), RelationGetDescr(root));
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TupleTableSlot *converted = MakeSingleTupleTableSlot(RelationGetDescr(root), &TTSOpsVirtual);
	TableScanDesc scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);

	look->table = RelationGetRelid(rel);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		look->row = slot->tts_tid;
		econtext->ecxt_scantuple = map ? execute_attr_map_slot(map->attrMap, slot, converted) : slot;
		if (filter == NULL || ExecQual(filter, econtext))
			(void) ExecEvalExprSwitchContext(value, econtext, &isnull);
		ResetExprContext(econtext);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(converted);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

/*
 * The same in the table and all that inherit from it: partitions, for example.  No
 * query checks rights here, so only the owner may, to whom ALTER TABLE belongs.
 */
static void
look_at_values(Look *look)
{
	Relation	root = table_open(look->demand->relid, AccessShareLock);
	ListCell   *lc;

	foreach(lc, find_all_inheritors(look->demand->relid, AccessShareLock, NULL))
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (!table_owned_by(RelationGetRelid(rel), GetUserId()))
			aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(rel));
		if (RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind))
			look_at_table(look, rel, root);
		table_close(rel, NoLock);
	}
	table_close(root, NoLock);
}

/* Either, as an Attempt */
static void
run_look(void *arg)
{
	Look	   *look = arg;

	if (look->demand->kind == DEMAND_TYPE)
		look_at_values(look);
	else
		look_for_rows(look);
}

/* The row at which an evaluation failed */
static char *
row_query(const Look *look)
{
	FutureTable table = {.relid = look->table};

	return psprintf("SELECT t.* FROM %s WHERE t.ctid OPERATOR(pg_catalog.=) '(%u,%u)'",
					future_table_from(&table, "t"), ItemPointerGetBlockNumberNoCheck(&look->row),
					ItemPointerGetOffsetNumberNoCheck(&look->row));
}

/*
 * The violation that an error is: of a value that cannot be evaluated, or of too
 * little time.
 */
static Violation *
violation_of_error(Look *look, const ErrorData *error, bool timed_out)
{
	Violation  *violation = palloc0(sizeof(Violation));

	violation->timed_out = timed_out;
	if (timed_out)
		violation->error = psprintf("not looked at to the end: ashmig.precheck_timeout (%d ms) is over",
									ashmig_precheck_timeout);
	else
		violation->error = pstrdup(error->message);
	violation->query = look->demand->query;
	if (!timed_out && look->demand->kind == DEMAND_TYPE && ItemPointerIsValid(&look->row))
	{
		violation->query = row_query(look);
		violation->sample = first_value(look, psprintf("SELECT pg_catalog.to_jsonb(v.*) FROM (%s) AS v",
													   violation->query));
	}
	return violation;
}

/*
 * The first violation found, or NULL.
 */
Violation *
violation_find(const Demand *demand)
{
	Look		look = {.demand = demand, .context = CurrentMemoryContext};
	ErrorData  *error;
	bool		timed_out;

	ItemPointerSetInvalid(&look.row);
	time_is_over = false;
	if (ashmig_precheck_timeout > 0)
		enable_timeout_after(own_timeout(), ashmig_precheck_timeout);
	error = attempt_any(run_look, &look, false);
	if (ashmig_precheck_timeout > 0)
		disable_timeout(own_timeout(), false);
	timed_out = error && time_is_over && error->sqlerrcode == ERRCODE_QUERY_CANCELED;
	if (time_is_over && !timed_out)
		QueryCancelPending = false; /* it came too late to matter */
	if (error && !timed_out && ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	if (error)
		return violation_of_error(&look, error, timed_out);
	if (look.violation)
		look.violation->query = demand->query;
	return look.violation;
}
