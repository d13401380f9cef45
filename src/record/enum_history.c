/*
 * enum_history.c
 *		The values that an enum has: see enum_history.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "record/enum_history.h"
#include "syntax/sql_text.h"

/* What stands for a tenant's schema when recorded statements are read; no schema can be called so */
#define TENANT_SCHEMA "pg_tenant"

typedef struct EnumHistory
{
	const EnumType *type;
	const char *schema;			/* as the statements that are read name it */
	bool		exists;
	List	   *labels;
} EnumHistory;

/*
 * Is this (qualified) name the type's?  Without a schema it is, as migrations
 * run with the schema in search_path.
 */
static bool
is_type(const EnumHistory *history, List *names)
{
	if (strcmp(strVal(llast(names)), history->type->name) != 0)
		return false;
	return list_length(names) == 1 ? history->type->schema == NULL :
		strcmp(strVal(list_nth(names, list_length(names) - 2)), history->schema) == 0;
}

/* The position of a value, or -1 */
static int
label_position(List *labels, const char *label)
{
	for (int i = 0; i < list_length(labels); i++)
	{
		if (strcmp(list_nth(labels, i), label) == 0)
			return i;
	}
	return -1;
}

/*
 * ALTER TYPE ... ADD VALUE, RENAME VALUE
 */
static void
alter_labels(EnumHistory *history, const AlterEnumStmt *statement)
{
	int			at;

	if (statement->oldVal)
	{
		at = label_position(history->labels, statement->oldVal);
		if (at >= 0)
			lfirst(list_nth_cell(history->labels, at)) = statement->newVal;
		return;
	}
	if (label_position(history->labels, statement->newVal) >= 0)
		return;
	at = list_length(history->labels);
	if (statement->newValNeighbor &&
		label_position(history->labels, statement->newValNeighbor) >= 0)
		at = label_position(history->labels, statement->newValNeighbor) +
			(statement->newValIsAfter ? 1 : 0);
	history->labels = list_insert_nth(history->labels, at, statement->newVal);
}

/*
 * What a recorded statement does to the type.
 */
static void
follow_statement(EnumHistory *history, Node *statement)
{
	ListCell   *lc;

	if (IsA(statement, CreateEnumStmt) &&
		is_type(history, ((CreateEnumStmt *) statement)->typeName))
	{
		history->exists = true;
		history->labels = NIL;
		foreach(lc, ((CreateEnumStmt *) statement)->vals)
			history->labels = lappend(history->labels, strVal(lfirst(lc)));
	}
	else if (IsA(statement, AlterEnumStmt) &&
			 is_type(history, ((AlterEnumStmt *) statement)->typeName))
		alter_labels(history, (AlterEnumStmt *) statement);
	else if (IsA(statement, DropStmt) && ((DropStmt *) statement)->removeType == OBJECT_TYPE)
	{
		foreach_node(TypeName, dropped, ((DropStmt *) statement)->objects)
		{
			if (is_type(history, dropped->names))
				history->exists = false;
		}
	}
}

/*
 * Follow the type through the recorded migrations; false where they do not
 * leave one of that name.
 */
static bool
recorded_labels(const EnumType *type, List **labels)
{
	EnumHistory history = {0};
	int			level = settings_pin_parser();
	ListCell   *ls;

	history.type = type;
	history.schema = type->scope == SCOPE_TENANT ? TENANT_SCHEMA :
		type->schema ? type->schema : ashmig_default_schema;
	foreach_ptr(Migration, migration, catalog_migrations(NULL, scope_filter(type->scope)))
	{
		if (migration->kind != MIGRATION_ENUM && migration->kind != MIGRATION_SQL)
			continue;
		foreach(ls, migration->up)
		{
			char	   *text = sql_fill(lfirst(ls),
										type->scope == SCOPE_TENANT ? TENANT_SCHEMA : ashmig_default_schema,
										ashmig_default_schema);

			foreach_node(RawStmt, raw, raw_parser(text, RAW_PARSE_DEFAULT))
				follow_statement(&history, raw->stmt);
		}
	}
	settings_unpin(level);
	*labels = history.labels;
	return history.exists;
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
	*labels = NIL;
	for (uint64 i = 0; i < rows; i++)
	{
		char	   *label = catalog_string(i, 1, context);
		MemoryContext old = MemoryContextSwitchTo(context);

		*labels = lappend(*labels, label);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return rows > 0;
}

bool
enum_history_labels(const EnumType *type, List **labels)
{
	return recorded_labels(type, labels) || live_labels(type, labels);
}
