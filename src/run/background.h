/*
 * background.h
 *		Migrations that do not run in a transaction: concurrent index builds,
 *		new values of enums.
 *
 * Each statement is committed by itself, and ashmig.partial_migrations says
 * how far a schema has come, so that a run that was cut short goes on at the
 * statement that had not run.  What such a statement left behind (an INVALID
 * index) is removed first.
 */
#ifndef ASHMIG_BACKGROUND_H
#define ASHMIG_BACKGROUND_H

#include "postgres.h"

#include "migrate/options.h"
#include "run/shared.h"

/*
 * Finish the schemas that a run left in ITEM_OUTSIDE, each with everything
 * that is still pending in it, and say in the journal how it went.  To be
 * called outside a transaction, in a background worker.
 */
extern void outside_run_items(const RunOptions *options, int64 run,
							  SharedItem *items, int nitems);

#endif							/* ASHMIG_BACKGROUND_H */
