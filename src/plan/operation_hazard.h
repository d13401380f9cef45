/*
 * operation_hazard.h
 *		What operations do to the tables of a database in use.
 *
 * An operation is judged by the statements that it prints, as hand-written
 * ones are (syntax/hazard.h), together with what only the operation knows: the
 * old type of a column, the table of an index, the table that a foreign key
 * points to.
 */
#ifndef ASHMIG_OPERATION_HAZARD_H
#define ASHMIG_OPERATION_HAZARD_H

#include "postgres.h"

#include "plan/operation.h"
#include "syntax/hazard.h"

/*
 * What an operation does; "statements" is what deparse_up() prints of it.  The operations of a migration are read in order, by
 * the same reader: a table that one of them creates is used by nobody yet.
 */
extern Hazards *operation_hazards(HazardReader *reader, const Operation *operation,
								  List *statements);

/*
 * What each operation of a migration does, as ashmig.migrations.hazards keeps
 * it: without those that concern nobody.
 */
extern char *operation_hazards_json(HazardReader *reader, const List *operations);

#endif							/* ASHMIG_OPERATION_HAZARD_H */
