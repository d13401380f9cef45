/*
 * shared_reference_check.c
 *		The tenant's side of a shared reference: see shared_reference_check.h.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/errors.h"
#include "syntax/sql_text.h"
#include "tenant/shared_reference.h"
#include "tenant/shared_reference_check.h"

/* ------------------------------------------------------------------------
 * Plans
 * ------------------------------------------------------------------------
 */

/* One for each referenced table, whichever table references it */
typedef struct LookupPlan
{
	Oid			referenced;
	SPIPlanPtr	plan;
} LookupPlan;

static HTAB *lookup_plans = NULL;

static LookupPlan *
find_plan(Oid referenced)
{
	LookupPlan *entry;
	bool		found;

	if (lookup_plans == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(LookupPlan)};

		lookup_plans = hash_create("ashmig references", 16, &control, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(lookup_plans, &referenced, HASH_ENTER, &found);
	if (!found)
		entry->plan = NULL;
	return entry;
}

/*
 * The plan of the lookup, made anew where the table has changed.  In SPI.
 */
static SPIPlanPtr
lookup_plan(Relation referenced, const KeyColumns *key, const KeyValues *values)
{
	LookupPlan *entry = find_plan(RelationGetRelid(referenced));

	if (entry->plan && !SPI_plan_is_valid(entry->plan))
	{
		SPI_freeplan(entry->plan);
		entry->plan = NULL;
	}
	if (entry->plan == NULL)
	{
		char	   *sql = psprintf("SELECT 1 FROM ONLY %s.%s AS x WHERE %s FOR KEY SHARE OF x",
								   quote_name(get_namespace_name(RelationGetNamespace(referenced))),
								   quote_name(RelationGetRelationName(referenced)),
								   key_condition(referenced, key));
		SPIPlanPtr	plan = shared_reference_prepare(referenced, sql, values);

		SPI_keepplan(plan);
		entry->plan = plan;
	}
	return entry->plan;
}

/* ------------------------------------------------------------------------
 * The check
 * ------------------------------------------------------------------------
 */

/*
 * Without the triggers of the public table nobody would notice when the row goes.
 */
static void
check_is_watched(Relation rel, const SharedReference *reference, Relation referenced)
{
	const char *missing = shared_reference_missing_trigger(referenced);

	if (missing)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("trigger \"%s\" of table \"%s\" is missing or disabled", missing,
						RelationGetRelationName(referenced)),
				 errdetail("Without it, rows that the reference \"%s\" of table \"%s\" needs could be deleted.",
						   reference->name, RelationGetRelationName(rel)),
				 errhint("ALTER TABLE %s.%s ENABLE TRIGGER %s, or DROP TRIGGER %s ON %s.%s and add the reference again with ashmig_add_reference().",
						 quote_name(get_namespace_name(RelationGetNamespace(referenced))),
						 quote_name(RelationGetRelationName(referenced)), missing,
						 quote_name(reference->name),
						 quote_name(get_namespace_name(RelationGetNamespace(rel))),
						 quote_name(RelationGetRelationName(rel)))));
}

/* The words and the SQLSTATE of PostgreSQL's own foreign keys, which applications know */
static void
raise_not_present(Relation rel, const SharedReference *reference, const KeyValues *values,
				  Relation referenced)
{
	char	   *shown = key_show(rel, &reference->columns, values);

	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("insert or update on table \"%s\" violates foreign key constraint \"%s\"",
					RelationGetRelationName(rel), reference->name),
			 shown ? errdetail("Key %s is not present in table \"%s\".", shown,
							   RelationGetRelationName(referenced))
			 : errdetail("Key is not present in table \"%s\".", RelationGetRelationName(referenced)),
			 errtableconstraint(rel, reference->name)));
}

/* Look the key up, and lock its row until the transaction ends. */
static void
check_key(Relation rel, const SharedReference *reference, const KeyValues *values)
{
	Relation	referenced = table_open(reference->referenced, RowShareLock);
	KeyColumns	key = shared_reference_key(referenced);

	shared_reference_check_types(rel, &reference->columns, referenced, &key);
	check_is_watched(rel, reference, referenced);
	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not connect to SPI")));
	if (shared_reference_run(referenced, lookup_plan(referenced, &key, values), values, false, 1) == 0)
		raise_not_present(rel, reference, values, referenced);
	SPI_finish();
	table_close(referenced, RowShareLock);
}

/*
 * Is there nothing to check?  A row that this transaction inserted is looked at in
 * any case: the check of its insertion may be still to come, and would find a row
 * that is no more.
 */
static bool
is_unchanged(TriggerData *data, const KeyColumns *columns, const KeyValues *values)
{
	KeyValues	before;
	bool		isnull;
	Datum		inserted_by;

	if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event) ||
		!key_values(data->tg_relation, columns, data->tg_trigslot, &before))
		return false;
	inserted_by = slot_getsysattr(data->tg_trigslot, MinTransactionIdAttributeNumber, &isnull);
	return !TransactionIdIsCurrentTransactionId(DatumGetTransactionId(inserted_by)) &&
		key_values_equal(data->tg_relation, columns, &before, values);
}

/*
 * The reference is read once for each statement.
 */
void
shared_reference_row_written(TriggerData *data, FmgrInfo *function)
{
	TupleTableSlot *slot = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newslot
		: data->tg_trigslot;
	const SharedReference *reference;
	KeyValues	values;

	if (function->fn_extra == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(function->fn_mcxt);

		function->fn_extra = shared_reference_of(data->tg_trigger);
		MemoryContextSwitchTo(old);
	}
	reference = function->fn_extra;

	/* deleted or updated again since: then that is what counts */
	if (!table_tuple_satisfies_snapshot(data->tg_relation, slot, SnapshotSelf))
		return;
	if (!key_values(data->tg_relation, &reference->columns, slot, &values) ||
		is_unchanged(data, &reference->columns, &values))
		return;
	check_key(data->tg_relation, reference, &values);
}
