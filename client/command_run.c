/*
 * command_run.c
 *		migrate, rollback.
 */
#include <string.h>

#include "commands.h"
#include "folder.h"
#include "output.h"
#include "prompt.h"
#include "runs.h"

/* Options that speak of tenants, and so do not go with those of one schema */
void
command_run_check(const Arguments *arguments, bool with_tenants)
{
	static const char *const of_tenants[] = {"only-tenants", "except-tenants", "workers", "canary", "max-failures", "run-until"};

	for (int i = 0; i < lengthof(of_tenants); i++)
	{
		if (!with_tenants && option_given(arguments, of_tenants[i]))
			fail_usage("--%s is for tenants, and only public migrations run here", of_tenants[i]);
	}
	if (with_tenants && option_given(arguments, "prefix"))
		fail_usage("--prefix is for the public migrations alone");
}

int
command_migrate(const Arguments *arguments)
{
	bool		only_tenants = option_given(arguments, "tenants");
	bool		only_public = option_given(arguments, "public");
	Session    *session;
	Call		call;

	if (only_tenants && only_public)
		fail_usage("--tenants and --public exclude each other; without them, both are migrated");
	command_run_check(arguments, !only_public);
	session = folder_open_session(arguments);
	call_begin(&call, session, only_tenants ? "ashmig_migrate_tenants"
			   : only_public ? "ashmig_migrate" : "ashmig_migrate_all");
	call_options(&call, arguments);
	return runs_call(&call, !only_public);
}

/* ------------------------------------------------------------------------
 * rollback
 * ------------------------------------------------------------------------
 */

/*
 * The migrations that a rollback concerns, newest first; those whose down loses
 * rows are marked.
 */
static PGresult *
concerned_migrations(Session *session, const Arguments *arguments, const char *scope)
{
	const char *values[] = {
		scope,
		option_value(arguments, "to"),
		option_given(arguments, "all") ? NULL : option_given(arguments, "step") ? option_value(arguments, "step") : "1",
		option_value(arguments, "repo"),
		option_value(arguments, "only-tenants"),
		option_value(arguments, "except-tenants")
	};

	return session_run(session,
					   "WITH applied AS (SELECT version, repo, pg_catalog.count(*) AS schemas"
					   "  FROM ashmig.versions WHERE scope = $1 AND ($4::text IS NULL OR repo = $4)"
					   "  AND ($5::text IS NULL OR schema_name = ANY (pg_catalog.string_to_array($5, ',')))"
					   "  AND ($6::text IS NULL OR schema_name <> ALL (pg_catalog.string_to_array($6, ',')))"
					   "  AND ($2::bigint IS NULL OR version >= $2) GROUP BY version, repo"
					   "  ORDER BY version DESC LIMIT CASE WHEN $2 IS NULL THEN $3::bigint END)"
					   " SELECT a.version, m.name, a.schemas, EXISTS (SELECT FROM pg_catalog.unnest(m.down) AS d"
					   "  WHERE d ~* '\\m(drop\\s+(table|column|schema|type|materialized)|truncate|delete\\s+from)\\M') AS destroys"
					   " FROM applied a LEFT JOIN ashmig.migrations m"
					   "  ON m.version = a.version AND m.repo = a.repo AND m.scope = $1"
					   " ORDER BY a.version DESC",
					   lengthof(values), values);
}

static void
confirm(Session *session, const Arguments *arguments, const char *scope)
{
	static const Column columns[] = {
		{"version", "version"}, {"name", "name"}, {"schemas", "schemas"}, {"destroys", "destroys data"}, {0}
	};
	PGresult   *migrations = concerned_migrations(session, arguments, scope);
	bool		destroys = false;

	for (int row = 0; row < PQntuples(migrations); row++)
		destroys = destroys || strcmp(result_value(migrations, row, "destroys"), "t") == 0;
	if (!destroys)
		return;
	if (output_is_terminal())
		output_table(migrations, columns, 20);
	prompt_destroy(false, text_printf("Rolling back %s drops tables or columns, with the rows in them. Go on?",
									  count_of(PQntuples(migrations), "migration", "migrations")));
}

int
command_rollback(const Arguments *arguments)
{
	bool		tenants = option_given(arguments, "tenants");
	Session    *session;
	Call		call;

	command_run_check(arguments, tenants);
	session = session_open(arguments);
	if (!option_given(arguments, "force"))
		confirm(session, arguments, tenants ? "tenant" : "public");
	call_begin(&call, session, tenants ? "ashmig_rollback_tenants" : "ashmig_rollback");
	call_options(&call, arguments);
	return runs_call(&call, tenants);
}
