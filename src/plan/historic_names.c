/*
 * historic_names.c
 *		Names of keys and sequences that history gave: see historic_names.h.
 */
#include "postgres.h"

#include "commands/defrem.h"

#include "base/compat.h"
#include "base/names.h"
#include "plan/historic_names.h"

/* Append the name to the list, unless it is the one that PostgreSQL derives. */
static List *
note_historic(List *historic, const TableName *table, const char *name, const char *derived)
{
	TableName  *entry;

	if (name == NULL || strcmp(name, derived) == 0)
		return historic;
	entry = palloc(sizeof(TableName));
	*entry = *table;
	entry->name = pstrdup(name);
	return lappend(historic, entry);
}

List *
historic_names_collect(const Model *model)
{
	List	   *historic = NIL;

	foreach_ptr(const Table, table, model->tables)
	{
		const char *name = table->name.name;

		if (table->primary_key)
			historic = note_historic(historic, &table->name, table->primary_key->name,
									 makeObjectName(name, NULL, "pkey"));
		foreach_ptr(const Column, column, list_concat_copy(table->columns, table->retired))
		{
			if (column->sequence != SEQUENCE_NONE)
				historic = note_historic(historic, &table->name, column->sequence_name,
										 makeObjectName(name, column->name, "seq"));
		}
	}
	return historic;
}

char *
historic_names_avoid(const List *historic, const TableName *table, const char *column,
					 const char *label, char *name)
{
	int			number = 0;

	if (strcmp(name, makeObjectName(table->name, column, label)) != 0)
		return name;			/* history gave it to this very table */
restart:
	foreach_ptr(const TableName, taken, historic)
	{
		if (taken->scope == table->scope && names_same(taken->schema, table->schema) &&
			strcmp(taken->name, name) == 0)
		{
			name = makeObjectName(table->name, column, psprintf("%s%d", label, ++number));
			goto restart;
		}
	}
	return name;
}
