/*
 * elapsed.h
 *		How long something took.
 */
#ifndef ASHMIG_ELAPSED_H
#define ASHMIG_ELAPSED_H

#include "postgres.h"

#include "portability/instr_time.h"

/* The current time, to be passed to elapsed_since later */
static inline instr_time
elapsed_start(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return now;
}

/* Microseconds since then */
static inline int64
elapsed_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MICROSEC(now);
}

#endif							/* ASHMIG_ELAPSED_H */
