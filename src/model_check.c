/*
 * model_check.c
 *		What a model asks for and cannot get: SQL that the server lacks, names
 *		that collide.  See model.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "compat.h"
#include "model.h"
#include "text.h"

/* ----------
 * What this server's SQL lacks
 * ----------
 */

/* Note that a part of a snapshot needs another server than this one. */
static void
note_unsupported(Problem *problem, const char *path, const char *what, const char *since)
{
	problem_note(problem, ERRCODE_ASHMIG_UNSUPPORTED, path,
				 psprintf("This is PostgreSQL %s.", PG_VERSION),
				 since ? psprintf("It needs PostgreSQL %s or newer.", since)
				 : "No version of PostgreSQL has it so far.",
				 "%s is not supported by this server", what);
}

bool
model_check_server(const Table *table, Problem *problem)
{
	ListCell   *lc;

	foreach(lc, table->indexes)
	{
		const TableIndex *index = lfirst(lc);

		if (!index->nulls_distinct && !SERVER_HAS_NULLS_NOT_DISTINCT)
			note_unsupported(problem, index->path, "NULLS NOT DISTINCT", "15");
	}
	foreach(lc, table->foreign_keys)
	{
		const ForeignKey *key = lfirst(lc);

		if (key->on_delete_columns != NIL && !SERVER_HAS_SET_NULL_COLUMNS)
			note_unsupported(problem, key->path, "ON DELETE SET NULL (columns)", "15");
		if (key->match == MATCH_PARTIAL)
			note_unsupported(problem, key->path, "MATCH PARTIAL", NULL);
	}
	return problem->sqlerrcode == 0;
}

/* ----------
 * Names that collide
 * ----------
 */

/* A name that is taken within a schema or a table, and by what */
typedef struct TakenName
{
	char		key[4 * NAMEDATALEN];	/* space: schema or table, then name */
	char		path[256];
} TakenName;

/*
 * Take a name in a space of names; a problem where it is taken.
 */
static bool
names_take(HTAB *taken, const char *space, const char *name, const char *kind,
		   const char *path, Problem *problem)
{
	char		key[4 * NAMEDATALEN];
	TakenName  *entry;
	bool		found;

	memset(key, 0, sizeof(key));
	snprintf(key, sizeof(key), "%s\001%s", space, name);
	entry = hash_search(taken, key, HASH_ENTER, &found);
	if (!found)
	{
		strlcpy(entry->path, path ? path : "?", sizeof(entry->path));
		return true;
	}
	return problem_note(problem, ERRCODE_ASHMIG_NAME_COLLISION, path,
						psprintf("The name is taken by %s. PostgreSQL keeps %d bytes of a name.",
								 entry->path, NAMEDATALEN - 1),
						"Give one of the two a name of its own.",
						"two %s would have the same name \"%s\"", kind, name);
}

/* Take the names of one table: relations in its schema, columns and constraints in it. */
static void
names_take_table(HTAB *taken, const Table *table, Problem *problem)
{
	char	   *schema = psprintf("%d %s", table->name.tenant,
								  table->name.schema ? table->name.schema : "");
	char	   *columns = psprintf("%s %s c", schema, table->name.name);
	char	   *constraints = psprintf("%s %s k", schema, table->name.name);
	ListCell   *lc;

	names_take(taken, schema, table->name.name, "relations", table->path, problem);
	if (table->primary_key)
	{
		names_take(taken, schema, table->primary_key->name, "relations",
				   table->path, problem);
		names_take(taken, constraints, table->primary_key->name, "constraints",
				   table->path, problem);
	}
	foreach(lc, table->indexes)
	{
		TableIndex *index = lfirst(lc);

		names_take(taken, index->prefix ? index->prefix : schema, index->name,
				   "relations", index->path, problem);
	}
	foreach(lc, table->columns)
	{
		Column	   *column = lfirst(lc);

		names_take(taken, columns, column->name, "columns", column->path, problem);
	}
	foreach(lc, table->foreign_keys)
	{
		ForeignKey *key = lfirst(lc);

		names_take(taken, constraints, key->name, "constraints", key->path, problem);
	}
	foreach(lc, table->checks)
	{
		Check	   *check = lfirst(lc);

		names_take(taken, constraints, check->name, "constraints", check->path, problem);
	}
}

bool
model_check_names(const Model *model, Problem *problem)
{
	HASHCTL		ctl;
	HTAB	   *taken;
	ListCell   *lc;

	ctl.keysize = sizeof(((TakenName *) NULL)->key);
	ctl.entrysize = sizeof(TakenName);
	ctl.hcxt = CurrentMemoryContext;
	taken = hash_create("ashmig names", 1024, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, model->tables)
		names_take_table(taken, lfirst(lc), problem);
	hash_destroy(taken);
	return problem->sqlerrcode == 0;
}
