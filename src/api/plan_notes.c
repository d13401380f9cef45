/*
 * plan_notes.c
 *		What the catalog adds to the notes of ashmig_plan: see plan_notes.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/plan_notes.h"
#include "base/names.h"
#include "base/settings.h"
#include "metadata/catalog_spi.h"
#include "metadata/citus.h"
#include "run/lock_budget.h"
#include "run/public_references.h"
#include "syntax/sql_text.h"

/* The public table as it stands in this database, or InvalidOid */
static Oid
find_table(const TableName *name)
{
	Oid			schema = get_namespace_oid(name->schema ? name->schema : ashmig_default_schema,
										   true);

	return OidIsValid(schema) && name->scope == SCOPE_PUBLIC ? get_relname_relid(name->name, schema)
		: InvalidOid;
}

/* The foreign keys of other schemas that point to the table, or NULL */
static const PublicReferences *
references_to(Oid table)
{
	List	   *found = OidIsValid(table) ? public_references_list(table) : NIL;

	return found == NIL ? NULL : linitial(found);
}

/* Locks that a new key brings to a delete: on the referencing table and two indexes */
#define LOCKS_OF_KEY 3

/* Would one delete in the table take too many locks, if each tenant has a key more? */
static const char *
note_locks(const PublicReferences *references)
{
	int64		locks = references ? references->locks + references->tenants * LOCKS_OF_KEY : 0;

	return !public_references_are_many(locks) ? ""
		: psprintf("; one delete there will take about " INT64_FORMAT " of the server's " INT64_FORMAT
				   " locks: set max_locks_per_transaction to " INT64_FORMAT " or more",
				   locks, lock_budget_room(), public_references_setting(locks));
}

/* On Citus the public table becomes a reference table, unless it is one. */
static const char *
note_reference_table(const TableName *name)
{
	Oid			table = find_table(name);

	return OidIsValid(table) && citus_is_reference_table(table) ? NULL
		: psprintf("makes \"%s\" a reference table, with a copy on every node of the Citus cluster", table_name_show(name));
}

/*
 * A tenant's foreign key to a public table adds two triggers to that, in each
 * tenant; whoever deletes a row there asks every tenant.
 */
static const char *
note_tenant_key(const Operation *operation)
{
	const ForeignKey *key = operation->foreign_key.to;
	const PublicReferences *references;

	if (operation->table.scope != SCOPE_TENANT || key->target.scope == SCOPE_TENANT)
		return NULL;
	if (citus_is_used())
		return note_reference_table(&key->target);
	references = references_to(find_table(&key->target));
	return psprintf("adds 2 triggers per tenant to \"%s\", which has keys of " INT64_FORMAT
					" tenant tables so far; a delete there looks into each of them%s",
					table_name_show(&key->target), references ? references->keys : 0,
					note_locks(references));
}

/* The same, where a public table with such keys goes or its key changes */
static const char *
note_public_table(const Operation *operation)
{
	const PublicReferences *references = references_to(find_table(&operation->table));

	return references == NULL ? NULL
		: psprintf("foreign keys of " INT64_FORMAT " tenant tables point to it", references->keys);
}

/* Does the template of the table's tenants name this column? */
static const char *
note_template(const Operation *operation, const char *column)
{
	static CatalogStatement find = {
		.sql = "SELECT pg_catalog.array_to_string(template, '') FROM ashmig.managed_tables"
		" WHERE relation = $1 AND (':' || $2) = ANY (template)",
		.nargs = 2, .types = {OIDOID, TEXTOID}
	};
	MemoryContext caller = CurrentMemoryContext;
	Oid			table = find_table(&operation->table);
	char	   *template = NULL;
	Datum		values[2];
	int			level;

	if (!OidIsValid(table))
		return NULL;
	level = catalog_connect();
	values[0] = ObjectIdGetDatum(table);
	values[1] = CStringGetTextDatum(column);
	if (catalog_query(&find, values, NULL) > 0)
		template = catalog_string(0, 1, caller);
	catalog_disconnect(level);
	return template == NULL ? NULL
		: psprintf("the column names tenants: the template of ashmig_manage_tenant() is %s",
				   quote_text(template));
}

static const char *
note_of(const Operation *operation)
{
	switch (operation->kind)
	{
		case OP_ADD_FOREIGN_KEY:
			return note_tenant_key(operation);
		case OP_DROP_TABLE:
		case OP_REMOVE_PRIMARY_KEY:
			return note_public_table(operation);
		case OP_RENAME_ATTRIBUTE:
			return note_template(operation, operation->name.from);
		case OP_REMOVE_ATTRIBUTE:
		case OP_RETIRE_ATTRIBUTE:
		case OP_DROP_RETIRED:
			return note_template(operation, operation->column.from->name);
		case OP_ALTER_ATTRIBUTE:
			return strcmp(operation->column.from->type, operation->column.to->type) == 0 ? NULL
				: note_template(operation, operation->column.from->name);
		default:
			return NULL;
	}
}

const char *
plan_notes_add(const Operation *operation, const char *note)
{
	const char *more = note_of(operation);

	return more == NULL ? note : note == NULL ? more : psprintf("%s; %s", more, note);
}
