/*
 * acting_role.c
 *		As whom ashmig runs what others could have written: see acting_role.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "commands/prepare.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/acting_role.h"

static bool own_process = false;

void
acting_role_in_own_process(void)
{
	own_process = true;
}

/* ------------------------------------------------------------------------
 * Owners
 * ------------------------------------------------------------------------
 */

Oid
acting_role_database_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
		ReleaseSysCache(tuple);
	}
	return owner;
}

Oid
acting_role_schema_owner(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	if (owner == ROLE_PG_DATABASE_OWNER)
		return acting_role_database_owner();
	if (schema == PG_PUBLIC_NAMESPACE && owner == BOOTSTRAP_SUPERUSERID)
	{
		Oid			database_owner = acting_role_database_owner();

		if (schema_aclcheck(schema, database_owner, ACL_CREATE) == ACLCHECK_OK)
			return database_owner;
	}
	return owner;
}

bool
acting_role_can_become(Oid role)
{
	return OidIsValid(role) && role_can_become(GetUserId(), role);
}

bool
acting_role_knows_owner(Oid role, Oid owner)
{
	Oid			default_schema = get_namespace_oid(ashmig_default_schema, true);

	return is_member_of_role_nosuper(role, owner) || superuser_arg(owner) ||
		owner == ROLE_PG_DATABASE_OWNER || owner == acting_role_database_owner() ||
		(OidIsValid(default_schema) && owner == acting_role_schema_owner(default_schema));
}

/* ------------------------------------------------------------------------
 * As whom
 * ------------------------------------------------------------------------
 */

/*
 * Work as an owner where that can be done.  One superuser has the rights of
 * another already, so he stays who he is.
 */
static ActingRole
as_owner(Oid owner)
{
	ActingRole	acting = {GetUserId(), false};

	if (owner != GetUserId() && acting_role_can_become(owner) &&
		!(superuser() && superuser_arg(owner)))
	{
		acting.role = owner;
		acting.is_other = true;
	}
	return acting;
}

/*
 * In a superuser's schema a role may work as itself, with what it was granted
 * there: a superuser gains nothing by that.
 */
ActingRole
acting_role_in_tenant(Oid schema)
{
	Oid			owner = acting_role_schema_owner(schema);
	ActingRole	acting = as_owner(owner);

	if (acting.role != owner && !superuser_arg(owner))
	{
		char	   *name = GetUserNameFromId(owner, true);

		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be able to SET ROLE \"%s\", who owns schema \"%s\"",
						name ? name : "?", get_namespace_name(schema)),
				 errdetail("Migrations run in a tenant's schema as the owner of that schema."),
				 name ? errhint("GRANT %s TO %s;", quote_identifier(name),
								quote_identifier(GetUserNameFromId(GetUserId(), false))) : 0));
	}
	return acting;
}

ActingRole
acting_role_in_public(Oid schema)
{
	return as_owner(acting_role_schema_owner(schema));
}

ActingRole
acting_role_by_default(void)
{
	Oid			schema = get_namespace_oid(ashmig_default_schema, true);
	ActingRole	current = {GetUserId(), false};

	return OidIsValid(schema) ? acting_role_in_public(schema) : current;
}

/* ------------------------------------------------------------------------
 * Switching
 * ------------------------------------------------------------------------
 */

/*
 * Without SECURITY_RESTRICTED_OPERATION in our workers: there a data migration
 * may well need a temporary table or a deferred constraint, which end with the
 * schema (run/worker.c, acting_role_finish).
 */
RoleBeforeActing
acting_role_enter(const ActingRole *acting)
{
	RoleBeforeActing before;

	GetUserIdAndSecContext(&before.user, &before.security);
	if (acting->is_other)
		SetUserIdAndSecContext(acting->role,
							   before.security | SECURITY_LOCAL_USERID_CHANGE |
							   (own_process ? 0 : SECURITY_RESTRICTED_OPERATION));
	return before;
}

void
acting_role_leave(const ActingRole *acting, const RoleBeforeActing *before)
{
	if (acting->is_other)
		SetUserIdAndSecContext(before->user, before->security);
}

bool
acting_role_is_restricted(void)
{
	return !own_process;
}

/*
 * In other processes there can be nothing: it was an error.  The triggers fire
 * in a security-restricted operation, so that they leave nothing in their turn.
 */
void
acting_role_finish(const ActingRole *acting)
{
	RoleBeforeActing before;

	if (!acting->is_other || !own_process)
		return;
	PortalHashTableDeleteAll();
	DropAllPreparedStatements();
	GetUserIdAndSecContext(&before.user, &before.security);
	SetUserIdAndSecContext(acting->role,
						   before.security | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	AfterTriggerSetState(makeNode(ConstraintsSetStmt));
	acting_role_leave(acting, &before);
}
