/*
 * managed_rows.h
 *		What happens to tenants when rows of managed tables change.
 */
#ifndef ASHMIG_MANAGED_ROWS_H
#define ASHMIG_MANAGED_ROWS_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"

/*
 * A row has been inserted, updated or deleted; called by the triggers.  Its
 * tenant is created, renamed or dropped, as the registration of the table says.
 */
extern void managed_rows_inserted(Relation rel, HeapTuple row);
extern void managed_rows_updated(Relation rel, HeapTuple old_row, HeapTuple new_row);
extern void managed_rows_deleted(Relation rel, HeapTuple row);

#endif							/* ASHMIG_MANAGED_ROWS_H */
