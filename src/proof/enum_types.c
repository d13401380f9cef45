/*
 * enum_types.c
 *		The enum types that recorded migrations bring: see enum_types.h.
 */
#include "postgres.h"

#include "base/names.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "metadata/catalog_migrations.h"
#include "proof/enum_types.h"
#include "syntax/sql_text.h"

/* What stands for the schema of a placeholder while statements are read; no schema can be called so */
#define NO_SCHEMA "pg_none"

static char *
schema_of(List *names)
{
	char	   *schema = list_length(names) > 1 ? strVal(list_nth(names, list_length(names) - 2)) : NULL;

	return schema && strcmp(schema, NO_SCHEMA) != 0 ? schema : NULL;
}

static RecordedEnum *
find_type(List *types, Scope scope, List *names)
{
	ListCell   *lc;

	foreach(lc, types)
	{
		RecordedEnum *type = lfirst(lc);

		if (type->scope == scope && strcmp(type->name, strVal(llast(names))) == 0 &&
			names_same(type->schema, schema_of(names)))
			return type;
	}
	return NULL;
}

static List *
create_type(List *types, Scope scope, const CreateEnumStmt *statement)
{
	RecordedEnum *type = palloc0(sizeof(RecordedEnum));
	ListCell   *lc;

	type->scope = scope;
	type->schema = schema_of(statement->typeName);
	type->name = strVal(llast(statement->typeName));
	foreach(lc, statement->vals)
		type->labels = lappend(type->labels, strVal(lfirst(lc)));
	return lappend(types, type);
}

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

/* ADD VALUE, RENAME VALUE */
static void
alter_type(RecordedEnum *type, const AlterEnumStmt *statement)
{
	int			at = list_length(type->labels);
	int			neighbor;

	if (statement->oldVal)
	{
		at = label_position(type->labels, statement->oldVal);
		if (at >= 0)
			lfirst(list_nth_cell(type->labels, at)) = statement->newVal;
		return;
	}
	if (label_position(type->labels, statement->newVal) >= 0)
		return;
	neighbor = statement->newValNeighbor ? label_position(type->labels, statement->newValNeighbor) : -1;
	if (neighbor >= 0)
		at = neighbor + (statement->newValIsAfter ? 1 : 0);
	type->labels = list_insert_nth(type->labels, at, statement->newVal);
}

static List *
follow_statement(List *types, Scope scope, Node *statement, bool *complete)
{
	ListCell   *lc;

	if (IsA(statement, CreateEnumStmt))
		return create_type(types, scope, (CreateEnumStmt *) statement);
	if (IsA(statement, AlterEnumStmt))
	{
		RecordedEnum *type = find_type(types, scope, ((AlterEnumStmt *) statement)->typeName);

		if (type)
			alter_type(type, (AlterEnumStmt *) statement);
		else
			*complete = false;
	}
	else if (IsA(statement, DropStmt) && ((DropStmt *) statement)->removeType == OBJECT_TYPE)
	{
		foreach(lc, ((DropStmt *) statement)->objects)
			types = list_delete_ptr(types, find_type(types, scope, lfirst_node(TypeName, lc)->names));
	}
	return types;
}

List *
enum_types_of(List *migrations, bool *complete)
{
	List	   *types = NIL;
	ListCell   *lm;
	ListCell   *ls;
	ListCell   *lr;

	*complete = true;
	foreach(lm, migrations)
	{
		const Migration *migration = lfirst(lm);

		if (migration->kind != MIGRATION_ENUM)
			continue;
		foreach(ls, migration->up)
		{
			foreach(lr, raw_parser(sql_fill(lfirst(ls), NO_SCHEMA, NO_SCHEMA), RAW_PARSE_DEFAULT))
				types = follow_statement(types, migration->scope, lfirst_node(RawStmt, lr)->stmt,
										 complete);
		}
	}
	return types;
}
