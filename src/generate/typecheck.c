/*
 * typecheck.c
 *		Does this database know the types that a generation brings, and do its
 *		defaults fit them?
 *
 * The core knows only that the text is syntactically a type; what it names is
 * a matter of the catalog.  Looking it up before anything is recorded turns a
 * misspelled type, or a default that is not valid for it, into one error with
 * its JSON path, instead of a migration that fails.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/value.h"
#include "parser/parse_node.h"
#include "parser/parse_oper.h"
#include "parser/parser.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/pin.h"
#include "base/settings.h"
#include "generate/typecheck.h"
#include "metadata/acting_role.h"
#include "metadata/search_path.h"
#include "plan/operation.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* Longer texts of types than this are looked up each time. */
#define KNOWN_TYPE_SIZE 256

/* Initial size of the table of known types, which grows as needed. */
#define KNOWN_TYPES 64

/* A type that was looked up and found, by its text */
typedef struct KnownType
{
	char		text[KNOWN_TYPE_SIZE];
	Oid			oid;
	int32		typmod;
} KnownType;

static HTAB *
types_create(void)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(((KnownType *) NULL)->text);
	ctl.entrysize = sizeof(KnownType);
	ctl.hcxt = CurrentMemoryContext;
	return hash_create("ashmig types", KNOWN_TYPES, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* ----------
 * Faults
 * ----------
 */

/* Is it a temporary type of this session, or an array of one? */
static bool
is_temporary(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			schema;

	if (!HeapTupleIsValid(tuple))
		return false;
	schema = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return isAnyTempNamespace(schema);
}

/* Look up the column's type; returns why it is not available, or NULL. */
static char *
look_up_type(const Column *column, KnownType *type)
{
	if (!compat_parse_type(column->type, &type->oid, &type->typmod))
		return psprintf("type \"%s\" does not exist", column->type);
	if (is_temporary(type->oid))
		return psprintf("type \"%s\" is temporary", column->type);
	return NULL;
}

/*
 * Read the column's default as CREATE TABLE would, which raises what is wrong
 * with it.
 */
static char *
look_at_default(const Column *column, KnownType *type)
{
	List	   *tree = raw_parser(psprintf("SELECT %s", column->default_sql), RAW_PARSE_DEFAULT);
	SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, tree)->stmt);
	ResTarget  *target = linitial_node(ResTarget, select->targetList);
	ParseState *state = make_parsestate(NULL);

	(void) cookDefault(state, target->val, type->oid, type->typmod, column->name, '\0');
	free_parsestate(state);
	return NULL;
}

/*
 * The result of a check, or the message of the error that it raised; NULL if
 * all is well.  A check changes nothing, and the caller raises what it gets,
 * so catching the error needs no subtransaction.  Errors not caused by the
 * text (a cancel, out of memory) are re-raised.
 */
static char *
find_fault(char *(*look) (const Column *column, KnownType *type),
		   const Column *column, KnownType *type)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile fault = NULL;

	PG_TRY();
	{
		fault = look(column, type);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (fragment_is_foreign_error(error))
			ReThrowError(error);
		fault = error->message;
	}
	PG_END_TRY();
	return fault;
}

/* ----------
 * Columns
 * ----------
 */

/* The column's type; raises an error if the database does not know it. */
static KnownType
typecheck_type(HTAB *known, const Operation *operation, const Column *column)
{
	KnownType	type;
	KnownType  *entry;
	bool		keep = strlen(column->type) < sizeof(type.text);
	char	   *fault;

	entry = keep ? hash_search(known, column->type, HASH_FIND, NULL) : NULL;
	if (entry)
		return *entry;
	fault = find_fault(look_up_type, column, &type);
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_TYPE),
				 errmsg("column \"%s\" of \"%s\" has invalid type \"%s\"",
						column->name, table_name_show(&operation->table), column->type),
				 errdetail("At %s.type: %s.", column->path ? column->path : "$", fault),
				 errhint("Correct the type, create it in schema \"%s\" first, or install the extension that provides it: SELECT * FROM ashmig_install_extensions('{...}').",
						 ashmig_default_schema)));
	if (keep)
	{
		entry = hash_search(known, column->type, HASH_ENTER, NULL);
		entry->oid = type.oid;
		entry->typmod = type.typmod;
	}
	return type;
}

/* Is the column's default a literal?  SQL may need what does not exist yet. */
static bool
has_literal_default(const Column *column)
{
	return column->default_sql != NULL && column->attribute != NULL &&
		column->attribute->default_value->kind != ELIXIR_FRAGMENT;
}

static void
typecheck_column(HTAB *known, const Operation *operation, const Column *column)
{
	KnownType	type = typecheck_type(known, operation, column);
	char	   *fault = NULL;

	if (has_literal_default(column))
		fault = find_fault(look_at_default, column, &type);
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_DEFAULT),
				 errmsg("column \"%s\" of \"%s\" has a default that is not valid for its type: %s",
						column->name, table_name_show(&operation->table), column->default_sql),
				 errdetail("At %s.default: %s.", column->path ? column->path : "$", fault),
				 errhint("The type is %s. Correct the default, or write it as SQL: fragment(\"...\").",
						 column->type)));
}

void
typecheck_operations(List *operations)
{
	int			guc_level = NewGUCNestLevel();
	HTAB	   *known = types_create();
	ListCell   *lc;

	settings_pin_ddl();
	settings_pin("search_path", search_path_for(ashmig_default_schema, ashmig_default_schema,
												acting_role_by_default().role));
	foreach_ptr(const Operation, operation, operations)
	{
		if (operation->kind == OP_CREATE_TABLE)
		{
			foreach(lc, operation->whole_table.to->columns)
				typecheck_column(known, operation, lfirst(lc));
		}
		else if (operation_subject(operation->kind) == SUBJECT_COLUMN &&
				 operation->column.to != NULL)
			typecheck_column(known, operation, operation->column.to);
	}
	hash_destroy(known);
	AtEOXact_GUC(true, guc_level);
}

/* ----------
 * Foreign keys
 * ----------
 */

/* Is there an equality of the two types?  Also where one is not known. */
static bool
are_comparable(const Column *one, const Column *other)
{
	KnownType	types[2];
	Operator	equality;

	if (find_fault(look_up_type, one, &types[0]) || find_fault(look_up_type, other, &types[1]))
		return true;
	equality = oper(NULL, list_make1(makeString("=")), types[0].oid, types[1].oid, true, -1);
	if (equality == NULL)
		return false;
	ReleaseSysCache(equality);
	return true;
}

static bool
check_foreign_key(const Model *model, const Table *table, const ForeignKey *key, Problem *problem)
{
	const Table *target = model_find(model, &key->target);
	ListCell   *lc;
	ListCell   *lt;

	forboth(lc, key->columns, lt, target ? key->target_columns : NIL)
	{
		const Column *column = model_find_column(table->columns, lfirst(lc));
		const Column *other = model_find_column(target->columns, lfirst(lt));

		if (column && other && !are_comparable(column, other))
			return problem_note(problem, ERRCODE_ASHMIG_INVALID_TYPE, key->path, NULL, NULL,
								"column \"%s\" of \"%s\" has type %s, and column \"%s\" of \"%s\", to which it refers, has type %s",
								column->name, table_name_show(&table->name), column->type,
								other->name, table_name_show(&target->name), other->type);
	}
	return true;
}

bool
typecheck_foreign_keys(const Model *model, Problem *problem)
{
	int			guc_level = NewGUCNestLevel();
	bool		fits = true;

	settings_pin("search_path", search_path_for(ashmig_default_schema, ashmig_default_schema,
												acting_role_by_default().role));
	foreach_ptr(const Table, table, model->tables)
	{
		foreach_ptr(const ForeignKey, key, table->foreign_keys)
			fits = fits && check_foreign_key(model, table, key, problem);
	}
	AtEOXact_GUC(true, guc_level);
	return fits;
}

/* ----------
 * Types to come
 * ----------
 */

/* Does one of the words stand right before one of the others, but for space and comments? */
static bool
has_words(const char *text, const char *const *firsts, const char *const *seconds)
{
	for (; *text; text++)
	{
		for (const char *const *first = firsts; *first; first++)
		{
			const char *end = text + strlen(*first);
			const char *next;

			if (pg_strncasecmp(text, *first, strlen(*first)) != 0)
				continue;
			next = fragment_skip_space(end);
			for (const char *const *second = seconds; next > end && *second; second++)
			{
				if (pg_strncasecmp(next, *second, strlen(*second)) == 0)
					return true;
			}
		}
	}
	return false;
}

bool
typecheck_text_may_bring_types(const char *sql)
{
	static const char *const verbs[] = {"create", "alter", NULL};
	static const char *const objects[] = {"type", "domain", "extension", NULL};

	return has_words(sql, verbs, objects);
}

bool
typecheck_may_bring_types(const Migration *migration)
{
	ListCell   *lc;

	if (migration->kind != MIGRATION_GENERATED)
		return true;
	foreach(lc, migration->up)
	{
		if (typecheck_text_may_bring_types(lfirst(lc)))
			return true;
	}
	return false;
}
