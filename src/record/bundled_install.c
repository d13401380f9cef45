/*
 * bundled_install.c
 *		Installing a built-in extension: see bundled_install.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/errors.h"
#include "base/names.h"
#include "base/settings.h"
#include "metadata/catalog_spi.h"
#include "record/bundled_install.h"
#include "syntax/sql_text.h"

/* An object of the database that has the name of one of ours */
typedef struct Existing
{
	char	   *what;			/* what it is instead, for the error */
	bool		fits;			/* it is what the object has as "result" */
	char	   *definition;		/* the statement that makes it, or NULL */
	bool		of_extension;
} Existing;

/* ------------------------------------------------------------------------
 * What is there
 * ------------------------------------------------------------------------
 */

#define OF_EXTENSION(catalog, oid) \
	" EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog." catalog "'::pg_catalog.regclass" \
	"  AND d.objid = " oid " AND d.deptype = 'e')"

/*
 * How an object is found by its name ($1), and compared with the result ($2)
 * that it should have: one statement for each kind.
 */
static CatalogStatement find_object[] = {
	[BUNDLED_FUNCTION] = {
		.sql = "SELECT CASE WHEN p.prokind = 'f' THEN 'a function that returns ' || pg_catalog.format_type(p.prorettype, NULL)"
		"  ELSE 'an aggregate or a procedure' END,"
		" p.prokind = 'f' AND p.prorettype = pg_catalog.to_regtype($2),"
		" CASE WHEN p.prokind = 'f' THEN pg_catalog.rtrim(pg_catalog.pg_get_functiondef(p.oid), E'\\n') END,"
		OF_EXTENSION("pg_proc", "p.oid")
		" FROM pg_catalog.pg_proc p WHERE p.oid = pg_catalog.to_regprocedure($1)",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	},
	[BUNDLED_AGGREGATE] = {
		.sql = "SELECT 'a function or a procedure', p.prokind = 'a' AND p.prorettype = pg_catalog.to_regtype($2), NULL,"
		OF_EXTENSION("pg_proc", "p.oid")
		" FROM pg_catalog.pg_proc p WHERE p.oid = pg_catalog.to_regprocedure($1)",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	},
	[BUNDLED_OPERATOR] = {
		.sql = "SELECT 'an operator that calls ' || p.proname, p.proname = $2,"
		" pg_catalog.format('CREATE OPERATOR %I.%s (%sRIGHTARG = %s, FUNCTION = %I.%I)', n.nspname, o.oprname,"
		"  CASE WHEN o.oprleft <> 0 THEN 'LEFTARG = ' || pg_catalog.format_type(o.oprleft, NULL) || ', ' ELSE '' END,"
		"  pg_catalog.format_type(o.oprright, NULL), f.nspname, p.proname),"
		OF_EXTENSION("pg_operator", "o.oid")
		" FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode"
		" JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace"
		" JOIN pg_catalog.pg_namespace f ON f.oid = p.pronamespace"
		" WHERE o.oid = pg_catalog.to_regoperator($1)",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	},
	[BUNDLED_TYPE] = {
		.sql = "SELECT 'a type of ' || coalesce(a.names, 'another kind'), coalesce(a.names = $2, false), NULL,"
		OF_EXTENSION("pg_type", "t.oid")
		" FROM pg_catalog.pg_type t LEFT JOIN LATERAL (SELECT pg_catalog.string_agg(a.attname, ', ' ORDER BY a.attnum)"
		"  FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) a (names)"
		"  ON true WHERE t.oid = pg_catalog.to_regtype($1)",
		.nargs = 2, .types = {TEXTOID, TEXTOID}
	},
};

/* The name of an object, as it is in this database */
static char *
object_name(const BundledObject *object)
{
	SqlFilling	filling = {.default_schema = quote_identifier(ashmig_default_schema)};

	return sql_fill_with(psprintf("%s.%s", PLACEHOLDER_DEFAULT, object->signature), &filling);
}

/*
 * What there is under the name of the object, or NULL.
 */
static Existing *
existing_object(const BundledObject *object)
{
	MemoryContext context = CurrentMemoryContext;
	Existing   *existing = NULL;
	Datum		values[2];
	int			level;

	values[0] = CStringGetTextDatum(object_name(object));
	values[1] = CStringGetTextDatum(sql_fill(object->result, ashmig_default_schema,
											 ashmig_default_schema));
	level = catalog_connect();
	if (catalog_query(&find_object[object->kind], values, NULL) > 0)
	{
		Datum		fits;
		bool		isnull;

		existing = MemoryContextAlloc(context, sizeof(Existing));
		existing->what = catalog_string(0, 1, context);
		fits = catalog_datum(0, 2, &isnull);
		existing->fits = !isnull && DatumGetBool(fits);
		existing->definition = catalog_string(0, 3, context);
		existing->of_extension = DatumGetBool(catalog_datum(0, 4, &isnull));
	}
	catalog_disconnect(level);
	return existing;
}

/*
 * Are the types there that the signatures of an extension name?  Without them
 * no object of it is, and before PostgreSQL 16 asking for one raises an error.
 */
static bool
types_exist(const BundledExtension *extension)
{
	for (int i = 0; i < extension->count; i++)
	{
		if (extension->objects[i].kind == BUNDLED_TYPE &&
			existing_object(&extension->objects[i]) == NULL)
			return false;
	}
	return true;
}

/*
 * Refuse to replace what is something else under the same name.
 */
static void
check_fits(const BundledExtension *extension, const BundledObject *object,
		   const Existing *existing)
{
	char	   *name;

	if (existing->fits || (object->kind == BUNDLED_OPERATOR && existing->definition))
		return;
	name = object_name(object);
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_CONFLICT),
			 errmsg("%s of %s conflicts with an existing object", name, extension->name),
			 errdetail("Schema \"%s\" has %s of that name.", ashmig_default_schema, existing->what),
			 object->kind == BUNDLED_TYPE ?
			 errhint("Rename it: ALTER TYPE %s RENAME TO ...", name) :
			 errhint("Rename it: ALTER ROUTINE %s RENAME TO ...", name)));
}

/* ------------------------------------------------------------------------
 * Statements
 * ------------------------------------------------------------------------
 */

/*
 * Does one of the statements make this?  A statement may have a comment in
 * front that says of which extension it is the first.
 */
static bool
is_made(List *statements, const char *create)
{
	ListCell   *lc;

	foreach(lc, statements)
	{
		const char *statement = lfirst(lc);

		if (strncmp(statement, "-- ", 3) == 0 && strchr(statement, '\n'))
			statement = strchr(statement, '\n') + 1;
		if (strcmp(statement, create) == 0)
			return true;
	}
	return false;
}

static void
add(BundledInstall *install, const char *up, const char *down)
{
	install->up = lappend(install->up, (char *) up);
	install->down = lcons((char *) down, install->down);
}

/*
 * An object that the version before did not have.
 */
static void
add_new(BundledInstall *install, const BundledObject *object, bool look)
{
	char	   *drop = bundled_drop(object);
	Existing   *existing = NULL;

	if (is_made(install->made, object->create))
		return;
	if (look && !names_have(install->dropped, drop))
		existing = existing_object(object);
	if (existing == NULL)
	{
		add(install, object->create, drop);
		return;
	}
	if (!existing->of_extension)
		check_fits(install->extension, object, existing);
	if (existing->of_extension || (existing->fits && object->kind != BUNDLED_FUNCTION))
		return;
	if (object->kind == BUNDLED_OPERATOR)
		add(install, drop, existing->definition);
	add(install, object->create, object->kind == BUNDLED_OPERATOR ? drop : existing->definition);
}

/*
 * An object that is another one from this version on.  A function is replaced
 * in its place; an operator has to be made anew.
 */
static void
add_changed(BundledInstall *install, const BundledObject *before, const BundledObject *after)
{
	if (after->kind != BUNDLED_OPERATOR)
	{
		add(install, after->create, before->create);
		return;
	}
	add(install, bundled_drop(before), before->create);
	add(install, after->create, bundled_drop(after));
}

void
bundled_install(BundledInstall *install)
{
	const BundledExtension *extension = install->extension;
	bool		look = types_exist(extension);

	for (int i = 0; i < extension->count; i = bundled_next(extension, i))
	{
		const BundledObject *before = bundled_at(extension, i, install->from);
		const BundledObject *after = bundled_at(extension, i, install->to);

		if (before == after)
			continue;
		if (before)
			add_changed(install, before, after);
		else
			add_new(install, after, look);
	}
}
