/*
 * foreign_code.c
 *		No function runs with more rights than its owner has: see
 *		foreign_code.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/acting_role.h"
#include "metadata/foreign_code.h"

static bool refusing = false;
static Oid	refusing_for = InvalidOid;	/* the role as which statements run */
static needs_fmgr_hook_type next_needs_hook = NULL;
static fmgr_hook_type next_hook = NULL;

/*
 * May what this owner has written run as the current role?  A superuser trusts
 * superusers alone.  Others also trust the roles that they were made members
 * of, and those that decide what the application's structure is: the owner of the
 * database and of the default schema.
 */
static bool
is_trusted(Oid owner)
{
	Oid			user = GetUserId();

	if (owner == user || superuser_arg(owner))
		return true;
	if (superuser_arg(user))
		return false;
	return is_member_of_role_nosuper(owner, user) || acting_role_knows_owner(user, owner);
}

/* Raise an error. */
static void
refuse(Oid function, Oid owner)
{
	char	   *signature = format_procedure_qualified(function);
	char	   *owner_name = GetUserNameFromId(owner, true);
	char	   *user = GetUserNameFromId(GetUserId(), true);

	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_FOREIGN_CODE),
			 errmsg("function %s belongs to role \"%s\" and must not run as \"%s\"",
					signature, owner_name ? owner_name : "?", user ? user : "?"),
			 errdetail("A migration calls it, or a trigger, operator, cast, index or constraint on what the migration changes. It would run with rights that its owner does not have."),
			 errhint("If the function is to be trusted, ALTER ROUTINE %s OWNER TO %s; otherwise DROP ROUTINE %s; and let nobody else create functions in that schema (REVOKE CREATE ON SCHEMA ... FROM PUBLIC).",
					 signature, user ? quote_identifier(user) : "?", signature)));
}

/*
 * A function that runs as its owner anyway needs nothing; and in one, or where
 * PostgreSQL itself works as the owner of a table, we have no say, as long as
 * that is no superuser.
 */
static void
check(Oid function)
{
	HeapTuple	tuple;
	Form_pg_proc form;
	Oid			owner;
	bool		definer;

	if (!refusing || (GetUserId() != refusing_for && !superuser()))
		return;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	owner = form->proowner;
	definer = form->prosecdef;
	ReleaseSysCache(tuple);
	if (!definer && !is_trusted(owner))
		refuse(function, owner);
}

/*
 * PostgreSQL looks a function up, to call it or to put its body into a query.
 */
static bool
look_up(Oid function)
{
	check(function);
	return next_needs_hook ? next_needs_hook(function) : false;
}

/* One with a SET clause is not asked about before it is called. */
static void
enter(FmgrHookEventType event, FmgrInfo *info, Datum *private)
{
	if (event == FHET_START)
		check(info->fn_oid);
	if (next_hook)
		next_hook(event, info, private);
}

void
foreign_code_install(void)
{
	next_needs_hook = needs_fmgr_hook;
	needs_fmgr_hook = look_up;
	next_hook = fmgr_hook;
	fmgr_hook = enter;
}

ForeignCodeBefore
foreign_code_refuse(Oid role)
{
	ForeignCodeBefore before = {refusing, refusing_for};

	refusing = true;
	refusing_for = role;
	return before;
}

void
foreign_code_restore(const ForeignCodeBefore *before)
{
	refusing = before->refusing;
	refusing_for = before->role;
}
