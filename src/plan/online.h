/*
 * online.h
 *		Changes of large tables in forms that let others read and write
 *		meanwhile.
 *
 * The end is the same structure, names included.  What is quick stays in the
 * transaction of the migration; what reads or fills a whole table becomes
 * operations of the part that runs outside one (migration_plan.h):
 *
 *	 a check or a foreign key is added NOT VALID, and validated afterwards;
 *
 *	 a column becomes NOT NULL by a check that has been validated, which
 *	 PostgreSQL (12 and later) takes for the proof that no row holds NULL;
 *
 *	 a column whose default gives each row another value is added without it;
 *	 then the default is set and the rows are filled in batches;
 *
 *	 an index is built concurrently, and a new primary key takes one over;
 *
 *	 a change of type that rewrites the table gives the column a successor
 *	 (online_type.h).
 *
 * What stays as it is: tables that the same generation creates, partitioned
 * ones (PostgreSQL has most of these forms only for plain tables), what is
 * made again around a change of type that is not online, and a primary key
 * that replaces another.
 */
#ifndef ASHMIG_ONLINE_H
#define ASHMIG_ONLINE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/model.h"

/*
 * The operations (of Operation *, as diff found them) in their online forms.
 * "result" is the structure afterwards.
 */
extern List *online_operations(List *operations, const Model *result);

/* Note on those that have an online form, and are to be done in the plain one, that they have. */
extern void online_note_forms(List *operations, const Model *result);

/*
 * The check by which a column becomes NOT NULL.  It exists only meanwhile, and
 * has a name that nobody else would choose.
 */
extern char *online_check_name(const TableName *table, const Column *column);

#endif							/* ASHMIG_ONLINE_H */
