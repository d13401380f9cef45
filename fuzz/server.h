/*
 * server.h
 *		What the fuzz targets have in place of a server: see server.c.
 */
#ifndef ASHMIG_FUZZ_SERVER_H
#define ASHMIG_FUZZ_SERVER_H

#include "postgres.h"

/*
 * The input as a string, as a setting or a column of a server would give it: no
 * NUL, and valid in UTF-8.  NULL if it is not valid.
 */
extern char *server_string(const uint8_t *data, size_t size);

/* Free everything that was palloc'd. */
extern void server_reset(void);

/* What libFuzzer calls */
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif							/* ASHMIG_FUZZ_SERVER_H */
