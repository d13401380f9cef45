/*
 * scope.h
 *		Where a migration, a table or a run belongs: public or tenant.
 *
 * What is public exists once, in the default schema or the one that it names;
 * what is of a tenant exists in the schema of each tenant.
 */
#ifndef ASHMIG_SCOPE_H
#define ASHMIG_SCOPE_H

#include "postgres.h"

/* In the order in which they run: tenants refer to public tables. */
typedef enum Scope
{
	SCOPE_PUBLIC,
	SCOPE_TENANT
} Scope;

/* The length of an array by scope */
#define NUM_SCOPES (SCOPE_TENANT + 1)

/* As the columns "scope" have it */
static inline const char *
scope_name(Scope scope)
{
	return scope == SCOPE_TENANT ? "tenant" : "public";
}

#endif							/* ASHMIG_SCOPE_H */
