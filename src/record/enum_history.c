/*
 * enum_history.c
 *		The values that an enum has: see enum_history.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "record/enum_history.h"
#include "syntax/enum_follow.h"
#include "syntax/sql_text.h"

/* What stands for a tenant's schema when recorded statements are read; no schema can be called so */
#define TENANT_SCHEMA "pg_tenant"

/* What a migration does in a schema; as the statements that are followed name it */
static bool
follow_migration(EnumFollow *follow, const Migration *migration)
{
	const char *schema = migration->scope == SCOPE_TENANT ? TENANT_SCHEMA : ashmig_default_schema;
	bool		known = true;
	ListCell   *lc;

	foreach(lc, migration->up)
		known &= enum_follow_text(follow, sql_fill(lfirst(lc), schema, ashmig_default_schema),
								  migration);
	return known;
}

/*
 * Follow the type through the recorded migrations; false if they do not leave
 * one of that name.
 */
static bool
recorded_labels(const EnumType *type, List **labels)
{
	const char *schema = type->scope == SCOPE_TENANT ? TENANT_SCHEMA : ashmig_default_schema;
	EnumFollow *follow = enum_follow_start(schema);
	FollowedEnum *found;
	int			level = settings_pin_parser();

	foreach_ptr(Migration, migration, catalog_migrations(NULL, scope_filter(type->scope)))
	{
		if (migration->kind == MIGRATION_ENUM || migration->kind == MIGRATION_SQL)
			(void) follow_migration(follow, migration);
	}
	settings_unpin(level);
	found = enum_follow_find(follow, type->schema ? type->schema : schema, type->name);
	*labels = found ? enum_follow_labels(found) : NIL;
	return found != NULL;
}

/*
 * The values of a type that the database has: in the schema, or in the first
 * tenant that has one.
 */
static bool
live_labels(const EnumType *type, List **labels)
{
	static CatalogStatement query = {
		.sql = "SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = ("
		" SELECT t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
		" WHERE t.typname = $1 AND t.typtype = 'e' AND CASE WHEN $2 IS NULL"
		"  THEN n.nspname IN (SELECT schema_name FROM ashmig.tenants) ELSE n.nspname = $2 END"
		" ORDER BY n.nspname LIMIT 1) ORDER BY e.enumsortorder",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2] = {0};
	int			level;
	uint64		rows;

	values[0] = CStringGetTextDatum(type->name);
	if (type->scope == SCOPE_PUBLIC)
		values[1] = CStringGetTextDatum(type->schema ? type->schema : ashmig_default_schema);
	level = catalog_connect();
	rows = catalog_query(&query, values, type->scope == SCOPE_TENANT ? " n" : "  ");
	*labels = catalog_strings(rows, 1, context);
	catalog_disconnect(level);
	return rows > 0;
}

bool
enum_history_labels(const EnumType *type, List **labels)
{
	return recorded_labels(type, labels) || live_labels(type, labels);
}

/* ------------------------------------------------------------------------
 * All enums of the tenants
 * ------------------------------------------------------------------------
 */

/* Has a migration of kind "enum" to do with the type? */
static bool
is_of_enum_migrations(const FollowedEnum *type)
{
	if (((const Migration *) type->creator)->kind == MIGRATION_ENUM)
		return true;
	foreach_ptr(const Migration, migration, type->changers)
	{
		if (migration->kind == MIGRATION_ENUM)
			return true;
	}
	return false;
}

static bool
follow_all(EnumFollow *follow, List *migrations)
{
	foreach_ptr(const Migration, migration, migrations)
	{
		if (!follow_migration(follow, migration) && migration->kind == MIGRATION_ENUM)
			return false;
	}
	return true;
}

/*
 * A type that a statement of a snapshot creates is created by that again, with
 * the labels of then, and one that a DO block creates is not known: neither
 * can be told by one statement.
 */
bool
enum_history_statements(List *migrations, List **statements)
{
	EnumFollow *follow = enum_follow_start(TENANT_SCHEMA);
	int			level = settings_pin_parser();
	bool		known = follow_all(follow, migrations);

	settings_unpin(level);
	*statements = NIL;
	foreach_ptr(const FollowedEnum, type, follow->enums)
	{
		if (!is_of_enum_migrations(type))
			continue;
		if (((const Migration *) type->creator)->kind == MIGRATION_GENERATED || strcmp(type->schema, TENANT_SCHEMA) != 0)
			known = false;
		else if (type->exists)
			*statements = lappend(*statements,
								  enum_follow_create(psprintf("%s.%s", PLACEHOLDER_TENANT,
															  quote_name(type->name)),
													 enum_follow_labels(type)));
	}
	return known;
}
