/*
 * comparison.h
 *		Comparing structures by what a model knows of them: retired columns,
 *		which some schemas still have and others never had, are no difference.
 */
#ifndef ASHMIG_COMPARISON_H
#define ASHMIG_COMPARISON_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/model.h"
#include "proof/structure.h"

/* The table that a fact belongs to, or NULL */
extern const Table *comparison_table(const Model *model, const StructureFact *fact);

/*
 * The differences (of StructureDifference *) between sorted lists of facts, but
 * for those about columns that are retired in the model.
 */
extern List *comparison_differences(const Model *model, List *expected, List *actual,
									bool with_settings);

#endif							/* ASHMIG_COMPARISON_H */
