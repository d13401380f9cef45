/*
 * run_args.h
 *		What a run is asked to do, from the arguments of ashmig_migrate and
 *		related functions.
 */
#ifndef ASHMIG_RUN_ARGS_H
#define ASHMIG_RUN_ARGS_H

#include "postgres.h"

#include "fmgr.h"

#include "migrate/options.h"

/*
 * Fill in options from a call: each argument with the name of an option sets
 * it, unless it is NULL; others are ignored.  Raises for values out of range.
 */
extern void run_args_read(FunctionCallInfo fcinfo, RunOptions *options);

#endif							/* ASHMIG_RUN_ARGS_H */
