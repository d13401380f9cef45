/*
 * shared_reference.h
 *		References of tenants to a public table that share its triggers.
 *
 * PostgreSQL's foreign key puts two triggers on the table that it references.
 * Thousands of tenants make tens of thousands of triggers, which every session
 * reads, and locks that one DELETE cannot get any more.  A shared reference
 * keeps the same promise with one trigger on the tenant's table, and three on the
 * public one, however many tenants there are:
 *
 * - The tenant's trigger checks what a foreign key checks, and locks the
 *	 referenced row as that does (FOR KEY SHARE).
 * - The public table's triggers look into each referencing table, one after the
 *	 other, and let go of its locks before the next, unless it has such rows.
 *
 * There is no registry: a shared reference is its CONSTRAINT TRIGGER, found by
 * what it depends on (FROM public.users).  So it comes and goes with its table,
 * follows renamed tables and columns, and is in every dump.
 *
 * Why this is safe: a row that references a key holds FOR KEY SHARE on the public
 * row until its transaction ends.  Whoever deletes the public row has waited for
 * that, and then looks with a new MVCC snapshot, for triggers as well as for
 * rows.  Whoever comes later waits for the delete, and finds the row gone.  So
 * nothing depends on locks on the referencing tables.
 */
#ifndef ASHMIG_SHARED_REFERENCE_H
#define ASHMIG_SHARED_REFERENCE_H

#include "postgres.h"

#include "access/attnum.h"
#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

/* What becomes of the referencing rows */
typedef enum ReferenceAction
{
	REFERENCE_NO_ACTION,
	REFERENCE_RESTRICT,
	REFERENCE_CASCADE,
	REFERENCE_SET_NULL
} ReferenceAction;

/* Columns in the order of the key */
typedef struct KeyColumns
{
	int			n;
	AttrNumber	numbers[INDEX_MAX_KEYS];
} KeyColumns;

typedef struct SharedReference
{
	const char *name;			/* of the trigger */
	Oid			referenced;
	KeyColumns	columns;		/* of the referencing table */
	ReferenceAction on_delete;
	ReferenceAction on_update;
} SharedReference;

/* The values of a key; as parameters, in the order of the key */
typedef struct KeyValues
{
	int			n;
	Datum		values[2 * INDEX_MAX_KEYS];
	Oid			types[2 * INDEX_MAX_KEYS];
} KeyValues;

/* ----------
 * Reading
 * ----------
 */

/*
 * The reference that a trigger is, in the current memory context.  An error if the
 * trigger was not made by ashmig_add_reference.
 */
extern SharedReference *shared_reference_of(const Trigger *trigger);

/* Name of an action, as in SQL; and whether a text is one, in lower case */
extern const char *reference_action_name(ReferenceAction action);
extern bool reference_action_parse(const char *text, ReferenceAction *action);

/* Columns of the primary key; an error if there is none that can be referenced */
extern KeyColumns shared_reference_key(Relation referenced);

/*
 * Raise an error unless the columns have the types and collations of the key,
 * and types that PostgreSQL's own "=" compares.
 */
extern void shared_reference_check_types(Relation rel, const KeyColumns *columns,
										 Relation referenced, const KeyColumns *key);

/*
 * The triggers of the public table that shared references need; NULL, or the one
 * that is missing or disabled.
 */
extern const char *shared_reference_missing_trigger(Relation referenced);

/*
 * A function of these triggers, by its name in the schema ashmig.  Whoever writes
 * rows needs no right on that schema.
 */
extern Oid	shared_reference_function(const char *name);

#define REFERENCED_ROW_DELETED "ashmig_referenced_row_deleted"
#define REFERENCED_ROW_UPDATED "ashmig_referenced_row_updated"
#define REFERENCED_TABLE_TRUNCATED "ashmig_referenced_table_truncated"

/* ----------
 * Working
 * ----------
 */

/* The values of the columns; false if one is null */
extern bool key_values(Relation rel, const KeyColumns *columns, TupleTableSlot *slot,
					   KeyValues *values);

/* Are the values of the columns the same? */
extern bool key_values_equal(Relation rel, const KeyColumns *columns, const KeyValues *a,
							 const KeyValues *b);

/* "a = $1 AND b = $2", of alias x */
extern char *key_condition(Relation rel, const KeyColumns *columns);

/* "(a, b)=(1, 2)"; NULL if the current role may not see them */
extern char *key_show(Relation rel, const KeyColumns *columns, const KeyValues *values);

/*
 * Prepare a statement about the table, and run it, as the owner of the table: so
 * does PostgreSQL for foreign keys.  Returns the number of rows.  With detect_new,
 * rows that the transaction's snapshot does not show count as well; changing one
 * is then a serialization failure.  To be called in SPI.
 */
extern struct _SPI_plan *shared_reference_prepare(Relation rel, const char *sql,
												  const KeyValues *values);
extern uint64 shared_reference_run(Relation rel, struct _SPI_plan *plan, const KeyValues *values,
								   bool detect_new, long limit);

#endif							/* ASHMIG_SHARED_REFERENCE_H */
