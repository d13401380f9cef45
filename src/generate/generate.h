/*
 * generate.h
 *		Code generation: from given snapshots and recorded ones to migrations,
 *		planned and recorded.
 *
 * A generation is one call of code generation and what it recorded: migrations
 * and snapshots, all under the version of the generation's first migration in
 * their repo and scope.  Its plan is the operations of these migrations, in
 * the order in which they run.
 */
#ifndef ASHMIG_GENERATE_H
#define ASHMIG_GENERATE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "generate/gate.h"
#include "generate/snapshot_store.h"
#include "plan/diff.h"
#include "plan/migration_plan.h"
#include "snapshot/snapshot.h"

typedef struct GenerateOptions
{
	const char *name;			/* NULL: derived from the operations */
	bool		dev;
	const char *renames;		/* JSON text; NULL: ask */
	bool		drop_columns;
	bool		drop_tables;
	bool		concurrent_indexes;
	HazardSet	allowed;		/* see gate.h */
	bool		online;			/* forms for large tables (plan/online.h) */
	bool		quiet;			/* no warnings: another look at the input
								 * gives them */
} GenerateOptions;

/* A table of the input */
typedef struct GivenTable
{
	Table	   *table;
	List	   *positions;		/* of int: its snapshots in the input */
} GivenTable;

/* What a generation does to one repo */
typedef struct RepoGeneration
{
	char	   *repo;
	Model	   *given;
	Model	   *recorded;		/* the structure so far */
	List	   *tables;			/* of GivenTable * */
	List	   *taken;			/* of TakenTable *: another repo had them so
								 * far */
	Diff	   *diff;
	List	   *migrations;		/* of PlannedMigration * */
} RepoGeneration;

/* A generation, planned and not yet recorded */
typedef struct Generation
{
	Datum		snapshots;		/* the input's snapshots, a jsonb array */
	Bundle	   *bundle;
	List	   *repos;			/* of RepoGeneration * */
	List	   *extensions;		/* of Migration *: extensions to install first */
} Generation;

/*
 * Plan: raises what is wrong with the input, warns of unknown keys, changes
 * nothing.  "input" is jsonb: a snapshot, an array of them, or a bundle.
 */
extern Generation *generate_plan(Datum input, const GenerateOptions *options);

/*
 * Is everything recorded as it is given, so that there is nothing to decode?
 * False says nothing; it is the quick answer for a deploy without a change.
 */
extern bool generate_is_current(Datum input, const GenerateOptions *options);

/* Raise where its steps have hazards that are not allowed (gate.h). */
extern void generate_check_hazards(const Generation *generation, HazardSet allowed);

/* Is there nothing to record? */
extern bool generate_is_empty(const Generation *generation);

/*
 * Plan and record, under the lock that allows one generation at a time.  A
 * named generation first removes the development ones, which must have been
 * rolled back.  Returns the migrations (of Migration *) in the order in which
 * they run.
 */
extern List *generate_record(Datum input, const GenerateOptions *options);

/* The dev migrations that are recorded, of all repos: a List of Migration * */
extern List *generate_dev_migrations(void);

/* The operations between two inputs, without reading any table: RepoGeneration */
extern List *generate_between(Datum old, Datum new, const GenerateOptions *options);

/*
 * Record a migration that drops columns of the structure as it is recorded:
 * the retired ones of these tables (NIL: of all).
 */
extern List *generate_drop_retired(const char *repo, List *tables, const char *name);

#endif							/* ASHMIG_GENERATE_H */
