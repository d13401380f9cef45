/*
 * lock_budget.c
 *		Will the locks of a run fit into the lock table: see lock_budget.h.
 *
 * A lock on a table, index, sequence or schema stays until the transaction
 * ends.  The count before a run is an estimate from the statements: a table is
 * reckoned with its TOAST table and that one's index.  In the run it is measured
 * once more.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"
#include "migrate/execute.h"
#include "migrate/pending.h"
#include "run/lock_budget.h"
#include "run/targets.h"
#include "syntax/directive.h"
#include "syntax/sql_text.h"

/* Locks of a table with TOAST: the table, the TOAST table, its index */
#define TABLE_LOCKS 3

/*
 * What else a table brings (types, constraints, defaults, triggers of foreign
 * keys) is locked lightly when it is created, and object by object when it is
 * dropped.  Measured with the tables that applications have.
 */
#define CREATE_EXTRAS 4
#define DROP_EXTRAS 11

/* Runs over fewer schemas need no measuring. */
#define FEW_SCHEMAS 10

/* Below this many, nobody needs to count. */
#define FEW_LOCKS 200

/* The setting that is proposed has this much room to spare. */
#define WITH_RESERVE(locks) ((locks) * 5 / 4)

/* Warn when three quarters of the room are taken, or this many tenants are left. */
#define MOSTLY_TAKEN(room) ((room) / 4 * 3)
#define FEW_TENANTS 10

/* Indexes and sequences that a column or constraint brings */
static int
element_locks(Node *element)
{
	int			locks = 0;
	ListCell   *lc;

	if (IsA(element, Constraint))
	{
		switch (((Constraint *) element)->contype)
		{
			case CONSTR_PRIMARY:
			case CONSTR_UNIQUE:
			case CONSTR_EXCLUSION:
			case CONSTR_IDENTITY:
				return 1;
			default:
				return 0;
		}
	}
	if (!IsA(element, ColumnDef))
		return 0;
	foreach(lc, ((ColumnDef *) element)->constraints)
		locks += element_locks(lfirst(lc));
	if (((ColumnDef *) element)->typeName != NULL)
	{
		List	   *names = ((ColumnDef *) element)->typeName->names;

		if (names != NIL && strstr(strVal(llast(names)), "serial") != NULL)
			locks++;
	}
	return locks;
}

/* ALTER TABLE: the table, its indexes, and a copy of it where it is rewritten */
static int
alter_table_locks(AlterTableStmt *statement)
{
	int			locks = 2;

	foreach_node(AlterTableCmd, command, statement->cmds)
	{
		if (command->subtype == AT_AlterColumnType)
			locks += TABLE_LOCKS;
		else if (command->def)
			locks += element_locks(command->def);
	}
	return locks;
}

/* Locks of one statement */
static int
node_locks(Node *statement)
{
	int			locks = 0;
	ListCell   *lc;

	switch (nodeTag(statement))
	{
		case T_CreateStmt:
			foreach(lc, ((CreateStmt *) statement)->tableElts)
				locks += element_locks(lfirst(lc));
			return locks + TABLE_LOCKS + CREATE_EXTRAS;
		case T_AlterTableStmt:
			return alter_table_locks((AlterTableStmt *) statement);
		case T_DropStmt:
			return list_length(((DropStmt *) statement)->objects) *
				(((DropStmt *) statement)->removeType == OBJECT_TABLE ? TABLE_LOCKS + DROP_EXTRAS : 1);
		default:
			return 1;
	}
}

/*
 * Locks of statements in a schema.
 */
int
lock_budget_statement(List *statements)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ashmig budget",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int			locks = 0;
	ListCell   *lc;

	foreach(lc, statements)
	{
		if (directive_is_large(lfirst(lc)))
			continue;			/* not run in a transaction */
		foreach_node(RawStmt, raw, execute_parse(sql_fill(lfirst(lc), "schema", "schema")))
			locks += node_locks(raw->stmt);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return locks;
}

/* The locks of a migration, counted once for all schemas */
typedef struct Counted
{
	const char *repo;
	Scope		scope;
	int64		version;
	int			locks;
} Counted;

static int
counted_locks(const RunOptions *options, const Migration *migration, List **counted)
{
	Counted    *entry;
	ListCell   *lc;

	foreach(lc, *counted)
	{
		entry = lfirst(lc);
		if (entry->version == migration->version && entry->scope == migration->scope &&
			strcmp(entry->repo, migration->repo) == 0)
			return entry->locks;
	}
	entry = palloc(sizeof(Counted));
	entry->repo = pstrdup(migration->repo);
	entry->scope = migration->scope;
	entry->version = migration->version;
	entry->locks = lock_budget_statement(options->down ? migration->down : migration->up);
	*counted = lappend(*counted, entry);
	return entry->locks;
}

/*
 * Locks that sessions hold now, in however many modes; *mine are those that this
 * one has a part in.
 */
static int64
locks_in_use(int64 *mine)
{
	static CatalogStatement count = {
		.sql = "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE mine)"
		" FROM (SELECT pg_catalog.bool_or(pid = pg_catalog.pg_backend_pid()) AS mine"
		"  FROM pg_catalog.pg_locks WHERE NOT fastpath"
		"  GROUP BY locktype, database, relation, page, tuple, virtualxid, transactionid,"
		"  classid, objid, objsubid) AS l"
	};
	int			level = catalog_connect();
	bool		isnull;
	int64		result;

	catalog_query(&count, NULL, NULL);
	result = DatumGetInt64(catalog_datum(0, 1, &isnull));
	if (mine)
		*mine = DatumGetInt64(catalog_datum(0, 2, &isnull));
	catalog_disconnect(level);
	return result;
}

int64
lock_budget_setting(int64 locks)
{
	return WITH_RESERVE(locks + locks_in_use(NULL)) / (MaxBackends + max_prepared_xacts) + 1;
}

/* Raise for locks that are too many. */
static void
raise_too_many(int64 needed, int64 in_use, int64 room, int schemas)
{
	int64		backends = MaxBackends + max_prepared_xacts;
	int64		setting = WITH_RESERVE(needed + in_use) / backends + 1;

	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_LOCK_BUDGET),
			 errmsg("running %d schemas in one transaction takes about " INT64_FORMAT " locks, but there is room for only " INT64_FORMAT,
					schemas, needed, Max(room - in_use, 0)),
			 errdetail("max_locks_per_transaction is %d, for " INT64_FORMAT " backends. Nothing was changed.",
					   max_locks_per_xact, backends),
			 errhint("Set max_locks_per_transaction to " INT64_FORMAT " or more and restart the server, or run outside a transaction block and without atomic => true, so that each schema is committed separately.",
					 setting)));
}

/*
 * Locks that the lock table is made for.
 */
int64
lock_budget_room(void)
{
	return (int64) max_locks_per_xact * (MaxBackends + max_prepared_xacts);
}

/*
 * Does the lock table have room for so many more?
 */
bool
budget_has_room(int locks)
{
	return locks <= FEW_LOCKS || locks + locks_in_use(NULL) <= lock_budget_room();
}

/*
 * Raise where the locks do not fit.
 */
void
lock_budget_check(const RunOptions *options, List *targets)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ashmig budget",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *counted = NIL;
	int64		needed = 0;

	foreach_ptr(const Target, target, targets)
	{
		ListCell   *m;

		if (!target_is_usable(target))
			continue;
		needed += 2;			/* the schema, and the lock that excludes
								 * other runs */
		if (options->repair)
			continue;
		foreach(m, pending_migrations(options, target->scope, target->schema))
			needed += counted_locks(options, lfirst(m), &counted);
	}
	if (needed > FEW_LOCKS)
	{
		int64		room = lock_budget_room();
		int64		in_use = locks_in_use(NULL);

		if (needed + in_use > room)
			raise_too_many(needed, in_use, room, list_length(targets));
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * The estimate held: what the second schema has taken is what each of the others
 * will take, the first having taken what they share as well.
 */
void
lock_budget_measure(LockBudgetMeasure *measure, int schemas)
{
	int64		mine;
	int64		in_use;
	int64		needed;

	if (++measure->done > 2 || schemas < FEW_SCHEMAS)
		return;
	in_use = locks_in_use(&mine);
	if (measure->done == 2)
	{
		needed = mine + (mine - measure->locks) * (schemas - 2);
		if (needed + in_use - mine > lock_budget_room())
			raise_too_many(needed, in_use - mine, lock_budget_room(), schemas);
	}
	measure->locks = mine;
}

/* ------------------------------------------------------------------------
 * Tenants, one by one
 * ------------------------------------------------------------------------
 */

/* Warn that few tenants more can be created. */
static void
warn_of_tenants(int64 in_use, int64 room, int locks)
{
	int64		left = Max(room - in_use, 0);

	ereport(WARNING,
			(errcode(ERRCODE_ASHMIG_LOCK_BUDGET),
			 errmsg(INT64_FORMAT " of the " INT64_FORMAT " slots in the lock table are in use",
					in_use, room),
			 errdetail("Each new tenant uses about %d until the transaction ends; there is room for about " INT64_FORMAT " more tenants.",
					   locks, left / Max(locks, 1)),
			 errhint("Create fewer tenants in one transaction, or raise max_locks_per_transaction (currently %d).",
					 max_locks_per_xact)));
}

/*
 * Note that a tenant is created.  Counting locks takes time that grows with
 * them, so it is done again only after a quarter of the room that was left.
 */
void
lock_budget_note_tenant(int locks)
{
	static FullTransactionId transaction = {0};
	static int64 until_count = 0;
	static bool warned = false;
	FullTransactionId now = GetTopFullTransactionId();
	int64		room = lock_budget_room();
	int64		in_use;

	if (!FullTransactionIdEquals(now, transaction))
	{
		transaction = now;
		until_count = room / 4;
		warned = false;
	}
	until_count -= locks;
	if (warned || until_count > 0)
		return;
	in_use = locks_in_use(NULL);
	until_count = (room - in_use) / 4;
	if (in_use + FEW_TENANTS * (int64) locks > room || in_use > MOSTLY_TAKEN(room))
	{
		warn_of_tenants(in_use, room, locks);
		warned = true;
	}
}

/*
 * Raise where dropping a schema cannot fit.
 */
void
lock_budget_check_drop(const char *schema, int64 relations)
{
	int64		room = lock_budget_room();
	int64		in_use;

	if (relations <= FEW_LOCKS)
		return;
	in_use = locks_in_use(NULL);
	if (relations + in_use > room)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_LOCK_BUDGET),
				 errmsg("dropping schema \"%s\" takes " INT64_FORMAT " locks, but there is room for only " INT64_FORMAT,
						schema, relations, Max(room - in_use, 0)),
				 errdetail("max_locks_per_transaction is %d. Nothing was changed.", max_locks_per_xact),
				 errhint("CALL ashmig_drop_tenant_serial(%s) drops it in several transactions.",
						 quote_text(schema))));
}
