/*
 * precheck.c
 *		Which schemas have data that would break what is pending: see
 *		precheck.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/foreign_code.h"
#include "migrate/execute.h"
#include "migrate/pending.h"
#include "precheck/demands.h"
#include "precheck/future_table.h"
#include "precheck/precheck.h"
#include "precheck/violation.h"
#include "run/targets.h"

/* Reasons that the caller is told */
#define REASONS_TOLD 20

/* The whole of it */
typedef struct Precheck
{
	const RunOptions *options;
	MemoryContext context;		/* of what lasts: problems, reasons, public's
								 * tables */
	List	   *public_tables;	/* of FutureTable *: after the pending public
								 * migrations */
	List	   *problems;		/* of DataProblem * */
	List	   *reasons;		/* of char *: what could not be followed, once
								 * each */
	const Target *target;		/* that is being looked at */
} Precheck;

/* A problem of the schema, in the current context */
static DataProblem *
make_problem(Precheck *check)
{
	DataProblem *problem = palloc0(sizeof(DataProblem));

	problem->scope = check->target->scope;
	problem->schema = pstrdup(check->target->schema);
	check->problems = lappend(check->problems, problem);
	return problem;
}

/* Keep a problem. */
static void
add_problem(Precheck *check, const Demand *demand, const Violation *violation)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);
	DataProblem *problem = make_problem(check);

	problem->version = demand->version;
	problem->table = pstrdup(demand->table);
	problem->kind = demand_kind_name(demand->kind);
	problem->object = demand->object ? pstrdup(demand->object) : NULL;
	problem->sample = violation->sample ? pstrdup(violation->sample) : NULL;
	problem->error = violation->error ? pstrdup(violation->error) : NULL;
	problem->query = violation->query ? pstrdup(violation->query) : NULL;
	MemoryContextSwitchTo(old);
}

/*
 * Keep why a schema could not be looked at, so that the others are; but not that
 * somebody canceled.
 */
static void
add_error(Precheck *check, ErrorData *error)
{
	MemoryContext old;
	DataProblem *problem;

	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	old = MemoryContextSwitchTo(check->context);
	problem = make_problem(check);
	problem->kind = "error";
	problem->error = pstrdup(error->message);
	MemoryContextSwitchTo(old);
}

/* Keep a reason, which is the same in most tenants. */
static void
add_reason(Precheck *check, const char *reason)
{
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, check->reasons)
	{
		if (strcmp(lfirst(lc), reason) == 0)
			return;
	}
	old = MemoryContextSwitchTo(check->context);
	check->reasons = lappend(check->reasons, pstrdup(reason));
	MemoryContextSwitchTo(old);
}

/*
 * Look for rows that break what the statements demand.  A value that cannot be
 * converted is told once, and not again for all that is computed from it.
 */
static void
look_at_rows(Precheck *check, const Future *future)
{
	List	   *unreadable = NIL;	/* tables with such values */
	ListCell   *lc;

	SPI_connect();
	foreach(lc, future->demands)
	{
		const Demand *demand = lfirst(lc);
		Violation  *violation = violation_find(demand);

		if (violation == NULL)
			continue;
		if (demand->kind == DEMAND_TYPE)
			unreadable = lappend_oid(unreadable, demand->relid);
		else if (violation->error && !violation->timed_out && list_member_oid(unreadable, demand->relid))
			continue;
		add_problem(check, demand, violation);
	}
	SPI_finish();
}

/*
 * Follow what is pending in a schema, and look at its rows, as the role as which
 * it will run.
 */
static void
follow_pending(Precheck *check, Future *future, List *pending)
{
	ListCell   *lc;

	foreach(lc, pending)
		demands_follow(future, lfirst(lc));
	foreach(lc, future->unknown)
		add_reason(check, lfirst(lc));
	look_at_rows(check, future);
}

/* The same in the environment of a migration, as an Attempt */
static void
check_schema(void *arg)
{
	Precheck   *check = arg;
	const Target *target = check->target;
	const char *default_schema = target->scope == SCOPE_TENANT ? ashmig_default_schema : target->schema;
	Future		future = {.schema = target->schema, .default_schema = default_schema};
	List	   *pending = pending_copy(pending_migrations(check->options, target->scope, target->schema));
	ExecuteEnvironment environment;
	RoleBeforeActing before;
	ForeignCodeBefore code;

	if (pending == NIL || !OidIsValid(get_namespace_oid(target->schema, true)))
		return;
	/* copies, as a tenant's migration may change public tables, too */
	foreach_ptr(const FutureTable, table, check->public_tables)
		future.tables = lappend(future.tables, future_table_copy(table));
	environment = execute_enter(check->options->lock_timeout, true);
	settings_pin("constraint_exclusion", "on"); /* a check may prove it all */
	execute_go_into(&environment, target->scope, target->schema, default_schema);
	before = acting_role_enter(&environment.acting);
	code = foreign_code_refuse(environment.acting.role);
	PG_TRY();
	{
		follow_pending(check, &future, pending);
	}
	PG_FINALLY();
	{
		foreign_code_restore(&code);
	}
	PG_END_TRY();
	acting_role_leave(&environment.acting, &before);
	execute_leave(&environment);
	if (target->scope == SCOPE_PUBLIC)
		check->public_tables = future.tables;
}

/*
 * One schema, in a subtransaction that is rolled back: that releases its locks,
 * and takes back whatever a function has done.
 */
static void
check_target(Precheck *check, const Target *target)
{
	MemoryContext context = target->scope == SCOPE_PUBLIC ? check->context :
		AllocSetContextCreate(check->context, "ashmig precheck", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ErrorData  *error;

	check->target = target;
	error = attempt_any(check_schema, check, false);
	if (error)
		add_error(check, error);
	MemoryContextSwitchTo(old);
	if (context != check->context)
		MemoryContextDelete(context);
}

/* Tell what could not be followed. */
static void
tell_reasons(const List *reasons)
{
	int			told = 0;
	ListCell   *lc;

	foreach(lc, reasons)
	{
		if (told++ == REASONS_TOLD)
			break;
		ereport(NOTICE,
				(errmsg("not checked from here on: %s", (char *) lfirst(lc)),
				 errhint("ashmig_try() runs it in one schema and rolls it back.")));
	}
}

/*
 * Look at every schema that the options name.
 */
List *
precheck_find(const RunOptions *options)
{
	Precheck	check = {.options = options, .context = CurrentMemoryContext};
	ListCell   *lc;

	catalog_lock_versions(AccessShareLock);
	foreach(lc, targets_find(options))
	{
		const Target *target = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (target_is_usable(target))
			check_target(&check, target);
	}
	tell_reasons(check.reasons);
	return check.problems;
}
