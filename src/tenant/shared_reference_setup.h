/*
 * shared_reference_setup.h
 *		Adding a shared reference.
 */
#ifndef ASHMIG_SHARED_REFERENCE_SETUP_H
#define ASHMIG_SHARED_REFERENCE_SETUP_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "tenant/shared_reference.h"

/* What is asked for */
typedef struct NewReference
{
	Oid			table;
	const char *name;
	List	   *columns;		/* of char * */
	Oid			referenced;
	ReferenceAction on_delete;
	ReferenceAction on_update;
} NewReference;

/*
 * Create the triggers, after existing rows were checked.  Takes SHARE ROW EXCLUSIVE
 * on the table, as a foreign key does; on the public table only where the table
 * has rows, or the public one has no triggers yet.
 */
extern void shared_reference_add(const NewReference *wanted);

#endif							/* ASHMIG_SHARED_REFERENCE_SETUP_H */
