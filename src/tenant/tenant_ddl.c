/*
 * tenant_ddl.c
 *		The newest structure of a tenant as one pass of DDL: see tenant_ddl.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/settings.h"
#include "generate/snapshot_store.h"
#include "metadata/catalog_migrations.h"
#include "plan/diff.h"
#include "plan/migration_plan.h"
#include "record/enum_history.h"
#include "run/lock_budget.h"
#include "tenant/tenant_ddl.h"

/* ------------------------------------------------------------------------
 * The statements
 * ------------------------------------------------------------------------
 */

/* The tenant tables of a record, as if they were given, without retired columns */
static Model *
tenant_tables(const Recorded *recorded)
{
	Model	   *model = model_create();

	foreach_ptr(Table, table, recorded->model->tables)
	{
		table->retired = NIL;
		if (table->name.scope == SCOPE_TENANT)
			model_add(model, table);
	}
	return model;
}

/*
 * The statements (of char *) that make an empty schema a tenant of the newest
 * recorded structure in one pass, of all repos and dev generations included;
 * concurrent indexes are built plainly, retired columns are left out.  The
 * result equals replaying the generated migrations.
 */
List *
tenant_ddl_statements(void)
{
	List	   *operations = NIL;
	List	   *statements = NIL;
	ListCell   *lr;

	foreach(lr, snapshot_store_repos())
	{
		DiffOptions options = {0};
		Problem		problem = {0};
		Recorded   *recorded = snapshot_store_load(lfirst(lr), true, &problem);
		Diff	   *diff;

		problem_raise(&problem);
		options.default_schema = ashmig_default_schema;
		diff = diff_models(model_create(), tenant_tables(recorded), &options, &problem);
		problem_raise(&problem);
		operations = list_concat(operations, diff->operations);
	}
	foreach_ptr(Operation, operation, operations)
		operation->concurrently = false;
	foreach_ptr(PlannedMigration, migration, migration_plan_make(operations))
	{
		/* a global statement of a tenant table ran once, in public */
		if (migration->scope == SCOPE_TENANT)
			statements = list_concat(statements, migration->up);
	}
	return statements;
}

/* ------------------------------------------------------------------------
 * Compiling
 * ------------------------------------------------------------------------
 */

/*
 * Is what this migration does known without running it?  The recorded
 * structure of a generated one is where it came from; so is that of an adopted
 * one.  Those of enums are
 * followed (record/enum_history.h).
 */
static bool
is_covered(const Migration *migration)
{
	return migration->covered || migration->kind == MIGRATION_GENERATED ||
		migration->kind == MIGRATION_ADOPTED || migration->kind == MIGRATION_ENUM;
}

/* bigint[] of the versions of migrations */
static Datum
version_array(List *migrations)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(migrations), 1));
	int			n = 0;

	foreach_ptr(Migration, migration, migrations)
		elements[n++] = Int64GetDatum(migration->version);
	return PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* text[] of their repos, or of their checksums */
static Datum
string_array(List *migrations, bool checksums)
{
	List	   *strings = NIL;

	foreach_ptr(Migration, migration, migrations)
		strings = lappend(strings, checksums ? migration->checksum : migration->repo);
	return catalog_text_array(strings);
}

/*
 * Compile, in the current memory context; NULL if that cannot be done.
 */
static Compiled *
compile(void)
{
	List	   *migrations = catalog_migrations_cached(SCOPE_TENANT);
	List	   *types = NIL;
	bool		has_enums = false;
	Compiled   *compiled;
	ListCell   *lc;

	foreach(lc, migrations)
	{
		if (!is_covered(lfirst(lc)))
			return NULL;
		has_enums |= ((Migration *) lfirst(lc))->kind == MIGRATION_ENUM;
	}
	if (has_enums && !enum_history_statements(migrations, &types))
		return NULL;
	compiled = palloc0(sizeof(Compiled));
	compiled->migrations = list_length(migrations);
	if (migrations != NIL)
		compiled->version = ((Migration *) llast(migrations))->version;
	compiled->repos = string_array(migrations, false);
	compiled->versions = version_array(migrations);
	compiled->checksums = string_array(migrations, true);
	if (migrations != NIL)
		compiled->statements = list_concat(types, tenant_ddl_statements());
	return compiled;
}

/* Locks that running every migration takes */
static int
history_locks(void)
{
	int			locks = 0;

	foreach_ptr(Migration, migration, catalog_migrations_cached(SCOPE_TENANT))
		locks += lock_budget_statement(migration->up);
	return locks;
}

/* ------------------------------------------------------------------------
 * The cache
 * ------------------------------------------------------------------------
 */

/* It holds for one state of the recorded migrations, and one default schema. */
static MemoryContext cache_context = NULL;
static Compiled *cached = NULL; /* NULL: history has to be replayed */
static bool cache_valid = false;
static uint64 cache_changes = 0;
static char *cache_default_schema = NULL;
static int	cached_locks = 0;

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
	(void) catalog_migrations_cached(SCOPE_TENANT);
	cache_changes = catalog_migrations_changes();
	compiled = compile();
	cached_locks = compiled ? lock_budget_statement(compiled->statements) : history_locks();

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
	if (!cache_valid || cache_changes != catalog_migrations_changes() ||
		strcmp(cache_default_schema, ashmig_default_schema) != 0)
		cache_load();
}

/*
 * The compiled structure, or NULL.
 */
const Compiled *
tenant_ddl_compiled(void)
{
	cache_refresh();
	return cached;
}

/*
 * Locks that a tenant takes in addition to those of its statements: on its
 * schema, and the one that excludes runs
 */
#define LOCKS_OF_SCHEMA 2

/*
 * Locks of a new tenant.
 */
int
tenant_ddl_locks(void)
{
	cache_refresh();
	return cached_locks + LOCKS_OF_SCHEMA;
}
