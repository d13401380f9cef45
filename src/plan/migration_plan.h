/*
 * migration_plan.h
 *		The operations of one call that generates, as migrations.
 */
#ifndef ASHMIG_MIGRATION_PLAN_H
#define ASHMIG_MIGRATION_PLAN_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/scope.h"
#include "plan/operation.h"

/* A migration that is not recorded yet: a scope's operations that run together */
typedef struct PlannedMigration
{
	Scope		scope;
	const char *suffix;			/* of its name: "" or "_concurrent_indexes",
								 * "_online", ... */
	bool		transactional;
	List	   *operations;		/* of Operation *, in order */
	List	   *up;				/* of char * */
	List	   *down;
} PlannedMigration;

/*
 * Put the operations (as diff found them) in order and into migrations (of
 * PlannedMigration *): public before tenant; within a scope what runs in a
 * transaction; then what runs outside one, indexes that are built concurrently
 * and online forms (online.h); then what needs one of those, foreign keys and
 * the last custom statements.
 *
 * Where public takes away or changes what foreign keys or statements of the
 * tenants refer to, and these go or are made again, the tenants let go first,
 * in a migration before the public ones ("_release").
 */
extern List *migration_plan_make(List *operations);

/* A name for these migrations, where the caller gives none: "create_posts_and_2_more" */
extern char *migration_plan_name(List *migrations);

#endif							/* ASHMIG_MIGRATION_PLAN_H */
