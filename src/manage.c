/*
 * manage.c
 *		Tables whose rows have a tenant each: see manage.h.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "ashmig.h"
#include "catalog.h"
#include "compat.h"
#include "errors.h"
#include "exec.h"
#include "manage.h"
#include "registry.h"
#include "tenant.h"
#include "text.h"

/* A table's names, for SQL */
static char *
qualified_name(Oid table)
{
	return psprintf("%s.%s", quote_name(get_namespace_name(get_rel_namespace(table))),
					quote_name(get_rel_name(table)));
}

/* The column that a part of a template names, or NULL where it is text */
static const char *
part_column(const char *part)
{
	return part[0] == ':' ? part + 1 : NULL;
}

/* ------------------------------------------------------------------------
 * Settings and roles
 * ------------------------------------------------------------------------
 */

static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Pin what the text of a value depends on, until AtEOXact_GUC, so that a row
 * has the same tenant in every session.
 */
static int
pin_text(void)
{
	int			level = NewGUCNestLevel();

	set_local("DateStyle", "ISO, YMD");
	set_local("IntervalStyle", "postgres");
	set_local("TimeZone", "UTC");
	set_local("bytea_output", "hex");
	set_local("extra_float_digits", "1");
	set_local("search_path", "pg_catalog, pg_temp");
	return level;
}

/* Who we were before becoming somebody else */
typedef struct Before
{
	Oid			user;
	int			security;
	int			guc_level;
} Before;

/*
 * Become a role, as a SECURITY DEFINER function does, until leave_role; an
 * error makes up for that.
 */
static Before
enter_role(Oid role)
{
	Before		before;

	GetUserIdAndSecContext(&before.user, &before.security);
	before.guc_level = NewGUCNestLevel();
	SetUserIdAndSecContext(role, before.security | SECURITY_LOCAL_USERID_CHANGE);
	return before;
}

static void
leave_role(Before before)
{
	AtEOXact_GUC(true, before.guc_level);
	SetUserIdAndSecContext(before.user, before.security);
}

/* Owner of a table */
static Oid
table_owner(Oid table)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u does not exist", table)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Become the role that set a table up, with its default schema: what the
 * session has set must not decide where the owner's statements look.
 */
static Before
enter_owner(const ManagedTable *managed)
{
	Oid			role = get_role_oid(managed->owner, true);
	Before		before;

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\", which manages the tenants of table \"%s\", does not exist",
						managed->owner, get_rel_name(managed->table)),
				 errhint("Call ashmig_manage_tenant() again as the role that shall own the tenants.")));
	before = enter_role(role);
	set_local("ashmig.default_schema", managed->default_schema);
	set_local("ashmig.log_sql", "off");
	/* what a session may turn, and no deployment does */
	set_local("array_nulls", "on");
	set_local("backslash_quote", "safe_encoding");
	set_local("transform_null_equals", "off");
	set_local("xmloption", "content");
	return before;
}

/* ------------------------------------------------------------------------
 * Registrations
 * ------------------------------------------------------------------------
 */

/* The row of "find" below, in "context" */
static ManagedTable *
row_managed(MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	ManagedTable *managed = palloc(sizeof(ManagedTable));
	bool		isnull;

	managed->table = DatumGetObjectId(catalog_datum(0, 1, &isnull));
	managed->template = catalog_text_list(catalog_datum(0, 2, &isnull));
	managed->on_insert = DatumGetBool(catalog_datum(0, 3, &isnull));
	managed->on_update = DatumGetBool(catalog_datum(0, 4, &isnull));
	managed->drop_on_delete = DatumGetBool(catalog_datum(0, 5, &isnull));
	managed->default_schema = catalog_string(0, 6, context);
	managed->owner = catalog_string(0, 7, context);
	MemoryContextSwitchTo(old);
	return managed;
}

/*
 * The registration of a table, or of the nearest one that it is a partition
 * or a child of; NULL where there is none.  Whoever writes the row need not be
 * allowed to read this, so it is read as the one whose table it is.
 */
static ManagedTable *
find_managed(Oid table)
{
	static CatalogStatement find = {
		.sql = "WITH RECURSIVE up (oid, depth) AS (SELECT $1, 0 UNION ALL"
		"  SELECT i.inhparent, up.depth + 1 FROM pg_catalog.pg_inherits AS i JOIN up ON i.inhrelid = up.oid)"
		" SELECT m.table_name::pg_catalog.oid, m.template, m.on_insert, m.on_update,"
		" m.on_delete IS NOT NULL, m.default_schema, m.owner::pg_catalog.text"
		" FROM up JOIN ashmig.managed_tables AS m ON m.table_name = up.oid ORDER BY up.depth LIMIT 1",
		.nargs = 1, .types = {OIDOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Before		before = enter_role(table_owner(catalog_table("managed_tables")));
	int			level = catalog_connect();
	ManagedTable *managed = NULL;
	Datum		values[1];

	values[0] = ObjectIdGetDatum(table);
	if (catalog_query(&find, values, NULL) > 0)
		managed = row_managed(context);
	catalog_disconnect(level);
	leave_role(before);
	return managed;
}

/* The registration that a trigger fired for */
static ManagedTable *
need_managed(Relation rel)
{
	ManagedTable *managed = find_managed(RelationGetRelid(rel));

	if (managed == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("the tenants of table \"%s\" are not managed", RelationGetRelationName(rel)),
				 errhint("Set the trigger up with ashmig_manage_tenant(), or drop it.")));
	return managed;
}

/* ------------------------------------------------------------------------
 * Names
 * ------------------------------------------------------------------------
 */

/*
 * The text of a value, as a cast to text gives it, and as nothing that a user
 * could define does.
 */
static char *
value_text(Datum value, Oid type)
{
	Oid			base = getBaseType(type);
	Oid			output;
	bool		varlena;
	char	   *text;

	if (base == BOOLOID)
		return pstrdup(DatumGetBool(value) ? "true" : "false");
	getTypeOutputInfo(base, &output, &varlena);
	text = OidOutputFunctionCall(output, value);
	if (base == BPCHAROID)
	{
		int			length = strlen(text);

		while (length > 0 && text[length - 1] == ' ')
			text[--length] = '\0';
	}
	return text;
}

/*
 * The text of a column of a row, or NULL.
 */
static char *
column_text(Relation rel, HeapTuple row, const char *column)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool		isnull;
		Datum		value;

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), column) != 0)
			continue;
		value = heap_getattr(row, i + 1, desc, &isnull);
		return isnull ? NULL : value_text(value, attribute->atttypid);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%s\" has no column \"%s\", of which its tenants' names are made",
					RelationGetRelationName(rel), column),
			 errhint("Call ashmig_manage_tenant() again with the columns that it has.")));
	return NULL;				/* keep compiler quiet */
}

/*
 * The name of a row's tenant, checked.  Where a column is NULL, an error, or
 * NULL with "missing_ok".
 */
static char *
row_name(const ManagedTable *managed, Relation rel, HeapTuple row, bool missing_ok)
{
	int			level = pin_text();
	StringInfoData name;
	ListCell   *lc;

	initStringInfo(&name);
	foreach(lc, managed->template)
	{
		const char *column = part_column(lfirst(lc));
		const char *text = column ? column_text(rel, row, column) : lfirst(lc);

		if (text == NULL && missing_ok)
		{
			AtEOXact_GUC(true, level);
			return NULL;
		}
		if (text == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column \"%s\" of table \"%s\" is NULL, so the row's tenant has no name",
							column, RelationGetRelationName(rel))));
		appendStringInfoString(&name, text);
	}
	AtEOXact_GUC(true, level);
	if (!missing_ok)
		registry_check_name(name.data);
	return name.data;
}

/*
 * The same in SQL: an expression over the columns of "alias".
 */
static char *
name_expression(const ManagedTable *managed, const char *alias)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, managed->template)
	{
		const char *column = part_column(lfirst(lc));

		if (sql.len > 0)
			appendStringInfoString(&sql, " || ");
		if (column)
			appendStringInfo(&sql, "%s.%s::pg_catalog.text", alias, quote_name(column));
		else
			appendStringInfo(&sql, "%s::pg_catalog.text", quote_text(lfirst(lc)));
	}
	return sql.data;
}

/* Errors on a row say which. */
typedef struct RowContext
{
	Relation	rel;
	const char *name;
} RowContext;

static void
row_callback(void *arg)
{
	const RowContext *context = arg;
	int			code = geterrcode();

	if (code == ERRCODE_T_R_DEADLOCK_DETECTED || code == ERRCODE_LOCK_NOT_AVAILABLE)
		errhint("Where tenants' tables reference this one, LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE before writing, or try again.",
				quote_name(RelationGetRelationName(context->rel)));
	errcontext("tenant \"%s\" of a row of table \"%s\"", context->name,
			   RelationGetRelationName(context->rel));
}

/* ------------------------------------------------------------------------
 * What rows bring about
 * ------------------------------------------------------------------------
 */

/*
 * An UPDATE that moves a row to another partition fires the triggers of a
 * DELETE there and, next, of an INSERT here.  The former leaves the name in
 * this note for the latter.
 */
static struct
{
	FullTransactionId transaction;
	CommandId	command;
	Oid			table;
	char	   *name;
}			moved;

/* The row goes to another partition. */
static void
note_moved(const ManagedTable *managed, HeapTuple row, const char *name)
{
	if (moved.name)
		pfree(moved.name);
	moved.name = name ? MemoryContextStrdup(TopMemoryContext, name) : NULL;
	moved.transaction = GetTopFullTransactionId();
	moved.command = HeapTupleHeaderGetCmax(row->t_data);
	moved.table = managed->table;
}

/* The name that the row had in another partition; NULL: it was not there. */
static char *
take_moved(const ManagedTable *managed, HeapTuple row)
{
	char	   *name = NULL;

	if (moved.name == NULL)
		return NULL;
	if (FullTransactionIdEquals(moved.transaction, GetTopFullTransactionId()) &&
		moved.command == HeapTupleHeaderGetCmin(row->t_data) &&
		moved.table == managed->table)
		name = pstrdup(moved.name);
	pfree(moved.name);
	moved.name = NULL;
	return name;
}

/* Does another row of the table have that name, now that this one is gone? */
static bool
has_other_row(const ManagedTable *managed, const char *name)
{
	int			level = pin_text();
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	bool		found;
	SPIPlanPtr	plan;

	set_local("row_security", "off");
	SPI_connect();
	plan = SPI_prepare(psprintf("SELECT 1 FROM %s AS t WHERE %s OPERATOR(pg_catalog.=) $1 LIMIT 1",
								qualified_name(managed->table), name_expression(managed, "t")),
					   1, types);
	values[0] = CStringGetTextDatum(name);
	CommandCounterIncrement();
	if (plan == NULL || SPI_execute_snapshot(plan, values, NULL, GetLatestSnapshot(),
											 InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not look for other rows of a tenant")));
	found = SPI_processed > 0;
	SPI_finish();
	AtEOXact_GUC(true, level);
	return found;
}

/* Drop the tenant of a row that is gone, if it was that row's. */
static void
drop_of_row(const ManagedTable *managed, const char *name)
{
	Oid			managed_by;

	if (registry_find(name, NULL, &managed_by) && managed_by == managed->table &&
		!has_other_row(managed, name))
		tenant_drop(name, true);
}

/*
 * Bring the tenants from an old row to a new one, each NULL where there is no
 * such row, or none that has a tenant; as the owner.
 */
static void
change_tenant(const ManagedTable *managed, Relation rel, const char *old_name, const char *new_name)
{
	RowContext	context = {rel, new_name ? new_name : old_name};
	ErrorContextCallback callback;
	Before		before;

	if (old_name && new_name && strcmp(old_name, new_name) == 0)
		return;
	callback.callback = row_callback;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	before = enter_owner(managed);
	if (old_name == NULL)
		(void) tenant_create(new_name, false, managed->table);
	else if (new_name == NULL)
		drop_of_row(managed, old_name);
	else
		tenant_rename(old_name, new_name);
	leave_role(before);
	error_context_stack = callback.previous;
}

/*
 * A row has been inserted, or has come from another partition.
 */
void
manage_inserted(Relation rel, HeapTuple row)
{
	ManagedTable *managed = need_managed(rel);
	char	   *old_name = take_moved(managed, row);

	if (old_name ? managed->on_update : managed->on_insert)
		change_tenant(managed, rel, old_name, row_name(managed, rel, row, false));
}

/*
 * A row has been updated.  One that had no name yet gets its tenant now.
 */
void
manage_updated(Relation rel, HeapTuple old_row, HeapTuple new_row)
{
	ManagedTable *managed = need_managed(rel);
	char	   *old_name = row_name(managed, rel, old_row, true);

	if (managed->on_update && (old_name || managed->on_insert))
		change_tenant(managed, rel, old_name, row_name(managed, rel, new_row, false));
}

/*
 * A row has been deleted, or goes to another partition.
 */
void
manage_deleted(Relation rel, HeapTuple row)
{
	ManagedTable *managed = need_managed(rel);
	char	   *name = row_name(managed, rel, row, true);

	if (HeapTupleHeaderIndicatesMovedPartitions(row->t_data))
		note_moved(managed, row, name);
	else if (managed->drop_on_delete && name)
		change_tenant(managed, rel, name, NULL);
}

/* ------------------------------------------------------------------------
 * Setting up
 * ------------------------------------------------------------------------
 */

/* Raise for a table or template that cannot be managed. */
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
		refuse("\"%s\" is a partition", name, "Manage the partitioned table.");
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
			refuse("column \"%s\" is generated when it is read, too late for a trigger", column,
				   "Make it a stored column.");
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
	const char *hint = "For example: ARRAY['org_', ':id'], where parts with a colon are columns.";
	bool		has_column = false;
	ListCell   *lc;

	foreach(lc, template)
	{
		const char *part = lfirst(lc);

		if (part_column(part))
		{
			check_column(rel, part_column(part));
			has_column = true;
		}
		else if (strspn(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(part))
			refuse("the part \"%s\" of the template cannot be in the name of a tenant", part, hint);
	}
	if (!has_column)
		refuse("the template of table \"%s\" has no column", RelationGetRelationName(rel), hint);
}

#define INSERT_TRIGGER "ashmig_tenant_insert"
#define UPDATE_TRIGGER "ashmig_tenant_update"
#define DELETE_TRIGGER "ashmig_tenant_delete"

/* Drop the triggers of a table, as far as it has them. */
static void
drop_triggers(Oid table)
{
	static const char *const triggers[] = {INSERT_TRIGGER, UPDATE_TRIGGER, DELETE_TRIGGER};
	char	   *name = qualified_name(table);

	for (int i = 0; i < lengthof(triggers); i++)
	{
		if (OidIsValid(get_trigger_oid(table, triggers[i], true)))
			exec_command(psprintf("DROP TRIGGER %s ON %s", triggers[i], name));
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
		const char *column = part_column(lfirst(lc));

		if (column)
			appendStringInfo(&sql, "%sOLD.%s::pg_catalog.text IS DISTINCT FROM NEW.%s::pg_catalog.text",
							 sql.len > 0 ? " OR " : "", quote_name(column), quote_name(column));
	}
	return sql.data;
}

static void
create_trigger(const char *trigger, const char *event, Oid table, const char *when)
{
	exec_command(psprintf("CREATE TRIGGER %s AFTER %s ON %s FOR EACH ROW %s"
						  "EXECUTE FUNCTION ashmig.tenant_row_%s()",
						  trigger, event, qualified_name(table),
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

/*
 * Write the registration.
 */
static void
save_managed(const ManagedTable *managed)
{
	static CatalogStatement save = {
		.sql = "INSERT INTO ashmig.managed_tables"
		" (table_name, template, on_insert, on_update, on_delete, default_schema, owner)"
		" VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN 'drop' END, $6, $7::pg_catalog.name)"
		" ON CONFLICT (table_name) DO UPDATE SET template = excluded.template,"
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
 * Rows that are there already: their tenants are theirs from now on, and those
 * that have none are told of.
 */
static void
claim_tenants(const ManagedTable *managed)
{
	int			level = pin_text();
	char	   *names = psprintf("(SELECT %s AS name FROM %s AS t)", name_expression(managed, "t"),
								 qualified_name(managed->table));
	Oid			types[1] = {REGCLASSOID};
	Datum		values[1];
	bool		isnull;
	int64		missing;

	values[0] = ObjectIdGetDatum(managed->table);
	SPI_connect();
	CommandCounterIncrement();
	if (SPI_execute_with_args(psprintf("UPDATE ashmig.tenants SET managed_by = $1"
									   " WHERE managed_by IS NULL AND schema_name IN (SELECT name FROM %s AS n)", names),
							  1, types, values, NULL, false, 0) != SPI_OK_UPDATE ||
		SPI_execute(psprintf("SELECT pg_catalog.count(*), pg_catalog.min(name) FROM %s AS n"
							 " WHERE NOT EXISTS (SELECT FROM ashmig.tenants WHERE schema_name = name)", names),
					true, 0) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not look for the tenants of existing rows")));
	missing = DatumGetInt64(catalog_datum(0, 1, &isnull));
	if (missing > 0 && managed->on_insert)
		ereport(WARNING,
				(errcode(ERRCODE_ASHMIG_NO_TENANT),
				 errmsg_plural(INT64_FORMAT " row of table \"%s\" has no tenant",
							   INT64_FORMAT " rows of table \"%s\" have no tenant",
							   (unsigned long) missing, missing, get_rel_name(managed->table)),
				 errdetail("The first would be \"%s\".", SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)),
				 errhint("The triggers are for rows to come; create these with ashmig_create_tenant().")));
	SPI_finish();
	AtEOXact_GUC(true, level);
}

/*
 * Set up.
 */
void
manage_table(const ManagedTable *managed)
{
	Relation	rel = table_open(managed->table, ShareRowExclusiveLock);
	int			level;
	ListCell   *lc;

	check_table(rel);
	check_template(rel, managed->template);
	table_close(rel, NoLock);

	catalog_lock_tenants(RowExclusiveLock);
	level = NewGUCNestLevel();
	set_local("search_path", "pg_catalog, pg_temp");
	foreach(lc, tables_with_triggers(managed->table))
		create_triggers(managed, lfirst_oid(lc));
	AtEOXact_GUC(true, level);
	save_managed(managed);
	claim_tenants(managed);
}

/*
 * Take away.
 */
void
manage_forget(Oid table)
{
	static CatalogStatement forget = {
		.sql = "DELETE FROM ashmig.managed_tables WHERE table_name = $1",
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
				 errmsg("the tenants of table \"%s\" are not managed",
						get_rel_name(table) ? get_rel_name(table) : "?")));
}
