/*
 * directive.h
 *		What a stored statement says of how it is to be run.
 *
 * A statement of a migration that does not run in a transaction may begin with
 * one of these comments.  They are part of its text, so they go wherever the
 * migration goes: into exports, files and the checksum; and whoever reads the
 * migration reads them too.
 */
#ifndef ASHMIG_DIRECTIVE_H
#define ASHMIG_DIRECTIVE_H

#include "postgres.h"

/*
 * Its form is for large tables: where its table is small, it may as well run
 * in a transaction with the others (migrate/plain_form.h).
 */
#define DIRECTIVE_ONLINE	"/* ashmig: online */ "

/* It changes rows and is run batch by batch (migrate/batch.h). */
#define DIRECTIVE_BATCH		"/* ashmig: batch */ "

static inline bool
directive_is_online(const char *sql)
{
	return strncmp(sql, DIRECTIVE_ONLINE, strlen(DIRECTIVE_ONLINE)) == 0;
}

static inline bool
directive_is_batch(const char *sql)
{
	return strncmp(sql, DIRECTIVE_BATCH, strlen(DIRECTIVE_BATCH)) == 0;
}

#endif							/* ASHMIG_DIRECTIVE_H */
