/*
 * gate.h
 *		Which hazards may pass: the argument "allow" and the setting
 *		ashmig.allow.
 *
 * A team that wants to be asked says which hazards a generation may have; any
 * other is an error that names the steps.  To allow a loss of data causes none:
 * that takes drop_columns or drop_tables.
 */
#ifndef ASHMIG_GATE_H
#define ASHMIG_GATE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "syntax/hazard.h"

/* Every hazard: there is no gate */
#define GATE_OPEN ((HazardSet) ~0)

/* The hazards that the setting ashmig.allow lets pass */
extern HazardSet gate_setting(void);

/*
 * Those of a list of words (List of char *), of which "all" is one.  An error
 * if one is no hazard.
 */
extern HazardSet gate_of_words(const List *words);

/*
 * Raise an error (ERRCODE_ASHMIG_HAZARD) where planned migrations (of
 * PlannedMigration *), of all repos, have other hazards.  The same for those of
 * a call without the argument, and for the statements of a hand-written
 * migration: what ashmig.allow says counts.
 */
extern void gate_check(const List *migrations, HazardSet allowed);
extern void gate_check_by_setting(const List *migrations);
extern void gate_check_statements(const List *statements);

/* The same for migrations that are recorded, and that no schema has applied */
extern void gate_check_recorded(HazardSet allowed);

#endif							/* ASHMIG_GATE_H */
