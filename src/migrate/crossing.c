/*
 * crossing.c
 *		Public migrations that take away what tenants refer to: see crossing.h.
 */
#include "postgres.h"

#include "metadata/catalog_versions.h"
#include "utils/memutils.h"

#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "migrate/crossing.h"
#include "syntax/sql_text.h"
#include "syntax/withdrawal.h"

/* The cache: for one state of the recorded migrations */
static MemoryContext cache_context = NULL;
static List *cached = NIL;
static bool cache_valid = false;
static uint64 cache_changes = 0;

/* The statements of a public migration as they run, of char * */
static List *
filled_statements(List *statements)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, statements)
		result = lappend(result, sql_fill(lfirst(lc), ashmig_default_schema,
										  ashmig_default_schema));
	return result;
}

/* The recorded migrations of both scopes, of the cache */
typedef struct History
{
	List	   *public_migrations;
	List	   *tenant_migrations;
} History;

/* Both lists of one state: reading the second may bring news that end the first. */
static History
read_history(void)
{
	History		history;
	uint64		generation;

	do
	{
		history.tenant_migrations = catalog_migrations_cached(SCOPE_TENANT);
		generation = catalog_migrations_changes();
		history.public_migrations = catalog_migrations_cached(SCOPE_PUBLIC);
	} while (generation != catalog_migrations_changes());
	return history;
}

/* The up statements of the public migrations before this version */
static List *
earlier_statements(const History *history, int64 version)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, history->public_migrations)
	{
		const Migration *migration = lfirst(lc);

		if (migration->version < version)
			result = list_concat(result, filled_statements(migration->up));
	}
	return result;
}

/*
 * What a public migration, or its rollback, takes away: List of Withdrawal *.
 * An index or a constraint matters only if it is a key.
 */
static List *
migration_withdrawals(const History *history, const Migration *migration, bool down)
{
	List	   *result = NIL;
	List	   *earlier = NIL;
	ListCell   *ls;
	ListCell   *lw;

	foreach(ls, filled_statements(down ? migration->down : migration->up))
	{
		foreach(lw, withdrawal_find(lfirst(ls)))
		{
			Withdrawal *withdrawal = lfirst(lw);

			if (withdrawal->index || withdrawal->constraint)
			{
				/* a rollback takes away what the migration itself made */
				if (earlier == NIL)
					earlier = earlier_statements(history, migration->version + (down ? 1 : 0));
				if (!withdrawal_is_of_key(withdrawal, earlier))
					continue;
			}
			result = lappend(result, withdrawal);
		}
	}
	return result;
}

/* The same under the name that it had before this renaming, or NULL */
static Withdrawal *
earlier_name(const Withdrawal *withdrawal, const Withdrawal *renamed)
{
	Withdrawal *earlier;

	if (renamed->new_name == NULL || withdrawal->name == NULL)
		return NULL;
	if (renamed->column == NULL && strcmp(renamed->new_name, withdrawal->name) == 0)
	{
		earlier = withdrawal_copy(withdrawal);
		earlier->name = renamed->name;
		return earlier;
	}
	if (renamed->column != NULL && withdrawal->column != NULL &&
		strcmp(renamed->new_name, withdrawal->column) == 0)
	{
		earlier = withdrawal_copy(withdrawal);
		earlier->column = renamed->column;
		return earlier;
	}
	return NULL;
}

/*
 * The withdrawals (which are extended) under all names that older migrations
 * may know: what public migrations before this version renamed, newest first.
 */
static List *
add_earlier_names(const History *history, int64 version, List *withdrawals)
{
	for (int i = list_length(history->public_migrations) - 1; i >= 0; i--)
	{
		const Migration *migration = list_nth(history->public_migrations, i);
		ListCell   *ls;
		ListCell   *lr;

		if (migration->version >= version)
			continue;
		foreach(ls, filled_statements(migration->up))
		{
			foreach(lr, withdrawal_find(lfirst(ls)))
			{
				int			count = list_length(withdrawals);

				for (int w = 0; w < count; w++)
				{
					Withdrawal *earlier = earlier_name(list_nth(withdrawals, w), lfirst(lr));

					if (earlier)
						withdrawals = lappend(withdrawals, earlier);
				}
			}
		}
	}
	return withdrawals;
}

/* Do the tenants have a table (or something else) of that name? */
static bool
tenants_have(const History *history, const char *name)
{
	char	   *own = psprintf("%s.%s", PLACEHOLDER_TENANT, quote_name(name));
	ListCell   *lm;
	ListCell   *ls;

	foreach(lm, history->tenant_migrations)
	{
		foreach(ls, ((Migration *) lfirst(lm))->up)
		{
			if (strstr(lfirst(ls), own) != NULL)
				return true;
		}
	}
	return false;
}

/* Note for each of the withdrawals whether the tenants have one of that name. */
static List *
look_up_in_tenants(const History *history, List *withdrawals)
{
	ListCell   *lc;

	foreach(lc, withdrawals)
	{
		Withdrawal *withdrawal = lfirst(lc);

		withdrawal->tenants_have_one = withdrawal->name && tenants_have(history, withdrawal->name);
	}
	return withdrawals;
}

/* The first of the withdrawals that a statement of the migration names, or NULL */
static const Withdrawal *
find_concern(const List *withdrawals, const Migration *migration)
{
	ListCell   *lw;
	ListCell   *ls;

	foreach(lw, withdrawals)
	{
		foreach(ls, migration->up)
		{
			if (withdrawal_concerns(lfirst(lw), lfirst(ls)))
				return lfirst(lw);
		}
	}
	return NULL;
}

/* The crossing that a public migration is, or NULL */
static Crossing *
make_crossing(const History *history, const Migration *migration)
{
	List	   *withdrawals = migration_withdrawals(history, migration, false);
	ListCell   *lc;

	if (withdrawals != NIL)
		withdrawals = look_up_in_tenants(history, add_earlier_names(history, migration->version,
																	withdrawals));
	foreach(lc, withdrawals == NIL ? NIL : history->tenant_migrations)
	{
		const Migration *earlier = lfirst(lc);
		const Withdrawal *concern;

		if (earlier->version >= migration->version)
			break;
		concern = find_concern(withdrawals, earlier);
		if (concern)
		{
			Crossing   *crossing = palloc(sizeof(Crossing));

			crossing->repo = migration->repo;
			crossing->version = migration->version;
			crossing->name = migration->name;
			crossing->subject = concern->name;
			crossing->withdrawals = withdrawals;
			return crossing;
		}
	}
	return NULL;
}

/* A copy that stands alone, in the current memory context */
static Crossing *
copy_crossing(const Crossing *from)
{
	Crossing   *to = palloc(sizeof(Crossing));
	ListCell   *lc;

	to->repo = pstrdup(from->repo);
	to->version = from->version;
	to->name = pstrdup(from->name);
	to->subject = pstrdup(from->subject);
	to->withdrawals = NIL;
	foreach(lc, from->withdrawals)
		to->withdrawals = lappend(to->withdrawals, withdrawal_copy(lfirst(lc)));
	return to;
}

/*
 * Fill the cache; parsing leaves a lot behind, so that is done in a context of
 * its own.  An error leaves the cache empty.
 */
static void
cache_load(void)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ashmig crossings found",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	History		history = read_history();
	uint64		generation = catalog_migrations_changes();
	ListCell   *lc;

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "ashmig crossings",
											  ALLOCSET_SMALL_SIZES);
	cached = NIL;
	cache_valid = false;
	MemoryContextReset(cache_context);
	foreach(lc, history.public_migrations)
	{
		Crossing   *crossing = make_crossing(&history, lfirst(lc));

		if (crossing == NULL)
			continue;
		MemoryContextSwitchTo(cache_context);
		cached = lappend(cached, copy_crossing(crossing));
		MemoryContextSwitchTo(scratch);
	}
	cache_changes = generation;
	cache_valid = true;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/*
 * The crossings of all recorded migrations.
 */
List *
crossing_list(void)
{
	(void) catalog_migrations_cached(SCOPE_TENANT);
	if (!cache_valid || cache_changes != catalog_migrations_changes())
		cache_load();
	return cached;
}

/*
 * What rolling back a public migration takes away from newer tenant migrations.
 */
List *
crossing_of_rollback(const Migration *migration, char **subject)
{
	History		history = read_history();
	List	   *withdrawals = look_up_in_tenants(&history,
												 migration_withdrawals(&history, migration, true));
	List	   *versions = NIL;
	ListCell   *lc;

	foreach(lc, withdrawals == NIL ? NIL : history.tenant_migrations)
	{
		const Migration *newer = lfirst(lc);
		const Withdrawal *concern;
		int64	   *version;

		if (newer->version <= migration->version)
			continue;
		concern = find_concern(withdrawals, newer);
		if (concern == NULL)
			continue;
		if (versions == NIL)
			*subject = pstrdup(concern->name);
		version = palloc(sizeof(int64));
		*version = newer->version;
		versions = lappend(versions, version);
	}
	return versions;
}

/*
 * The crossings newer than this version that public has.
 */
List *
crossing_passed(int64 version)
{
	List	   *public_migrations = catalog_migrations_cached(SCOPE_PUBLIC);
	List	   *crossings;
	List	   *applied = NIL;
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *la;

	/* the usual case, which needs no look at any statement */
	if (public_migrations == NIL || ((Migration *) llast(public_migrations))->version <= version)
		return NIL;
	crossings = crossing_list();
	if (crossings == NIL || ((Crossing *) llast(crossings))->version <= version)
		return NIL;
	applied = catalog_applied(ashmig_default_schema, SCOPE_PUBLIC);
	foreach(lc, crossings)
	{
		const Crossing *crossing = lfirst(lc);

		foreach(la, applied)
		{
			const AppliedVersion *has = lfirst(la);

			if (crossing->version > version && has->version == crossing->version &&
				strcmp(has->repo, crossing->repo) == 0)
				result = lappend(result, copy_crossing(crossing));
		}
	}
	return result;
}

/*
 * Does a statement of a tenant migration of this version name what one of the
 * newer crossings takes away?
 */
bool
crossing_concerns(const List *crossings, int64 version, const char *statement)
{
	ListCell   *lc;
	ListCell   *lw;

	foreach(lc, crossings)
	{
		const Crossing *crossing = lfirst(lc);

		if (crossing->version < version)
			continue;
		foreach(lw, crossing->withdrawals)
		{
			if (withdrawal_concerns(lfirst(lw), statement))
				return true;
		}
	}
	return false;
}

/*
 * Raise where public has since changed what the down of a tenant migration
 * refers to: there the public migration is rolled back first.
 */
void
crossing_check_rollback(const Migration *migration, const char *schema)
{
	List	   *crossings = crossing_passed(migration->version);
	ListCell   *lc;

	foreach(lc, crossings == NIL ? NIL : migration->down)
	{
		const Crossing *crossing = llast(crossings);

		if (crossing_concerns(crossings, migration->version, lfirst(lc)))
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_WAITS_FOR_TENANTS),
					 errmsg("tenant migration " INT64_FORMAT " (%s) cannot be rolled back before public migration " INT64_FORMAT " (%s)",
							migration->version, migration->name, crossing->version, crossing->name),
					 errdetail("Its down refers to what the public migration has changed; schema \"%s\" is unaffected.",
							   schema),
					 errhint("First: SELECT * FROM ashmig_rollback(to_version => " INT64_FORMAT ").",
							 ((Crossing *) linitial(crossings))->version)));
	}
}
