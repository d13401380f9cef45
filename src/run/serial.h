/*
 * serial.h
 *		A run in the caller's session that commits schema by schema, where
 *		background workers are not available.
 */
#ifndef ASHMIG_SERIAL_H
#define ASHMIG_SERIAL_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/options.h"

/*
 * Run what the options ask for, one transaction a schema.  To be called by a
 * procedure that is connected to SPI with transaction control and has no
 * subtransaction open.  Returns List of RunResult *, in the current memory
 * context, which has to outlive transactions.
 */
extern List *serial_run(const RunOptions *options);

#endif							/* ASHMIG_SERIAL_H */
