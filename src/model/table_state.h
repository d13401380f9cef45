/*
 * table_state.h
 *		What is remembered of a table in addition to its snapshot, as JSON
 *		(ashmig.snapshots.state): names that history gave, and columns that
 *		stay though their attributes are gone.
 */
#ifndef ASHMIG_TABLE_STATE_H
#define ASHMIG_TABLE_STATE_H

#include "postgres.h"

#include "model/model.h"

/* The state of a table as JSON text. */
extern char *table_state_print(const Table *table);

/*
 * Read it back.  The text is our own, but it went through a table: a problem
 * is noted where it is not what table_state_print writes.
 */
extern TableState *table_state_parse(const char *json, Problem *problem);

#endif							/* ASHMIG_TABLE_STATE_H */
