/*
 * backend_memory.h
 *		The memory of a backend that goes through many schemas.
 *
 * PostgreSQL's caches of tables, statistics and foreign keys grow with every
 * schema that a backend has seen, by about 50 kB for a tenant of ten tables.
 * Once they have reached ashmig.worker_memory a worker is replaced by a new
 * one; where nobody can take our place, the caches are emptied, as happens to
 * any session that lags behind the others.  What belongs to the current
 * transaction is kept.
 */
#ifndef ASHMIG_BACKEND_MEMORY_H
#define ASHMIG_BACKEND_MEMORY_H

#include "postgres.h"

/* Has this backend grown so much that a new one should go on? */
extern bool backend_memory_is_large(void);

/*
 * To be called once per schema, outside of any use of the caches: empties them
 * now and then, once they have reached the limit.
 */
extern void backend_memory_trim(void);

#endif							/* ASHMIG_BACKEND_MEMORY_H */
