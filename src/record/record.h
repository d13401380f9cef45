/*
 * record.h
 *		Migrations that are given rather than generated: recording
 *		them, finding and removing them.
 *
 * Recording and removing take the locks of catalog_lock_generation, and
 * what asks where a migration is applied that of catalog_lock_versions, until
 * the end of the transaction.
 */
#ifndef ASHMIG_RECORD_H
#define ASHMIG_RECORD_H

#include "postgres.h"

#include "base/scope.h"
#include "metadata/catalog_migrations.h"


/*
 * Record a migration; version 0 takes the next one.  Where that version is
 * recorded already, it is kept if it does the same, replaced if it is not
 * applied anywhere, and an error otherwise.  Fills in version and checksum.
 */
extern void record_add(Migration *migration);

/* Note what the statements do to tables in use (syntax/hazard.h), unless it is known. */
extern void record_judge(Migration *migration);

/* With ashmig.strict_version_order: refuse what is older than a recorded one. */
extern void record_check_order(const Migration *migration);

/* Change what does not affect what is run: name and covered. */
extern void record_relabel(const Migration *migration);

/*
 * Put another text in the place of a recorded migration, whatever the kinds of
 * both.  An error if it is applied anywhere.  The snapshots that it brought
 * stay.
 */
extern void record_replace(const Migration *recorded, Migration *migration);

/*
 * A recorded migration.  If "repo" is NULL, of any repo, but only one may have
 * it.  If there is none, NULL with missing_ok, otherwise an error.
 */
extern Migration *record_find(int64 version, Scope scope, const char *repo, bool missing_ok);

/* The version that the snapshots of a migration are recorded under */
extern int64 record_snapshot_version(const Migration *migration);

/* Where a version is applied */
typedef struct AppliedIn
{
	char	   *schemas;		/* "a", "b" and 3 more */
	char	   *checksum;		/* as it is applied in the first of them */
} AppliedIn;

/*
 * Where a migration of this repo, scope and version is applied; with
 * "checksum", only where it is applied under another one.  NULL: nowhere.
 */
extern AppliedIn *record_applied_in(const Migration *migration, const char *checksum);

/*
 * Reject a migration that is applied with different text, though it is not
 * recorded.
 */
extern void record_check_applied(const Migration *migration);

/*
 * For queries on ashmig.snapshots s: the snapshots that the generation $3
 * brought to the scope $2 of the repo $1, and to the other scope where it has
 * no migration there; with those of a table that has passed to this repo from
 * another one, or the other way, which has no generation of that version
 */
#define SNAPSHOTS_BROUGHT \
	" s.version = $3 AND (s.scope = $2 OR NOT EXISTS (SELECT FROM ashmig.migrations m" \
	"  WHERE m.repo = $1 AND m.scope = s.scope AND coalesce(m.generation, m.version) = s.version))" \
	" AND (s.repo = $1 OR NOT EXISTS (SELECT FROM ashmig.migrations m" \
	"  WHERE m.repo = s.repo AND m.scope = s.scope AND coalesce(m.generation, m.version) = s.version))"

/*
 * Remove a migration that is not applied anywhere, with the others of its
 * generation in the scope and the snapshots that it brought.  Returns how many
 * migrations.
 */
extern int	record_forget(int64 version, Scope scope, const char *repo);

#endif							/* ASHMIG_RECORD_H */
