/*
 * extent.h
 *		How much of this database the change of a table concerns: schemas, rows
 *		and bytes, over all tenants.
 */
#ifndef ASHMIG_EXTENT_H
#define ASHMIG_EXTENT_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "syntax/table_name.h"

/* Of one table, in every schema that has it */
typedef struct Extent
{
	int64		tables;
	int64		rows;			/* as of the last VACUUM or ANALYZE, or as the
								 * statistics count them where there was none */
	int64		bytes;			/* with what is stored out of line, without
								 * indexes; as of the last VACUUM or ANALYZE */
} Extent;

typedef struct Extents
{
	int64		tenants;		/* whose schema exists; 0 if no table of
								 * tenants was asked for */
	TableMap   *tables;			/* of Extent * */
} Extents;

/*
 * The extents of these tables (List of TableName *), in one query over the
 * catalog for those of all tenants, and one for the others.  Takes no lock on
 * any of them.
 */
extern Extents extent_read(const List *tables);

/* That of one table; zeros where there is none */
extern Extent extent_of(const Extents *extents, const TableName *table);

#endif							/* ASHMIG_EXTENT_H */
