/*
 * operation_json.h
 *		An operation as a JSON object, for programs: what it is, what it does to
 *		a table with rows, its SQL both ways.
 */
#ifndef ASHMIG_OPERATION_JSON_H
#define ASHMIG_OPERATION_JSON_H

#include "postgres.h"

#include "plan/operation.h"
#include "syntax/hazard.h"

/*
 * As text, in the current memory context.  "reader" has read the operations
 * before (operation_hazard.h).
 */
extern char *operation_json(const char *repo, HazardReader *reader, const Operation *operation);

#endif							/* ASHMIG_OPERATION_JSON_H */
