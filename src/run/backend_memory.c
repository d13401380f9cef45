/*
 * backend_memory.c
 *		The memory of a backend that goes through many schemas: see backend_memory.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "base/transaction.h"
#include "run/backend_memory.h"

/* Emptying costs a few milliseconds, so not more often than so many schemas. */
#define FEWEST_SCHEMAS 64

/*
 * Has this backend grown so much that a new one should go on?
 */
bool
backend_memory_is_large(void)
{
	return MemoryContextMemAllocated(TopMemoryContext, true) > (Size) ashmig_worker_memory * 1024;
}

/*
 * Empty the caches now and then.  Memory that is freed is used again but stays
 * allocated, so from the first time on schemas are counted: as many as filled
 * the caches once fill them again.
 */
void
backend_memory_trim(void)
{
	static int	schemas = 0;	/* since they were emptied */
	static int	interval = 0;	/* how many filled them; 0: not yet known */
	bool		alone = !IsTransactionState();

	schemas++;
	if (interval == 0 && backend_memory_is_large())
		interval = Max(schemas, FEWEST_SCHEMAS);
	if (interval == 0 || schemas < interval)
		return;
	schemas = 0;
	if (alone)
		transaction_begin();
	InvalidateSystemCaches();
	if (alone)
		transaction_commit();
}
