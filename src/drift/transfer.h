/*
 * transfer.h
 *		A tenant moves to another database: what ashmig keeps about it, as a
 *		script that registers it there.
 *
 * The tables and their rows are pg_dump's.  What goes along here are the
 * versions, accepted differences, repairs and the note that the schema was taken
 * over; migrations and snapshots belong to the database (record/export.h).
 */
#ifndef ASHMIG_TRANSFER_H
#define ASHMIG_TRANSFER_H

#include "postgres.h"

/* What to do where the restored schema is not what its versions say */
typedef enum TransferDrift
{
	TRANSFER_DRIFT_ERROR,
	TRANSFER_DRIFT_RECORD,		/* the differences are known from now on */
	TRANSFER_DRIFT_IGNORE		/* it is not compared */
} TransferDrift;

/*
 * The script, which calls ashmig_import_tenant; "on_drift" is its argument, or
 * NULL.  Keeps runs out of the schema until the end of the transaction.  Raises
 * for a tenant that another database could not take in: one that a migration
 * has changed only in part, or that has development migrations.
 */
extern char *transfer_export(const char *schema, const char *on_drift);

/*
 * Register the tenant of a script (jsonb), whose schema is there already.  False
 * where it is registered with these versions.  Raises where migrations are
 * missing here, or have another text.
 */
extern bool transfer_import(Datum tenant, TransferDrift on_drift);

#endif							/* ASHMIG_TRANSFER_H */
