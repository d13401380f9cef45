/*
 * shared_reference_check.h
 *		The tenant's side of a shared reference: does the referenced row exist?
 */
#ifndef ASHMIG_SHARED_REFERENCE_CHECK_H
#define ASHMIG_SHARED_REFERENCE_CHECK_H

#include "postgres.h"

#include "commands/trigger.h"

/* A row with a reference was inserted or updated. */
extern void shared_reference_row_written(TriggerData *data, FmgrInfo *function);

#endif							/* ASHMIG_SHARED_REFERENCE_CHECK_H */
