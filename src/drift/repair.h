/*
 * repair.h
 *		Bringing schemas back to the structure that is recorded for them.
 */
#ifndef ASHMIG_REPAIR_H
#define ASHMIG_REPAIR_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "metadata/catalog_repairs.h"
#include "migrate/options.h"

/*
 * Repair schemas (of char *, tenants or the default schema; NIL: all), each in
 * its own transaction where a run would do so.  Returns List of RunResult *, and
 * raises as a run does.
 */
extern List *repair_schemas(const RunOptions *run, List *schemas);

/* Run repairs (of SchemaRepair *) that are recorded; "outside" as for run_repairs */
extern List *repair_run_recorded(const RunOptions *run, List *repairs, bool outside);

/* Record and run repairs (of SchemaRepair *); "outside" as for run_repairs */
extern List *repair_run(const RunOptions *run, List *repairs, bool outside);

#endif							/* ASHMIG_REPAIR_H */
