/*
 * shared_reference_actions.h
 *		The public table's side of shared references: what becomes of the tenants'
 *		rows when a public row goes or its key changes.
 */
#ifndef ASHMIG_SHARED_REFERENCE_ACTIONS_H
#define ASHMIG_SHARED_REFERENCE_ACTIONS_H

#include "postgres.h"

#include "commands/trigger.h"

/* A row of a table that shared references point to was deleted, or its key changed. */
extern void shared_reference_row_gone(TriggerData *data, FmgrInfo *function);

/* The table is about to be truncated: an error where anything references it. */
extern void shared_reference_refuse_truncate(TriggerData *data);

#endif							/* ASHMIG_SHARED_REFERENCE_ACTIONS_H */
