/*
 * operation_hazard.c
 *		What operations do to the tables of a database in use: see
 *		operation_hazard.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "plan/deparse.h"
#include "plan/operation_hazard.h"
#include "plan/retype.h"
#include "syntax/sql_text.h"

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
	/* a column goes that the successor takes the place of, with its key */
	if (operation->carried)
	{
		foreach_ptr(const ForeignKey, carried, operation->carried->foreign_keys)
			hazard_add_lock(hazards, stored_schema(&carried->target), carried->target.name,
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
	if (operation->no_online_form)
		hazards->safer = lappend(hazards->safer, psprintf("online => true keeps this form: %s",
														  operation->no_online_form));
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
		retype_in_place(operation->column.from->type, operation->column.to->type);
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
