/*
 * reference.h
 *		A database in small: scratch schemas in which some tables are
 *		built and migrations tried.
 *
 * There is one schema for the tenants, one for the default schema, one for each
 * schema that tables name, and one for extensions that are still to be
 * installed.  Statements run in them as in earnest (migrate/execute.h), with the
 * names of schemas replaced.  Functions and types that live in the default schema
 * are found there; tables are not, so that none is locked or opened.
 *
 * All of it belongs to a subtransaction of the caller, who rolls it back.
 */
#ifndef ASHMIG_REFERENCE_H
#define ASHMIG_REFERENCE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/execute.h"
#include "proof/proof_tables.h"

/* The label of the schema for the tenants */
#define REFERENCE_TENANT "<tenant>"

/* A custom statement that cannot be tried */
typedef struct SkippedStatement
{
	const Table *table;
	const Statement *statement;
	const char *reason;
	bool		executes;		/* it may do anything: it runs code */
} SkippedStatement;

/* What stands for the schemas in the structure that is read */
typedef enum ReferenceNames
{
	REFERENCE_SHOWN,			/* names for messages: <tenant>, public */
	REFERENCE_PLACEHOLDERS		/* those of stored statements (sql_text.h) */
} ReferenceNames;

typedef struct ReferenceSchemas
{
	const ProofTables *tables;
	ReferenceNames names;
	bool		all_types;		/* make also types that the live default
								 * schema has */
	char	   *tenant;			/* the scratch schemas */
	char	   *public;
	char	   *extensions;
	List	   *named;			/* of StructureSchema *: those that tables
								 * name */
	List	   *all;			/* of StructureSchema * */
	List	   *skipped;		/* of SkippedStatement * */
	ExecuteEnvironment environment; /* in which statements run now */
	const char *statement;		/* that runs, or failed, with its
								 * placeholders; or NULL */
} ReferenceSchemas;

/* Names of the schemas; nothing is made yet. */
extern ReferenceSchemas *reference_plan(const ProofTables *tables, ReferenceNames names);

/* Make the schemas, the types (of RecordedEnum *) and the referenced keys. */
extern void reference_create(ReferenceSchemas *reference, List *enums);

/* Install extensions that are recorded and not there (of Migration *). */
extern void reference_install(ReferenceSchemas *reference, List *extensions);

/* The statements that make a model's tables from nothing (of PlannedMigration *) */
extern List *reference_compile(const Model *model, bool with_retired);

/* Run the ups of migrations, in order, or their downs, in reverse. */
extern void reference_run(ReferenceSchemas *reference, List *migrations, bool down);

/*
 * Run statements that no snapshot shows (of char *), each in a subtransaction.
 * Returns those that cannot be tried, or failed.
 */
extern List *reference_try(ReferenceSchemas *reference, Scope scope, List *statements);

/* The structure that there is now: of StructureFact * */
extern List *reference_read(const ReferenceSchemas *reference);

/*
 * What stands for the names of live schemas (of StructureSchema *), so that
 * their structure compares with that of a reference with placeholders.
 * "tenant" may be NULL.
 */
extern List *reference_live_labels(const ReferenceSchemas *reference, const char *tenant);

/* A message with the names that the user knows */
extern char *reference_message(const ReferenceSchemas *reference, const char *message);

#endif							/* ASHMIG_REFERENCE_H */
