/*
 * background.h
 *		What a run leaves to the background: schemas with non-transactional
 *		migrations, finished by a worker that goes on after the call.
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
extern void background_run_items(const RunOptions *options, const SharedRun *run,
								 SharedItem *items);

#endif							/* ASHMIG_BACKGROUND_H */
