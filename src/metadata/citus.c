/*
 * citus.c
 *		Citus with schema-based sharding: see citus.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "parser/parser.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "metadata/catalog_spi.h"
#include "metadata/citus.h"

/* ----------
 * Is it there?
 * ----------
 */

static bool loaded = false;

/*
 * Look for the library.
 */
bool
citus_find_library(void)
{
	loaded = GetConfigOption("citus.shard_count", true, false) != NULL;
	return loaded;
}

bool
citus_is_loaded(void)
{
	return loaded;
}

bool
citus_is_used(void)
{
	return loaded && OidIsValid(get_extension_oid("citus", true));
}

/* ----------
 * Which node is this?
 * ----------
 */

/* The coordinator's group of nodes */
#define COORDINATOR_GROUP 0

/* A query with one value, which is not null */
static Datum
query_value(CatalogStatement *statement, Datum *values, Datum otherwise)
{
	int			level = catalog_connect();
	bool		isnull;
	Datum		result = otherwise;

	if (catalog_query(statement, values, NULL) > 0)
	{
		result = catalog_datum(0, 1, &isnull);
		if (isnull)
			result = otherwise;
	}
	catalog_disconnect(level);
	return result;
}

/* A query with one column of texts; they are in the caller's memory context. */
static List *
query_strings(CatalogStatement *statement, Datum *values)
{
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	List	   *strings = catalog_strings(catalog_query(statement, values, NULL), 1, context);

	catalog_disconnect(level);
	return strings;
}

/* Its first text, or NULL */
static char *
query_string(CatalogStatement *statement, Datum *values)
{
	List	   *strings = query_strings(statement, values);

	return strings == NIL ? NULL : linitial(strings);
}

bool
citus_is_worker(void)
{
	static CatalogStatement find = {
		.sql = "SELECT groupid FROM pg_catalog.pg_dist_local_group"
	};

	/* once in each transaction */
	static LocalTransactionId asked = InvalidLocalTransactionId;
	static bool is_worker = false;

	if (!loaded)
		return false;
	if (asked != my_local_transaction())
	{
		asked = my_local_transaction(); /* first, as a query comes back here */
		is_worker = false;
		is_worker = citus_is_used() && DatumGetInt32(query_value(&find, NULL, Int32GetDatum(COORDINATOR_GROUP))) != COORDINATOR_GROUP;
	}
	return is_worker;
}

void
citus_refuse_worker(void)
{
	if (citus_is_worker())
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NODE),
				 errmsg("ashmig works on the coordinator of a Citus cluster, and this is another node"),
				 errdetail("What is recorded and applied is known on the coordinator alone. Citus runs a query here whose other tables are a tenant's."),
				 errhint("Connect to the coordinator, and do not call functions of ashmig in one query with tables of a tenant.")));
}

void
citus_check_coordinator(void)
{
	static CatalogStatement find = {
		.sql = "SELECT pg_catalog.bool_or(groupid = 0) FROM pg_catalog.pg_dist_node"
	};

	if (!citus_is_used() || DatumGetBool(query_value(&find, NULL, BoolGetDatum(true))))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NODE),
			 errmsg("the other nodes of the Citus cluster do not know the coordinator"),
			 errdetail("Foreign keys of tenants to public tables would refuse rows that are right."),
			 errhint("SELECT citus_set_coordinator_host('the host name by which the other nodes reach this server');")));
}

/* ----------
 * Settings
 * ----------
 */

void
citus_bound_waits(int lock_timeout)
{
	PlannedStmt *planned;
	char	   *sql;

	if (!citus_is_used())
		return;
	/* as a statement, so that Citus sees it and tells the other nodes */
	settings_pin("citus.propagate_set_commands", "local");
	sql = psprintf("SET LOCAL lock_timeout TO %d", lock_timeout);
	planned = makeNode(PlannedStmt);
	planned->commandType = CMD_UTILITY;
	planned->utilityStmt = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT))->stmt;
	ProcessUtility(planned, sql, false, PROCESS_UTILITY_QUERY, NULL, NULL, None_Receiver, NULL);
}

/*
 * The portal is the client's: COPY, EXPLAIN and their like are in one that runs nothing
 * but them, and what we run is not a top-level statement to Citus then.
 */
bool
citus_is_below_utility(void)
{
	PlannedStmt *statement;

	if (!loaded || ActivePortal == NULL || ActivePortal->stmts == NIL)
		return false;
	statement = linitial_node(PlannedStmt, ActivePortal->stmts);
	return statement->utilityStmt != NULL && !IsA(statement->utilityStmt, CallStmt) &&
		!IsA(statement->utilityStmt, DoStmt);
}

void
citus_pin(bool tenant)
{
	if (!citus_is_used())
		return;
	settings_pin("citus.enable_schema_based_sharding", tenant ? "on" : "off");
	settings_pin("citus.enable_ddl_propagation", "on");
	/* foreign keys to reference tables: one connection to a node sees it all */
	settings_pin("citus.multi_shard_modify_mode", "sequential");
	settings_pin("citus.use_citus_managed_tables", "off");
	settings_pin("citus.enable_local_reference_table_foreign_keys", "on");
}

void
citus_pin_local(void)
{
	if (!citus_is_used())
		return;
	settings_pin("citus.enable_schema_based_sharding", "off");
	settings_pin("citus.enable_ddl_propagation", "off");
}

/* ----------
 * Tables
 * ----------
 */

/*
 * pg_dist_partition has all tables that Citus knows; reference tables are those
 * without a distribution column whose copies are kept by two-phase commit.
 */
bool
citus_knows_table(Oid table)
{
	static CatalogStatement find = {
		.sql = "SELECT true FROM pg_catalog.pg_dist_partition WHERE logicalrelid = $1::pg_catalog.oid",
		.nargs = 1, .types = {OIDOID}
	};
	Datum		values[1] = {ObjectIdGetDatum(table)};

	return DatumGetBool(query_value(&find, values, BoolGetDatum(false)));
}

bool
citus_is_reference_table(Oid table)
{
	static CatalogStatement find = {
		.sql = "SELECT partmethod = 'n' AND repmodel = 't' FROM pg_catalog.pg_dist_partition"
		" WHERE logicalrelid = $1::pg_catalog.oid",
		.nargs = 1, .types = {OIDOID}
	};
	Datum		values[1] = {ObjectIdGetDatum(table)};

	return DatumGetBool(query_value(&find, values, BoolGetDatum(false)));
}

bool
citus_schema_is_distributed(const char *schema)
{
	static CatalogStatement find = {
		.sql = "SELECT true FROM pg_catalog.pg_dist_schema AS s"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = s.schemaid::pg_catalog.oid"
		" WHERE n.nspname = $1::pg_catalog.name",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(schema)};

	return DatumGetBool(query_value(&find, values, BoolGetDatum(false)));
}

/*
 * Tables of a schema that Citus does not know: those that nothing has distributed.
 */
List *
citus_unknown_tables(const char *schema)
{
	static CatalogStatement find = {
		.sql = "SELECT c.relname::pg_catalog.text FROM pg_catalog.pg_class AS c"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE n.nspname = $1::pg_catalog.name AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_partition AS p WHERE p.logicalrelid = c.oid)"
		" ORDER BY c.oid",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(schema)};

	return query_strings(&find, values);
}

/*
 * One of them that it knows, or NULL: what others are placed beside.
 */
char *
citus_known_table(const char *schema)
{
	static CatalogStatement find = {
		.sql = "SELECT c.relname::pg_catalog.text FROM pg_catalog.pg_class AS c"
		" JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" JOIN pg_catalog.pg_dist_partition AS p ON p.logicalrelid = c.oid"
		" WHERE n.nspname = $1::pg_catalog.name ORDER BY c.oid LIMIT 1",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(schema)};

	return query_string(&find, values);
}

/*
 * A shard's name is that of the table with the shard's number.  Citus hides shards
 * from queries, so the name is looked up in another way.
 */
char *
citus_table_of_shard(Oid table)
{
	static CatalogStatement find = {
		.sql = "SELECT logicalrelid::pg_catalog.text FROM pg_catalog.pg_dist_shard"
		" WHERE shardid = $1 AND logicalrelid::pg_catalog.oid <> $2",
		.nargs = 2, .types = {INT8OID, OIDOID}
	};
	char	   *relation = get_rel_name(table);
	char	   *number = relation ? strrchr(relation, '_') : NULL;
	Datum		values[2];

	if (number == NULL || strspn(number + 1, "0123456789") != strlen(number + 1))
		return NULL;
	values[0] = Int64GetDatum(strtoll(number + 1, NULL, 10));
	values[1] = ObjectIdGetDatum(table);
	return query_string(&find, values);
}

/* Has it triggers of its own, which Citus refuses on reference tables? */
bool
citus_has_triggers(const char *table)
{
	static CatalogStatement find = {
		.sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger"
		" WHERE tgrelid = pg_catalog.to_regclass($1) AND NOT tgisinternal)",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(table)};

	return DatumGetBool(query_value(&find, values, BoolGetDatum(false)));
}

/*
 * Tables of these names (qualified, quoted) that are no reference tables, and what they
 * reference; what is referenced comes first.
 */
List *
citus_future_reference_tables(List *names)
{
	static CatalogStatement find = {
		.sql = "WITH RECURSIVE wanted (oid, depth) AS ("
		" SELECT c.oid, 1 FROM pg_catalog.unnest($1) AS n JOIN pg_catalog.pg_class AS c"
		" ON c.oid = pg_catalog.to_regclass(n) AND c.relkind IN ('r', 'p')"
		" UNION"
		" SELECT k.confrelid, depth + 1 FROM wanted JOIN pg_catalog.pg_constraint AS k"
		" ON k.conrelid = wanted.oid AND k.contype = 'f' AND k.confrelid <> k.conrelid"
		" WHERE depth < 20)"
		" SELECT wanted.oid::pg_catalog.regclass::pg_catalog.text FROM wanted"
		" WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_dist_partition AS p"
		"  WHERE p.logicalrelid = wanted.oid AND p.partmethod = 'n' AND p.repmodel = 't')"
		" GROUP BY wanted.oid ORDER BY pg_catalog.max(depth) DESC, wanted.oid",
		.nargs = 1, .types = {TEXTARRAYOID}
	};
	Datum		values[1] = {catalog_text_array(names)};

	return query_strings(&find, values);
}
