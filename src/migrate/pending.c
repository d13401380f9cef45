/*
 * pending.c
 *		What is to be done in a schema: see pending.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_partial.h"
#include "metadata/catalog_versions.h"
#include "migrate/pending.h"

/* The summed-up row of a repo, or NULL */
static const SchemaVersion *
find_summary(List *summaries, const char *repo)
{
	foreach_ptr(const SchemaVersion, summary, summaries)
	{
		if (strcmp(summary->repo, repo) == 0)
			return summary;
	}
	return NULL;
}

/*
 * Is every recorded migration up to the newest applied one applied?  As only
 * recorded ones can be, counting tells.
 */
static bool
is_contiguous(List *migrations, const SchemaVersion *summary)
{
	int			recorded = 0;

	foreach_ptr(const Migration, migration, migrations)
	{
		if (migration->version <= summary->version &&
			strcmp(migration->repo, summary->repo) == 0)
			recorded++;
	}
	return recorded == summary->applied;
}

/*
 * The migrations that a schema does not have, in version order.
 */
static List *
missing_migrations(Scope scope, const char *schema, List *summaries)
{
	List	   *migrations = catalog_migrations_cached(scope);
	List	   *applied = NIL;
	List	   *result = NIL;
	bool		contiguous = true;
	ListCell   *lc;

	foreach(lc, summaries)
		contiguous = contiguous && is_contiguous(migrations, lfirst(lc));
	if (!contiguous)
		applied = catalog_applied(schema, scope);

	foreach_ptr(Migration, migration, migrations)
	{
		const SchemaVersion *summary = find_summary(summaries, migration->repo);
		bool		has;

		if (contiguous)
			has = summary != NULL && migration->version <= summary->version;
		else
			has = catalog_is_applied(migration, applied);
		if (!has)
			result = lappend(result, migration);
	}
	return result;
}

/* Is a migration among those that the options ask for? */
static bool
is_asked_for(const RunOptions *options, const char *repo, int64 version)
{
	ListCell   *lc;

	if (options->repo && strcmp(options->repo, repo) != 0)
		return false;
	if (options->to != 0 &&
		(options->down ? version < options->to : version > options->to))
		return false;
	if (options->versions == NIL)
		return true;
	foreach(lc, options->versions)
	{
		if (*(int64 *) lfirst(lc) == version)
			return true;
	}
	return false;
}

/*
 * What is to be applied.
 */
static List *
pending_up(const RunOptions *options, Scope scope, const char *schema)
{
	List	   *summaries = catalog_schema_versions(schema, scope);
	List	   *result = NIL;

	foreach_ptr(Migration, migration, missing_migrations(scope, schema, summaries))
	{
		const SchemaVersion *summary = find_summary(summaries, migration->repo);

		if (!is_asked_for(options, migration->repo, migration->version))
			continue;
		if (options->strict_version_order && summary && migration->version < summary->version)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_VERSION_ORDER),
					 errmsg("migration " INT64_FORMAT " is older than " INT64_FORMAT ", which is applied in schema \"%s\"",
							migration->version, summary->version, schema),
					 errhint("Give it a later version, or run without strict_version_order.")));
		result = lappend(result, migration);
		if (options->step > 0 && list_length(result) == options->step)
			break;
	}
	return result;
}

/*
 * The recorded migration that was applied.
 */
static Migration *
applied_migration(List *migrations, Scope scope, const char *schema,
				  const AppliedVersion *applied)
{
	foreach_ptr(Migration, migration, migrations)
	{
		if (migration->version == applied->version &&
			strcmp(migration->repo, applied->repo) == 0)
			return migration;
	}
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NO_MIGRATION),
			 errmsg("%s migration " INT64_FORMAT ", applied in schema \"%s\", is not recorded",
					scope_name(scope), applied->version, schema),
			 errhint("Record it again before rolling it back.")));
	return NULL;				/* keep compiler quiet */
}

/*
 * The versions to roll back were the newest ones that any tenant had.  Raise
 * where this schema has got a newer one since, in a run that we waited for:
 * what is below it is not to go first.
 */
static void
check_newest(const RunOptions *options, const char *schema, const AppliedVersion *applied)
{
	if (applied->version > *(int64 *) linitial(options->versions))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_BUSY),
				 errmsg("schema \"%s\" was migrated concurrently", schema),
				 errdetail("It now has migration " INT64_FORMAT ", which is newer than the one to be rolled back.",
						   applied->version),
				 errhint("Run the rollback again.")));
}

/* Does the first version come later in a rollback, as it is the older one? */
static bool
is_older(const AppliedVersion *one, const AppliedVersion *other)
{
	return one->version < other->version ||
		(one->version == other->version && strcmp(one->repo, other->repo) < 0);
}

/*
 * What a schema has, newest first, also what it has in part: there may be a
 * leftover of that which is in the way of what comes after.
 */
static List *
versions_to_roll_back(Scope scope, const char *schema)
{
	List	   *versions = catalog_applied(schema, scope);

	foreach_ptr(const AppliedVersion, partial, catalog_partial_versions(schema, scope))
	{
		int			at = 0;

		while (at < list_length(versions) && is_older(partial, list_nth(versions, at)))
			at++;
		if (at == list_length(versions) || is_older(list_nth(versions, at), partial))
			versions = list_insert_nth(versions, at, (void *) partial);
	}
	return versions;
}

/*
 * What is to be rolled back, newest first.
 */
static List *
pending_down(const RunOptions *options, Scope scope, const char *schema)
{
	int			step = options->step;
	List	   *versions = versions_to_roll_back(scope, schema);
	List	   *migrations = catalog_migrations_cached(scope);	/* last: valid until the
																 * next read */
	List	   *result = NIL;

	if (step == 0 && options->to == 0 && !options->all && options->versions == NIL)
		step = 1;
	foreach_ptr(AppliedVersion, applied, versions)
	{
		Migration  *migration;

		if (options->versions != NIL && step > 0 &&
			(options->repo == NULL || strcmp(options->repo, applied->repo) == 0))
			check_newest(options, schema, applied);
		if (!is_asked_for(options, applied->repo, applied->version))
			continue;
		migration = applied_migration(migrations, scope, schema, applied);
		if (!migration->reversible)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_IRREVERSIBLE),
					 errmsg("cannot roll back %s migration " INT64_FORMAT " (%s)",
							scope_name(scope), migration->version, migration->name),
					 errdetail("It has no down statements."),
					 errhint("Roll back to a later version, or write a migration that undoes it.")));
		result = lappend(result, migration);
		if (step > 0 && list_length(result) == step)
			break;
	}
	return result;
}

/*
 * What is to be done in a schema, in order.
 */
List *
pending_migrations(const RunOptions *options, Scope scope, const char *schema)
{
	return options->down ? pending_down(options, scope, schema) :
		pending_up(options, scope, schema);
}

/*
 * The migrations in the cache, copied, so that DDL (which may empty the cache)
 * cannot take them away.
 */
List *
pending_copy(List *migrations)
{
	List	   *result = NIL;

	foreach_ptr(const Migration, from, migrations)
	{
		Migration  *to = palloc(sizeof(Migration));
		ListCell   *s;

		*to = *from;
		to->repo = pstrdup(from->repo);
		to->name = pstrdup(from->name);
		to->checksum = pstrdup(from->checksum);
		to->up = to->down = NIL;
		foreach(s, from->up)
			to->up = lappend(to->up, pstrdup(lfirst(s)));
		foreach(s, from->down)
			to->down = lappend(to->down, pstrdup(lfirst(s)));
		result = lappend(result, to);
	}
	return result;
}
