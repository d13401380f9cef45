/*
 * export_sql.c
 *		A migration as plain SQL: see export_sql.h.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/settings.h"
#include "metadata/acting_role.h"
#include "metadata/search_path.h"
#include "record/export.h"
#include "record/export_sql.h"
#include "syntax/directive.h"
#include "syntax/sql_text.h"

/* The variable of psql, as a name and as a literal */
#define SCHEMA_NAME		":\"schema\""
#define SCHEMA_LITERAL	":'schema'"

/* A script being written */
typedef struct Script
{
	StringInfoData buf;
	const Migration *migration;
	bool		variable;		/* the schema is the variable of psql */
	SqlFilling	plain;			/* for statements that stand as they are */
	SqlFilling	quoted;			/* for those that are literals */
	char	   *versions;		/* Ecto's table, with its schema */
} Script;

/* ------------------------------------------------------------------------
 * Statements
 * ------------------------------------------------------------------------
 */

/* Does psql read something of its own here: ":name", ":'name'", "\command"? */
static bool
has_variable(const char *sql)
{
	for (const char *at = strpbrk(sql, ":\\"); at; at = strpbrk(at + 1, ":\\"))
	{
		if (*at == '\\')
			return true;
		if (at[1] == ':')
			at++;				/* a cast */
		else if (isalpha((unsigned char) at[1]) || (at[1] != '\0' && strchr("_'\"{", at[1])))
			return true;
	}
	return false;
}

/*
 * Can the statement stand as it is?  psql puts its variables in only outside of
 * literals and quoted names, and reads others there as well.
 */
static bool
is_plain(const Script *script, const char *statement)
{
	if (has_variable(statement))
		return false;
	return !script->variable ||
		(strpbrk(statement, "'$") == NULL && strstr(statement, PLACEHOLDER_PREFIX) == NULL &&
		 strstr(statement, "\"" PLACEHOLDER_TENANT) == NULL);
}

/* Does a comment reach to the end of the text? */
static bool
ends_in_comment(const char *sql)
{
	const char *line = strrchr(sql, '\n');

	return strstr(line ? line : sql, "--") != NULL;
}

static void
append_statement(Script *script, const char *statement)
{
	StringInfo	buf = &script->buf;

	if (directive_is_small(statement))
		return;					/* those that stand for it follow */
	if (is_plain(script, statement))
	{
		char	   *sql = sql_fill_with(statement, &script->plain);

		appendStringInfo(buf, "%s%s;\n\n", sql, ends_in_comment(sql) ? "\n" : "");
		return;
	}
	appendStringInfoString(buf, script->variable ? "SELECT replace(replace(" : "SELECT ");
	export_append_quoted(buf, sql_fill_with(statement, &script->quoted));
	if (script->variable)
		appendStringInfoString(buf, ",\n    '" PLACEHOLDER_TENANT "', quote_ident(" SCHEMA_LITERAL ")),"
							   " '" PLACEHOLDER_PREFIX "', " SCHEMA_LITERAL ")");
	appendStringInfoString(buf, " \\gexec\n\n");
}

/* ------------------------------------------------------------------------
 * The script
 * ------------------------------------------------------------------------
 */

/* A statement that stops the script */
static void
append_stop(Script *script, const char *message, const char *hint)
{
	appendStringInfo(&script->buf, "DO $$ BEGIN RAISE EXCEPTION %s%s%s; END $$;\n",
					 quote_text(message), hint ? " USING HINT = " : "", hint ? quote_text(hint) : "");
}

static void
append_head(Script *script)
{
	const Migration *migration = script->migration;
	StringInfo	buf = &script->buf;

	export_append_comment(buf, "--", psprintf("%s migration " INT64_FORMAT " \"%s\"",
											  scope_name(migration->scope), migration->version,
											  migration->name));
	export_append_comment(buf, "--", script->variable ?
						  "For psql: psql -v schema=org_1 -f FILE applies it in that schema; -v rollback=on rolls it back." :
						  "For psql: psql -f FILE applies it; -v rollback=on rolls it back.");
	if (!migration->transactional)
		export_append_comment(buf, "--", "It cannot run in a transaction. If it stops halfway, run the rest by hand.");
	appendStringInfoString(buf, "\\set ON_ERROR_STOP on\n");
	if (script->variable)
	{
		appendStringInfoString(buf, "\\if :{?schema}\n\\else\n");
		append_stop(script, "no schema was given", "psql -v schema=org_1 -f FILE");
		appendStringInfoString(buf, "\\endif\n");
	}
	appendStringInfoChar(buf, '\n');
}

/*
 * What surrounds the statements at their beginning: the transaction, the
 * settings, Ecto's table with the lock that its migrator takes, and what that
 * says.
 */
static void
append_begin(Script *script, const char *schema)
{
	const Migration *migration = script->migration;
	StringInfo	buf = &script->buf;
	const char *set = migration->transactional ? "SET LOCAL" : "SET";

	if (migration->transactional)
		appendStringInfoString(buf, "BEGIN;\n");
	appendStringInfo(buf, "%s client_min_messages = warning;\n", set);
	appendStringInfo(buf, "%s search_path = %s%s%s;\n", set,
					 migration->scope == SCOPE_TENANT ? script->plain.tenant : "",
					 migration->scope == SCOPE_TENANT ? ", " : "",
					 search_path_for(schema, schema, acting_role_by_default().role));
	appendStringInfo(buf, "CREATE TABLE IF NOT EXISTS %s (version bigint PRIMARY KEY, inserted_at timestamp(0));\n",
					 script->versions);
	if (migration->transactional)
		appendStringInfo(buf, "LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE;\n", script->versions);
	appendStringInfo(buf, "SELECT count(*) > 0 AS applied FROM %s WHERE version = " INT64_FORMAT " \\gset\n",
					 script->versions, migration->version);
}

static void
append_up(Script *script)
{
	const Migration *migration = script->migration;
	ListCell   *lc;

	appendStringInfoString(&script->buf, "\\if :applied\n");
	append_stop(script, psprintf("migration " INT64_FORMAT " is already applied", migration->version), NULL);
	appendStringInfoString(&script->buf, "\\endif\n\n");
	foreach(lc, migration->up)
		append_statement(script, lfirst(lc));
	appendStringInfo(&script->buf, "INSERT INTO %s (version, inserted_at) VALUES (" INT64_FORMAT
					 ", now() AT TIME ZONE 'UTC');\n", script->versions, migration->version);
}

static void
append_down(Script *script)
{
	const Migration *migration = script->migration;
	ListCell   *lc;

	if (!migration->reversible)
	{
		append_stop(script, psprintf("migration " INT64_FORMAT " cannot be rolled back", migration->version), NULL);
		return;
	}
	appendStringInfoString(&script->buf, "\\if :applied\n\\else\n");
	append_stop(script, psprintf("migration " INT64_FORMAT " is not applied", migration->version), NULL);
	appendStringInfoString(&script->buf, "\\endif\n\n");
	foreach(lc, migration->down)
		append_statement(script, lfirst(lc));
	appendStringInfo(&script->buf, "DELETE FROM %s WHERE version = " INT64_FORMAT ";\n",
					 script->versions, migration->version);
}

char *
export_sql(const Migration *migration, const char *schema)
{
	Script		script = {.migration = migration};
	const char *default_schema = ashmig_default_schema;

	export_check(migration);
	script.variable = migration->scope == SCOPE_TENANT && schema == NULL;
	if (migration->scope == SCOPE_PUBLIC && schema)
		default_schema = schema;
	if (schema == NULL)
		schema = default_schema;
	script.plain.tenant = script.variable ? SCHEMA_NAME : quote_name(schema);
	script.plain.default_schema = quote_name(default_schema);
	script.plain.prefix = schema;
	script.quoted = script.plain;
	if (script.variable)
	{
		script.quoted.tenant = PLACEHOLDER_TENANT;
		script.quoted.prefix = PLACEHOLDER_PREFIX;
	}
	script.versions = psprintf("%s.%s", script.plain.tenant, quote_name(ashmig_ecto_migration_source));

	initStringInfo(&script.buf);
	append_head(&script);
	append_begin(&script, default_schema);
	appendStringInfoString(&script.buf, "\\if :{?rollback}\n");
	append_down(&script);
	appendStringInfoString(&script.buf, "\\else\n");
	append_up(&script);
	appendStringInfo(&script.buf, "\\endif\n%s", migration->transactional ? "COMMIT;\n" :
					 "RESET search_path;\nRESET client_min_messages;\n");
	return script.buf.data;
}
