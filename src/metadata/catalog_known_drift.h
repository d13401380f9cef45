/*
 * catalog_known_drift.h
 *		ashmig.known_drift: differences of schemas that were accepted, and are
 *		not reported again.
 */
#ifndef ASHMIG_CATALOG_KNOWN_DRIFT_H
#define ASHMIG_CATALOG_KNOWN_DRIFT_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "base/scope.h"

/* One difference, as rows show it */
typedef struct KnownDrift
{
	Scope		scope;
	const char *schema;
	const char *table;
	const char *object_kind;
	const char *object;
	const char *difference;
	const char *actual;			/* or NULL */
} KnownDrift;

typedef HTAB KnownDriftSet;

/* All that are known, for catalog_drift_is_known */
extern KnownDriftSet *catalog_known_drift(void);

/* Is the difference among them?  A schema that has changed since differs anew. */
extern bool catalog_drift_is_known(KnownDriftSet *set, const KnownDrift *drift);

/* Record differences (of KnownDrift *); those that are known stay as they are. */
extern void catalog_known_drift_add(List *drifts);

#endif							/* ASHMIG_CATALOG_KNOWN_DRIFT_H */
