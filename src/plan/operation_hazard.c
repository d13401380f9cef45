/*
 * operation_hazard.c
 *		What operations do to the tables of a database in use: see
 *		operation_hazard.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "plan/deparse.h"
#include "plan/operation_hazard.h"
#include "syntax/sql_text.h"

/* ----------
 * Changes of type
 * ----------
 */

/* A type as "name(first,second)"; a number that is not there is -1 */
typedef struct TypeSize
{
	char		name[32];
	int			first;
	int			second;
} TypeSize;

static bool
read_type(const char *type, TypeSize *size)
{
	const char *end = type + strcspn(type, "(");
	int			length = end - type;

	if (length >= sizeof(size->name))
		return false;
	memcpy(size->name, type, length);
	size->name[length] = '\0';
	size->first = size->second = -1;
	if (*end == '\0')
		return true;
	size->first = atoi(end + 1);
	end = strchr(end, ',');
	if (end != NULL)
		size->second = atoi(end + 1);
	return true;
}

/* The number of a type in "names", which ends with NULL */
static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
	{
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

/* No less of it than before? -1 is without a limit. */
static bool
is_wider(int from, int to)
{
	return to < 0 || (from >= 0 && to >= from);
}

/*
 * Are all values of the old type valid for the new one as they are, so that
 * PostgreSQL keeps the table (ATColumnChangeRequiresRewrite() in tablecmds.c)?
 * Its casts between text types do nothing, and varchar_support(),
 * numeric_support() and the like drop a cast to a wider limit.
 */
static bool
retypes_in_place(const char *from, const char *to)
{
	static const char *const texts[] = {"text", "citext", "varchar", "character varying", NULL};
	static const char *const numbers[] = {"numeric", "decimal", NULL};
	static const char *const limited[] = {
		"timestamp", "timestamp without time zone", "timestamptz", "time", "timetz", "interval",
		"varbit", NULL
	};
	TypeSize	old;
	TypeSize	new;

	if (!read_type(from, &old) || !read_type(to, &new))
		return false;
	if (is_one_of(old.name, texts) && is_one_of(new.name, texts))
		return is_wider(old.first, new.first);
	if (is_one_of(old.name, numbers) && is_one_of(new.name, numbers))
		return new.first < 0 ||
			(old.first >= 0 && new.first >= old.first && Max(old.second, 0) == Max(new.second, 0));
	return strcmp(old.name, new.name) == 0 && is_one_of(old.name, limited) &&
		is_wider(old.first, new.first);
}

/* Does the change lose values, and how?  NULL if it does not. */
static const char *
retype_loss(const char *from, const char *to)
{
	TypeSize	new;

	if (column_type_loses_elements(from, to))
		return "keeps the first element of each array";
	if (read_type(to, &new) && strcmp(new.name, "varchar") == 0 && new.first > 0 &&
		!retypes_in_place(from, to))
		return "the cast truncates longer values";
	return NULL;
}

/* ----------
 * What only the operation knows
 * ----------
 */

/* The schema of a table, as stored statements write it but for quotes */
static const char *
stored_schema(const TableName *table)
{
	if (table->scope == SCOPE_TENANT)
		return PLACEHOLDER_TENANT;
	return table->schema ? table->schema : PLACEHOLDER_DEFAULT;
}

static bool
is_retyped(const Operation *operation)
{
	return operation_subject(operation->kind) == SUBJECT_COLUMN &&
		operation->column.from != NULL && operation->column.to != NULL &&
		strcmp(operation->column.from->type, operation->column.to->type) != 0;
}

/*
 * Do texts compare differently afterwards?  Then TryReuseIndex() in tablecmds.c
 * keeps no index of the column, though the table stays.
 */
static bool
changes_order(const Operation *operation)
{
	return is_retyped(operation) &&
		(strcmp(operation->column.from->type, "citext") == 0) !=
		(strcmp(operation->column.to->type, "citext") == 0);
}

/* Add what the printed statements do not show. */
static void
add_unprinted(Hazards *hazards, const Operation *operation)
{
	const ForeignKey *key;
	const char *loss;

	/* ATExecDropConstraint(): the triggers of the referenced table go as well */
	if (operation->kind == OP_DROP_FOREIGN_KEY)
	{
		key = operation->foreign_key.from;
		hazard_add_lock(hazards, stored_schema(&key->target), key->target.name,
						AccessExclusiveLock);
	}
	if (is_retyped(operation) &&
		(loss = retype_loss(operation->column.from->type, operation->column.to->type)) != NULL)
	{
		hazards->kinds |= HAZARD_BIT(HAZARD_DATA_LOSS);
		hazards->notices = lappend(hazards->notices, (char *) loss);
	}
	if (changes_order(operation))
		hazards->notices = lappend(hazards->notices, "indexes on the column are built anew");

	/*
	 * the largest value of a column that gets a sequence is looked up under
	 * the lock
	 */
	if (hazards->scans && operation->kind == OP_ADD_SEQUENCE)
		hazards->kinds |= HAZARD_BIT(HAZARD_SCAN);
}

/*
 * The strongest lock of an online form is not the one under which the table is
 * read.
 */
static void
add_online(Hazards *hazards, const Operation *operation)
{
	if (operation->online && hazards->scans && !hazard_has(hazards, HAZARD_SCAN) &&
		hazard_strongest_lock(hazards) >= ShareLock)
		hazards->notices = lappend(hazards->notices,
								   "the table is read while others write, and locked against them for moments only");
	if (operation->has_online_form && hazards->safer != NIL)
		hazards->safer = list_make1("online => true: others read and write meanwhile");
}

Hazards *
operation_hazards(HazardReader *reader, const Operation *operation, List *statements)
{
	Hazards    *hazards = palloc0(sizeof(Hazards));
	TableLock	on = {(char *) stored_schema(&operation->table), operation->table.name, NoLock};

	if (operation_subject(operation->kind) == SUBJECT_INDEX)
	{
		TableName	table = index_table(&operation->table, OPERATION_SIDE(operation->index));

		on.schema = (char *) stored_schema(&table);
		reader->index_table = &on;
	}
	reader->knows_constraints = operation_subject(operation->kind) != SUBJECT_STATEMENT;
	reader->retypes_in_place = is_retyped(operation) &&
		retypes_in_place(operation->column.from->type, operation->column.to->type);
	foreach_ptr(const char, statement, statements)
		hazard_add(hazards, hazard_read(reader, statement));
	reader->index_table = NULL;
	reader->retypes_in_place = reader->knows_constraints = false;
	add_unprinted(hazards, operation);
	add_online(hazards, operation);
	return hazards;
}

char *
operation_hazards_json(HazardReader *reader, const List *operations)
{
	JsonWriter	json;

	json_write_init(&json);
	json_write_open(&json, NULL, '[');
	foreach_ptr(const Operation, operation, (List *) operations)
	{
		Hazards    *hazards = operation_hazards(reader, operation,
												deparse_up(list_make1((void *) operation)));

		if (hazard_is_none(hazards))
			continue;
		json_write_open(&json, NULL, '{');
		json_write_string(&json, "operation", operation_name(operation->kind));
		json_write_string(&json, "schema", operation->table.schema);
		json_write_string(&json, "table", operation->table.name);
		json_write_string(&json, "name", operation_subject_name(operation));
		hazard_write(&json, hazards);
		json_write_close(&json, '}');
	}
	json_write_close(&json, ']');
	return json.text.data;
}
