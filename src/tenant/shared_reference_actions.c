/*
 * shared_reference_actions.c
 *		The public table's side of shared references: see
 *		shared_reference_actions.h.
 *
 * Each referencing table is looked into first, without SPI: an index scan, after
 * which its locks are released, as catalog tables' are.  Only where that finds a
 * row do statements run there like those of PostgreSQL's own foreign keys, and
 * decide; their locks stay until the transaction ends.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_spi.h"
#include "syntax/sql_text.h"
#include "tenant/shared_reference.h"
#include "tenant/shared_reference_actions.h"

/* ------------------------------------------------------------------------
 * Which tables reference it
 * ------------------------------------------------------------------------
 */

/* A trigger that is a shared reference, and its table */
typedef struct ReferencingTable
{
	Oid			table;
	Oid			trigger;
} ReferencingTable;

/*
 * All of them (of ReferencingTable *), in the current memory context, as other
 * sessions have committed them by now.
 */
static List *
referencing_tables(Oid referenced)
{
	static CatalogStatement find = {
		.sql = "SELECT t.tgrelid, t.oid FROM pg_catalog.pg_depend AS d"
		" JOIN pg_catalog.pg_trigger AS t ON t.oid = d.objid"
		" WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1"
		" AND d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass"
		" AND t.tgconstrrelid = $1 AND t.tgfoid = $2 ORDER BY t.oid",
		.nargs = 2, .types = {OIDOID, OIDOID}
	};
	MemoryContext caller = CurrentMemoryContext;
	List	   *result = NIL;
	Datum		values[2];
	int			level = catalog_connect();
	uint64		rows;
	MemoryContext old;

	values[0] = ObjectIdGetDatum(referenced);
	values[1] = ObjectIdGetDatum(shared_reference_function("reference_row_written"));
	rows = catalog_query(&find, values, NULL);
	old = MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < rows; i++)
	{
		ReferencingTable *table = palloc(sizeof(ReferencingTable));
		bool		isnull;

		table->table = DatumGetObjectId(catalog_datum(i, 1, &isnull));
		table->trigger = DatumGetObjectId(catalog_datum(i, 2, &isnull));
		result = lappend(result, table);
	}
	MemoryContextSwitchTo(old);
	catalog_disconnect(level);
	return result;
}

/* The last answer, for the rows of one statement */
typedef struct Found
{
	CommandId	command;
	MemoryContext context;
	List	   *tables;
} Found;

/*
 * The same for a trigger that fires for many rows.  All rows of a statement are
 * locked before its triggers fire, so an answer that is newer than that is good for
 * all of them.  Where anything was changed since, the command counter has moved.
 */
static List *
referencing_tables_once(Oid referenced, FmgrInfo *function)
{
	Found	   *found = function->fn_extra;
	CommandId	now;
	MemoryContext old;

	CommandCounterIncrement();
	now = GetCurrentCommandId(false);
	if (found && found->command == now)
		return found->tables;
	if (found == NULL)
	{
		found = MemoryContextAllocZero(function->fn_mcxt, sizeof(Found));
		found->context = AllocSetContextCreate(function->fn_mcxt, "ashmig references",
											   ALLOCSET_DEFAULT_SIZES);
		function->fn_extra = found;
	}
	MemoryContextReset(found->context);
	found->command = InvalidCommandId;
	old = MemoryContextSwitchTo(found->context);
	found->tables = referencing_tables(referenced);
	MemoryContextSwitchTo(old);
	found->command = now;
	return found->tables;
}

/* ------------------------------------------------------------------------
 * Looking into a table
 * ------------------------------------------------------------------------
 */

/*
 * Does the index have all rows?  One that is very new may not, as the query planner
 * knows.  The predicate itself is not read: that would evaluate what the owner of
 * the table has written, as whoever deletes the public row.
 */
static bool
is_complete(Relation index)
{
	Form_pg_index form = index->rd_index;

	return form->indisvalid && form->indisready &&
		heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
		(!form->indcheckxmin ||
		 TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin));
}

/* Can the index find rows by a column of the key?  Which one, or -1 */
static int
usable_column(Relation index, Relation rel, const KeyColumns *columns)
{
	if (index->rd_rel->relam != BTREE_AM_OID || !is_complete(index))
		return -1;
	for (int i = 0; i < columns->n; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(rel), columns->numbers[i] - 1);
		TypeCacheEntry *type = lookup_type_cache(column->atttypid, TYPECACHE_BTREE_OPFAMILY);

		if (index->rd_index->indkey.values[0] == columns->numbers[i] &&
			index->rd_opfamily[0] == type->btree_opf &&
			index->rd_indcollation[0] == column->attcollation)
			return i;
	}
	return -1;
}

/* Does a scan by the index find a row with these values? */
static bool
index_has_row(Relation index, int column, Relation rel, const KeyColumns *columns,
			  const KeyValues *values, Snapshot snapshot)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Oid			type = index->rd_opcintype[0];
	Oid			equals = get_opfamily_member(index->rd_opfamily[0], type, type,
											 BTEqualStrategyNumber);
	IndexScanDesc scan = index_beginscan_with(rel, index, snapshot, 1);
	ScanKeyData key;
	bool		found = false;

	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, index->rd_indcollation[0],
						   get_opcode(equals), values->values[column]);
	index_rescan(scan, &key, 1, NULL, 0);
	while (!found && index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		KeyValues	there;

		found = key_values(rel, columns, slot, &there) &&
			key_values_equal(rel, columns, &there, values);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/* Does a scan of the whole table? */
static bool
table_has_row(Relation rel, const KeyColumns *columns, const KeyValues *values, Snapshot snapshot)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	bool		found = false;

	while (!found && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		KeyValues	there;

		CHECK_FOR_INTERRUPTS();
		found = key_values(rel, columns, slot, &there) &&
			key_values_equal(rel, columns, &there, values);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/*
 * Does the table have a row that references these values, as of now?  Of indexes
 * only the one that is used stays open, until this returns.
 */
static bool
has_referencing_row(Relation rel, const KeyColumns *columns, const KeyValues *values)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		answered = false;
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		int			column = usable_column(index, rel, columns);

		if (column >= 0)
		{
			found = index_has_row(index, column, rel, columns, values, snapshot);
			answered = true;
		}
		index_close(index, AccessShareLock);
		if (answered)
			break;
	}
	if (!answered)
		found = table_has_row(rel, columns, values, snapshot);
	UnregisterSnapshot(snapshot);
	return found;
}

/* ------------------------------------------------------------------------
 * Acting
 * ------------------------------------------------------------------------
 */

/* What happened to the public row */
typedef struct Change
{
	Relation	referenced;
	KeyColumns	key;
	bool		is_update;
	KeyValues	before;
	KeyValues	both;			/* before, then after; of an update */
} Change;

static uint64
run(Relation rel, const char *sql, const KeyValues *values, long limit)
{
	SPIPlanPtr	plan = shared_reference_prepare(rel, sql, values);
	uint64		rows = shared_reference_run(rel, plan, values, true, limit);

	SPI_freeplan(plan);
	return rows;
}

/* "schema"."table" */
static char *
table_sql(Relation rel)
{
	return psprintf("%s.%s", quote_name(get_namespace_name(RelationGetNamespace(rel))),
					quote_name(RelationGetRelationName(rel)));
}

/* Is there another public row with the old key by now? */
static bool
key_is_there_again(const Change *change)
{
	return run(change->referenced,
			   psprintf("SELECT 1 FROM ONLY %s AS x WHERE %s FOR KEY SHARE OF x",
						table_sql(change->referenced), key_condition(change->referenced, &change->key)),
			   &change->before, 1) > 0;
}

/* The words and the SQLSTATE of PostgreSQL's own foreign keys, which applications know */
static void
raise_still_referenced(Relation rel, const SharedReference *reference, const Change *change)
{
	Relation	referenced = change->referenced;
	char	   *shown = key_show(referenced, &change->key, &change->before);
	const char *schema = get_namespace_name(RelationGetNamespace(rel));

	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("update or delete on table \"%s\" violates foreign key constraint \"%s\" on table \"%s.%s\"",
					RelationGetRelationName(referenced), reference->name, schema,
					RelationGetRelationName(rel)),
			 shown ? errdetail("Key %s is still referenced from table \"%s.%s\".", shown, schema,
							   RelationGetRelationName(rel))
			 : errdetail("Key is still referenced from table \"%s.%s\".", schema,
						 RelationGetRelationName(rel)),
			 errtableconstraint(rel, reference->name)));
}

static void
refuse_if_referenced(Relation rel, const SharedReference *reference, const Change *change)
{
	if (run(rel, psprintf("SELECT 1 FROM ONLY %s AS x WHERE %s FOR KEY SHARE OF x", table_sql(rel),
						  key_condition(rel, &reference->columns)),
			&change->before, 1) > 0)
		raise_still_referenced(rel, reference, change);
}

/* SET a = NULL, or the new value, which follows the old ones as a parameter */
static void
set_columns(Relation rel, const SharedReference *reference, const KeyValues *values, bool to_null)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE ONLY %s AS x SET ", table_sql(rel));
	for (int i = 0; i < reference->columns.n; i++)
	{
		int			column = reference->columns.numbers[i];

		appendStringInfo(&sql, "%s%s = ", i == 0 ? "" : ", ",
						 quote_name(NameStr(TupleDescAttr(RelationGetDescr(rel), column - 1)->attname)));
		if (to_null)
			appendStringInfoString(&sql, "NULL");
		else
			appendStringInfo(&sql, "$%d", reference->columns.n + i + 1);
	}
	appendStringInfo(&sql, " WHERE %s", key_condition(rel, &reference->columns));
	run(rel, sql.data, values, 0);
}

static void
delete_rows(Relation rel, const SharedReference *reference, const Change *change)
{
	run(rel, psprintf("DELETE FROM ONLY %s AS x WHERE %s", table_sql(rel),
					  key_condition(rel, &reference->columns)),
		&change->before, 0);
}

/* Do what the reference says, in a table that has such rows. */
static void
act(Relation rel, const SharedReference *reference, const Change *change)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not connect to SPI")));
	switch (change->is_update ? reference->on_update : reference->on_delete)
	{
		case REFERENCE_NO_ACTION:
			if (!key_is_there_again(change))
				refuse_if_referenced(rel, reference, change);
			break;
		case REFERENCE_RESTRICT:
			refuse_if_referenced(rel, reference, change);
			break;
		case REFERENCE_CASCADE:
			if (change->is_update)
				set_columns(rel, reference, &change->both, false);
			else
				delete_rows(rel, reference, change);
			break;
		case REFERENCE_SET_NULL:
			set_columns(rel, reference, &change->before, true);
			break;
	}
	SPI_finish();
}

/* The trigger, or NULL if it was dropped meanwhile */
static const Trigger *
find_trigger(Relation rel, Oid trigger)
{
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		if (rel->trigdesc->triggers[i].tgoid == trigger)
			return &rel->trigdesc->triggers[i];
	}
	return NULL;
}

/* Look into a table, and act if it has rows with the key. */
static void
visit(const ReferencingTable *table, const Change *change)
{
	Relation	rel = try_table_open(table->table, AccessShareLock);
	const Trigger *trigger = rel ? find_trigger(rel, table->trigger) : NULL;
	SharedReference *reference;

	if (trigger)
	{
		reference = shared_reference_of(trigger);
		shared_reference_check_types(rel, &reference->columns, change->referenced, &change->key);
		if (has_referencing_row(rel, &reference->columns, &change->before))
			act(rel, reference, change);
	}
	if (rel)
		table_close(rel, AccessShareLock);
}

/* ------------------------------------------------------------------------
 * The triggers
 * ------------------------------------------------------------------------
 */

/* The old values, and after an update the new ones; false if none can be referenced */
static bool
read_change(TriggerData *data, Change *change)
{
	change->referenced = data->tg_relation;
	change->key = shared_reference_key(data->tg_relation);
	change->is_update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	if (!key_values(data->tg_relation, &change->key, data->tg_trigslot, &change->before))
		return false;
	if (change->is_update)
	{
		KeyValues	after;
		int			n = change->key.n;

		if (!key_values(data->tg_relation, &change->key, data->tg_newslot, &after) ||
			key_values_equal(data->tg_relation, &change->key, &change->before, &after))
			return false;
		change->both = change->before;
		memcpy(change->both.values + n, after.values, n * sizeof(Datum));
		memcpy(change->both.types + n, after.types, n * sizeof(Oid));
		change->both.n = 2 * n;
	}
	return true;
}

/*
 * Tables in the order in which their references were added.  The memory that each
 * takes is freed before the next.
 */
void
shared_reference_row_gone(TriggerData *data, FmgrInfo *function)
{
	MemoryContext context;
	MemoryContext old;
	Change		change;

	if (!read_change(data, &change))
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "ashmig reference",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	foreach_ptr(ReferencingTable, table,
				referencing_tables_once(RelationGetRelid(data->tg_relation), function))
	{
		CHECK_FOR_INTERRUPTS();
		visit(table, &change);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * As PostgreSQL does for tables with foreign keys.
 */
void
shared_reference_refuse_truncate(TriggerData *data)
{
	int			references = list_length(referencing_tables(RelationGetRelid(data->tg_relation)));

	if (references > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot truncate table \"%s\", which shared references point to",
						RelationGetRelationName(data->tg_relation)),
				 errdetail_plural("%d reference points to it.", "%d references point to it.", references,
								  references),
				 errhint("Use DELETE, which looks after the referencing rows.")));
}
