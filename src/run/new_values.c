/*
 * new_values.c
 *		Values of enums that one transaction would add and use: see
 *		new_values.h.
 */
#include "postgres.h"

#include "access/attnum.h"
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "migrate/pending.h"
#include "run/new_values.h"
#include "run/targets.h"
#include "syntax/enum_follow.h"
#include "syntax/sql_text.h"
#include "syntax/sql_words.h"

/* Where a migration of the run comes from: copied, as the cache may change */
typedef struct ValuePlace
{
	Scope		scope;
	int64		version;
	char	   *name;
} ValuePlace;

/* A value that the run adds to a type which is there already */
typedef struct NewValue
{
	const char *type;
	const char *label;
	const ValuePlace *added_by;
} NewValue;

typedef struct ValueSearch
{
	EnumFollow *follow;			/* types that the run itself creates have
								 * their values from the start */
	List	   *values;			/* of NewValue * */
	List	   *seen;			/* of ValuePlace *: migrations that were
								 * looked at */
} ValueSearch;

/* Does any recorded migration add a value?  In nearly all runs there is nothing to look for. */
static bool
any_adds_value(Scope scope)
{
	ListCell   *lc;

	foreach_ptr(const Migration, migration, catalog_migrations_cached(scope))
	{
		if (migration->transactional)
			continue;
		foreach(lc, migration->up)
		{
			if (enum_follow_may_add_value(lfirst(lc)))
				return true;
		}
	}
	return false;
}

/* Is the type's name this one?  Its schema is known to follow the migration's. */
static bool
is_called(Oid type, const char *name)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	bool		result = HeapTupleIsValid(tuple) &&
		strcmp(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname), name) == 0;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return result;
}

/* Is the column that ALTER TABLE gives a default of that type? */
static bool
alters_column_of(const AlterTableStmt *statement, const char *type)
{
	Oid			schema = statement->relation->schemaname
		? get_namespace_oid(statement->relation->schemaname, true) : InvalidOid;
	Oid			table = OidIsValid(schema) ? get_relname_relid(statement->relation->relname, schema) : InvalidOid;

	if (!OidIsValid(table))
		return false;
	foreach_node(AlterTableCmd, command, statement->cmds)
	{
		AttrNumber	column;

		if (command->subtype != AT_ColumnDefault || command->def == NULL)
			continue;
		column = get_attnum(table, command->name);
		if (column != InvalidAttrNumber &&
			is_called(get_atttype(table, column), type))
			return true;
	}
	return false;
}

/* Does the statement use the value?  It has the label as a literal, and is about the type. */
static bool
uses_value(const char *sql, const NewValue *value)
{
	if (strstr(sql, quote_text(value->label)) == NULL)
		return false;
	if (sql_words_name(sql_words(sql), value->type))
		return true;
	foreach_node(RawStmt, raw, raw_parser(sql, RAW_PARSE_DEFAULT))
	{
		if (IsA(raw->stmt, AlterTableStmt) &&
			alters_column_of((AlterTableStmt *) raw->stmt, value->type))
			return true;
	}
	return false;
}

/* Note the values that a text adds to types that this run does not create. */
static void
note_values(ValueSearch *search, const char *sql, const ValuePlace *place)
{
	if (enum_follow_text(search->follow, sql, place))
		return;
	foreach_node(RawStmt, raw, raw_parser(sql, RAW_PARSE_DEFAULT))
	{
		const AlterEnumStmt *alter = (AlterEnumStmt *) raw->stmt;
		NewValue   *value;

		if (!IsA(raw->stmt, AlterEnumStmt) || alter->oldVal != NULL)
			continue;
		value = palloc(sizeof(NewValue));
		value->type = strVal(llast(alter->typeName));
		value->label = alter->newVal;
		value->added_by = place;
		search->values = lappend(search->values, value);
	}
}

static void
raise_new_value(const NewValue *value, const ValuePlace *user)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_IN_TRANSACTION),
			 errmsg("enum value \"%s\" of type \"%s\" cannot be used in the transaction that adds it",
					value->label, value->type),
			 errdetail("Migration " INT64_FORMAT " (%s) adds it, and migration " INT64_FORMAT " (%s) uses it. Nothing was changed.",
					   value->added_by->version, value->added_by->name, user->version, user->name),
			 errhint("Run outside a transaction block, without atomic => true and with ashmig.workers of 1 or more; or in two transactions, the first with SELECT * FROM ashmig_migrate_all(to_version => " INT64_FORMAT ").",
					 value->added_by->version)));
}

static void
look_at_migration(ValueSearch *search, const Migration *migration, const char *schema)
{
	ValuePlace *place;
	ListCell   *lc;

	foreach_ptr(const ValuePlace, seen, search->seen)
	{
		if (seen->scope == migration->scope && seen->version == migration->version)
			return;
	}
	place = palloc(sizeof(ValuePlace));
	place->scope = migration->scope;
	place->version = migration->version;
	place->name = pstrdup(migration->name);
	search->seen = lappend(search->seen, place);
	foreach(lc, migration->up)
	{
		char	   *sql = sql_fill(lfirst(lc), schema, migration->scope == SCOPE_TENANT ? ashmig_default_schema : schema);

		foreach_ptr(const NewValue, value, search->values)
		{
			if (value->added_by != place && uses_value(sql, value))
				raise_new_value(value, place);
		}
		note_values(search, sql, place);
	}
}

void
new_values_check(const RunOptions *options, List *targets)
{
	ValueSearch search = {0};
	MemoryContext context;
	MemoryContext old;
	int			level;

	if (options->down || (!any_adds_value(SCOPE_PUBLIC) && !any_adds_value(SCOPE_TENANT)))
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "ashmig new values", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	level = settings_pin_parser();
	search.follow = enum_follow_start(ashmig_default_schema);
	foreach_ptr(const Target, target, targets)
	{
		if (!target_is_usable(target))
			continue;
		search.follow->schema = target->schema; /* where search_path begins */
		foreach_ptr(const Migration, migration,
					pending_copy(pending_migrations(options, target->scope, target->schema)))
			look_at_migration(&search, migration, target->schema);
	}
	settings_unpin(level);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
new_values_explain(MemoryContext context)
{
	ErrorData  *error;

	if (geterrcode() != ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE)
		return;
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_IN_TRANSACTION),
			 errmsg("%s in the transaction that adds it", error->message),
			 error->context ? errcontext("%s", error->context) : 0,
			 errhint("Run outside a transaction block, without atomic => true and with ashmig.workers of 1 or more; or in two transactions.")));
}
