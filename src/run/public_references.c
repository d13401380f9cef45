/*
 * public_references.c
 *		How far a public table can carry the foreign keys of tenants: see
 *		public_references.h.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_spi.h"
#include "run/lock_budget.h"
#include "run/public_references.h"

/* A delete that takes more than this part of the lock table is told of. */
#define TOO_MANY(room) ((room) / 2)

/* Fleets with fewer keys to one table hear nothing, whatever the settings. */
#define FEW_KEYS 100

/*
 * Locks of one delete: on each referencing table once, and on its indexes, all
 * of which the query planner opens.
 */
List *
public_references_list(Oid table)
{
	/* each key has one trigger for DELETE on the table that it references */
	static CatalogStatement list = {
		.sql = "WITH key AS (SELECT tgrelid, tgconstrrelid, pg_catalog.count(*) AS n"
		"  FROM pg_catalog.pg_trigger WHERE tgisinternal AND (tgrelid = $1 OR $1 = 0)"
		"  AND tgfoid IN ('pg_catalog.\"RI_FKey_noaction_del\"'::pg_catalog.regproc,"
		"   'pg_catalog.\"RI_FKey_restrict_del\"'::pg_catalog.regproc,"
		"   'pg_catalog.\"RI_FKey_cascade_del\"'::pg_catalog.regproc,"
		"   'pg_catalog.\"RI_FKey_setnull_del\"'::pg_catalog.regproc,"
		"   'pg_catalog.\"RI_FKey_setdefault_del\"'::pg_catalog.regproc)"
		"  GROUP BY tgrelid, tgconstrrelid)"
		" SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,"
		"  pg_catalog.sum(k.n) FILTER (WHERE o.relnamespace <> c.relnamespace)::pg_catalog.int8,"
		"  pg_catalog.count(DISTINCT o.relnamespace) FILTER (WHERE o.relnamespace <> c.relnamespace),"
		"  (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS a WHERE a.tgrelid = c.oid),"
		"  pg_catalog.sum(1 + i.n)::pg_catalog.int8"
		" FROM key AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.tgrelid"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" JOIN pg_catalog.pg_class AS o ON o.oid = k.tgconstrrelid"
		" CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS n FROM pg_catalog.pg_index AS x"
		"  WHERE x.indrelid = o.oid) AS i"
		" GROUP BY c.oid, n.nspname, c.relname"
		" HAVING pg_catalog.bool_or(o.relnamespace <> c.relnamespace)"
		" ORDER BY 7 DESC, n.nspname, c.relname",
		.nargs = 1, .types = {OIDOID}
	};
	MemoryContext caller = CurrentMemoryContext;
	List	   *result = NIL;
	Datum		values[1];
	int			level = catalog_connect();
	uint64		rows;

	values[0] = ObjectIdGetDatum(table);
	rows = catalog_query(&list, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		PublicReferences *references = MemoryContextAlloc(caller, sizeof(PublicReferences));
		MemoryContext old;
		bool		isnull;

		references->table = DatumGetObjectId(catalog_datum(i, 1, &isnull));
		references->schema_name = catalog_string(i, 2, caller);
		references->table_name = catalog_string(i, 3, caller);
		references->keys = catalog_int64(i, 4);
		references->tenants = catalog_int64(i, 5);
		references->triggers = catalog_int64(i, 6);
		references->locks = catalog_int64(i, 7);
		old = MemoryContextSwitchTo(caller);
		result = lappend(result, references);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/*
 * A quarter more than that, so that the fleet can grow.
 */
int64
public_references_setting(int64 locks)
{
	return 2 * locks * 5 / 4 / (MaxBackends + max_prepared_xacts) + 1;
}

bool
public_references_are_many(int64 locks)
{
	return locks > TOO_MANY(lock_budget_room());
}

/* ------------------------------------------------------------------------
 * While tenants are created
 * ------------------------------------------------------------------------
 */

/* Warn of a table. */
static void
warn_of_table(const PublicReferences *references)
{
	ereport(WARNING,
			(errcode(ERRCODE_ASHMIG_LOCK_BUDGET),
			 errmsg("one DELETE in table \"%s.%s\" takes about " INT64_FORMAT " of the " INT64_FORMAT " locks that the server has",
					references->schema_name, references->table_name, references->locks, lock_budget_room()),
			 errdetail(INT64_FORMAT " foreign keys of " INT64_FORMAT " schemas reference it, and PostgreSQL looks into each of these tables. With more tenants it fails with \"out of shared memory\".",
					   references->keys, references->tenants),
			 errhint("Set max_locks_per_transaction to " INT64_FORMAT " or more and restart the server (currently %d). SELECT * FROM ashmig_public_references() shows all such tables.",
					 public_references_setting(references->locks), max_locks_per_xact)));
}

/*
 * How many tenants more may be created before it is worth looking again: a
 * tenth of those that would still fit.
 */
static int64
tenants_until(const PublicReferences *references)
{
	int64		left = TOO_MANY(lock_budget_room()) - references->locks;

	return left / Max(references->locks / references->tenants, 1) / 10;
}

/*
 * Looking takes time that grows with the keys, so it is done at a session's first
 * tenant, and then as seldom as the room allows.  A table that was told of is not
 * told of again before it has twice as many locks.
 */
void
public_references_note_tenant(void)
{
	static int64 until_look = 0;
	static int64 told = 0;
	MemoryContext context;
	MemoryContext old;
	int64		most = 0;

	if (--until_look > 0)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "ashmig references",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	until_look = FEW_KEYS;
	foreach_ptr(PublicReferences, references, public_references_list(InvalidOid))
	{
		if (references->keys < FEW_KEYS)
			continue;
		if (!public_references_are_many(references->locks))
			until_look = Min(until_look, Max(tenants_until(references), 1));
		else if (references->locks >= 2 * told)
		{
			warn_of_table(references);
			most = Max(most, references->locks);
		}
	}
	told = Max(told, most);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
