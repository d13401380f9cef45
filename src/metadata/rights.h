/*
 * rights.h
 *		What a role needs to generate, migrate and manage tenants.
 */
#ifndef ASHMIG_RIGHTS_H
#define ASHMIG_RIGHTS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Grant a role all of it, or revoke all of it again.  Returns the statements that
 * did so (of char *).  Raises if the caller may not grant one of these rights, or
 * there is no such role; then nothing is granted.
 */
extern List *rights_grant(const char *role);
extern List *rights_revoke(const char *role);

#endif							/* ASHMIG_RIGHTS_H */
