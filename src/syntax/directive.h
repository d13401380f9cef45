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

/*
 * A change that is one statement for a small table, and several others for a
 * large one, which follow it (migrate/two_forms.h).
 */
#define DIRECTIVE_SMALL		"/* ashmig: small table */ "
#define DIRECTIVE_LARGE		"/* ashmig: large table */ "
#define DIRECTIVE_LARGE_BATCH	"/* ashmig: large table, batch */ "

static inline bool
directive_is(const char *sql, const char *directive)
{
	return strncmp(sql, directive, strlen(directive)) == 0;
}

/* Is it the statement for a small table, with others that stand for it? */
static inline bool
directive_is_small(const char *sql)
{
	return directive_is(sql, DIRECTIVE_SMALL);
}

/* Is it one of the others? */
static inline bool
directive_is_large(const char *sql)
{
	return directive_is(sql, DIRECTIVE_LARGE) || directive_is(sql, DIRECTIVE_LARGE_BATCH);
}

static inline bool
directive_is_online(const char *sql)
{
	return directive_is(sql, DIRECTIVE_ONLINE) || directive_is_large(sql);
}

static inline bool
directive_is_batch(const char *sql)
{
	return directive_is(sql, DIRECTIVE_BATCH) || directive_is(sql, DIRECTIVE_LARGE_BATCH);
}

#endif							/* ASHMIG_DIRECTIVE_H */
