/*
 * catalog_adoption.h
 *		ashmig.adopted_schemas: schemas that Ecto, or somebody else, has made and
 *		that ashmig goes on with.
 */
#ifndef ASHMIG_CATALOG_ADOPTION_H
#define ASHMIG_CATALOG_ADOPTION_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"

/* A schema that is to be taken over */
typedef struct AdoptedSchema
{
	const char *name;
	int64		ecto_version;	/* newest of its schema_migrations; 0: none */
} AdoptedSchema;

/*
 * Record that schemas (of AdoptedSchema *) have the recorded migrations of the
 * scope with these versions (of int64 *), without having run them.  Tenants are
 * registered.  What is recorded already stays.  The caller holds
 * catalog_lock_versions, and catalog_lock_tenants for tenants.
 */
extern void catalog_adopt(Scope scope, List *schemas, List *versions);

#endif							/* ASHMIG_CATALOG_ADOPTION_H */
