/*
 * prove.c
 *		The proof of a generation: see prove.h.
 *
 * A wrong error would keep a user from working, so whatever may be a shortcoming
 * of the trial rather than of the generation ends in a NOTICE: an error where a
 * hand-written migration may have made what is missing, a statement that was
 * left out, an extension that this server cannot install.
 */
#include "postgres.h"

#include "base/names.h"
#include "catalog/pg_database.h"
#include "metadata/catalog_versions.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "plan/migration_plan.h"
#include "proof/comparison.h"
#include "proof/enum_types.h"
#include "proof/mentions.h"
#include "proof/prove.h"
#include "proof/reference.h"
#include "proof/proof_tables.h"
#include "proof/slices.h"
#include "proof/structure.h"
#include "run/lock_budget.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* Where the proof is; an error says what it means by it. */
typedef enum ProofStep
{
	STEP_PREPARE,				/* schemas, types, keys */
	STEP_BEFORE,				/* the recorded structure from nothing */
	STEP_UP,
	STEP_DOWN,
	STEP_AFTER					/* the new structure from nothing */
} ProofStep;

typedef struct Proof
{
	const ProofSubject *subject;
	ProofTables *tables;
	ReferenceSchemas *reference;
	List	   *build_before;	/* of PlannedMigration * */
	List	   *build_after;
	List	   *enums;
	List	   *extensions;		/* of Migration *: not there so far */
	const char *excuse;			/* why an error may say nothing; or NULL */
	ProofStep	step;
	/* structures, of StructureFact * */
	List	   *before;
	List	   *migrated;
	List	   *rolled_back;
	List	   *after;
	struct Verdict *verdict;	/* NULL: proved */
} Proof;

/* What is wrong, to be said once the subtransactions are gone */
typedef struct Verdict
{
	char	   *message;
	char	   *detail;			/* or NULL */
	char	   *hint;			/* or NULL */
	const char *excuse;			/* why it may be no fault of the generation,
								 * or NULL */
} Verdict;

/* ----------
 * What history brings beside the snapshots
 * ----------
 */

/*
 * Read the recorded migrations: enum types, extensions that are still to be
 * installed, and whether there is anything that snapshots do not show.
 */
static void
read_history(Proof *proof)
{
	List	   *migrations = catalog_migrations(NULL, SCOPES_ALL);
	List	   *applied = NIL;
	bool		complete;
	bool		looked = false;
	ListCell   *lc;

	proof->enums = enum_types_of(migrations, &complete);
	if (!complete)
		proof->excuse = "a migration changes an enum that a custom statement creates";
	foreach(lc, migrations)
	{
		const Migration *migration = lfirst(lc);

		if (migration->kind == MIGRATION_SQL && !migration->covered)
			proof->excuse = "a hand-written migration may create what is missing";
		if (migration->kind != MIGRATION_EXTENSION)
			continue;
		if (!looked)
			applied = catalog_applied(ashmig_default_schema, SCOPE_PUBLIC);
		looked = true;
		if (!catalog_is_applied(migration, applied))
			proof->extensions = lappend(proof->extensions, lfirst(lc));
	}
	proof->extensions = list_concat(proof->extensions, proof->subject->extensions);
}

static void
install(void *arg)
{
	Proof	   *proof = arg;

	reference_install(proof->reference, proof->extensions);
}

/* Install what is missing; where that cannot be done, what needs it is excused. */
static void
install_extensions(Proof *proof)
{
	ErrorData  *error;

	if (proof->extensions == NIL)
		return;
	error = attempt(install, proof, true);
	if (error == NULL)
		return;
	proof->excuse = "an extension is missing and could not be installed";
	if (proof->subject->extensions == NIL)
		return;
	ereport(NOTICE,
			(errmsg("could not install an extension to try this generation: %s", error->message),
			 errdetail("Whatever needs the extension is not tried.")));
}

/* ----------
 * Two ways to the new structure, each in a subtransaction of its own
 * ----------
 */

/* As a schema goes that is there: from the structure before, up, and down again */
static void
run_history(void *arg)
{
	Proof	   *proof = arg;

	proof->step = STEP_BEFORE;
	reference_run(proof->reference, proof->build_before, false);
	proof->before = reference_read(proof->reference);
	proof->step = STEP_UP;
	reference_run(proof->reference, proof->subject->migrations, false);
	proof->migrated = reference_read(proof->reference);
	proof->step = STEP_DOWN;
	reference_run(proof->reference, proof->subject->migrations, true);
	proof->rolled_back = reference_read(proof->reference);
}

static void
run_compiled(void *arg)
{
	Proof	   *proof = arg;

	proof->step = STEP_AFTER;
	reference_run(proof->reference, proof->build_after, false);
	proof->after = reference_read(proof->reference);
}

/* ----------
 * Errors
 * ----------
 */

/* 'statement "search" of table "<tenant>.tickets"', or the statement itself */
static char *
statement_show(const Proof *proof, const char *sql)
{
	const Statement *statement;
	const Table *table = proof_tables_statement(proof->tables, sql, &statement);

	if (table)
		return psprintf("Custom statement \"%s\" of table \"%s\": %s", statement->name,
						table_name_show(&table->name), sql);
	return psprintf("Statement: %s", sql_fill(sql, "<tenant>", ashmig_default_schema));
}

static Verdict *
verdict_of_error(const Proof *proof, const ErrorData *error)
{
	const ReferenceSchemas *reference = proof->reference;
	Verdict    *verdict = palloc0(sizeof(Verdict));
	char	   *message = reference_message(reference, error->message);
	const Statement *statement = NULL;
	StringInfoData detail;

	switch (proof->step)
	{
		case STEP_PREPARE:
		case STEP_BEFORE:
			verdict->message = psprintf("the recorded structure cannot be built from nothing: %s", message);
			break;
		case STEP_UP:
			verdict->message = psprintf("the migration would fail: %s", message);
			break;
		case STEP_DOWN:
			verdict->message = psprintf("the migration could not be rolled back: %s", message);
			break;
		case STEP_AFTER:
			verdict->message = psprintf("the new structure cannot be built from nothing: %s", message);
			break;
	}
	initStringInfo(&detail);
	if (reference->statement)
	{
		appendStringInfoString(&detail, statement_show(proof, reference->statement));
		(void) proof_tables_statement(proof->tables, reference->statement, &statement);
	}
	if (error->detail)
		appendStringInfo(&detail, "%s%s", detail.len > 0 ? "\n" : "",
						 reference_message(reference, error->detail));
	if (detail.len > 0)
		verdict->detail = detail.data;
	if (statement)
		verdict->hint = "Change the custom statement so that it fits the structure that the snapshots ask for.";
	else if (error->hint && error->sqlerrcode != ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST)
		verdict->hint = reference_message(reference, error->hint);
	return verdict;
}

/* ----------
 * Differences
 * ----------
 */

/* A definition in one line */
static char *
definition_show(const StructureFact *fact)
{
	StringInfoData buf;

	if (fact == NULL)
		return "nothing";
	initStringInfo(&buf);
	for (const char *at = fact->definition; *at; at++)
	{
		if (!isspace((unsigned char) *at))
			appendStringInfoChar(&buf, *at);
		else if (buf.len > 0 && buf.data[buf.len - 1] != ' ')
			appendStringInfoChar(&buf, ' ');
	}
	if (fact->setting && *fact->setting)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? " " : "", fact->setting);
	return buf.len > 0 ? buf.data : psprintf("the %s", fact->kind);
}

static Verdict *
verdict_of_differences(List *differences, const char *expected, const char *actual,
					   const char *message, const char *hint)
{
	Verdict    *verdict = palloc0(sizeof(Verdict));
	const StructureDifference *first = linitial(differences);
	const StructureFact *fact = first->expected ? first->expected : first->actual;
	StringInfoData detail;

	verdict->message = psprintf("%s: %s \"%s\"%s", message, fact->kind, fact->name,
								*fact->table && strcmp(fact->kind, "table") != 0
								? psprintf(" of table \"%s.%s\"", fact->schema, fact->table) : "");
	initStringInfo(&detail);
	appendStringInfo(&detail, "%s: %s\n%s: %s", expected, definition_show(first->expected),
					 actual, definition_show(first->actual));
	if (list_length(differences) == 2)
		appendStringInfoString(&detail, "\nOne other difference.");
	else if (list_length(differences) > 2)
		appendStringInfo(&detail, "\n%d other differences.", list_length(differences) - 1);
	verdict->detail = detail.data;
	verdict->hint = pstrdup(hint);
	return verdict;
}

/* ----------
 * What may be no fault of the generation
 * ----------
 */

/* Is it a down that does nothing ("", "-- nothing", "SELECT 1")? */
static bool
does_nothing(const char *sql)
{
	const char *at = fragment_skip_space(sql);

	return *at == '\0' || *at == ';' || pg_strncasecmp(at, "select", strlen("select")) == 0;
}

/*
 * Does the generation add or remove a custom statement whose down does nothing?
 * Then what the statement made stays behind, as its author has it.
 */
static bool
leaves_behind(const ProofSubject *subject, OperationKind kind)
{
	ListCell   *lm;
	ListCell   *lo;

	foreach(lm, subject->migrations)
	{
		foreach(lo, ((const PlannedMigration *) lfirst(lm))->operations)
		{
			const Operation *operation = lfirst(lo);
			const Statement *statement = OPERATION_SIDE(operation->statement);

			if (operation->kind == kind && does_nothing(statement->down))
				return true;
		}
	}
	return false;
}

/*
 * May a statement that was left out have made what the error misses?  So it may
 * where it runs code, or where its text has one of the names that the message is
 * about; of a message without names nobody knows.
 */
static bool
is_missed(const SkippedStatement *skipped, const char *message)
{
	MentionScan scan;
	Mention		mention;
	bool		has_names = false;

	if (skipped->executes)
		return true;
	mention_begin(&scan, message);
	while (mention_next(&scan, &mention))
	{
		const char *end = mention.name_at + mention.name_length;

		if (*mention.name_at != '"' && *end != '(')
			continue;
		has_names = true;
		if (strstr(skipped->statement->up, mention.name) != NULL ||
			strstr(skipped->statement->down, mention.name) != NULL)
			return true;
	}
	return !has_names;
}

/* Why the error may say nothing about the generation; NULL: it does */
static const char *
excuse_of(const Proof *proof, const ErrorData *error)
{
	ListCell   *lc;

	if (proof->excuse)
		return proof->excuse;
	foreach(lc, proof->reference->skipped)
	{
		if (is_missed(lfirst(lc), error->message))
			return "it may need a statement that cannot be tried";
	}
	switch (error->sqlerrcode)
	{
		case ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE:
			return "a new value of an enum cannot be used in the transaction that adds it";
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			return "a privilege is missing";
		default:
			return proof->step < STEP_UP ? "the previous structure cannot be built" : NULL;
	}
}

/* ----------
 * The proof
 * ----------
 */
static Verdict *
judge_error(const Proof *proof, const ErrorData *error)
{
	Verdict    *verdict = verdict_of_error(proof, error);

	verdict->excuse = excuse_of(proof, error);
	return verdict;
}

static Verdict *
judge_new_structure(const Proof *proof)
{
	List	   *differences = comparison_differences(proof->tables->after, proof->after, proof->migrated, true);

	if (differences == NIL || leaves_behind(proof->subject, OP_REMOVE_STATEMENT))
		return NULL;
	return verdict_of_differences(differences, "A new schema has", "One that is migrated has",
								  "the migration does not lead to the new structure",
								  "If a custom statement created it, change that statement's text (a comment is enough): it is then removed and run again.");
}

static Verdict *
judge_down(const Proof *proof)
{
	List	   *differences;

	if (leaves_behind(proof->subject, OP_ADD_STATEMENT) ||
		leaves_behind(proof->subject, OP_REMOVE_STATEMENT))
		return NULL;
	differences = comparison_differences(proof->tables->before, proof->before, proof->rolled_back, true);
	if (differences == NIL)
		return NULL;
	return verdict_of_differences(differences, "Before", "After the down",
								  "the down does not restore the previous structure",
								  "If a custom statement created it, make sure that its down drops what its up creates.");
}

/* All ups of migrations, in order */
static List *
all_ups(List *migrations)
{
	List	   *ups = NIL;
	ListCell   *lc;

	foreach(lc, migrations)
		ups = list_concat_copy(ups, ((const PlannedMigration *) lfirst(lc))->up);
	return ups;
}

/*
 * Build the new structure from nothing.  Where nothing was there before, that is
 * what has just been done.
 */
static ErrorData *
compile_new_structure(Proof *proof)
{
	if (proof->build_before == NIL &&
		names_equal(all_ups(proof->build_after), all_ups(proof->subject->migrations)))
	{
		proof->after = proof->migrated;
		return NULL;
	}
	return attempt(run_compiled, proof, false);
}

/* An error of the downs is judged when all else is well. */
static Verdict *
judge_history(Proof *proof)
{
	ErrorData  *error = attempt(run_history, proof, false);
	Verdict    *down = NULL;
	Verdict    *verdict;

	if (error && proof->step != STEP_DOWN)
		return judge_error(proof, error);
	if (error && !leaves_behind(proof->subject, OP_ADD_STATEMENT) &&
		!leaves_behind(proof->subject, OP_REMOVE_STATEMENT))
		down = judge_error(proof, error);
	else if (error == NULL)
		down = judge_down(proof);

	error = compile_new_structure(proof);
	verdict = error ? judge_error(proof, error) : judge_new_structure(proof);
	return verdict ? verdict : down;
}

static void
run_proof(void *arg)
{
	Proof	   *proof = arg;

	reference_create(proof->reference, proof->enums);
	install_extensions(proof);
	proof->verdict = judge_history(proof);
}

/* Say what was left out. */
static void
report_skipped(const Proof *proof)
{
	ListCell   *lc;

	foreach(lc, proof->reference->skipped)
	{
		const SkippedStatement *skipped = lfirst(lc);

		ereport(NOTICE,
				(errmsg("custom statement \"%s\" of table \"%s\" is not tried before it is recorded: %s",
						skipped->statement->name, table_name_show(&skipped->table->name),
						skipped->reason)));
	}
}

static void
report(const Proof *proof)
{
	const Verdict *verdict = proof->verdict;

	report_skipped(proof);
	if (verdict == NULL)
		return;
	if (verdict->excuse)
		ereport(NOTICE,
				(errmsg("this generation could not be tried before it is recorded: %s", verdict->excuse),
				 errdetail_internal("%s%s%s", verdict->message, verdict->detail ? "\n" : "",
									verdict->detail ? verdict->detail : "")));
	else
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_PROOF),
				 errmsg("%s", verdict->message),
				 verdict->detail ? errdetail_internal("%s", verdict->detail) : 0,
				 errhint("%s%sTo record the generation without trying it, SET ashmig.prove = off.",
						 verdict->hint ? verdict->hint : "", verdict->hint ? " " : "")));
}

/* Locks of the trial, about */
static int
locks_needed(const Proof *proof)
{
	return lock_budget_statement(all_ups(list_concat_copy(proof->build_before,
														  proof->subject->migrations)));
}

static void
report_too_large(int tables, int locks)
{
	ereport(NOTICE,
			(errmsg_plural("%d table of this generation is not tried before it is recorded: it needs more locks than there is room for",
						   "%d tables of this generation, which belong together, are not tried before they are recorded: they need more locks than there is room for",
						   tables, tables),
			 errhint("Set max_locks_per_transaction to " INT64_FORMAT " or more and restart the server, or set ashmig.prove to off.",
					 lock_budget_setting(locks))));
}

static Proof
prepare(const ProofSubject *subject)
{
	Proof		proof = {.subject = subject};

	proof.tables = proof_tables_find(subject->before, subject->after, subject->migrations);
	proof.reference = reference_plan(proof.tables, REFERENCE_SHOWN);
	proof.build_before = reference_compile(proof.tables->before, true);
	proof.build_after = reference_compile(proof.tables->after, false);
	return proof;
}

static void
prove(Proof *proof)
{
	ErrorData  *error;

	read_history(proof);
	error = attempt(run_proof, proof, false);
	if (error)
		proof->verdict = judge_error(proof, error);
	report(proof);
}

/* Try what does not fit as a whole in parts; each lets its locks go. */
static void
prove_slices(const ProofSubject *subject)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ashmig proof slice",
												  ALLOCSET_DEFAULT_SIZES);
	ListCell   *lc;

	foreach(lc, slices_make(subject))
	{
		const ProofSlice *slice = lfirst(lc);
		MemoryContext old = MemoryContextSwitchTo(context);
		Proof		proof = prepare(&slice->subject);
		int			locks = locks_needed(&proof);

		if (budget_has_room(locks))
			prove(&proof);
		else
			report_too_large(slice->tables, locks);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

void
prove_generation(const ProofSubject *subject)
{
	MemoryContext context;
	MemoryContext old;
	Proof		proof;

	if (!ashmig_prove || subject->migrations == NIL)
		return;
	if (!database_creatable(GetUserId()))
	{
		ereport(NOTICE,
				(errmsg("this generation is not tried before it is recorded: permission to create schemas is missing"),
				 errhint("GRANT CREATE ON DATABASE, or set ashmig.prove to off.")));
		return;
	}
	context = AllocSetContextCreate(CurrentMemoryContext, "ashmig proof", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	proof = prepare(subject);
	if (budget_has_room(locks_needed(&proof)))
		prove(&proof);
	else
		prove_slices(subject);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
