/*
 * model_check.c
 *		What a model asks for but cannot have: SQL that the server does not
 *		support, names that collide.  See model.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/compat.h"
#include "model/model.h"
#include "syntax/sql_text.h"

/* ----------
 * What this server's SQL lacks
 * ----------
 */

/* Note that a part of a snapshot is not supported by this server. */
static void
note_unsupported(Problem *problem, const char *path, const char *what, const char *since)
{
	problem_note(problem, ERRCODE_ASHMIG_UNSUPPORTED, path,
				 psprintf("The server runs PostgreSQL %s.", PG_VERSION),
				 since ? psprintf("This requires PostgreSQL %s or later.", since)
				 : "No version of PostgreSQL supports it yet.",
				 "%s is not supported by this server", what);
}

bool
model_check_server(const Table *table, Problem *problem)
{
	foreach_ptr(const TableIndex, index, table->indexes)
	{
		if (!index->nulls_distinct && !SERVER_HAS_NULLS_NOT_DISTINCT)
			note_unsupported(problem, index->path, "NULLS NOT DISTINCT", "15");
	}
	foreach_ptr(const ForeignKey, key, table->foreign_keys)
	{
		if (key->on_delete_columns != NIL && !SERVER_HAS_SET_NULL_COLUMNS)
			note_unsupported(problem, key->path, "ON DELETE SET NULL (columns)", "15");
		if (key->match == MATCH_PARTIAL)
			note_unsupported(problem, key->path, "MATCH PARTIAL", NULL);
	}
	return problem->sqlerrcode == 0;
}

/* ----------
 * Columns that are not there
 * ----------
 */

/* A part of a table that is over columns, for messages */
typedef struct ColumnUser
{
	const Table *table;
	const char *kind;			/* "identity" */
	const char *name;
	const char *path;
} ColumnUser;

/* Note the first of the columns (of char *) that the table does not have. */
static void
check_columns(const ColumnUser *user, const List *columns, Problem *problem)
{
	const char *table = table_name_show(&user->table->name);

	foreach_ptr(const char, column, columns)
	{
		bool		retired;

		if (model_find_column(user->table->columns, column) != NULL)
			continue;
		retired = model_find_column(user->table->retired, column) != NULL;
		problem_note(problem, ERRCODE_ASHMIG_NO_COLUMN, user->path,
					 retired ? "The attribute was removed from the snapshot. Its column is retired, and new schemas do not get it."
					 : "The snapshot has no such attribute.",
					 psprintf("Remove the %s from the resource of \"%s\", or add the attribute \"%s\" to it.",
							  user->kind, table, column),
					 "%s \"%s\" of \"%s\" is over column \"%s\", which the snapshot does not have",
					 user->kind, user->name, table, column);
	}
}

/* Check the columns of an index: those that are keys, and those that it includes. */
static void
check_index_columns(const Table *table, const TableIndex *index, Problem *problem)
{
	ColumnUser	user = {table, index->kind == INDEX_IDENTITY ? "identity" : "index",
	index->kind == INDEX_IDENTITY ? index->identity : index->name, index->path};
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, index->keys)
	{
		char	   *column = index_key_column_name(lfirst(lc));

		if (column != NULL)
			columns = lappend(columns, column);
	}
	check_columns(&user, list_concat(columns, index->include), problem);
}

bool
model_check_columns(const Table *table, Problem *problem)
{
	foreach_ptr(const TableIndex, index, table->indexes)
	{
		/* with a prefix it lies on another table of that name */
		if (index->prefix == NULL)
			check_index_columns(table, index, problem);
	}
	foreach_ptr(const ForeignKey, key, table->foreign_keys)
	{
		ColumnUser	user = {table, "reference", key->name, key->path};

		check_columns(&user, key->columns, problem);
		check_columns(&user, key->on_delete_columns, problem);
	}
	return problem->sqlerrcode == 0;
}

/* ----------
 * Names that collide
 * ----------
 */

/* Expected number of names in a model; the hash table grows as needed */
#define EXPECTED_NAMES 1024

/* What must have different names: relations of a schema; columns, or constraints, of a table */
typedef enum NamedKind
{
	NAMED_RELATION,
	NAMED_COLUMN,
	NAMED_CONSTRAINT
} NamedKind;

static const char *const named_words[] = {
	[NAMED_RELATION] = "relations",
	[NAMED_COLUMN] = "columns",
	[NAMED_CONSTRAINT] = "constraints"
};

/* A name and where it must be the only one */
typedef struct NameKey
{
	NamedKind	kind;
	Scope		scope;
	NameData	schema;			/* "": the default schema, or a tenant's */
	NameData	table;			/* "" for a relation */
	NameData	name;
} NameKey;

/* A name that is taken, and by what */
typedef struct TakenName
{
	NameKey		key;
	const char *path;
} TakenName;

/*
 * Reserve a name; a problem if it is taken.  "table" says where: for a
 * relation only its schema counts.
 */
static bool
take_name(HTAB *taken, NamedKind kind, const TableName *table, const char *name,
		  const char *path, Problem *problem)
{
	NameKey		key;
	TakenName  *entry;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.kind = kind;
	key.scope = table->scope;
	namestrcpy(&key.schema, table->schema ? table->schema : "");
	namestrcpy(&key.table, kind == NAMED_RELATION ? "" : table->name);
	namestrcpy(&key.name, name);
	entry = hash_search(taken, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->path = path ? path : "?";
		return true;
	}
	return problem_note(problem, ERRCODE_ASHMIG_NAME_COLLISION, path,
						psprintf("The name is already used at %s. PostgreSQL truncates names to %d bytes.",
								 entry->path, NAMEDATALEN - 1),
						"Give one of them a different name.",
						"two %s would have the same name \"%s\"", named_words[kind], name);
}

/* Take the names of one table: relations in its schema, columns and constraints in it. */
static void
take_table_names(HTAB *taken, const Table *table, Problem *problem)
{
	const TableName *at = &table->name;

	take_name(taken, NAMED_RELATION, at, at->name, table->path, problem);
	if (table->primary_key)
	{
		const char *name = table->primary_key->name;

		take_name(taken, NAMED_RELATION, at, name, table->path, problem);
		take_name(taken, NAMED_CONSTRAINT, at, name, table->path, problem);
	}
	foreach_ptr(TableIndex, index, table->indexes)
	{
		TableName	on = index_table(at, index);

		take_name(taken, NAMED_RELATION, &on, index->name, index->path, problem);
	}
	foreach_ptr(Column, column, table->columns)
		take_name(taken, NAMED_COLUMN, at, column->name, column->path, problem);
	foreach_ptr(ForeignKey, key, table->foreign_keys)
		take_name(taken, NAMED_CONSTRAINT, at, key->name, key->path, problem);
	foreach_ptr(Check, check, table->checks)
		take_name(taken, NAMED_CONSTRAINT, at, check->name, check->path, problem);
}

bool
model_check_names(const Model *model, Problem *problem)
{
	HASHCTL		ctl;
	HTAB	   *taken;
	ListCell   *lc;

	ctl.keysize = sizeof(NameKey);
	ctl.entrysize = sizeof(TakenName);
	ctl.hcxt = CurrentMemoryContext;
	taken = hash_create("ashmig names", EXPECTED_NAMES, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, model->tables)
		take_table_names(taken, lfirst(lc), problem);
	hash_destroy(taken);
	return problem->sqlerrcode == 0;
}
