/*
 * extensions.c
 *		The extensions that an application needs, as migrations: see
 *		extensions.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "record/ash_functions.h"
#include "record/extensions.h"
#include "syntax/sql_text.h"

/* In front of the first statement that installs ash-functions; then the version */
#define ASH_FUNCTIONS_MARK "-- ash-functions "

/* What is to be installed */
typedef struct Installation
{
	List	   *all;			/* of Migration *: recorded public ones */
	List	   *installed;		/* those of them that install extensions and
								 * count */
	List	   *names;			/* of char *: what the migration to be
								 * installs */
	List	   *up;
	List	   *down;
} Installation;

/* ------------------------------------------------------------------------
 * What is recorded
 * ------------------------------------------------------------------------
 */

/*
 * The recorded migrations that install extensions.
 */
static List *
installing_migrations(List *all, bool with_dev)
{
	List	   *result = NIL;

	foreach_ptr(Migration, migration, all)
	{
		if (migration->kind == MIGRATION_EXTENSION && (with_dev || !migration->dev))
			result = lappend(result, migration);
	}
	return result;
}

/*
 * Has one of the migrations this statement, in its up or in its down?
 */
static bool
has_statement(List *migrations, bool down, const char *statement)
{
	foreach_ptr(Migration, migration, migrations)
	{
		if (names_have(down ? migration->down : migration->up, statement))
			return true;
	}
	return false;
}

/*
 * The version of ash-functions that is recorded, or 0.
 */
static int
recorded_ash_version(List *installed)
{
	int			version = 0;

	foreach_ptr(Migration, migration, installed)
	{
		foreach_ptr(const char, statement, migration->up)
		{
			if (strncmp(statement, ASH_FUNCTIONS_MARK, strlen(ASH_FUNCTIONS_MARK)) == 0)
				version = Max(version, atoi(statement + strlen(ASH_FUNCTIONS_MARK)));
		}
	}
	return Min(version, ASH_FUNCTIONS_LATEST);
}

/* ------------------------------------------------------------------------
 * ash-functions
 * ------------------------------------------------------------------------
 */

/* A function of the database */
typedef struct Existing
{
	char	   *definition;		/* NULL: not a plain function */
	char	   *result;
	bool		of_extension;
} Existing;

/*
 * The function of that signature in the default schema, or NULL.
 */
static Existing *
existing_function(const char *signature)
{
	static CatalogStatement find = {
		.sql = "SELECT CASE WHEN p.prokind = 'f' THEN pg_catalog.rtrim(pg_catalog.pg_get_functiondef(p.oid), E'\\n') END,"
		" pg_catalog.format_type(p.prorettype, NULL), EXISTS (SELECT FROM pg_catalog.pg_depend d"
		"  WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')"
		" FROM pg_catalog.pg_proc p WHERE p.oid = pg_catalog.to_regprocedure($1)",
		.nargs = 1, .types = {TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Existing   *existing = NULL;
	Datum		values[1];
	int			level;

	values[0] = CStringGetTextDatum(psprintf("%s.%s", quote_identifier(ashmig_default_schema),
											 signature));
	level = catalog_connect();
	if (catalog_query(&find, values, NULL) > 0)
	{
		bool		isnull;

		existing = MemoryContextAlloc(context, sizeof(Existing));
		existing->definition = catalog_string(0, 1, context);
		existing->result = catalog_string(0, 2, context);
		existing->of_extension = DatumGetBool(catalog_datum(0, 3, &isnull));
	}
	catalog_disconnect(level);
	return existing;
}

/*
 * Refuse to replace what is something else under the same name.
 */
static void
check_replaceable(int function, const Existing *existing)
{
	const char *signature = ash_function_signature(function);

	if (existing->definition && strcmp(existing->result, ash_function_result(function)) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_CONFLICT),
			 errmsg("function %s of ash-functions conflicts with an existing one", signature),
			 existing->definition ?
			 errdetail("Schema \"%s\" has a function of that name that returns %s instead of %s.",
					   ashmig_default_schema, existing->result, ash_function_result(function)) :
			 errdetail("Schema \"%s\" has an aggregate or a procedure of that name.",
					   ashmig_default_schema),
			 errhint("Rename it: ALTER ROUTINE %s.%s RENAME TO ...",
					 quote_identifier(ashmig_default_schema), signature)));
}

/*
 * One function that the version before did not have.  A function that exists
 * already and that no migration has created is replaced, and the down restores
 * it; one that belongs to an extension is left alone.
 */
static void
add_new_function(Installation *install, int function, const char *create, List **up, List **down)
{
	char	   *drop = ash_function_drop(function);
	Existing   *existing = NULL;

	if (!has_statement(install->all, true, drop))
		existing = existing_function(ash_function_signature(function));
	if (existing)
	{
		check_replaceable(function, existing);
		if (existing->of_extension)
			return;
		drop = existing->definition;
	}
	*up = lappend(*up, (char *) create);
	*down = lcons(drop, *down);
}

/*
 * ash-functions, from the recorded version to the wanted one.
 */
static void
add_ash_functions(Installation *install, int wanted)
{
	int			from = recorded_ash_version(install->installed);
	int			to = wanted == 0 ? ASH_FUNCTIONS_LATEST : wanted;
	List	   *up = NIL;
	List	   *down = NIL;

	if (to > ASH_FUNCTIONS_LATEST)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("unknown version %d of ash-functions", to),
				 errhint("Update ashmig, or omit \"ash_functions_version\" to use version %d.",
						 ASH_FUNCTIONS_LATEST)));
	if (from >= to)
		return;
	for (int i = 0; i < ASH_FUNCTIONS_COUNT; i++)
	{
		const char *before = ash_function_create(i, from);
		const char *after = ash_function_create(i, to);

		if (before == after)
			continue;
		if (before == NULL)
			add_new_function(install, i, after, &up, &down);
		else
		{
			up = lappend(up, (char *) after);
			down = lcons((char *) before, down);
		}
	}
	if (up == NIL)				/* an extension has them all */
		return;
	linitial(up) = psprintf("%s%d\n%s", ASH_FUNCTIONS_MARK, to, (char *) linitial(up));
	install->names = lappend(install->names, psprintf("ash_functions_%d", to));
	install->up = list_concat(install->up, up);
	install->down = list_concat(down, install->down);
}

/* ------------------------------------------------------------------------
 * PostgreSQL's extensions, and the application's own
 * ------------------------------------------------------------------------
 */

/*
 * CREATE EXTENSION.  The down drops it unless it was there before ashmig.
 */
static void
add_extension(Installation *install, const char *name)
{
	char	   *create = psprintf("CREATE EXTENSION IF NOT EXISTS %s", quote_name(name));
	char	   *drop = psprintf("DROP EXTENSION IF EXISTS %s", quote_name(name));

	if (has_statement(install->installed, false, create))
		return;
	install->names = lappend(install->names, (char *) name);
	install->up = lappend(install->up, create);
	if (!OidIsValid(get_extension_oid(name, true)) || has_statement(install->all, true, drop))
		install->down = lcons(drop, install->down);
}

/*
 * Does the server have the files of that extension?
 */
static bool
is_available(const char *name)
{
	static CatalogStatement find = {
		.sql = "SELECT FROM pg_catalog.pg_available_extensions() AS e (name) WHERE e.name = $1::pg_catalog.name",
		.nargs = 1, .types = {TEXTOID}
	};
	Datum		values[1];
	bool		found;
	int			level;

	values[0] = CStringGetTextDatum(name);
	level = catalog_connect();
	found = catalog_query(&find, values, NULL) > 0;
	catalog_disconnect(level);
	return found;
}

/*
 * Is this a module of the application (AshPostgres.CustomExtension), which
 * writes its SQL in Elixir?  Those are listed as name_v1.
 */
static bool
is_custom(const char *name)
{
	const char *end = name + strlen(name);
	const char *digits = end;

	while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	return digits < end && digits - name > 2 &&
		digits[-1] == 'v' && digits[-2] == '_' && !is_available(name);
}

/*
 * We cannot know the application's own SQL.  A migration of its name shows
 * that it has been taken care of; until then, warn.
 */
static void
warn_custom(const Installation *install, const char *name)
{
	char	   *wanted = psprintf("install_%s_extension", name);

	foreach_ptr(Migration, migration, install->all)
	{
		const char *recorded = migration->name;

		if (strcmp(recorded, wanted) == 0 || strcmp(recorded, name) == 0)
			return;
	}
	ereport(WARNING,
			(errcode(ERRCODE_ASHMIG_ELIXIR_CODE),
			 errmsg("extension \"%s\" is an Elixir module of the application and is not installed", name),
			 errhint("Record the SQL that it executes: SELECT ashmig_add_migration(NULL, %s, up => '...', down => '...').",
					 quote_text(wanted))));
}

/* ------------------------------------------------------------------------
 * The migration
 * ------------------------------------------------------------------------
 */

/* "install_citext_extension", "install_citext_and_2_more_extensions" */
static char *
migration_name(List *names)
{
	if (list_length(names) == 1)
		return psprintf("install_%s_extension", (char *) linitial(names));
	return psprintf("install_%s_and_%d_more_extensions", (char *) linitial(names),
					list_length(names) - 1);
}

/*
 * The migration that does it.
 */
static Migration *
make_migration(const Installation *install, const Bundle *bundle, bool dev)
{
	Migration  *migration = palloc0(sizeof(Migration));

	migration->repo = bundle->snapshots == NIL ? "" :
		((ResourceSnapshot *) linitial(bundle->snapshots))->repo;
	migration->name = migration_name(install->names);
	migration->kind = MIGRATION_EXTENSION;
	migration->dev = dev;
	migration->transactional = true;
	migration->up = install->up;
	migration->down = install->down;
	migration->reversible = true;
	return migration;
}

/*
 * The migrations that install what is missing.
 */
List *
extensions_missing(const Bundle *bundle, bool with_dev)
{
	Installation install = {0};
	List	   *seen = NIL;

	if (bundle->extensions == NIL)
		return NIL;
	install.all = catalog_migrations(NULL, SCOPES_PUBLIC);
	install.installed = installing_migrations(install.all, with_dev);
	foreach_ptr(char, name, bundle->extensions)
	{
		if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("invalid extension name \"%s\"", name),
					 errhint("A name must have 1 to %d bytes.", NAMEDATALEN - 1)));
		if (names_have(seen, name))
			continue;
		seen = lappend(seen, name);
		if (strcmp(name, ASH_FUNCTIONS_NAME) == 0)
			add_ash_functions(&install, bundle->ash_functions_version);
		else if (is_custom(name))
			warn_custom(&install, name);
		else
			add_extension(&install, name);
	}
	return install.up == NIL ? NIL : list_make1(make_migration(&install, bundle, with_dev));
}
