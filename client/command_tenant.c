/*
 * command_tenant.c
 *		tenant create, rename, drop, attach.
 */
#include "commands.h"
#include "output.h"
#include "prompt.h"
#include "session.h"

int
command_tenant_create(const Arguments *arguments)
{
	Session    *session = session_open(arguments);

	for (int i = 0; i < arguments->nwords; i++)
	{
		Call		call;
		PGresult   *result;

		call_begin(&call, session, "ashmig_create_tenant");
		call_add(&call, "schema", "text", arguments->words[i]);
		result = call_run(&call);
		say("created   tenant \"%s\"%s%s", arguments->words[i],
			PQgetisnull(result, 0, 0) ? "" : " at version ", PQgetvalue(result, 0, 0));
	}
	return EXIT_DONE;
}

int
command_tenant_rename(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	Call		call;

	call_begin(&call, session, "ashmig_rename_tenant");
	call_add(&call, "old", "text", arguments->words[0]);
	call_add(&call, "new", "text", arguments->words[1]);
	PQclear(call_run(&call));
	say("renamed   tenant \"%s\" to \"%s\"", arguments->words[0], arguments->words[1]);
	return EXIT_DONE;
}

int
command_tenant_drop(const Arguments *arguments)
{
	const char *tenant = arguments->words[0];
	bool		cascade = option_given(arguments, "cascade");
	Session    *session = session_open(arguments);
	Call		call;

	if (cascade)
		prompt_destroy(option_given(arguments, "force"),
					   text_printf("Dropping tenant \"%s\" of database \"%s\" drops all its tables. Go on?",
								   tenant, PQdb(session->connection)));
	call_begin(&call, session, "ashmig_drop_tenant");
	call_add(&call, "schema", "text", tenant);
	call_add(&call, "cascade", "bool", cascade ? "true" : "false");
	PQclear(call_run(&call));
	say("dropped   tenant \"%s\"", tenant);
	return EXIT_DONE;
}

int
command_tenant_attach(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	Call		call;
	PGresult   *result;

	call_begin(&call, session, "ashmig_attach_tenant");
	call_add(&call, "schema", "text", arguments->words[0]);
	call_options(&call, arguments);
	result = call_run(&call);
	say("attached  tenant \"%s\" at version %s", arguments->words[0], PQgetvalue(result, 0, 0));
	return EXIT_DONE;
}
