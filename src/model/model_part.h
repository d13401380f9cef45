/*
 * model_part.h
 *		What the files that build a model share.  For model*.c alone.
 */
#ifndef ASHMIG_MODEL_PART_H
#define ASHMIG_MODEL_PART_H

#include "postgres.h"

#include "model/model.h"

/*
 * The index of an identity, of a custom index, and of a reference that asks
 * for one (else NULL).  Where SQL in it is not what it stands for, the problem
 * is noted and the index is not to be used.
 */
extern TableIndex *model_identity(const ResourceSnapshot *snapshot, const Identity *identity,
								  Problem *problem);
extern TableIndex *model_custom_index(const ResourceSnapshot *snapshot, const CustomIndex *custom,
									  const char *default_schema, Problem *problem);
extern TableIndex *model_reference_index(const ResourceSnapshot *snapshot,
										 const Attribute *attribute, Problem *problem);

#endif							/* ASHMIG_MODEL_PART_H */
