/*
 * expected.c
 *		The structure that a schema is expected to have: see expected.h.
 */
#include "postgres.h"

#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/settings.h"
#include "drift/expected.h"
#include "generate/snapshot_store.h"
#include "metadata/catalog_migrations.h"
#include "plan/migration_plan.h"
#include "proof/comparison.h"
#include "proof/enum_types.h"
#include "proof/mentions.h"
#include "run/lock_budget.h"
#include "syntax/sql_text.h"

/* What is built, and where that is */
typedef struct Building
{
	Expected   *expected;
	ReferenceSchemas *reference;
	List	   *enums;			/* of RecordedEnum * */
	List	   *missing;		/* of Migration *: they install extensions
								 * that are not there */
	List	   *functions;		/* of char *: public functions that come with
								 * extensions */
	List	   *compiled;		/* of PlannedMigration *: the tables from
								 * nothing */
	List	   *given;			/* of char *: hand-written statements */
	List	   *undo;			/* of PlannedMigration *: a generation of
								 * which only the first part is applied */
} Building;

/* ----------
 * What migrations bring beside the snapshots
 * ----------
 */

/* The extension that a statement creates, or NULL */
static char *
created_extension(const char *sql)
{
	List	   *raw = raw_parser(sql_fill(sql, ashmig_default_schema, ashmig_default_schema),
								 RAW_PARSE_DEFAULT);
	Node	   *statement = list_length(raw) == 1 ? linitial_node(RawStmt, raw)->stmt : NULL;

	return statement && IsA(statement, CreateExtensionStmt)
		? ((CreateExtensionStmt *) statement)->extname : NULL;
}

/* A migration that installs extensions, or functions that count as one */
static void
note_extension(Building *building, const Migration *migration)
{
	Expected   *expected = building->expected;
	bool		is_missing = false;
	ListCell   *lc;

	foreach(lc, migration->up)
	{
		char	   *name = created_extension(lfirst(lc));

		if (name == NULL)
			building->functions = lappend(building->functions, lfirst(lc));
		else if (!names_have(expected->extensions, name))
		{
			expected->extensions = lappend(expected->extensions, name);
			is_missing |= !OidIsValid(get_extension_oid(name, true));
		}
	}
	if (is_missing)
		building->missing = lappend(building->missing, (void *) migration);
}

static void
note_migration(Building *building, const Migration *migration)
{
	if (migration->kind == MIGRATION_EXTENSION)
		note_extension(building, migration);
	else if (migration->kind == MIGRATION_SQL && !migration->covered &&
			 migration->scope == building->expected->scope)
		building->given = list_concat(building->given, list_copy(migration->up));
}

/* ----------
 * Building
 * ----------
 */

/* The facts of the schemas of the scope, without the tables that only stand for others */
static List *
read_facts(const Building *building)
{
	const Expected *expected = building->expected;
	List	   *facts = NIL;
	ListCell   *lf;
	ListCell   *ls;

	foreach(lf, reference_read(building->reference))
	{
		const StructureFact *fact = lfirst(lf);
		bool		of_tenant = strcmp(fact->schema, REFERENCE_TENANT) == 0;
		bool		is_stub = false;

		if (of_tenant != (expected->scope == SCOPE_TENANT))
			continue;
		foreach(ls, building->reference->tables->stubs)
			is_stub |= strcmp(((const StubTable *) lfirst(ls))->name.name, fact->table) == 0 &&
			comparison_table(expected->model, fact) == NULL;
		if (!is_stub)
			facts = lappend(facts, lfirst(lf));
	}
	return facts;
}

static void
install_missing(void *arg)
{
	Building   *building = arg;

	reference_install(building->reference, building->missing);
}

/*
 * Hand-written statements may make types that tables need, or change the tables:
 * they are tried before, and those that failed once more afterwards.
 */
static void
build(void *arg)
{
	Building   *building = arg;
	Expected   *expected = building->expected;
	List	   *left;

	reference_create(building->reference, building->enums);
	if (building->missing != NIL)
		(void) attempt(install_missing, building, true);
	left = reference_try(building->reference, SCOPE_PUBLIC, building->functions);
	expected->untried = list_concat(expected->untried, left);
	left = reference_try(building->reference, expected->scope, building->given);
	reference_run(building->reference, building->compiled, false);
	left = reference_try(building->reference, expected->scope, left);
	expected->untried = list_concat(expected->untried, left);
	reference_run(building->reference, building->undo, true);
	expected->facts = read_facts(building);
}

/* Raise where scratch schemas cannot be made. */
static void
check_possible(const Building *building)
{
	List	   *statements = NIL;

	if (!database_creatable(GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to create schemas in database \"%s\"", get_database_name(MyDatabaseId)),
				 errdetail("The expected structure is built in schemas that are rolled back."),
				 errhint("GRANT CREATE ON DATABASE %s TO %s;", quote_name(get_database_name(MyDatabaseId)),
						 quote_name(GetUserNameFromId(GetUserId(), false)))));
	foreach_ptr(const PlannedMigration, migration, building->compiled)
		statements = list_concat(statements, list_copy(migration->up));
	if (!budget_has_room(lock_budget_statement(statements)))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_LOCK_BUDGET),
				 errmsg("building the expected structure needs more locks than there is room for"),
				 errhint("Raise max_locks_per_transaction.")));
}

static void
raise_cannot_build(const Building *building, const ErrorData *error)
{
	const ReferenceSchemas *reference = building->reference;

	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_PROOF),
			 errmsg("the expected structure of %s cannot be built: %s",
					building->expected->scope == SCOPE_TENANT ? "the tenants" : "the public schema",
					reference_message(reference, error->message)),
			 reference->statement ?
			 errdetail("Statement: %s", sql_fill(reference->statement, REFERENCE_TENANT, ashmig_default_schema)) : 0,
			 errhint("Create what the statement needs (an extension, a type, a function), or change the snapshots.")));
}

static void
run_building(Building *building)
{
	Expected   *expected = building->expected;
	ErrorData  *error;

	building->reference = reference_plan(proof_tables_of_scope(expected->model, expected->scope),
										 REFERENCE_PLACEHOLDERS);
	building->reference->all_types = expected->scope == SCOPE_PUBLIC;
	/* rolling back may need columns that the newest generation has retired */
	building->compiled = reference_compile(building->reference->tables->after, building->undo != NIL);
	expected->reference = building->reference;
	check_possible(building);
	error = attempt(build, building, false);
	if (error)
		raise_cannot_build(building, error);
	foreach_ptr(const SkippedStatement, skipped, building->reference->skipped)
		expected->untried = lappend(expected->untried, skipped->statement->up);
}

/* ----------
 * The structure that is recorded
 * ----------
 */

/* The generations (of int64 *) of a repo that none of these migrations, but one of those, is of */
static List *
absent_generations(const char *repo, List *applied, List *pending)
{
	List	   *generations = NIL;

	foreach_ptr(Migration, migration, pending)
	{
		bool		is_begun = migration->generation == 0 || strcmp(migration->repo, repo) != 0;

		foreach_ptr(const Migration, other, applied)
			is_begun |= other->generation == migration->generation && strcmp(other->repo, repo) == 0;
		if (!is_begun)
			generations = lappend(generations, &migration->generation);
	}
	return generations;
}

static bool
has_version(List *versions, int64 version)
{
	foreach_ptr(const int64, one, versions)
	{
		if (*one == version)
			return true;
	}
	return false;
}

/* A migration to be rolled back in the scratch schemas */
static void
add_undo(Building *building, const Migration *migration)
{
	PlannedMigration *planned = palloc0(sizeof(PlannedMigration));

	planned->scope = migration->scope;
	planned->transactional = migration->transactional;
	planned->down = migration->down;
	building->undo = lappend(building->undo, planned);
}

/* The tables of a repo, as they were before generations that are pending */
static void
add_repo(Building *building, const char *repo, List *applied, List *pending)
{
	Scope		scope = building->expected->scope;
	List	   *absent = absent_generations(repo, applied, pending);
	List	   *squashed = absent == NIL ? NIL : snapshot_store_squashed(repo, scope, absent);
	List	   *without = NIL;
	Problem		problem = {0};
	Recorded   *recorded;

	foreach_ptr(int64, version, absent)
	{
		if (!has_version(squashed, *version))
			without = lappend(without, version);
	}
	recorded = snapshot_store_load_without(repo, scope, without, &problem);
	problem_raise(&problem);
	foreach_ptr(Table, table, recorded->model->tables)
	{
		if (model_find(building->expected->model, &table->name) == NULL)
			model_add(building->expected->model, table);
	}
	foreach_ptr(const Migration, migration, pending)
	{
		if (migration->generation != 0 && strcmp(migration->repo, repo) == 0 &&
			!has_version(without, migration->generation))
			add_undo(building, migration);
	}
}

static Building
begin_building(Scope scope, Model *model)
{
	Building	building = {0};

	building.expected = palloc0(sizeof(Expected));
	building.expected->scope = scope;
	building.expected->model = model;
	return building;
}

Expected *
expected_of_migrations(Scope scope, List *applied, List *pending)
{
	Building	building = begin_building(scope, model_create());
	List	   *migrations = applied;
	bool		complete;
	ListCell   *lc;

	if (applied == NIL)
	{
		building.expected->reference = reference_plan(proof_tables_of_scope(building.expected->model, scope),
													  REFERENCE_PLACEHOLDERS);
		return building.expected;
	}
	building.expected->version = ((const Migration *) llast(applied))->version;
	if (scope == SCOPE_TENANT)
		migrations = list_concat(catalog_migrations(NULL, SCOPES_PUBLIC), applied);
	building.enums = enum_types_of(migrations, &complete);
	foreach(lc, migrations)
		note_migration(&building, lfirst(lc));
	foreach(lc, snapshot_store_repos())
		add_repo(&building, lfirst(lc), applied, pending);
	run_building(&building);
	return building.expected;
}

Expected *
expected_of_model(Scope scope, Model *model, List *extensions)
{
	Building	building = begin_building(scope, model);
	ListCell   *lc;

	foreach(lc, extensions)
		note_extension(&building, lfirst(lc));
	run_building(&building);
	return building.expected;
}

/* ----------
 * Asking
 * ----------
 */
const StructureFact *
expected_find(const Expected *expected, const char *schema, const char *table, const char *kind,
			  const char *name)
{
	foreach_ptr(const StructureFact, fact, expected->facts)
	{
		if (strcmp(fact->kind, kind) == 0 && strcmp(fact->name, name) == 0 &&
			strcmp(fact->table, table) == 0 && strcmp(fact->schema, schema) == 0)
			return fact;
	}
	return NULL;
}

bool
expected_may_have(const Expected *expected, const char *name)
{
	ListCell   *lc;

	foreach(lc, expected->untried)
	{
		MentionScan scan;
		Mention		mention;

		mention_begin(&scan, lfirst(lc));
		while (mention_next(&scan, &mention))
		{
			if (strcmp(mention.name, name) == 0)
				return true;
		}
	}
	return false;
}
