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
#include "metadata/catalog_extensions.h"
#include "metadata/catalog_migrations.h"
#include "record/bundled_install.h"
#include "record/extensions.h"
#include "record/implied.h"
#include "syntax/sql_text.h"

/* In front of the first statement that installs an extension by name; then the version */
#define MARK "-- %s "

/* The only one whose version stands beside the list, not in it */
#define ASH_FUNCTIONS "ash-functions"

/* Versions of extensions have so many digits at most. */
#define MAX_VERSION_DIGITS	6
#define MAX_VERSION			1000000

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
 * The version of an extension that these statements install, or 0.
 */
static int
installed_version(List *statements, const char *name)
{
	char	   *mark = psprintf(MARK, name);
	int			version = 0;

	foreach_ptr(const char, statement, statements)
	{
		if (strncmp(statement, mark, strlen(mark)) == 0)
			version = Max(version, atoi(statement + strlen(mark)));
	}
	return version;
}

/* The statements of migrations, as one list */
static List *
all_statements(List *migrations, bool down)
{
	List	   *result = NIL;

	foreach_ptr(Migration, migration, migrations)
		result = list_concat(result, down ? migration->down : migration->up);
	return result;
}

/* What recorded migrations, and the one to be, execute */
static List *
made_statements(const Installation *install)
{
	return list_concat_copy(all_statements(install->installed, false), install->up);
}

/* ------------------------------------------------------------------------
 * Those that come in versions: built in, or defined
 * ------------------------------------------------------------------------
 */

/*
 * Statements that bring an extension to a version; the first one says so.
 */
static void
add_version(Installation *install, const char *name, const char *label, int version,
			List *up, List *down)
{
	if (up == NIL)				/* all is there */
		return;
	linitial(up) = psprintf(MARK "%d\n%s", name, version, (char *) linitial(up));
	install->names = lappend(install->names, psprintf("%s_%d", label, version));
	install->up = list_concat(install->up, up);
	install->down = list_concat(down, install->down);
}

/*
 * A built-in extension, from the recorded version to the wanted one (0: the
 * newest).
 */
static void
add_bundled(Installation *install, const BundledExtension *extension, int wanted)
{
	BundledInstall bundled = {.extension = extension};

	if (wanted > extension->latest)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
				 errmsg("unknown version %d of %s", wanted, extension->name),
				 errdetail("This version of ashmig knows the versions 1 to %d.", extension->latest),
				 strcmp(extension->name, ASH_FUNCTIONS) == 0 ?
				 errhint("Update ashmig, or omit \"ash_functions_version\" to use version %d.",
						 extension->latest) :
				 errhint("Update ashmig, or omit the version to use version %d: '%s'.",
						 extension->latest, extension->name)));
	bundled.made = made_statements(install);
	bundled.from = Min(installed_version(bundled.made, extension->name), extension->latest);
	bundled.to = wanted == 0 ? extension->latest : wanted;
	if (bundled.from >= bundled.to)
		return;
	bundled.dropped = all_statements(install->all, true);
	bundled_install(&bundled);
	add_version(install, extension->name, extension->label, bundled.to, bundled.up, bundled.down);
}

/*
 * An extension that the team has defined, version by version.
 */
static void
add_defined(Installation *install, const char *name, List *versions, int wanted)
{
	int			from = installed_version(made_statements(install), name);
	List	   *up = NIL;
	List	   *down = NIL;

	foreach_ptr(const DefinedExtension, defined, versions)
	{
		if (defined->version <= from || defined->version > wanted)
			continue;
		up = list_concat(up, defined->up);
		down = list_concat(list_copy(defined->down), down);
	}
	add_version(install, name, name, wanted, up, down);
}

/*
 * "ash_money" and 5 of "ash_money_v5", as AshPostgres lists them; false where
 * the name has no version.
 */
static bool
split_version(const char *entry, char **name, int *version)
{
	const char *digits = entry + strlen(entry);

	while (digits > entry && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	if (*digits == '\0' || strlen(digits) > MAX_VERSION_DIGITS || digits - entry <= 2 ||
		digits[-1] != 'v' || digits[-2] != '_')
		return false;
	*name = pnstrdup(entry, digits - entry - 2);
	*version = atoi(digits);
	return *version > 0;
}

/* The defined version with that number; with 0, the newest */
static const DefinedExtension *
find_version(List *versions, int version)
{
	const DefinedExtension *found = NULL;

	foreach_ptr(const DefinedExtension, defined, versions)
	{
		if (version == 0 || defined->version == version)
			found = defined;
	}
	return found;
}

/*
 * If that is the name of an extension that comes in versions, add it.
 */
static bool
add_versioned(Installation *install, const char *entry, int ash_functions_version)
{
	const BundledExtension *bundled = bundled_find(entry);
	char	   *name = pstrdup(entry);
	int			version = 0;
	List	   *versions;
	const DefinedExtension *defined;

	if (bundled)
		version = strcmp(entry, ASH_FUNCTIONS) == 0 ? ash_functions_version : 0;
	else if (split_version(entry, &name, &version))
		bundled = bundled_find(name);
	if (bundled)
	{
		add_bundled(install, bundled, version);
		return true;
	}
	versions = catalog_extension_versions(name);
	defined = find_version(versions, version);
	if (defined == NULL)
		return false;
	add_defined(install, name, versions, defined->version);
	return true;
}

/* ------------------------------------------------------------------------
 * PostgreSQL's extensions
 * ------------------------------------------------------------------------
 */

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
 * CREATE EXTENSION.  The down drops it unless it was there before ashmig.
 * False where there is none of that name.
 */
static bool
add_extension(Installation *install, const char *name)
{
	char	   *create = psprintf("CREATE EXTENSION IF NOT EXISTS %s", quote_name(name));
	char	   *drop = psprintf("DROP EXTENSION IF EXISTS %s", quote_name(name));

	if (has_statement(install->installed, false, create))
		return true;
	if (!OidIsValid(get_extension_oid(name, true)) && !is_available(name))
		return false;
	install->names = lappend(install->names, (char *) name);
	install->up = lappend(install->up, create);
	if (!OidIsValid(get_extension_oid(name, true)) || has_statement(install->all, true, drop))
		install->down = lcons(drop, install->down);
	return true;
}

/* ------------------------------------------------------------------------
 * Neither
 * ------------------------------------------------------------------------
 */

/*
 * Has a migration of its name taken care of it?
 */
static bool
is_handwritten(const Installation *install, const char *name)
{
	char	   *wanted = psprintf("install_%s_extension", name);

	foreach_ptr(Migration, migration, install->all)
	{
		if (strcmp(migration->name, wanted) == 0 || strcmp(migration->name, name) == 0)
			return true;
	}
	return false;
}

/* The call that defines an extension, to be filled in */
static char *
definition_call(const char *entry)
{
	char	   *name = pstrdup(entry);
	int			version = 1;

	(void) split_version(entry, &name, &version);
	return psprintf("SELECT ashmig_define_extension(%s, %d, up => '...', down => '...');",
					quote_text(name), version);
}

/*
 * Names that are none of an extension: all of them in one error, with the calls
 * that define them.
 */
static void
raise_unknown(List *unknown)
{
	StringInfoData calls;

	initStringInfo(&calls);
	foreach_ptr(char, name, unknown)
		appendStringInfo(&calls, "\n%s", definition_call(name));
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_UNKNOWN_EXTENSION),
			 errmsg_plural("unknown extension %s", "unknown extensions %s", list_length(unknown),
						   quote_names(unknown)),
			 errdetail("This server has no files of an extension of that name, and ashmig has none built in."),
			 errhint("Install the package that brings the files on the server. If it is a module of the application, record the SQL that it executes:%s",
					 calls.data)));
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
 * An entry of the bundle; false where no extension has that name.
 */
static bool
add_entry(Installation *install, const char *entry, int ash_functions_version)
{
	return add_versioned(install, entry, ash_functions_version) ||
		add_extension(install, entry) ||
		is_handwritten(install, entry);
}

/* The entries of a bundle, and what its snapshots cannot do without */
static List *
wanted_extensions(const Bundle *bundle, List *all)
{
	List	   *wanted = NIL;

	foreach_ptr(char, name, bundle->extensions)
	{
		if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("invalid extension name \"%s\"", name),
					 errhint("A name must have 1 to %d bytes.", NAMEDATALEN - 1)));
		if (!names_have(wanted, name))
			wanted = lappend(wanted, name);
	}
	return list_concat(wanted, implied_extensions(bundle, all));
}

/*
 * The migrations that install what is missing.
 */
List *
extensions_missing(const Bundle *bundle, bool with_dev)
{
	Installation install = {0};
	List	   *unknown = NIL;

	if (bundle->extensions == NIL && bundle->snapshots == NIL)
		return NIL;
	install.all = catalog_migrations(NULL, SCOPES_PUBLIC);
	install.installed = installing_migrations(install.all, with_dev);
	foreach_ptr(char, name, wanted_extensions(bundle, install.all))
	{
		if (!add_entry(&install, name, bundle->ash_functions_version))
			unknown = lappend(unknown, name);
	}
	if (unknown != NIL)
		raise_unknown(unknown);
	return install.up == NIL ? NIL : list_make1(make_migration(&install, bundle, with_dev));
}

/* ------------------------------------------------------------------------
 * Defining
 * ------------------------------------------------------------------------
 */

/* Refuse a name that cannot be found again, or that means something else. */
static void
check_definable(const char *name, int version)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	char	   *base;
	int			number;

	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN - MAX_VERSION_DIGITS - 2 ||
		name[strspn(name, allowed)] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("invalid extension name \"%s\"", name),
				 errhint("A name has letters, digits, \"_\" and \"-\".")));
	if (split_version(name, &base, &number))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("extension name \"%s\" has a version", name),
				 errhint("Pass both: SELECT ashmig_define_extension(%s, %d, up => '...', down => '...');",
						 quote_text(base), number)));
	if (version < 1 || version >= MAX_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("invalid version %d of extension \"%s\"", version, name),
				 errhint("Versions count from 1.")));
	if (bundled_find(name))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CONFLICT),
				 errmsg("extension \"%s\" is built in", name)));
	if (is_available(name))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CONFLICT),
				 errmsg("\"%s\" is an extension of this server", name),
				 errhint("SELECT * FROM ashmig_install_extensions(ARRAY[%s]) installs it.",
						 quote_text(name))));
}

/* The same statements? */
static bool
statements_equal(List *one, List *other)
{
	ListCell   *l1;
	ListCell   *l2;

	if (list_length(one) != list_length(other))
		return false;
	forboth(l1, one, l2, other)
	{
		if (strcmp(lfirst(l1), lfirst(l2)) != 0)
			return false;
	}
	return true;
}

void
extensions_define(const char *name, int version, List *up, List *down)
{
	DefinedExtension defined = {version, up, down};
	const DefinedExtension *before;
	List	   *recorded;
	int			installed;

	check_definable(name, version);
	if (up == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("version %d of extension \"%s\" has no statement", version, name)));
	catalog_lock_generation();
	recorded = installing_migrations(catalog_migrations(NULL, SCOPES_PUBLIC), true);
	installed = installed_version(all_statements(recorded, false), name);
	before = find_version(catalog_extension_versions(name), version);
	if (before && statements_equal(before->up, up) && statements_equal(before->down, down))
		return;
	if (version <= installed)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_APPLIED),
				 errmsg("a migration has installed version %d of extension \"%s\"",
						installed, name),
				 errhint("Define the change as a new version: SELECT ashmig_define_extension(%s, %d, up => '...', down => '...');",
						 quote_text(name), installed + 1)));
	catalog_define_extension(name, &defined);
}
