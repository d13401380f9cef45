/*
 * managed_setup.c
 *		Setting up managed tables, each row of which has a tenant: see
 *		managed_setup.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "metadata/catalog_migrations.h"
#include "metadata/citus.h"
#include "migrate/execute.h"
#include "tenant/managed_part.h"
#include "tenant/managed_setup.h"

/* ------------------------------------------------------------------------
 * What can be managed
 * ------------------------------------------------------------------------
 */

/* Raise an error for a table or template that cannot be managed. */
static void
refuse(const char *message, const char *subject, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
			 errmsg(message, subject),
			 hint ? errhint("%s", hint) : 0));
}

/*
 * Can rows of this table have tenants?
 */
static void
check_table(Relation rel)
{
	const char *name = RelationGetRelationName(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		refuse("\"%s\" is not a table", name, NULL);
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		refuse("\"%s\" is a temporary table", name, NULL);
	if (rel->rd_rel->relispartition)
		refuse("\"%s\" is a partition", name, "Use the partitioned table instead.");
	if (citus_is_used() && (citus_is_reference_table(RelationGetRelid(rel))))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CITUS),
				 errmsg("reference table \"%s\" cannot have the triggers that manage tenants", name),
				 errdetail("Tenants' foreign keys reference it, so Citus has a copy of it on every node, and no triggers there."),
				 errhint("Manage tenants by a table that no tenant references, say one with the tenants' names alone.")));
}

/* Is there a column of that name whose value a trigger sees? */
static void
check_column(Relation rel, const char *column)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), column) != 0)
			continue;
		if (attribute->attgenerated == 'v')
			refuse("column \"%s\" is a virtual generated column", column,
				   "Make it a stored generated column, whose value a trigger can read.");
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%s\" has no column \"%s\"", RelationGetRelationName(rel), column)));
}

/*
 * Does the template make names, another one for each row?
 */
static void
check_template(Relation rel, List *template)
{
	const char *hint = "For example: ARRAY['org_', ':id'], where parts that begin with a colon are columns.";
	bool		has_column = false;

	foreach_ptr(const char, part, template)
	{
		if (managed_table_part_column(part))
		{
			check_column(rel, managed_table_part_column(part));
			has_column = true;
		}
		else if (strspn(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(part))
			refuse("template part \"%s\" cannot be used in a tenant name", part, hint);
	}
	if (!has_column)
		refuse("template for table \"%s\" contains no column", RelationGetRelationName(rel), hint);
}

/* ------------------------------------------------------------------------
 * Triggers
 * ------------------------------------------------------------------------
 */

#define INSERT_TRIGGER "ashmig_tenant_insert"
#define UPDATE_TRIGGER "ashmig_tenant_update"
#define DELETE_TRIGGER "ashmig_tenant_delete"

/* Drop the triggers of a table, as far as it has them. */
static void
drop_triggers(Oid table)
{
	static const char *const triggers[] = {INSERT_TRIGGER, UPDATE_TRIGGER, DELETE_TRIGGER};
	char	   *name = managed_table_qualified_name(table);

	for (int i = 0; i < lengthof(triggers); i++)
	{
		if (OidIsValid(get_trigger_oid(table, triggers[i], true)))
			execute_command(psprintf("DROP TRIGGER %s ON %s", triggers[i], name));
	}
}

/* WHEN a column of the template changes: other updates cost nothing. */
static char *
update_condition(const ManagedTable *managed)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, managed->template)
	{
		const char *column = managed_table_part_column(lfirst(lc));

		if (column)
			appendStringInfo(&sql, "%s%s IS DISTINCT FROM %s", sql.len > 0 ? " OR " : "",
							 managed_table_column_expression("OLD", column),
							 managed_table_column_expression("NEW", column));
	}
	return sql.data;
}

/* Create one. */
static void
create_trigger(const char *trigger, const char *event, Oid table, const char *when)
{
	execute_command(psprintf("CREATE TRIGGER %s AFTER %s ON %s FOR EACH ROW %s"
							 "EXECUTE FUNCTION ashmig.tenant_row_%s()",
							 trigger, event, managed_table_qualified_name(table),
							 when ? psprintf("WHEN (%s) ", when) : "",
							 strcmp(event, "INSERT") == 0 ? "inserted" :
							 strcmp(event, "UPDATE") == 0 ? "updated" : "deleted"));
}

/*
 * The triggers of one table.  A partitioned one has those of INSERT and DELETE
 * in any case, as they are what moves between its partitions fire; partitions
 * get theirs from it.
 */
static void
create_triggers(const ManagedTable *managed, Oid table)
{
	bool		partitioned = get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE;

	drop_triggers(table);
	if (managed->on_insert || partitioned)
		create_trigger(INSERT_TRIGGER, "INSERT", table, NULL);
	if (managed->on_update)
		create_trigger(UPDATE_TRIGGER, "UPDATE", table, update_condition(managed));
	if (managed->drop_on_delete || partitioned)
		create_trigger(DELETE_TRIGGER, "DELETE", table, NULL);
}

/* The table and what inherits from it, partitions apart */
static List *
tables_with_triggers(Oid table)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(table, ShareRowExclusiveLock, NULL))
	{
		if (!get_rel_relispartition(lfirst_oid(lc)))
			result = lappend_oid(result, lfirst_oid(lc));
	}
	return result;
}

/* ------------------------------------------------------------------------
 * The registration
 * ------------------------------------------------------------------------
 */

/*
 * Write it.
 */
static void
save_managed(const ManagedTable *managed)
{
	static CatalogStatement save = {
		.sql = "INSERT INTO ashmig.managed_tables"
		" (relation, template, on_insert, on_update, on_delete, default_schema, owner)"
		" VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN 'drop' END, $6, $7::pg_catalog.name)"
		" ON CONFLICT (relation) DO UPDATE SET template = excluded.template,"
		" on_insert = excluded.on_insert, on_update = excluded.on_update,"
		" on_delete = excluded.on_delete, default_schema = excluded.default_schema,"
		" owner = excluded.owner",
		.nargs = 7, .types = {REGCLASSOID, TEXTARRAYOID, BOOLOID, BOOLOID, BOOLOID, TEXTOID, TEXTOID}
	};
	int			level = catalog_connect();
	Datum		values[7];

	values[0] = ObjectIdGetDatum(managed->table);
	values[1] = catalog_text_array(managed->template);
	values[2] = BoolGetDatum(managed->on_insert);
	values[3] = BoolGetDatum(managed->on_update);
	values[4] = BoolGetDatum(managed->drop_on_delete);
	values[5] = CStringGetTextDatum(managed->default_schema);
	values[6] = CStringGetTextDatum(managed->owner);
	catalog_execute(&save, values, NULL);
	catalog_disconnect(level);
}

/*
 * Say how many rows have no tenant; "first" is the name that one would have,
 * or NULL.
 */
static void
warn_of_missing(Oid table, int64 missing, const char *first)
{
	ereport(WARNING,
			(errcode(ERRCODE_ASHMIG_NO_TENANT),
			 errmsg_plural(INT64_FORMAT " row of table \"%s\" has no tenant",
						   INT64_FORMAT " rows of table \"%s\" have no tenant",
						   (unsigned long) missing, missing, get_rel_name(table)),
			 first ? errdetail("The first missing tenant is \"%s\".", first) : 0,
			 errhint("The triggers only handle new rows. Create missing tenants with ashmig_create_tenant().")));
}

/*
 * Existing rows: their tenants belong to them from now on, unless they belong
 * to rows of another table that exists; and rows without a tenant are reported.
 */
static void
claim_tenants(const ManagedTable *managed)
{
	static CatalogStatement claim = {
		.sql = "UPDATE ashmig.tenants AS t SET managed_by = $1"
		" WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = t.managed_by)"
		" AND schema_name IN (SELECT n.name FROM pg_catalog.unnest($2) AS n (name))",
		.nargs = 2, .types = {REGCLASSOID, TEXTARRAYOID}
	};
	static CatalogStatement find = {
		.sql = "SELECT pg_catalog.count(*), pg_catalog.min(n.name COLLATE pg_catalog.\"C\")"
		" FROM pg_catalog.unnest($1) AS n (name)"
		" WHERE NOT EXISTS (SELECT FROM ashmig.tenants AS t WHERE t.schema_name = n.name)",
		.nargs = 1, .types = {TEXTARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2] = {ObjectIdGetDatum(managed->table), managed_table_row_names(managed)};
	int			level = catalog_connect();
	int64		missing;

	catalog_execute(&claim, values, NULL);
	catalog_query(&find, &values[1], NULL);
	missing = catalog_int64(0, 1);
	if (missing > 0 && managed->on_insert)
		warn_of_missing(managed->table, missing, catalog_string(0, 2, context));
	catalog_disconnect(level);
}

void
managed_setup_apply(const ManagedTable *managed)
{
	Relation	rel = try_table_open(managed->table, ShareRowExclusiveLock);
	int			level;
	ListCell   *lc;

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u does not exist", managed->table)));
	check_table(rel);
	check_template(rel, managed->template);
	table_close(rel, NoLock);

	catalog_lock_tenants(RowExclusiveLock);
	level = NewGUCNestLevel();
	settings_pin("search_path", "pg_catalog, pg_temp");
	foreach(lc, tables_with_triggers(managed->table))
		create_triggers(managed, lfirst_oid(lc));
	AtEOXact_GUC(true, level);
	save_managed(managed);
	claim_tenants(managed);
}

void
managed_setup_remove(Oid table)
{
	static CatalogStatement forget = {
		.sql = "DELETE FROM ashmig.managed_tables WHERE relation = $1",
		.nargs = 1, .types = {REGCLASSOID}
	};
	static CatalogStatement release = {
		.sql = "UPDATE ashmig.tenants SET managed_by = NULL WHERE managed_by = $1",
		.nargs = 1, .types = {REGCLASSOID}
	};
	Datum		values[1];
	uint64		rows;
	int			level;
	ListCell   *lc;

	if (get_rel_name(table))
	{
		foreach(lc, tables_with_triggers(table))
			drop_triggers(lfirst_oid(lc));
	}
	level = catalog_connect();
	values[0] = ObjectIdGetDatum(table);
	rows = catalog_execute(&forget, values, NULL);
	catalog_execute(&release, values, NULL);
	catalog_disconnect(level);
	if (rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("tenants of table \"%s\" are not managed",
						get_rel_name(table) ? get_rel_name(table) : "?")));
}
