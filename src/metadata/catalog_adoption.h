/*
 * catalog_adoption.h
 *		ashmig.adopted_schemas: schemas that Ecto, or somebody else, has made and
 *		that ashmig goes on with; and ashmig.ecto_versions, which Ecto had run.
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

/*
 * Record the versions (of int64 *) of Ecto that the base migrations of a scope
 * stand for.
 */
extern void catalog_adopt_ecto(Scope scope, List *versions);

/*
 * Versions (bigint[]) and, where a base migration is among them, those of Ecto
 * that it stands for.
 */
extern Datum catalog_with_ecto(Datum versions);

#endif							/* ASHMIG_CATALOG_ADOPTION_H */
