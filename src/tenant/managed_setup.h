/*
 * managed_setup.h
 *		Setting up tables whose rows have a tenant each (ashmig_manage_tenant):
 *		what can be managed, its triggers, its registration.
 *
 * Everything here is done with the rights of the calling role.
 */
#ifndef ASHMIG_MANAGED_SETUP_H
#define ASHMIG_MANAGED_SETUP_H

#include "postgres.h"

#include "tenant/managed_table.h"

/*
 * Manage the tenants of a table from now on, or otherwise than so far.  Tenants
 * that have the names of rows belong to them from now on; rows without a tenant
 * are warned of.
 */
extern void managed_setup_apply(const ManagedTable *managed);

/* Manage them no more; the tenants stay.  An error where they are not managed. */
extern void managed_setup_remove(Oid table);

#endif							/* ASHMIG_MANAGED_SETUP_H */
