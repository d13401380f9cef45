/*
 * pace.h
 *		How long changes take here, as the journal of earlier runs tells.
 *
 * An estimate says how long the statements of a step took in all schemas
 * together, one after the other, if it goes as it went in the last runs: each
 * schema takes what a statement took there, and a table that is read or written
 * takes by its bytes what others took.
 */
#ifndef ASHMIG_PACE_H
#define ASHMIG_PACE_H

#include "postgres.h"

#include "run/extent.h"

typedef struct Pace
{
	double		statement;		/* seconds that one statement takes in one
								 * schema, where it reads no table; < 0: not
								 * known */
	double		byte;			/* seconds that a byte of a table takes that
								 * is read or written; < 0: not known */
} Pace;

extern Pace pace_read(void);

/*
 * Seconds that a step takes in so many schemas, with so much of its table to
 * be read or written ("heavy"; otherwise it does not matter); < 0: not known
 */
extern double pace_estimate(const Pace *pace, int64 schemas, bool heavy, int64 bytes);

#endif							/* ASHMIG_PACE_H */
