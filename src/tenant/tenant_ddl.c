/*
 * tenant_ddl.c
 *		The newest structure of a tenant as one pass of DDL: see tenant_ddl.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "generate/generate.h"
#include "metadata/catalog_migrations.h"
#include "run/lock_budget.h"
#include "tenant/tenant_ddl.h"

/* The cache: for one state of the recorded migrations, and one default schema */
static MemoryContext cache_context = NULL;
static Compiled *cached = NULL; /* NULL: history has to be replayed */
static bool cache_valid = false;
static uint64 cache_generation = 0;
static char *cache_default_schema = NULL;
static int	cached_locks = 0;

/*
 * Does the recorded structure hold what this migration does?  That of a
 * generated one is where it came from; an adopted one has no statements, and
 * its snapshots were given with it.
 */
static bool
is_covered(const Migration *migration)
{
	return migration->covered || strcmp(migration->kind, "generated") == 0 ||
		strcmp(migration->kind, "adopted") == 0;
}

/* bigint[] of the versions of migrations */
static Datum
version_array(List *migrations)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(migrations), 1));
	ListCell   *lc;
	int			n = 0;

	foreach(lc, migrations)
		elements[n++] = Int64GetDatum(((Migration *) lfirst(lc))->version);
	return PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* text[] of their repos, or of their checksums */
static Datum
string_array(List *migrations, bool checksums)
{
	List	   *strings = NIL;
	ListCell   *lc;

	foreach(lc, migrations)
	{
		Migration  *migration = lfirst(lc);

		strings = lappend(strings, checksums ? migration->checksum : migration->repo);
	}
	return catalog_text_array(strings);
}

/*
 * Compile, in the current memory context; NULL where that cannot be done.
 */
static Compiled *
compile(void)
{
	List	   *migrations = catalog_migrations_cached(true);
	Compiled   *compiled;
	ListCell   *lc;

	foreach(lc, migrations)
	{
		if (!is_covered(lfirst(lc)))
			return NULL;
	}
	compiled = palloc0(sizeof(Compiled));
	compiled->migrations = list_length(migrations);
	if (migrations != NIL)
		compiled->version = ((Migration *) llast(migrations))->version;
	compiled->repos = string_array(migrations, false);
	compiled->versions = version_array(migrations);
	compiled->checksums = string_array(migrations, true);
	if (migrations != NIL)
		compiled->statements = generate_tenant_ddl();
	return compiled;
}

/* Locks that running every migration takes */
static int
history_locks(void)
{
	int			locks = 0;
	ListCell   *lc;

	foreach(lc, catalog_migrations_cached(true))
		locks += budget_statement_locks(((Migration *) lfirst(lc))->up);
	return locks;
}

/*
 * A copy that stands alone, in the current memory context: compiling leaves a
 * lot behind.
 */
static Compiled *
copy_compiled(const Compiled *from)
{
	Compiled   *to = palloc(sizeof(Compiled));
	ListCell   *lc;

	*to = *from;
	to->statements = NIL;
	foreach(lc, from->statements)
		to->statements = lappend(to->statements, pstrdup(lfirst(lc)));
	to->repos = PointerGetDatum(DatumGetArrayTypePCopy(from->repos));
	to->versions = PointerGetDatum(DatumGetArrayTypePCopy(from->versions));
	to->checksums = PointerGetDatum(DatumGetArrayTypePCopy(from->checksums));
	return to;
}

/*
 * Fill the cache.  An error leaves it empty.
 */
static void
cache_load(void)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ashmig compiling",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	Compiled   *compiled;

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "ashmig compiled tenant",
											  ALLOCSET_DEFAULT_SIZES);
	cache_valid = false;
	MemoryContextReset(cache_context);
	cached = NULL;

	/* before reading, so that a change meanwhile makes it stale */
	(void) catalog_migrations_cached(true);
	cache_generation = catalog_migrations_generation();
	compiled = compile();
	cached_locks = compiled ? budget_statement_locks(compiled->statements) : history_locks();

	MemoryContextSwitchTo(cache_context);
	cache_default_schema = pstrdup(ashmig_default_schema);
	if (compiled)
		cached = copy_compiled(compiled);
	cache_valid = true;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/*
 * Bring the cache up to date.
 */
static void
cache_refresh(void)
{
	if (!cache_valid || cache_generation != catalog_migrations_generation() ||
		strcmp(cache_default_schema, ashmig_default_schema) != 0)
		cache_load();
}

/*
 * The compiled structure, or NULL.
 */
const Compiled *
compiled_tenant(void)
{
	cache_refresh();
	return cached;
}

/*
 * Locks of a new tenant: its schema, the lock that excludes runs, and what the
 * statements take.
 */
int
compiled_locks(void)
{
	cache_refresh();
	return cached_locks + 2;
}
