/*
 * enum_funcs.c
 *		SQL functions that record migrations of enums: ashmig_create_enum,
 *		ashmig_drop_enum, ashmig_add_enum_value.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "api/args.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "record/record.h"
#include "syntax/sql_text.h"

PG_FUNCTION_INFO_V1(ashmig_create_enum);
PG_FUNCTION_INFO_V1(ashmig_drop_enum);
PG_FUNCTION_INFO_V1(ashmig_add_enum_value);

/* What stands for a tenant's schema when recorded statements are read; no schema can be called so */
#define TENANT_SCHEMA "pg_tenant"

typedef struct EnumType
{
	char	   *name;
	char	   *schema;			/* or NULL: the tenant's, or the default one */
	bool		tenant;
	const char *repo;
} EnumType;

/*
 * The type that a call is about.
 */
static EnumType
enum_of_call(FunctionCallInfo fcinfo)
{
	EnumType	type;
	char	   *repo = call_string(fcinfo, "repo");

	call_require(fcinfo, 0, "name");
	type.name = call_string(fcinfo, "name");
	type.schema = call_string(fcinfo, "schema");
	type.tenant = call_boolean(fcinfo, "tenant", false);
	type.repo = repo ? handwritten_repo(repo) : "";
	if (type.name[0] == '\0' || strlen(type.name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("the name of a type has 1 to %d bytes", NAMEDATALEN - 1)));
	if (type.tenant && type.schema)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("a type of the tenants lies in their schemas, not in \"%s\"", type.schema),
				 errhint("Give schema or tenant => true, not both.")));
	return type;
}

/*
 * The type as statements write it.
 */
static char *
enum_reference(const EnumType *type)
{
	const char *schema = type->tenant ? PLACEHOLDER_TENANT : PLACEHOLDER_DEFAULT;

	return psprintf("%s.%s", type->schema ? quote_name(type->schema) : schema,
					quote_name(type->name));
}

/*
 * Refuse labels that PostgreSQL would refuse when the migration runs.
 */
static void
check_labels(List *labels)
{
	ListCell   *lc;
	List	   *seen = NIL;

	foreach(lc, labels)
	{
		char	   *label = lfirst(lc);

		if (strlen(label) >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("enum value \"%s\" is too long", label),
					 errhint("A value has at most %d bytes.", NAMEDATALEN - 1)));
		if (text_list_has(seen, label))
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("enum value \"%s\" is given twice", label)));
		seen = lappend(seen, label);
	}
}

static char *
create_statement(const EnumType *type, List *labels)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE TYPE %s AS ENUM (", enum_reference(type));
	foreach(lc, labels)
		appendStringInfo(&buf, "%s%s", lc == list_head(labels) ? "" : ", ",
						 quote_text(lfirst(lc)));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

static char *
drop_statement(const EnumType *type)
{
	return psprintf("DROP TYPE %s", enum_reference(type));
}

/*
 * Record a migration of one statement; "down" may be NULL: there is nothing to
 * do.
 */
static int64
record_enum(const EnumType *type, char *name, char *up, char *down, bool transactional)
{
	Migration	migration = {0};

	migration.repo = pstrdup(type->repo);
	migration.tenant = type->tenant;
	migration.name = name;
	migration.kind = "enum";
	migration.transactional = transactional;
	migration.up = list_make1(up);
	migration.down = down ? list_make1(down) : NIL;
	migration.reversible = true;
	handwritten_record(&migration);
	return migration.version;
}

/*
 * ashmig_create_enum(name, values, tenant, schema, repo)
 */
Datum
ashmig_create_enum(PG_FUNCTION_ARGS)
{
	EnumType	type = enum_of_call(fcinfo);
	List	   *labels;

	call_require(fcinfo, 1, "labels");
	labels = catalog_text_list(PG_GETARG_DATUM(1));
	check_labels(labels);
	PG_RETURN_INT64(record_enum(&type, psprintf("create_enum_%s", type.name),
								create_statement(&type, labels), drop_statement(&type), true));
}

/* ------------------------------------------------------------------------
 * The values that a type has, to create it again
 * ------------------------------------------------------------------------
 */

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
		foreach(lc, ((DropStmt *) statement)->objects)
		{
			if (is_type(history, lfirst_node(TypeName, lc)->names))
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
	int			level = call_pin();
	ListCell   *lm;
	ListCell   *ls;
	ListCell   *lr;

	history.type = type;
	history.schema = type->tenant ? TENANT_SCHEMA :
		type->schema ? type->schema : ashmig_default_schema;
	foreach(lm, catalog_migrations(NULL, type->tenant ? SCOPES_TENANT : SCOPES_PUBLIC))
	{
		Migration  *migration = lfirst(lm);

		if (strcmp(migration->kind, "enum") != 0 && strcmp(migration->kind, "sql") != 0)
			continue;
		foreach(ls, migration->up)
		{
			char	   *text = text_fill(lfirst(ls), type->tenant ? TENANT_SCHEMA : ashmig_default_schema,
										 ashmig_default_schema);

			foreach(lr, raw_parser(text, RAW_PARSE_DEFAULT))
				follow_statement(&history, lfirst_node(RawStmt, lr)->stmt);
		}
	}
	call_unpin(level);
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
	if (!type->tenant)
		values[1] = CStringGetTextDatum(type->schema ? type->schema : ashmig_default_schema);
	level = catalog_connect();
	rows = catalog_query(&query, values, type->tenant ? " n" : "  ");
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

/*
 * ashmig_drop_enum(name, tenant, schema, repo, values): the down creates it
 * again, with the values that it has by then.
 */
Datum
ashmig_drop_enum(PG_FUNCTION_ARGS)
{
	EnumType	type = enum_of_call(fcinfo);
	List	   *labels;
	Datum		value;

	catalog_lock_generation();
	if (call_argument(fcinfo, "labels", &value))
	{
		labels = catalog_text_list(value);
		check_labels(labels);
	}
	else if (!recorded_labels(&type, &labels) && !live_labels(&type, &labels))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("the values of enum \"%s\" are not known", type.name),
				 errdetail("No recorded migration creates it, and there is none in %s.",
						   type.tenant ? "a tenant" : "the schema"),
				 errhint("Give them, so that it can be created again: labels => '{...}'.")));
	PG_RETURN_INT64(record_enum(&type, psprintf("drop_enum_%s", type.name),
								drop_statement(&type), create_statement(&type, labels), true));
}

/*
 * ashmig_add_enum_value(name, value, before, after, tenant, schema, repo): not
 * transactional, as what follows may use the value only after a commit.
 * PostgreSQL cannot remove a value, so taking it back leaves it there, and
 * adding it again finds it.
 */
Datum
ashmig_add_enum_value(PG_FUNCTION_ARGS)
{
	EnumType	type = enum_of_call(fcinfo);
	char	   *value = call_string(fcinfo, "value");
	char	   *before = call_string(fcinfo, "before");
	char	   *after = call_string(fcinfo, "after");
	StringInfoData up;

	call_require(fcinfo, 1, "value");
	if (before && after)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("a value is added before or after another one, not both")));
	check_labels(list_make1(value));
	initStringInfo(&up);
	appendStringInfo(&up, "ALTER TYPE %s ADD VALUE IF NOT EXISTS %s",
					 enum_reference(&type), quote_text(value));
	if (before || after)
		appendStringInfo(&up, " %s %s", before ? "BEFORE" : "AFTER",
						 quote_text(before ? before : after));
	PG_RETURN_INT64(record_enum(&type, psprintf("add_enum_value_%s_%s", type.name, value),
								up.data, NULL, false));
}
