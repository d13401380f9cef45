/*
 * export_ecto.c
 *		A migration as a module for Ecto: see export_ecto.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"
#include "metadata/acting_role.h"
#include "metadata/search_path.h"
#include "record/export.h"
#include "record/export_ecto.h"
#include "syntax/directive.h"
#include "syntax/sql_text.h"

/* ------------------------------------------------------------------------
 * Names
 * ------------------------------------------------------------------------
 */

/*
 * The name of the migration as that of a file, "add_tickets", or as that of a
 * module, "AddTickets": letters and digits of ASCII, which both may have.
 */
static char *
plain_name(const char *name, bool module)
{
	StringInfoData buf;
	bool		begin = true;

	initStringInfo(&buf);
	for (; *name; name++)
	{
		unsigned char character = *name;

		if (character >= 0x80 || !isalnum(character))
		{
			begin = true;
			continue;
		}
		if (begin && !module && buf.len > 0)
			appendStringInfoChar(&buf, '_');
		appendStringInfoChar(&buf, !module ? pg_tolower(character) :
							 begin ? pg_toupper(character) : character);
		begin = false;
	}
	if (buf.len == 0 || isdigit((unsigned char) buf.data[0]))
		return psprintf("%s%s%s", module ? "Migration" : "migration",
						buf.len > 0 && !module ? "_" : "", buf.data);
	return buf.data;
}

/*
 * What to put behind the name, as Ecto takes no two migrations of one name:
 * the version, if another one is called the same.
 */
static char *
distinction(const Migration *migration)
{
	char	   *name = plain_name(migration->name, false);

	foreach_ptr(const Migration, other, catalog_migrations(migration->repo, scope_filter(migration->scope)))
	{
		if (other->version != migration->version &&
			strcmp(plain_name(other->name, false), name) == 0)
			return psprintf("_" INT64_FORMAT, migration->version);
	}
	return "";
}

/* "MyApp.Repo" as the folder below priv: "repo" */
static char *
repo_folder(const char *repo)
{
	const char *last = strrchr(repo, '.');

	StringInfoData buf;

	initStringInfo(&buf);
	for (last = last ? last + 1 : repo; *last; last++)
	{
		if (isupper((unsigned char) *last) && buf.len > 0)
			appendStringInfoChar(&buf, '_');
		appendStringInfoChar(&buf, pg_tolower((unsigned char) *last));
	}
	return buf.len > 0 ? buf.data : "repo";
}

/* ------------------------------------------------------------------------
 * Text
 * ------------------------------------------------------------------------
 */

/*
 * Text inside a heredoc of Elixir: interpolation, escapes, the end of the
 * heredoc, and what Elixir does not take as it is, characters that turn the
 * direction of writing (U+202A to U+202E, U+2066 to U+2069).
 */
static void
escape_heredoc(StringInfo buf, const char *piece, int length)
{
	for (int i = 0; i < length; i++)
	{
		const unsigned char *at = (const unsigned char *) piece + i;

		if (*at == '\\' || (*at == '#' && i + 1 < length && at[1] == '{') ||
			(*at == '"' && i + 2 < length && at[1] == '"' && at[2] == '"'))
			appendStringInfo(buf, "\\%c", *at);
		else if (*at == '\r')
			appendStringInfoString(buf, "\\r");
		else if (i + 2 < length && at[0] == 0xE2 &&
				 ((at[1] == 0x80 && at[2] >= 0xAA && at[2] <= 0xAE) ||
				  (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9)))
		{
			appendStringInfo(buf, "\\u%04X", 0x2000 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F));
			i += 2;
		}
		else
			appendStringInfoChar(buf, *at);
	}
}

/* "text" with each line indented, which the heredoc takes away again */
static void
append_indented(StringInfo buf, int indent, const char *text)
{
	while (*text)
	{
		int			length = strcspn(text, "\n");

		if (length > 0)
			appendStringInfo(buf, "%*s%.*s", indent, "", length, text);
		appendStringInfoChar(buf, '\n');
		text += length;
		if (*text == '\n')
			text++;
	}
}

static void
append_execute(StringInfo buf, int indent, const char *sql)
{
	appendStringInfo(buf, "%*sexecute(\"\"\"\n", indent, "");
	append_indented(buf, indent, sql);
	appendStringInfo(buf, "%*s\"\"\")\n", indent, "");
}

/* ------------------------------------------------------------------------
 * The module
 * ------------------------------------------------------------------------
 */

/*
 * The statements, with the search_path that they have in ashmig.  One that
 * belongs to no transaction would be given to any connection; so they get one
 * of their own.
 */
static void
append_body(StringInfo buf, const Migration *migration, List *statements, const SqlFilling *filling)
{
	bool		tenant = migration->scope == SCOPE_TENANT;
	bool		alone = !migration->transactional && tenant;
	int			indent = alone ? 6 : 4;
	const char *set = migration->transactional ? "SET LOCAL search_path TO" : "SET search_path TO";
	ListCell   *lc;

	if (alone)
		appendStringInfoString(buf, "    repo().checkout(fn ->\n");
	if (tenant)
		append_execute(buf, indent, psprintf("%s %s, %s", set, filling->tenant,
											 search_path_for(ashmig_default_schema, ashmig_default_schema,
															 acting_role_by_default().role)));
	foreach(lc, statements)
	{
		if (directive_is_small(lfirst(lc)))
			continue;			/* those that stand for it follow */
		appendStringInfoString(buf, tenant || lc != list_head(statements) ? "\n" : "");
		append_execute(buf, indent, sql_fill_with(lfirst(lc), filling));
	}
	if (tenant)
	{
		appendStringInfoChar(buf, '\n');
		append_execute(buf, indent, psprintf("%s DEFAULT", set));
	}
	if (alone)
		appendStringInfoString(buf, "\n      flush()\n    end)\n");
	if (!tenant && statements == NIL)
		appendStringInfoString(buf, "    :ok\n");
}

static void
append_function(StringInfo buf, const char *name, const Migration *migration, List *statements,
				const SqlFilling *filling)
{
	appendStringInfo(buf, "\n  def %s do\n", name);
	append_body(buf, migration, statements, filling);
	appendStringInfoString(buf, "  end\n");
}

/*
 * What stands for the schemas in the module's text.  The name of the default
 * one has nothing that Elixir reads (base/settings.c).
 */
static SqlFilling
module_filling(const Migration *migration)
{
	SqlFilling	filling = {.escape = escape_heredoc};

	filling.default_schema = quote_name(ashmig_default_schema);
	if (migration->scope == SCOPE_TENANT)
	{
		filling.tenant = "\"#{prefix()}\"";
		filling.prefix = "#{prefix()}";
	}
	else
	{
		filling.tenant = filling.default_schema;
		filling.prefix = ashmig_default_schema;
	}
	return filling;
}

char *
export_ecto(const Migration *migration)
{
	bool		tenant = migration->scope == SCOPE_TENANT;
	SqlFilling	filling = module_filling(migration);
	char	   *more;
	StringInfoData buf;

	export_check(migration);
	more = distinction(migration);
	initStringInfo(&buf);
	appendStringInfo(&buf, "# priv/%s/%s/" INT64_FORMAT "_%s%s.exs\n", repo_folder(migration->repo),
					 tenant ? "tenant_migrations" : "migrations", migration->version,
					 plain_name(migration->name, false), more);
	export_append_comment(&buf, "#", psprintf("%s migration \"%s\" of ashmig",
											  scope_name(migration->scope), migration->name));
	appendStringInfo(&buf, "defmodule %s.%s.%s%s do\n  use Ecto.Migration\n",
					 migration->repo[0] ? migration->repo : "Repo",
					 tenant ? "TenantMigrations" : "Migrations",
					 plain_name(migration->name, true), more);
	if (!migration->transactional)
		appendStringInfoString(&buf, "\n  @disable_ddl_transaction true\n  @disable_migration_lock true\n");
	append_function(&buf, "up", migration, migration->up, &filling);
	if (migration->reversible)
		append_function(&buf, "down", migration, migration->down, &filling);
	appendStringInfoString(&buf, "end\n");
	return buf.data;
}
