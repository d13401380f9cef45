/*
 * expected.h
 *		The structure that a schema is expected to have, as PostgreSQL reads it.
 *
 * It is built from the recorded snapshots in scratch schemas (proof/reference.h),
 * as they were when the newest migration that the schema has was generated; what
 * hand-written migrations and those of extensions and enums add is run there as
 * well.  No live table is locked or opened.
 */
#ifndef ASHMIG_EXPECTED_H
#define ASHMIG_EXPECTED_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "model/model.h"
#include "proof/reference.h"
#include "proof/structure.h"

typedef struct Expected
{
	Scope		scope;
	int64		version;		/* newest of the migrations; 0: none */
	Model	   *model;			/* the tables, with retired columns */
	List	   *facts;			/* of StructureFact *, sorted, with
								 * placeholders in definitions */
	List	   *untried;		/* of char *: SQL whose effect is not known */
	List	   *extensions;		/* of char *: public's extensions */
	const ReferenceSchemas *reference;	/* for the names of schemas */
} Expected;

/*
 * What a schema has that these migrations (of Migration *, of one scope, in the
 * order of their versions) are applied in.  "pending" are the others of the scope.
 * Raises where the structure cannot be built.
 */
extern Expected *expected_of_migrations(Scope scope, List *applied, List *pending);

/*
 * What a schema of an application has that these snapshots, still to be recorded,
 * describe; "extensions" (of Migration *) install what they need.
 */
extern Expected *expected_of_model(Scope scope, Model *model, List *extensions);

/* The fact of a table, or of an object beside tables; NULL: it is not expected */
extern const StructureFact *expected_find(const Expected *expected, const char *schema,
										  const char *table, const char *kind, const char *name);

/* Does SQL whose effect is not known mention the name? */
extern bool expected_may_have(const Expected *expected, const char *name);

#endif							/* ASHMIG_EXPECTED_H */
