/*
 * citus_tables.c
 *		Which tables Citus has on which nodes: see citus_tables.h.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/citus.h"
#include "migrate/citus_tables.h"
#include "migrate/execute.h"
#include "syntax/sql_text.h"

/* ----------
 * Reference tables
 * ----------
 */

/* A schema that is nobody's, in place of each tenant's */
#define ANY_TENANT "tenant"

/* The cache: names of public tables, for one state of the recorded migrations */
static MemoryContext cache_context = NULL;
static List *cached = NIL;
static uint64 cache_changes = 0;

static void
add_target(List **names, RangeVar *table)
{
	char	   *name;

	if (table->schemaname == NULL || strcmp(table->schemaname, ANY_TENANT) == 0)
		return;
	name = psprintf("%s.%s", quote_name(table->schemaname), quote_name(table->relname));
	if (!names_have(*names, name))
		*names = lappend(*names, name);
}

/* The targets of a statement's foreign keys, but for the tenant's own */
static void
add_targets(List **names, Node *statement)
{
	List	   *elements = NIL;

	if (IsA(statement, CreateStmt))
		elements = ((CreateStmt *) statement)->tableElts;
	else if (IsA(statement, AlterTableStmt))
	{
		foreach_node(AlterTableCmd, command, ((AlterTableStmt *) statement)->cmds)
		{
			if (command->def)
				elements = lappend(elements, command->def);
		}
	}
	foreach_ptr(Node, element, elements)
	{
		List	   *constraints = NIL;

		if (IsA(element, Constraint))
			constraints = list_make1(element);
		else if (IsA(element, ColumnDef))
			constraints = ((ColumnDef *) element)->constraints;
		foreach_node(Constraint, constraint, constraints)
		{
			if (constraint->contype == CONSTR_FOREIGN)
				add_target(names, constraint->pktable);
		}
	}
}

/* Names (of char *) of the public tables that tenant migrations point to */
static List *
referenced_names(void)
{
	MemoryContext old;
	List	   *names = NIL;
	ListCell   *lm;
	ListCell   *ls;
	ListCell   *lc;

	(void) catalog_migrations_cached(SCOPE_TENANT);
	if (cache_context != NULL && cache_changes == catalog_migrations_changes())
		return cached;
	foreach(lm, catalog_migrations_cached(SCOPE_TENANT))
	{
		foreach(ls, ((const Migration *) lfirst(lm))->up)
		{
			foreach_node(RawStmt, raw, execute_parse(sql_fill(lfirst(ls), ANY_TENANT, ashmig_default_schema)))
				add_targets(&names, raw->stmt);
		}
	}
	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "ashmig referenced tables",
											  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(cache_context);
	old = MemoryContextSwitchTo(cache_context);
	cached = NIL;
	foreach(lc, names)
		cached = lappend(cached, pstrdup(lfirst(lc)));
	MemoryContextSwitchTo(old);
	cache_changes = catalog_migrations_changes();
	return cached;
}

/* Say in time what Citus would refuse. */
static void
check_triggers(const char *table)
{
	if (citus_has_triggers(table))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CITUS),
				 errmsg("table %s cannot become a reference table because it has triggers", table),
				 errdetail("Foreign keys of tenants need a copy of it on every node of the Citus cluster, and Citus has no triggers on such tables. A managed table (ashmig_manage_tenant) has them."),
				 errhint("Manage tenants by a table that no tenant references, say one with the tenants' names alone, and drop the triggers of this one.")));
}

void
citus_tables_prepare(int lock_timeout)
{
	List	   *names;
	List	   *tables;
	ExecuteEnvironment environment;
	ListCell   *lc;

	if (!citus_is_used() || (names = referenced_names()) == NIL)
		return;
	tables = citus_future_reference_tables(names);
	if (tables == NIL)
		return;
	foreach(lc, tables)
	{
		check_triggers(lfirst(lc));
		ereport(NOTICE,
				(errmsg("table %s becomes a reference table", (char *) lfirst(lc)),
				 errdetail("Foreign keys of tenants need a copy of it on every node of the Citus cluster.")));
	}
	environment = execute_enter(lock_timeout, true);
	execute_go_into(&environment, SCOPE_PUBLIC, ashmig_default_schema, ashmig_default_schema);
	foreach(lc, tables)
	{
		execute_statement(&environment,
						  psprintf("SELECT pg_catalog.create_reference_table(%s)", quote_text(lfirst(lc))), NULL);
	}
	execute_leave(&environment);
}

/* ----------
 * Tables that stayed local
 * ----------
 */

/* Distribute the schema with the tables that it has, and others with them. */
static void
distribute_schema(const ExecuteEnvironment *environment, const char *schema)
{
	execute_statement(environment, psprintf("SELECT pg_catalog.citus_schema_distribute(%s)",
											quote_text(quote_name(schema))), NULL);
}

/* Distribute a table of a distributed schema, beside another one. */
static void
distribute_table(const ExecuteEnvironment *environment, const char *schema, const char *table,
				 const char *beside)
{
	char	   *name = psprintf("%s.%s", quote_name(schema), quote_name(table));
	char	   *other = psprintf("%s.%s", quote_name(schema), quote_name(beside));

	execute_statement(environment,
					  psprintf("SELECT pg_catalog.create_distributed_table(%s, NULL, colocate_with => %s)",
							   quote_text(name), quote_text(other)), NULL);
}

void
citus_tables_finish(const ExecuteEnvironment *environment, const char *schema, bool new_tenant)
{
	List	   *left;
	char	   *beside;
	ListCell   *lc;

	if (!citus_is_used() || (left = citus_unknown_tables(schema)) == NIL)
		return;
	if (!citus_schema_is_distributed(schema))
	{
		if (new_tenant)
			distribute_schema(environment, schema);
		return;
	}
	beside = citus_known_table(schema);
	foreach(lc, beside ? left : NIL)
		distribute_table(environment, schema, lfirst(lc), beside);
}

void
citus_tables_check(const char *schema)
{
	List	   *left;

	if (!citus_is_used() || (left = citus_unknown_tables(schema)) == NIL)
		return;
	if (!citus_schema_is_distributed(schema))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_CITUS),
				 errmsg("the schema of tenant \"%s\" is not distributed", schema),
				 errdetail("It was created before Citus, or by somebody else; its tables are on the coordinator alone."),
				 errhint("SELECT citus_schema_distribute(%s);", quote_text(quote_name(schema)))));
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_CITUS),
			 errmsg("table \"%s\" of tenant \"%s\" is on the coordinator alone", (char *) linitial(left), schema),
			 errdetail("It was created below another statement, which Citus does not see, and no table of the schema is distributed yet."),
			 errhint("Create the first table of a tenant by a statement of a migration, not in a function or a DO block.")));
}

void
citus_tables_distribute(const char *schema)
{
	ExecuteEnvironment environment;

	if (!citus_is_used() || citus_schema_is_distributed(schema))
		return;
	environment = execute_enter(ashmig_lock_timeout, true);
	execute_go_into(&environment, SCOPE_TENANT, schema, ashmig_default_schema);
	distribute_schema(&environment, schema);
	execute_leave(&environment);
}
