/*
 * worker.h
 *		The background worker of a run.
 *
 * It does what the leader would do, in a process of its own: as the leader's
 * role and with its settings, one transaction a schema.
 */
#ifndef ASHMIG_WORKER_H
#define ASHMIG_WORKER_H

#include "postgres.h"

#include "migrate/options.h"
#include "migrate/results.h"

/* Name of the entry point, for bgw_function_name */
#define WORKER_FUNCTION "ashmig_worker_main"

extern PGDLLEXPORT void ashmig_worker_main(Datum main_arg);

#endif							/* ASHMIG_WORKER_H */
