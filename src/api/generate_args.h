/*
 * generate_args.h
 *		The arguments that the functions of code generation have in common.
 */
#ifndef ASHMIG_GENERATE_ARGS_H
#define ASHMIG_GENERATE_ARGS_H

#include "postgres.h"

#include "fmgr.h"

#include "generate/generate.h"

/*
 * The arguments name, dev, renames, drop_columns, drop_tables,
 * concurrent_indexes, allow
 */
extern GenerateOptions generate_args_read(FunctionCallInfo fcinfo);

#endif							/* ASHMIG_GENERATE_ARGS_H */
