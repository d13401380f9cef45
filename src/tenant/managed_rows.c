/*
 * managed_rows.c
 *		What happens to a tenant when its row in a managed table is inserted,
 *		updated or deleted: see managed_rows.h.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_tenants.h"
#include "syntax/sql_text.h"
#include "tenant/managed_part.h"
#include "tenant/managed_rows.h"
#include "tenant/tenant.h"

/* ------------------------------------------------------------------------
 * Roles
 * ------------------------------------------------------------------------
 */

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
 * session has set must not decide where the manager's statements look.
 */
static RoleBefore
enter_manager(const ManagedTable *managed)
{
	Oid			role = get_role_oid(managed->owner, true);
	RoleBefore	before;

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\", which manages the tenants of table \"%s\", does not exist",
						managed->owner, get_rel_name(managed->table)),
				 errhint("Call ashmig_manage_tenant() again as the role that should own the tenants.")));
	before = managed_role_enter(role, 0);
	settings_pin("ashmig.default_schema", managed->default_schema);
	settings_pin("ashmig.log_sql", "off");
	/* settings that a session can change, though no deployment does */
	settings_pin("array_nulls", "on");
	settings_pin("backslash_quote", "safe_encoding");
	settings_pin("transform_null_equals", "off");
	settings_pin("xmloption", "content");
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
 * The registration of a table, or of the nearest one that it is a partition or
 * a child of; NULL if there is none.  The role that writes the row need not be
 * allowed to read this, so it is read as the table's owner.
 */
static ManagedTable *
find_managed(Oid table)
{
	static CatalogStatement find = {
		.sql = "WITH RECURSIVE up (oid, depth) AS (SELECT $1, 0 UNION ALL"
		"  SELECT i.inhparent, up.depth + 1 FROM pg_catalog.pg_inherits AS i JOIN up ON i.inhrelid = up.oid)"
		" SELECT m.relation::pg_catalog.oid, m.template, m.on_insert, m.on_update,"
		" m.on_delete IS NOT NULL, m.default_schema, m.owner::pg_catalog.text"
		" FROM up JOIN ashmig.managed_tables AS m ON m.relation = up.oid ORDER BY up.depth LIMIT 1",
		.nargs = 1, .types = {OIDOID}
	};
	MemoryContext context = CurrentMemoryContext;
	RoleBefore	before = managed_role_enter(table_owner(catalog_table("managed_tables")), 0);
	int			level = catalog_connect();
	ManagedTable *managed = NULL;
	Datum		values[1];

	values[0] = ObjectIdGetDatum(table);
	if (catalog_query(&find, values, NULL) > 0)
		managed = row_managed(context);
	catalog_disconnect(level);
	managed_role_leave(before);
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
				 errmsg("tenants of table \"%s\" are not managed", RelationGetRelationName(rel)),
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
			 errmsg("table \"%s\" has no column \"%s\", which its tenant names are built from",
					RelationGetRelationName(rel), column),
			 errhint("Call ashmig_manage_tenant() again with existing columns.")));
	return NULL;				/* keep compiler quiet */
}

/*
 * The name of a row's tenant, checked.  Where a column is NULL, an error, or
 * NULL with "missing_ok".
 */
static char *
row_name(const ManagedTable *managed, Relation rel, HeapTuple row, bool missing_ok)
{
	int			level = managed_role_pin_text();
	StringInfoData name;
	ListCell   *lc;

	initStringInfo(&name);
	foreach(lc, managed->template)
	{
		const char *column = managed_table_part_column(lfirst(lc));
		const char *text = column ? column_text(rel, row, column) : lfirst(lc);

		if (text == NULL && missing_ok)
		{
			AtEOXact_GUC(true, level);
			return NULL;
		}
		if (text == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("cannot build tenant name because column \"%s\" of table \"%s\" is null",
							column, RelationGetRelationName(rel))));
		appendStringInfoString(&name, text);
	}
	AtEOXact_GUC(true, level);
	if (!missing_ok)
		catalog_tenants_check_name(name.data);
	return name.data;
}

/* Errors on a row say which. */
typedef struct RowContext
{
	Relation	rel;
	const char *name;
} RowContext;

/*
 * Say which row, and what may help if others block it.
 */
static void
row_callback(void *arg)
{
	const RowContext *context = arg;
	int			code = geterrcode();

	if (code == ERRCODE_T_R_DEADLOCK_DETECTED || code == ERRCODE_LOCK_NOT_AVAILABLE)
		errhint("If tenant tables reference this one, LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE before writing, or retry.",
				quote_name(RelationGetRelationName(context->rel)));
	errcontext("managing tenant \"%s\" for a row of table \"%s\"", context->name,
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

/*
 * Was the row inserted by this command?  Only rows of the server's own tables
 * say so, and not those of COPY FREEZE, which no transaction has written.
 */
static bool
is_inserted_by(HeapTuple row, CommandId command)
{
	return !HeapTupleHeaderXminFrozen(row->t_data) &&
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmin(row->t_data)) &&
		HeapTupleHeaderGetCmin(row->t_data) == command;
}

/* The name that the row had in another partition; NULL: it was not there. */
static char *
take_moved(const ManagedTable *managed, HeapTuple row)
{
	char	   *name = NULL;

	if (moved.name == NULL)
		return NULL;
	if (FullTransactionIdEquals(moved.transaction, GetTopFullTransactionId()) &&
		moved.table == managed->table && is_inserted_by(row, moved.command))
		name = pstrdup(moved.name);
	pfree(moved.name);
	moved.name = NULL;
	return name;
}

/* Does a tenant of that name belong to a row of the table? */
static bool
is_of_table(const ManagedTable *managed, const char *name)
{
	Oid			managed_by;

	return catalog_tenants_find(name, NULL, &managed_by) && managed_by == managed->table;
}

/*
 * Drop the tenant of a row that is gone, if it was that row's and no other has
 * the name now; any other tenant is left alone, without a wait for its lock.
 * Reading the table may run what its owner has made, and that may change which
 * tenant has the name, so it is looked up once more.
 */
static void
drop_of_row(const ManagedTable *managed, const char *name)
{
	if (!is_of_table(managed, name))
		return;
	tenant_lock_idle(name);
	if (!managed_table_has_row(managed, name) && is_of_table(managed, name))
		tenant_drop(name, true);
}

/* Raise an error for a row whose tenant is not its table's. */
static void
raise_not_of_table(const ManagedTable *managed, const char *name)
{
	Oid			managed_by;
	char	   *manager;

	(void) catalog_tenants_find(name, NULL, &managed_by);
	manager = OidIsValid(managed_by) ? get_rel_name(managed_by) : NULL;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NOT_ITS_TENANT),
			 errmsg("tenant \"%s\" does not belong to table \"%s\"",
					name, get_rel_name(managed->table)),
			 manager ?
			 errdetail("It belongs to table \"%s\".", manager) :
			 errdetail("No row of a managed table has created it."),
			 manager ? 0 :
			 errhint("Call ashmig_manage_tenant() again, by which rows take over the tenants that have their names.")));
}

/* Raise an error for a row that shares its tenant with another one. */
static void
raise_shared(const ManagedTable *managed, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NOT_ITS_TENANT),
			 errmsg("tenant \"%s\" belongs to another row of table \"%s\" as well",
					name, get_rel_name(managed->table)),
			 errdetail("Both rows had the name \"%s\", or this statement gives it to the other one.", name),
			 errhint("To swap names, use a third one in between, in separate statements.")));
}

/*
 * Rename the tenant of a row, if it is that row's: the same is asked as for a
 * drop, and in the same order.
 */
static void
rename_of_row(const ManagedTable *managed, const char *old_name, const char *new_name)
{
	catalog_tenants_check_name(new_name);
	tenant_lock_both(old_name, new_name);
	if (is_of_table(managed, old_name) && managed_table_has_row(managed, old_name))
		raise_shared(managed, old_name);
	if (catalog_tenants_known(old_name) && !is_of_table(managed, old_name))
		raise_not_of_table(managed, old_name);
	tenant_rename(old_name, new_name);
}

/*
 * Bring the tenants from an old row to a new one, each NULL if there is no
 * such row, or none that has a tenant; as the manager.
 */
static void
change_tenant(const ManagedTable *managed, Relation rel, const char *old_name, const char *new_name)
{
	RowContext	context = {rel, new_name ? new_name : old_name};
	ErrorContextCallback callback;
	RoleBefore	before;

	if (old_name && new_name && strcmp(old_name, new_name) == 0)
		return;
	callback.callback = row_callback;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	before = enter_manager(managed);
	if (old_name == NULL)
		(void) tenant_create(new_name, false, managed->table);
	else if (new_name == NULL)
		drop_of_row(managed, old_name);
	else
		rename_of_row(managed, old_name, new_name);
	managed_role_leave(before);
	error_context_stack = callback.previous;
}

/*
 * A row has been inserted, or has come from another partition.
 */
void
managed_rows_inserted(Relation rel, HeapTuple row)
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
managed_rows_updated(Relation rel, HeapTuple old_row, HeapTuple new_row)
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
managed_rows_deleted(Relation rel, HeapTuple row)
{
	ManagedTable *managed = need_managed(rel);
	char	   *name = row_name(managed, rel, row, true);

	if (HeapTupleHeaderIndicatesMovedPartitions(row->t_data))
		note_moved(managed, row, name);
	else if (managed->drop_on_delete && name)
		change_tenant(managed, rel, name, NULL);
}
