/*
 * acting_role.h
 *		As whom ashmig runs what others could have written.
 *
 * The rule: what the owner of a schema, table or function could have written
 * never runs with more rights than his.  So in a schema ashmig works as the
 * owner of that schema, as REFRESH MATERIALIZED VIEW works as the owner of the
 * view, and a query that lists tenants runs as the role that set it.  What
 * cannot be mended by that (a function of a third role that a statement calls)
 * is refused: see foreign_code.h.
 *
 * docs/security.md says the same to users; keep the two in step.
 */
#ifndef ASHMIG_ACTING_ROLE_H
#define ASHMIG_ACTING_ROLE_H

#include "postgres.h"

/* The role as which statements run in a place */
typedef struct ActingRole
{
	Oid			role;
	bool		is_other;		/* than the role that calls ashmig */
} ActingRole;

/* What acting_role_leave restores */
typedef struct RoleBeforeActing
{
	Oid			user;
	int			security;
} RoleBeforeActing;

/*
 * The owner of a schema.  The database's owner stands for pg_database_owner, and
 * for the bootstrap superuser as owner of "public": so it is from PostgreSQL 15
 * on, and so we take it where a database is older.
 */
extern Oid	acting_role_schema_owner(Oid schema);

/* The owner of the current database */
extern Oid	acting_role_database_owner(void);

/*
 * As whom to work in a tenant's schema: its owner.  Raises if the current role
 * cannot SET ROLE to that (unless it is a superuser).
 */
extern ActingRole acting_role_in_tenant(Oid schema);

/*
 * The same for the schema of public migrations.  A role that has merely been
 * granted CREATE there works as itself.
 */
extern ActingRole acting_role_in_public(Oid schema);

/* That for ashmig.default_schema; where there is no such schema, the current role */
extern ActingRole acting_role_by_default(void);

/*
 * Does a role vouch for an owner of schemas: is it that owner, or a member of it?
 * Superusers and the owners of the database and of the default schema are beyond
 * doubt.  That a superuser could become anybody does not count.
 */
extern bool acting_role_knows_owner(Oid role, Oid owner);

/* Can the current role SET ROLE to it? */
extern bool acting_role_can_become(Oid role);

/*
 * Become the role, and switch back.  Between the two SET ROLE is an error; in a
 * session that is not our own worker's, so is all that would outlive the switch
 * (SECURITY_RESTRICTED_OPERATION: temporary tables, cursors WITH HOLD, deferred
 * triggers).  If "acting" is the current role, nothing changes.  An error switches back
 * at the end of the (sub)transaction.
 */
extern RoleBeforeActing acting_role_enter(const ActingRole *acting);
extern void acting_role_leave(const ActingRole *acting, const RoleBeforeActing *before);

/*
 * Let nothing of a role's work happen after it: at the end of the transaction
 * that would be as the caller.  Deferred triggers fire now, cursors WITH HOLD are
 * closed, prepared statements forgotten.  To be called before the work is left for good.
 */
extern void acting_role_finish(const ActingRole *acting);

/* Is what would outlive the switch an error there? */
extern bool acting_role_is_restricted(void);

/* This process is a worker of ours: nobody else's statements come after ours. */
extern void acting_role_in_own_process(void);

#endif							/* ASHMIG_ACTING_ROLE_H */
