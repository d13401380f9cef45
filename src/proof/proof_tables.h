/*
 * proof_tables.h
 *		Which tables have to be built to try a generation: those that it touches,
 *		what their SQL texts need, and of others only the keys that are referenced.
 */
#ifndef ASHMIG_PROOF_TABLES_H
#define ASHMIG_PROOF_TABLES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/model.h"

/* Of a table that is referenced and not built, the columns that keys point to */
typedef struct StubTable
{
	TableName	name;
	List	   *columns;		/* of char * */
	List	   *types;			/* of char *, side by side */
	List	   *keys;			/* of List of char * */
} StubTable;

typedef struct ProofTables
{
	Model	   *before;			/* the tables to build, as they are recorded */
	Model	   *after;			/* the same, as the generation leaves them */
	List	   *stubs;			/* of StubTable * */
	List	   *schemas;		/* of char *: schemas that tables name */
	TableMap   *names;			/* of objects that are built; the key is the
								 * name alone */
} ProofTables;

/*
 * "before" and "after" are whole models, "migrations" (of PlannedMigration *)
 * lead from one to the other.
 */
extern ProofTables *proof_tables_find(const Model *before, const Model *after, List *migrations);

/* The same to build one structure: all tables of a scope, and what these need */
extern ProofTables *proof_tables_of_scope(const Model *model, Scope scope);

/* Does an object of that name, of whatever kind, come with them? */
extern bool proof_tables_have_name(const ProofTables *tables, const char *name);

/* The table (and *statement, of its custom statements) that a text comes from; NULL: of none */
extern const Table *proof_tables_statement(const ProofTables *tables, const char *sql,
										   const Statement **statement);

#endif							/* ASHMIG_PROOF_TABLES_H */
