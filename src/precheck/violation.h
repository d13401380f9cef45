/*
 * violation.h
 *		Looking for rows that break a demand.
 */
#ifndef ASHMIG_VIOLATION_H
#define ASHMIG_VIOLATION_H

#include "postgres.h"

#include "precheck/demands.h"

typedef struct Violation
{
	char	   *sample;			/* jsonb of a row, or of a key; or NULL */
	char	   *query;			/* shows all that can be shown */
	char	   *error;			/* what cannot be evaluated; or NULL */
	bool		timed_out;		/* it says that the time was over */
} Violation;

/*
 * The first violation found, or NULL.  To be called as the role whose functions
 * the demand may call, with SPI connected.  Bounded by ashmig.precheck_timeout:
 * what takes longer is a violation whose error says so.
 */
extern Violation *violation_find(const Demand *demand);

#endif							/* ASHMIG_VIOLATION_H */
