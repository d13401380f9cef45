/*
 * managed_setup.h
 *		Setting up managed tables, each row of which has a tenant
 *		(ashmig_manage_tenant): what can be managed, triggers, registration.
 *
 * Everything here is done with the rights of the calling role.
 */
#ifndef ASHMIG_MANAGED_SETUP_H
#define ASHMIG_MANAGED_SETUP_H

#include "postgres.h"

#include "tenant/managed_table.h"

/*
 * Manage the tenants of a table from now on, or with new settings.  Tenants
 * that have the names of rows belong to them from now on; a warning reports
 * rows without a tenant.
 */
extern void managed_setup_apply(const ManagedTable *managed);

/* Stop managing them; the tenants stay.  An error if they are not managed. */
extern void managed_setup_remove(Oid table);

#endif							/* ASHMIG_MANAGED_SETUP_H */
