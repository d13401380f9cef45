/*
 * fleet.h
 *		Many schemas compared with what they are expected to look like.
 *
 * The catalogs are read once for all schemas, which gives each a print of its
 * structure (proof/structure.h).  Schemas with the same print and the same
 * migrations form a group, and one of a group is compared in detail: what that
 * costs does not grow with the fleet, but with how different it is.
 */
#ifndef ASHMIG_FLEET_H
#define ASHMIG_FLEET_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "drift/difference.h"
#include "drift/expected.h"

/* Schemas that look the same */
typedef struct FleetGroup
{
	const Expected *expected;
	const char *print;
	List	   *schemas;		/* of char *, in the order given */
	List	   *differences;	/* of Difference * */
} FleetGroup;

/* Schemas (of char *) of the scope, compared with one structure: List of FleetGroup * */
extern List *fleet_compare(const Expected *expected, List *schemas);

/*
 * Tenants, or the public schema, compared with the structure of the migrations
 * that each of them has.
 */
extern List *fleet_compare_recorded(Scope scope, List *schemas);

/* What is expected of a schema with the migrations up to a version; 0: none */
extern Expected *fleet_expected_at(Scope scope, int64 version);

/* The facts (of StructureFact *) of a schema that there is */
extern List *fleet_read(const Expected *expected, const char *schema);

/* The differences of one schema with these facts, missing extensions among them */
extern List *fleet_differences(const Expected *expected, List *facts, const char *schema);

#endif							/* ASHMIG_FLEET_H */
