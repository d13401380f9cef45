/*
 * deparse.c
 *		Operations as SQL text: see deparse.h.
 *
 * One printer per kind.  Changes that can share an ALTER TABLE are printed as
 * clauses and collected until another table or another kind of statement
 * follows; PostgreSQL itself executes the clauses of one ALTER TABLE in passes
 * (drops, types, new columns, constraints), which agrees with our order.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "lib/stringinfo.h"

#include "base/compat.h"
#include "base/names.h"
#include "plan/deparse.h"
#include "plan/online.h"
#include "plan/online_type.h"
#include "syntax/directive.h"
#include "syntax/sql_text.h"

typedef struct DeparseContext
{
	List	   *statements;		/* of char *, finished */
	char	   *table;			/* the ALTER TABLE being gathered, qualified;
								 * or NULL */
	StringInfoData clauses;		/* its clauses so far */
} DeparseContext;

/* Close the ALTER TABLE that is being gathered. */
static void
deparse_flush(DeparseContext *context)
{
	if (context->table == NULL)
		return;
	context->statements = lappend(context->statements,
								  psprintf("ALTER TABLE %s %s", context->table,
										   context->clauses.data));
	context->table = NULL;
	resetStringInfo(&context->clauses);
}

/* Add a whole statement. */
static void
add_statement(DeparseContext *context, char *statement)
{
	deparse_flush(context);
	context->statements = lappend(context->statements, statement);
}

/* Add a clause of ALTER TABLE. */
static void
add_clause(DeparseContext *context, char *table, const char *clause)
{
	if (context->table == NULL || strcmp(context->table, table) != 0)
	{
		deparse_flush(context);
		context->table = table;
	}
	else
		appendStringInfoString(&context->clauses, ", ");
	appendStringInfoString(&context->clauses, clause);
}

/* Add a whole statement that is for large tables (directive.h). */
static void
add_online(DeparseContext *context, const char *statement)
{
	add_statement(context, psprintf(DIRECTIVE_ONLINE "%s", statement));
}

/* ----------
 * Names
 * ----------
 */

/* The schema of a table, quoted, or its placeholder */
static char *
schema_of(const TableName *name)
{
	if (name->scope == SCOPE_TENANT)
		return PLACEHOLDER_TENANT;
	if (name->schema == NULL)
		return PLACEHOLDER_DEFAULT;
	return quote_name(name->schema);
}

static char *
qualified(const TableName *name)
{
	return psprintf("%s.%s", schema_of(name), quote_name(name->name));
}

/* An object in the table's schema: an index, a sequence */
static char *
beside(const TableName *table, const char *name)
{
	return psprintf("%s.%s", schema_of(table), quote_name(name));
}

/* Append a double-quoted identifier as regclass reads it, which knows no U&"". */
static void
append_plain_name(StringInfo buf, const char *name)
{
	appendStringInfoChar(buf, '"');
	for (const char *p = name; *p; p++)
	{
		if (*p == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *p);
	}
	appendStringInfoChar(buf, '"');
}

/*
 * A qualified name inside a literal, for regclass.  The placeholder stays one:
 * what fills it holds neither quote nor backslash (tenant rule, check of
 * ashmig.default_schema).
 */
static char *
beside_literal(const TableName *table, const char *name)
{
	StringInfoData inner;
	char	   *literal;
	char	   *quote;

	initStringInfo(&inner);
	if (table->scope == SCOPE_PUBLIC && table->schema != NULL)
		append_plain_name(&inner, table->schema);
	appendStringInfoChar(&inner, '.');
	append_plain_name(&inner, name);
	literal = quote_text(inner.data);
	if (table->scope == SCOPE_PUBLIC && table->schema != NULL)
		return literal;
	quote = strchr(literal, '\'');
	return psprintf("%.*s%s%s", (int) (quote + 1 - literal), literal, schema_of(table), quote + 1);
}

/* ----------
 * Columns
 * ----------
 */

/* Has history given the column's sequence another name than PostgreSQL would? */
static bool
has_own_sequence_name(const TableName *table, const Column *column)
{
	return strcmp(column->sequence_name,
				  makeObjectName(table->name, column->name, "seq")) != 0;
}

/* "serial" cannot name its sequence: one with another name is spelled out. */
static bool
is_spelled_serial(const TableName *table, const Column *column)
{
	return column->sequence == SEQUENCE_SERIAL && has_own_sequence_name(table, column);
}

/* The serial type whose numbers are of this type */
static const char *
serial_of(const char *type)
{
	if (strcmp(type, "integer") == 0)
		return "serial";
	return strcmp(type, "smallint") == 0 ? "smallserial" : "bigserial";
}

static void
create_sequence(DeparseContext *context, const TableName *table, const Column *column)
{
	add_statement(context, psprintf("CREATE SEQUENCE %s AS %s",
									beside(table, column->sequence_name), column->type));
}

static void
own_sequence(DeparseContext *context, const TableName *table, const Column *column)
{
	add_statement(context, psprintf("ALTER SEQUENCE %s OWNED BY %s.%s",
									beside(table, column->sequence_name), qualified(table),
									quote_name(column->name)));
}

/* "name" type, sequence, default, NOT NULL: as CREATE TABLE and ADD COLUMN take it */
static char *
column_definition(const TableName *table, const Column *column)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s ", quote_name(column->name));
	switch (column->sequence)
	{
		case SEQUENCE_SERIAL:
			if (is_spelled_serial(table, column))
				appendStringInfo(&buf, "%s DEFAULT pg_catalog.nextval(%s::pg_catalog.regclass)", column->type,
								 beside_literal(table, column->sequence_name));
			else
				appendStringInfoString(&buf, serial_of(column->type));
			break;
		case SEQUENCE_IDENTITY:
			appendStringInfo(&buf, "%s GENERATED BY DEFAULT AS IDENTITY", column->type);
			if (has_own_sequence_name(table, column))
				appendStringInfo(&buf, " (SEQUENCE NAME %s)",
								 beside(table, column->sequence_name));
			break;
		case SEQUENCE_NONE:
			appendStringInfoString(&buf, column->type);
			break;
	}
	if (column->default_sql)
		appendStringInfo(&buf, " DEFAULT %s", column->default_sql);
	if (column->not_null)
		appendStringInfoString(&buf, " NOT NULL");
	return buf.data;
}

/*
 * From one column to another of the same name and kind of sequence.  A default
 * that conflicts with a new type is dropped before and set afterwards.
 */
static void
alter_column(DeparseContext *context, const TableName *table,
			 const Column *from, const Column *to)
{
	char	   *name = quote_name(to->name);
	char	   *target = qualified(table);
	bool		retyped = strcmp(from->type, to->type) != 0;
	bool		new_default = !names_same(from->default_sql, to->default_sql);

	if (from->default_sql && (retyped || (new_default && !to->default_sql)))
		add_clause(context, target, psprintf("ALTER COLUMN %s DROP DEFAULT", name));
	if (retyped)
		add_clause(context, target, psprintf("ALTER COLUMN %s TYPE %s USING %s", name, to->type,
											 column_type_conversion(name, from->type, to->type)));
	if (to->default_sql && (retyped || new_default))
		add_clause(context, target, psprintf("ALTER COLUMN %s SET DEFAULT %s",
											 name, to->default_sql));
	if (from->not_null != to->not_null)
		add_clause(context, target, psprintf("ALTER COLUMN %s %s NOT NULL", name,
											 to->not_null ? "SET" : "DROP"));
	if (retyped && to->sequence == SEQUENCE_SERIAL)
		add_statement(context, psprintf("ALTER SEQUENCE %s AS %s",
										beside(table, to->sequence_name), to->type));
}

/*
 * A column that gets its default, its rows, and NOT NULL, each without keeping
 * others from the table; or what takes that back, wherever it has stopped.
 *
 * The check comes after the rows are filled: a row that does not satisfy it
 * could not be updated, even though it is NOT VALID.
 */
static void
alter_column_online(DeparseContext *context, const TableName *table,
					const Column *from, const Column *to)
{
	char	   *name = quote_name(to->name);
	char	   *target = qualified(table);
	char	   *check = quote_name(online_check_name(table, to));

	if (from->not_null && !to->not_null)
		add_clause(context, target, psprintf("DROP CONSTRAINT IF EXISTS %s", check));
	if (from->default_sql == NULL && to->default_sql != NULL)
	{
		add_online(context, psprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", target, name,
									 to->default_sql));
		add_statement(context, psprintf(DIRECTIVE_BATCH "UPDATE %s SET %s = DEFAULT WHERE %s IS NULL",
										target, name, name));
	}
	if (!from->not_null && to->not_null)
	{
		add_online(context, psprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s, ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID",
									 target, check, check, name));
		add_online(context, psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", target, check));
		add_online(context, psprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", target, name));
		add_online(context, psprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", target, check));
	}
	if (from->not_null && !to->not_null)
		add_clause(context, target, psprintf("ALTER COLUMN %s DROP NOT NULL", name));
	if (from->default_sql != NULL && to->default_sql == NULL)
		add_clause(context, target, psprintf("ALTER COLUMN %s DROP DEFAULT", name));
}

/*
 * A retired column that must exist.  A tenant created after it was retired
 * does not have it; the one public schema does, unless it was dropped.
 */
static void
ensure_column(DeparseContext *context, const TableName *table, const Column *column)
{
	if (table->scope == SCOPE_PUBLIC)
		return;
	if (is_spelled_serial(table, column))
		add_statement(context, psprintf("CREATE SEQUENCE IF NOT EXISTS %s AS %s",
										beside(table, column->sequence_name), column->type));
	add_statement(context, psprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s",
									qualified(table), column_definition(table, column)));
	if (is_spelled_serial(table, column))
		own_sequence(context, table, column);
}

/* A column that is nowhere. */
static void
add_column(DeparseContext *context, const TableName *table, const Column *column)
{
	bool		spelled = is_spelled_serial(table, column);

	if (spelled)
		create_sequence(context, table, column);
	add_clause(context, qualified(table),
			   psprintf("ADD COLUMN %s", column_definition(table, column)));
	if (spelled)
		own_sequence(context, table, column);
}

/*
 * Remove a sequence: the default first, as it uses the sequence.  DROP
 * IDENTITY and ADD GENERATED stand alone: PostgreSQL brings the sequence to a
 * new type of the column before it looks at the other clauses of an ALTER
 * TABLE.
 */
static void
remove_sequence(DeparseContext *context, const TableName *table, const Column *from)
{
	char	   *name = quote_name(from->name);

	if (from->sequence == SEQUENCE_IDENTITY)
	{
		add_statement(context, psprintf("ALTER TABLE %s ALTER COLUMN %s DROP IDENTITY",
										qualified(table), name));
		return;
	}
	add_clause(context, qualified(table), psprintf("ALTER COLUMN %s DROP DEFAULT", name));
	add_statement(context, psprintf("DROP SEQUENCE %s", beside(table, from->sequence_name)));
}

/* Give a column a sequence that continues after its largest value. */
static void
add_sequence(DeparseContext *context, const TableName *table, const Column *to)
{
	char	   *name = quote_name(to->name);
	char	   *sequence = beside(table, to->sequence_name);
	char	   *literal = beside_literal(table, to->sequence_name);

	if (to->sequence == SEQUENCE_IDENTITY)
		add_statement(context,
					  psprintf("ALTER TABLE %s ALTER COLUMN %s ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME %s)",
							   qualified(table), name, sequence));
	else
	{
		add_statement(context, psprintf("CREATE SEQUENCE %s AS %s OWNED BY %s.%s",
										sequence, to->type, qualified(table), name));
		add_clause(context, qualified(table),
				   psprintf("ALTER COLUMN %s SET DEFAULT pg_catalog.nextval(%s::pg_catalog.regclass)", name, literal));
	}
	add_statement(context,
				  psprintf("SELECT pg_catalog.setval(%s::pg_catalog.regclass, coalesce(pg_catalog.max(%s), 1), pg_catalog.max(%s) IS NOT NULL) FROM %s",
						   literal, name, name, qualified(table)));
}

/* ----------
 * Keys, indexes, checks
 * ----------
 */
static char *
primary_key_definition(const PrimaryKey *key)
{
	return psprintf("CONSTRAINT %s PRIMARY KEY (%s)", quote_name(key->name),
					quote_names(key->columns));
}

static char *
check_definition(const Check *check)
{
	return psprintf("CONSTRAINT %s CHECK %s", quote_name(check->name), check->expression);
}

static const char *
action_sql(ReferenceAction action)
{
	switch (action)
	{
		case ACTION_NONE:
			return NULL;
		case ACTION_RESTRICT:
			return "RESTRICT";
		case ACTION_CASCADE:
			return "CASCADE";
		case ACTION_SET_NULL:
			return "SET NULL";
	}
	return NULL;				/* not reached: every action is above */
}

static const char *
deferrable_sql(Deferrable deferrable)
{
	switch (deferrable)
	{
		case DEFERRABLE_NOT:
			return "NOT DEFERRABLE";
		case DEFERRABLE_IMMEDIATE:
			return "DEFERRABLE INITIALLY IMMEDIATE";
		case DEFERRABLE_DEFERRED:
			return "DEFERRABLE INITIALLY DEFERRED";
	}
	return NULL;				/* not reached: every word is above */
}

static char *
foreign_key_definition(const ForeignKey *key)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s)",
					 quote_name(key->name), quote_names(key->columns),
					 qualified(&key->target), quote_names(key->target_columns));
	if (key->match == MATCH_FULL)
		appendStringInfoString(&buf, " MATCH FULL");
	else if (key->match == MATCH_PARTIAL)
		appendStringInfoString(&buf, " MATCH PARTIAL");
	if (action_sql(key->on_delete))
		appendStringInfo(&buf, " ON DELETE %s", action_sql(key->on_delete));
	if (key->on_delete_columns != NIL)
		appendStringInfo(&buf, " (%s)", quote_names(key->on_delete_columns));
	if (action_sql(key->on_update))
		appendStringInfo(&buf, " ON UPDATE %s", action_sql(key->on_update));
	if (key->deferrable != DEFERRABLE_NOT)
		appendStringInfo(&buf, " %s", deferrable_sql(key->deferrable));
	return buf.data;
}

static char *
create_index(const TableName *table, const TableIndex *index, bool concurrently)
{
	TableName	on = index_table(table, index);
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE %sINDEX %s%s ON %s",
					 index->unique ? "UNIQUE " : "",
					 concurrently ? "CONCURRENTLY " : "",
					 quote_name(index->name), qualified(&on));
	if (index->using)
		appendStringInfo(&buf, " USING %s", quote_name(index->using));
	appendStringInfoString(&buf, " (");
	foreach(lc, index->keys)
		appendStringInfo(&buf, "%s%s", lc == list_head(index->keys) ? "" : ", ",
						 index_key_sql(lfirst(lc)));
	appendStringInfoChar(&buf, ')');
	if (index->include != NIL)
		appendStringInfo(&buf, " INCLUDE (%s)", quote_names(index->include));
	if (!index->nulls_distinct)
		appendStringInfoString(&buf, " NULLS NOT DISTINCT");
	if (index->where)
		appendStringInfo(&buf, " WHERE %s", index->where);
	return buf.data;
}

static void
deparse_add_index(DeparseContext *context, const Operation *operation)
{
	char	   *statement = create_index(&operation->table, operation->index.to,
										 operation->concurrently);

	if (operation->online)
		add_online(context, statement);
	else
		add_statement(context, statement);
}

/*
 * One that is dropped with its table needs no statement; one built
 * concurrently is dropped concurrently.
 */
static void
deparse_remove_index(DeparseContext *context, const Operation *operation)
{
	const TableIndex *index = operation->index.from;
	TableName	on = index_table(&operation->table, index);

	if (operation->with_table && !operation->concurrently)
		return;
	add_statement(context, psprintf("%sDROP INDEX %s%s", operation->online ? DIRECTIVE_ONLINE : "",
									operation->concurrently ? "CONCURRENTLY IF EXISTS " : "",
									beside(&on, index->name)));
}

/* ----------
 * Changes of type that are online
 * ----------
 */

/* Add a whole statement of the form for large tables. */
static void
add_large(DeparseContext *context, const char *statement)
{
	add_statement(context, psprintf(DIRECTIVE_LARGE "%s", statement));
}

/* A body in dollar quotes, which it does not hold itself */
static char *
dollar_quoted(const char *body)
{
	char	   *quote = pstrdup("$ashmig$");

	for (int i = 1; strstr(body, quote) != NULL; i++)
		quote = psprintf("$ashmig%d$", i);
	return psprintf("%s%s%s", quote, body, quote);
}

/* What is left where the change, or its undoing, has stopped before its end */
static void
remove_successor(DeparseContext *context, const TableName *table, const Column *column)
{
	add_online(context, psprintf("DROP TRIGGER IF EXISTS %s ON %s", quote_name(online_type_trigger(column)),
								 qualified(table)));
	add_online(context, psprintf("ALTER TABLE %s DROP COLUMN IF EXISTS %s", qualified(table),
								 quote_name(online_type_successor(column))));
	add_online(context, psprintf("DROP FUNCTION IF EXISTS %s()",
								 beside(table, online_type_function(table, column))));
}

/*
 * The settings on which a conversion may depend: the trigger runs in sessions
 * that have their own, and converts as the migration does.
 */
static const char *const conversion_settings[] = {
	"search_path", "DateStyle", "TimeZone", "IntervalStyle", "lc_monetary", "xmloption",
	"array_nulls", "extra_float_digits", "bytea_output"
};

/*
 * A trigger that fills the successor in all that is written.  It leaves a row
 * alone whose column stays as it is: where that cannot be converted, its other
 * columns can still be updated.  Types without an equality operator are
 * compared as they are stored.
 */
static void
add_successor_trigger(DeparseContext *context, const TableName *table,
					  const Column *from, const Column *to)
{
	char	   *target = qualified(table);
	char	   *name = quote_name(to->name);
	char	   *trigger = quote_name(online_type_trigger(to));
	char	   *function = beside(table, online_type_function(table, to));
	char	   *body;
	StringInfoData buf;

	body = psprintf("BEGIN\n"
					"  IF TG_OP = 'INSERT' OR pg_catalog.record_image_ne(ROW(NEW.%s), ROW(OLD.%s)) THEN\n"
					"    NEW.%s := %s;\n"
					"  END IF;\n"
					"  RETURN NEW;\n"
					"END", name, name, quote_name(online_type_successor(to)),
					column_type_conversion(psprintf("NEW.%s", name), from->type, to->type));
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql", function);
	for (int i = 0; i < lengthof(conversion_settings); i++)
		appendStringInfo(&buf, " SET %s FROM CURRENT", conversion_settings[i]);
	appendStringInfo(&buf, " AS %s", dollar_quoted(body));
	add_large(context, buf.data);
	add_large(context, psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION %s()",
								trigger, target, function));
	/* also where rows come from a publisher */
	add_large(context, psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", target, trigger));
}

/* Add a constraint of the successor, without keeping others from the table. */
static void
add_validated(DeparseContext *context, const TableName *table, const char *name, const char *definition)
{
	char	   *target = qualified(table);

	add_large(context, psprintf("ALTER TABLE %s ADD %s NOT VALID", target, definition));
	add_large(context, psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", target, quote_name(name)));
}

/*
 * Prove that each row is filled: none was hidden from the batches (by
 * row-level security, say), and no write has gone past the trigger.  For a
 * column that is NOT NULL, it is the proof of that as well.
 */
static void
add_successor_proof(DeparseContext *context, const TableName *table, const Column *to,
					const char *value)
{
	char	   *check = online_check_name(table, to);
	char	   *filled = psprintf("%s IS NOT NULL", quote_name(online_type_successor(to)));

	if (!to->not_null)
		filled = psprintf("%s OR %s IS NULL", filled, value);
	add_validated(context, table, check,
				  psprintf("CONSTRAINT %s CHECK (%s)", quote_name(check), filled));
}

/* Make for the successor what hangs on the column, and let the planner know it. */
static void
add_successor_parts(DeparseContext *context, const TableName *table, const Table *copies)
{
	foreach_ptr(const Check, check, copies->checks)
		add_validated(context, table, check->name, check_definition(check));
	foreach_ptr(const ForeignKey, key, copies->foreign_keys)
		add_validated(context, table, key->name, foreign_key_definition(key));
	foreach_ptr(const TableIndex, index, copies->indexes)
		add_large(context, create_index(table, index, true));
	if (copies->primary_key)
		add_large(context, psprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s)",
									quote_name(copies->primary_key->name), qualified(table),
									quote_names(copies->primary_key->columns)));
	add_large(context, psprintf("ANALYZE %s", qualified(table)));
}

static void
append_rename(StringInfo buf, const char *object, const char *from, const char *to)
{
	appendStringInfo(buf, "  %s %s TO %s;\n", object, quote_name(from), quote_name(to));
}

/* Names that the carried parts had while they were made, in turn with their own */
static void
append_part_names(StringInfo buf, const TableName *table, const Table *carried, const Table *copies)
{
	char	   *constraint = psprintf("ALTER TABLE %s RENAME CONSTRAINT", qualified(table));
	ListCell   *from;
	ListCell   *to;

	forboth(from, copies->checks, to, carried->checks)
		append_rename(buf, constraint, ((Check *) lfirst(from))->name, ((Check *) lfirst(to))->name);
	forboth(from, copies->foreign_keys, to, carried->foreign_keys)
		append_rename(buf, constraint, ((ForeignKey *) lfirst(from))->name,
					  ((ForeignKey *) lfirst(to))->name);
	forboth(from, copies->indexes, to, carried->indexes)
		appendStringInfo(buf, "  ALTER INDEX %s RENAME TO %s;\n",
						 beside(table, ((TableIndex *) lfirst(from))->name),
						 quote_name(((TableIndex *) lfirst(to))->name));
}

/*
 * The column goes, and the successor takes its place, in one statement and thus
 * one transaction.  The check proves NOT NULL, so no row is read.  (Since 18
 * NOT NULL is a constraint with a name, which follows that of the column:
 * hence after the renaming.)
 */
static void
swap_columns(DeparseContext *context, const TableName *table, const Column *to,
			 const Table *carried, const Table *copies)
{
	char	   *target = qualified(table);
	char	   *name = quote_name(to->name);
	char	   *drop_proof = psprintf("  ALTER TABLE %s DROP CONSTRAINT %s;\n", target,
									  quote_name(online_check_name(table, to)));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "BEGIN\n"
					 "  DROP TRIGGER %s ON %s;\n"
					 "  DROP FUNCTION %s();\n",
					 quote_name(online_type_trigger(to)), target,
					 beside(table, online_type_function(table, to)));
	if (!to->not_null)
		appendStringInfoString(&buf, drop_proof);
	appendStringInfo(&buf, "  ALTER TABLE %s DROP COLUMN %s;\n", target, name);
	append_rename(&buf, psprintf("ALTER TABLE %s RENAME COLUMN", target), online_type_successor(to),
				  to->name);
	if (to->default_sql)
		appendStringInfo(&buf, "  ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;\n", target, name,
						 to->default_sql);
	if (to->not_null)
		appendStringInfo(&buf, "  ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\n%s", target, name,
						 drop_proof);
	if (carried->primary_key)
		appendStringInfo(&buf, "  ALTER TABLE %s ADD CONSTRAINT %s PRIMARY KEY USING INDEX %s;\n", target,
						 quote_name(carried->primary_key->name), quote_name(copies->primary_key->name));
	append_part_names(&buf, table, carried, copies);
	appendStringInfoString(&buf, "END");
	add_large(context, psprintf("DO %s", dollar_quoted(buf.data)));
}

/*
 * Another type, in both forms.  Rows that are written before the trigger is
 * there are filled by the batches; those later on, by the trigger.
 */
static void
retype_column_online(DeparseContext *context, const Operation *operation)
{
	const TableName *table = &operation->table;
	const Column *from = operation->column.from;
	const Column *to = operation->column.to;
	const Table *copies = online_type_copies(operation->carried, to);
	char	   *successor = quote_name(online_type_successor(to));
	char	   *value = column_type_conversion(quote_name(to->name), from->type, to->type);

	if (operation->inverted)
		remove_successor(context, table, to);
	foreach_ptr(const char, statement, operation->inverted ? deparse_down(operation->plain) : deparse_up(operation->plain))
		add_statement(context, psprintf(DIRECTIVE_SMALL "%s", statement));
	add_large(context, psprintf("ALTER TABLE %s ADD COLUMN %s %s", qualified(table), successor, to->type));
	add_successor_trigger(context, table, from, to);
	add_statement(context, psprintf(DIRECTIVE_LARGE_BATCH "UPDATE %s SET %s = %s WHERE %s IS NULL AND %s IS NOT NULL",
									qualified(table), successor, value, successor, value));
	add_successor_proof(context, table, to, value);
	add_successor_parts(context, table, copies);
	swap_columns(context, table, to, operation->carried, copies);
}

/* ----------
 * Tables
 * ----------
 */
static void
deparse_create_table(DeparseContext *context, const Table *table)
{
	List	   *columns = list_concat_copy(table->columns, table->retired);
	StringInfoData buf;
	const char *comma = "";
	ListCell   *lc;

	foreach(lc, columns)
	{
		if (is_spelled_serial(&table->name, lfirst(lc)))
			create_sequence(context, &table->name, lfirst(lc));
	}
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE TABLE %s (", qualified(&table->name));
	foreach(lc, columns)
	{
		appendStringInfo(&buf, "%s%s", comma, column_definition(&table->name, lfirst(lc)));
		comma = ", ";
	}
	if (table->primary_key)
	{
		appendStringInfo(&buf, "%s%s", comma, primary_key_definition(table->primary_key));
		comma = ", ";
	}
	foreach(lc, table->checks)
	{
		appendStringInfo(&buf, "%s%s", comma, check_definition(lfirst(lc)));
		comma = ", ";
	}
	appendStringInfoChar(&buf, ')');
	if (table->options)
		appendStringInfo(&buf, " %s", table->options);
	add_statement(context, buf.data);
	foreach(lc, columns)
	{
		if (is_spelled_serial(&table->name, lfirst(lc)))
			own_sequence(context, &table->name, lfirst(lc));
	}
}

/* A custom statement's text; an empty one is none */
static void
add_custom(DeparseContext *context, const char *sql)
{
	while (*sql == ' ' || *sql == '\n' || *sql == '\t' || *sql == '\r')
		sql++;
	if (*sql != '\0')
		add_statement(context, pstrdup(sql));
}

/* ALTER TABLE ... RENAME and SET SCHEMA stand alone */
static void
deparse_rename(DeparseContext *context, const Operation *operation)
{
	const TableName *table = &operation->table;

	switch (operation->kind)
	{
		case OP_MOVE_TABLE:
			add_statement(context, psprintf("ALTER TABLE %s SET SCHEMA %s", qualified(table),
											schema_of(operation->table_name.to)));
			break;
		case OP_RENAME_TABLE:
			add_statement(context,
						  psprintf("ALTER TABLE %s RENAME TO %s", qualified(table),
								   quote_name(operation->table_name.to->name)));
			break;
		case OP_RENAME_ATTRIBUTE:
			add_statement(context, psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s",
											qualified(table), quote_name(operation->name.from),
											quote_name(operation->name.to)));
			break;
		case OP_RENAME_CONSTRAINT:
			add_statement(context, psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
											qualified(table), quote_name(operation->name.from),
											quote_name(operation->name.to)));
			break;
		case OP_RENAME_INDEX:
			{
				const TableIndex *from = operation->index.from;
				TableName	on = index_table(table, from);

				add_statement(context, psprintf("ALTER INDEX %s RENAME TO %s",
												beside(&on, from->name),
												quote_name(operation->index.to->name)));
				break;
			}
		default:
			Assert(false);		/* not a rename */
	}
}

/* ----------
 * One operation
 * ----------
 */

/* Append a clause that drops a constraint. */
static void
drop_constraint(DeparseContext *context, const Operation *operation, const char *name)
{
	add_clause(context, qualified(&operation->table),
			   psprintf("DROP CONSTRAINT %s%s",
						operation->not_valid || operation->online ? "IF EXISTS " : "", quote_name(name)));
}

/* Append a clause that adds one; in an online form, a statement. */
static void
add_constraint(DeparseContext *context, const Operation *operation, const char *definition)
{
	char	   *table = qualified(&operation->table);
	char	   *clause = psprintf("ADD %s%s", definition, operation->not_valid ? " NOT VALID" : "");

	if (operation->online)
		add_online(context, psprintf("ALTER TABLE %s %s", table, clause));
	else
		add_clause(context, table, clause);
}

/* Validate one; there is nothing to undo. */
static void
validate_constraint(DeparseContext *context, const Operation *operation)
{
	if (operation->any.to != NULL)
		add_online(context, psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", qualified(&operation->table),
									 quote_name(operation_subject_name(operation))));
}

/*
 * A primary key of an index that is built concurrently: the index takes over
 * its name.
 */
static void
deparse_primary_key_online(DeparseContext *context, const Operation *operation)
{
	const TableName *table = &operation->table;
	const PrimaryKey *key = OPERATION_SIDE(operation->primary_key);
	char	   *index = makeObjectName(key->name, NULL, "ashmig_index");

	if (operation->kind == OP_REMOVE_PRIMARY_KEY)
	{
		drop_constraint(context, operation, key->name);
		add_online(context, psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s", beside(table, index)));
		return;
	}
	add_online(context, psprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s)", quote_name(index),
								 qualified(table), quote_names(key->columns)));
	add_online(context, psprintf("ALTER TABLE %s ADD CONSTRAINT %s PRIMARY KEY USING INDEX %s",
								 qualified(table), quote_name(key->name), quote_name(index)));
}

/* Foreign keys, checks, primary keys: clauses of ALTER TABLE */
static void
deparse_constraint(DeparseContext *context, const Operation *operation)
{
	const TableName *table = &operation->table;
	const ForeignKey *key;

	switch (operation->kind)
	{
		case OP_DROP_FOREIGN_KEY:
			drop_constraint(context, operation, operation->foreign_key.from->name);
			break;
		case OP_REMOVE_CHECK:
			drop_constraint(context, operation, operation->check.from->name);
			break;
		case OP_REMOVE_PRIMARY_KEY:
			if (operation->online)
				deparse_primary_key_online(context, operation);
			else
				drop_constraint(context, operation, operation->primary_key.from->name);
			break;
		case OP_ADD_FOREIGN_KEY:
			add_constraint(context, operation, foreign_key_definition(operation->foreign_key.to));
			break;
		case OP_ADD_CHECK:
			add_constraint(context, operation, check_definition(operation->check.to));
			break;
		case OP_ADD_PRIMARY_KEY:
			if (operation->online)
				deparse_primary_key_online(context, operation);
			else
				add_constraint(context, operation, primary_key_definition(operation->primary_key.to));
			break;
		case OP_VALIDATE_CHECK:
		case OP_VALIDATE_FOREIGN_KEY:
			validate_constraint(context, operation);
			break;
		case OP_ALTER_DEFERRABILITY:
			key = operation->foreign_key.to;
			add_clause(context, qualified(table),
					   psprintf("ALTER CONSTRAINT %s %s", quote_name(key->name),
								deferrable_sql(key->deferrable)));
			break;
		default:
			Assert(false);		/* not about a constraint */
	}
}

/* Columns, with their sequences */
static void
deparse_column(DeparseContext *context, const Operation *operation)
{
	const TableName *table = &operation->table;
	const Column *from = operation->column.from;
	const Column *to = operation->column.to;

	switch (operation->kind)
	{
		case OP_REMOVE_ATTRIBUTE:
			add_clause(context, qualified(table),
					   psprintf("DROP COLUMN %s", quote_name(from->name)));
			break;
		case OP_DROP_RETIRED:
			add_clause(context, qualified(table),
					   psprintf("DROP COLUMN %s%s", table->scope == SCOPE_TENANT ? "IF EXISTS " : "",
								quote_name(from->name)));
			break;
		case OP_RESTORE_RETIRED:
			if (table->scope == SCOPE_TENANT)
				ensure_column(context, table, to);
			else
				add_column(context, table, to);
			break;
		case OP_ADD_ATTRIBUTE:
			add_column(context, table, to);
			break;
		case OP_RESUME_ATTRIBUTE:
			ensure_column(context, table, from);
			alter_column(context, table, from, to);
			break;
		case OP_ALTER_ATTRIBUTE:
		case OP_RETIRE_ATTRIBUTE:
			if (operation->carried)
				retype_column_online(context, operation);
			else if (operation->online)
				alter_column_online(context, table, from, to);
			else
				alter_column(context, table, from, to);
			break;
		case OP_REMOVE_SEQUENCE:
			remove_sequence(context, table, from);
			break;
		case OP_ADD_SEQUENCE:
			add_sequence(context, table, to);
			break;
		default:
			Assert(false);		/* not about a column */
	}
}

static void
deparse_operation(DeparseContext *context, const Operation *operation)
{
	switch (operation->kind)
	{
		case OP_CREATE_SCHEMA:
			add_statement(context, psprintf("CREATE SCHEMA IF NOT EXISTS %s",
											quote_name(operation->name.to)));
			break;
		case OP_DROP_SCHEMA:
			break;				/* others may have moved in */
		case OP_REMOVE_STATEMENT:
			add_custom(context, operation->statement.from->down);
			break;
		case OP_ADD_STATEMENT:
			add_custom(context, operation->statement.to->up);
			break;
		case OP_DROP_FOREIGN_KEY:
		case OP_ADD_FOREIGN_KEY:
		case OP_ALTER_DEFERRABILITY:
		case OP_VALIDATE_CHECK:
		case OP_VALIDATE_FOREIGN_KEY:
		case OP_REMOVE_CHECK:
		case OP_ADD_CHECK:
		case OP_REMOVE_PRIMARY_KEY:
		case OP_ADD_PRIMARY_KEY:
			deparse_constraint(context, operation);
			break;
		case OP_REMOVE_UNIQUE_INDEX:
		case OP_REMOVE_CUSTOM_INDEX:
		case OP_REMOVE_REFERENCE_INDEX:
			deparse_remove_index(context, operation);
			break;
		case OP_ADD_UNIQUE_INDEX:
		case OP_ADD_CUSTOM_INDEX:
		case OP_ADD_REFERENCE_INDEX:
			deparse_add_index(context, operation);
			break;
		case OP_REMOVE_ATTRIBUTE:
		case OP_DROP_RETIRED:
		case OP_RESTORE_RETIRED:
		case OP_ADD_ATTRIBUTE:
		case OP_ALTER_ATTRIBUTE:
		case OP_RETIRE_ATTRIBUTE:
		case OP_RESUME_ATTRIBUTE:
		case OP_REMOVE_SEQUENCE:
		case OP_ADD_SEQUENCE:
			deparse_column(context, operation);
			break;
		case OP_DROP_TABLE:
			add_statement(context, psprintf("DROP TABLE %s", qualified(&operation->table)));
			break;
		case OP_CREATE_TABLE:
			deparse_create_table(context, operation->whole_table.to);
			break;
		case OP_MOVE_TABLE:
		case OP_RENAME_TABLE:
		case OP_RENAME_ATTRIBUTE:
		case OP_RENAME_INDEX:
		case OP_RENAME_CONSTRAINT:
			deparse_rename(context, operation);
			break;
	}
}

List *
deparse_up(List *operations)
{
	DeparseContext context = {0};
	ListCell   *lc;

	initStringInfo(&context.clauses);
	foreach(lc, operations)
		deparse_operation(&context, lfirst(lc));
	deparse_flush(&context);
	return context.statements;
}

List *
deparse_down(List *operations)
{
	List	   *inverted = NIL;
	ListCell   *lc;

	foreach(lc, operations)
		inverted = lcons(operation_invert(lfirst(lc)), inverted);
	return deparse_up(inverted);
}
