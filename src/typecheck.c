/*
 * typecheck.c
 *		Does this database know the types that a generation brings?
 *
 * The core knows only that a type's text is one; what it names is a matter of
 * the catalog.  Looking it up before anything is recorded turns a misspelt
 * type into one error with its JSON path, instead of a migration that fails.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/hsearch.h"

#include "ashmig.h"
#include "compat.h"
#include "operation.h"
#include "text.h"
#include "typecheck.h"

#define TYPE_TEXT_SIZE 256

/* Types that were looked up and found, by their text */
static HTAB *
types_create(void)
{
	HASHCTL		ctl;

	ctl.keysize = TYPE_TEXT_SIZE;
	ctl.entrysize = TYPE_TEXT_SIZE;
	ctl.hcxt = CurrentMemoryContext;
	return hash_create("ashmig types", 64, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/*
 * Why the type cannot be had, or NULL where it can.  Looking a type up changes
 * nothing, so an error in it needs no subtransaction to be caught.
 */
static char *
type_fault(const char *type)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile fault = NULL;

	PG_TRY();
	{
		Oid			oid;
		int32		typmod;

		if (!compat_parse_type(type, &oid, &typmod))
			fault = psprintf("type \"%s\" does not exist", type);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		fault = error->message;
	}
	PG_END_TRY();
	return fault;
}

static void
typecheck_column(HTAB *known, const Operation *operation, const Column *column)
{
	bool		found = false;
	char	   *fault;

	if (strlen(column->type) < TYPE_TEXT_SIZE)
		(void) hash_search(known, column->type, HASH_ENTER, &found);
	if (found)
		return;
	fault = type_fault(column->type);
	if (fault == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_TYPE),
			 errmsg("column \"%s\" of \"%s\" has a type that this database does not know: \"%s\"",
					column->name, table_name_show(&operation->table), column->type),
			 errdetail("At %s.type: %s.", column->path ? column->path : "$", fault),
			 errhint("Correct the type, create it in schema \"%s\" first, or install the extension that has it: SELECT * FROM ashmig_install_extensions('{...}').",
					 ashmig_default_schema)));
}

void
typecheck_operations(List *operations)
{
	int			guc_level = NewGUCNestLevel();
	HTAB	   *known = types_create();
	ListCell   *lo;
	ListCell   *lc;

	(void) set_config_option("search_path", quote_name(ashmig_default_schema),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	foreach(lo, operations)
	{
		const Operation *operation = lfirst(lo);

		if (operation->kind == OP_CREATE_TABLE)
		{
			foreach(lc, ((const Table *) operation->to)->columns)
				typecheck_column(known, operation, lfirst(lc));
		}
		else if (operation_subject(operation->kind) == SUBJECT_COLUMN && operation->to != NULL)
			typecheck_column(known, operation, operation->to);
	}
	hash_destroy(known);
	AtEOXact_GUC(true, guc_level);
}
