/*
 * reference.c
 *		A database in small: see reference.h.
 */
#include "postgres.h"

#include "base/names.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "syntax/statement.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/attempt.h"
#include "base/pin.h"
#include "base/settings.h"
#include "metadata/catalog_migrations.h"
#include "metadata/citus.h"
#include "migrate/execute.h"
#include "plan/diff.h"
#include "plan/migration_plan.h"
#include "proof/enum_types.h"
#include "proof/mentions.h"
#include "proof/reference.h"
#include "proof/structure.h"
#include "syntax/directive.h"
#include "syntax/sql_text.h"

/* ----------
 * The schemas
 * ----------
 */
static char *
add_schema(ReferenceSchemas *reference, const char *word, const char *label,
		   const char *placeholder)
{
	StructureSchema *schema = palloc0(sizeof(StructureSchema));

	schema->name = psprintf("ashmig_proof_%s_%d", word, MyProcPid);
	schema->label = label;
	if (reference->names == REFERENCE_PLACEHOLDERS)
		schema->qualifier = placeholder;
	reference->all = lappend(reference->all, schema);
	return (char *) schema->name;
}

ReferenceSchemas *
reference_plan(const ProofTables *tables, ReferenceNames names)
{
	ReferenceSchemas *reference = palloc0(sizeof(ReferenceSchemas));
	int			number = 0;
	ListCell   *lc;

	reference->tables = tables;
	reference->names = names;
	reference->tenant = add_schema(reference, "tenant", REFERENCE_TENANT, PLACEHOLDER_TENANT);
	if (names == REFERENCE_PLACEHOLDERS)
		((StructureSchema *) llast(reference->all))->word = PLACEHOLDER_PREFIX;
	reference->public = add_schema(reference, "public", ashmig_default_schema, PLACEHOLDER_DEFAULT);
	reference->extensions = add_schema(reference, "extensions", ashmig_default_schema, PLACEHOLDER_DEFAULT);
	foreach(lc, tables->schemas)
	{
		add_schema(reference, psprintf("schema%d", ++number), lfirst(lc), quote_name(lfirst(lc)));
		reference->named = lappend(reference->named, llast(reference->all));
	}
	return reference;
}

/* The scratch schema for one that tables name, or NULL */
static const char *
named_schema(const ReferenceSchemas *reference, const char *name)
{
	ListCell   *lc;

	foreach(lc, reference->named)
	{
		const StructureSchema *schema = lfirst(lc);

		if (strcmp(schema->label, name) == 0)
			return schema->name;
	}
	return NULL;
}

static const char *
schema_for(const ReferenceSchemas *reference, const TableName *table)
{
	if (table->scope == SCOPE_TENANT)
		return reference->tenant;
	return table->schema ? named_schema(reference, table->schema) : reference->public;
}

char *
reference_message(const ReferenceSchemas *reference, const char *message)
{
	return structure_label(message, reference->all);
}

List *
reference_read(const ReferenceSchemas *reference)
{
	List	   *schemas = list_delete_ptr(list_copy(reference->all), list_nth(reference->all, 2));
	List	   *labels = reference->all;

	/* types and functions are found in the live schema as well */
	if (reference->names == REFERENCE_PLACEHOLDERS)
		labels = list_concat_copy(labels, reference_live_labels(reference, NULL));
	return structure_read(schemas, labels);
}

/* A live schema; its name is a word like any other where no dot follows */
static StructureSchema *
live_schema(const char *name, const char *label, const char *qualifier)
{
	StructureSchema *schema = palloc0(sizeof(StructureSchema));

	schema->name = name;
	schema->label = label;
	schema->qualifier = qualifier;
	schema->only_qualifier = true;
	return schema;
}

List *
reference_live_labels(const ReferenceSchemas *reference, const char *tenant)
{
	List	   *labels = NIL;
	ListCell   *lc;

	if (tenant)
		labels = lappend(labels, live_schema(tenant, REFERENCE_TENANT, PLACEHOLDER_TENANT));
	labels = lappend(labels, live_schema(ashmig_default_schema, ashmig_default_schema, PLACEHOLDER_DEFAULT));
	foreach(lc, reference->named)
	{
		const StructureSchema *named = lfirst(lc);

		labels = lappend(labels, live_schema(named->label, named->label, quote_name(named->label)));
	}
	return labels;
}

/* ----------
 * The environment
 * ----------
 */

/*
 * As for a run in the scratch schema "schema", with the schema of extensions and
 * the live default schema behind it.
 */
static ExecuteEnvironment
enter(ReferenceSchemas *reference, const char *schema)
{
	ExecuteEnvironment environment = execute_enter(ashmig_lock_timeout, true);
	char	   *path;
	char	   *temporary;

	execute_go_into(&environment, SCOPE_PUBLIC, schema, reference->public);
	path = pstrdup(GetConfigOption("search_path", false, false));
	temporary = strstr(path, ", pg_temp");
	if (temporary)
		*temporary = '\0';
	settings_pin("search_path", psprintf("%s, %s, %s, pg_temp", path, reference->extensions,
										 quote_identifier(ashmig_default_schema)));
	settings_pin("client_min_messages", "error");
	citus_pin_local();
	reference->environment = environment;
	return environment;
}

/* Run DDL of our own in it. */
static void
run_own(ReferenceSchemas *reference, const char *sql)
{
	reference->statement = NULL;
	execute_statement(&reference->environment, sql, NULL);
}

/* ----------
 * What statements stand on
 * ----------
 */

/* Has the live default schema the type, with all its values? */
static bool
is_live_enum(const RecordedEnum *type)
{
	Oid			schema = get_namespace_oid(type->schema ? type->schema : ashmig_default_schema, true);
	Oid			oid = OidIsValid(schema)
		? GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(type->name), ObjectIdGetDatum(schema))
		: InvalidOid;
	ListCell   *lc;

	if (!OidIsValid(oid))
		return false;
	foreach(lc, type->labels)
	{
		if (!SearchSysCacheExists2(ENUMTYPOIDNAME, ObjectIdGetDatum(oid), CStringGetDatum(lfirst(lc))))
			return false;
	}
	return true;
}

static void
create_enum(ReferenceSchemas *reference, const RecordedEnum *type)
{
	TableName	beside = {type->scope, type->schema, type->name};
	const char *schema = schema_for(reference, &beside);
	StringInfoData buf;
	ListCell   *lc;

	if (schema == NULL || (type->scope == SCOPE_PUBLIC && !reference->all_types && is_live_enum(type)))
		return;
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE TYPE %s.%s AS ENUM (", schema, quote_name(type->name));
	foreach(lc, type->labels)
		appendStringInfo(&buf, "%s%s", lc == list_head(type->labels) ? "" : ", ", quote_text(lfirst(lc)));
	appendStringInfoChar(&buf, ')');
	run_own(reference, buf.data);
}

static void
create_stub(ReferenceSchemas *reference, const StubTable *stub)
{
	const char *schema = schema_for(reference, &stub->name);
	StringInfoData buf;
	ListCell   *lc;
	ListCell   *lt;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE TABLE %s.%s (", schema, quote_name(stub->name.name));
	forboth(lc, stub->columns, lt, stub->types)
		appendStringInfo(&buf, "%s%s %s", lc == list_head(stub->columns) ? "" : ", ",
						 quote_name(lfirst(lc)), (char *) lfirst(lt));
	foreach(lc, stub->keys)
		appendStringInfo(&buf, ", UNIQUE (%s)", quote_names(lfirst(lc)));
	appendStringInfoChar(&buf, ')');
	run_own(reference, buf.data);
}

/*
 * The scratch schemas belong to the role as which public migrations run, so that
 * what is tried runs with no more rights than what will be run.
 */
static void
create_schemas(const ReferenceSchemas *reference)
{
	const char *owner = GetUserNameFromId(acting_role_by_default().role, false);
	int			guc_level = NewGUCNestLevel();
	ListCell   *lc;

	citus_pin_local();
	foreach(lc, reference->all)
	{
		execute_command(psprintf("CREATE SCHEMA %s AUTHORIZATION %s",
								 ((const StructureSchema *) lfirst(lc))->name, quote_name(owner)));
	}
	AtEOXact_GUC(true, guc_level);
}

void
reference_create(ReferenceSchemas *reference, List *enums)
{
	ExecuteEnvironment environment;
	ListCell   *lc;

	reference->statement = NULL;
	create_schemas(reference);
	environment = enter(reference, reference->tenant);
	foreach(lc, enums)
		create_enum(reference, lfirst(lc));
	foreach(lc, reference->tables->stubs)
		create_stub(reference, lfirst(lc));
	execute_leave(&environment);
}

void
reference_install(ReferenceSchemas *reference, List *extensions)
{
	ListCell   *lm;
	ListCell   *ls;

	foreach(lm, extensions)
	{
		ExecuteEnvironment environment = enter(reference, reference->extensions);

		foreach(ls, ((const Migration *) lfirst(lm))->up)
		{
			reference->statement = lfirst(ls);
			execute_statement(&environment, sql_fill(lfirst(ls), reference->extensions, reference->extensions), NULL);
		}
		execute_leave(&environment);
	}
}

/* ----------
 * What a statement may do here
 * ----------
 */

/* What is known of a statement before it runs */
typedef struct Trial
{
	List	   *raw;			/* of RawStmt * */
	bool		custom;			/* the user's text, rather than ours */
	bool		executes;		/* what stands in its strings may be run */
	bool		drops;			/* names of indexes count as well */
	bool		unchecked;		/* the bodies of its functions are not to be
								 * read */
	char	   *reason;			/* why it cannot be tried, or NULL */
} Trial;

/* What lies in no schema, and is one for the whole database or server */
static const char *
database_object(ObjectType type)
{
	switch (type)
	{
		case OBJECT_CAST:
		case OBJECT_EVENT_TRIGGER:
		case OBJECT_EXTENSION:
		case OBJECT_FDW:
		case OBJECT_FOREIGN_SERVER:
		case OBJECT_LANGUAGE:
		case OBJECT_PUBLICATION:
		case OBJECT_SCHEMA:
			return "it drops an object outside any schema";
		default:
			return NULL;
	}
}

/* Why the statement's kind cannot be tried, or NULL */
static const char *
kind_fault(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateSchemaStmt:
			return "it creates a schema";
		case T_CreateExtensionStmt:
			return ((CreateExtensionStmt *) statement)->if_not_exists ? NULL : "it creates an extension";
		case T_CreatePublicationStmt:
		case T_AlterPublicationStmt:
		case T_CreateSubscriptionStmt:
		case T_AlterSubscriptionStmt:
		case T_DropSubscriptionStmt:
		case T_CreateEventTrigStmt:
		case T_CreateRoleStmt:
		case T_AlterRoleStmt:
		case T_DropRoleStmt:
		case T_CreateCastStmt:
		case T_CreatePLangStmt:
		case T_CreateFdwStmt:
		case T_CreateForeignServerStmt:
		case T_CreateUserMappingStmt:
		case T_AlterDatabaseStmt:
		case T_AlterDatabaseSetStmt:
			return "it creates or changes an object outside any schema";
		case T_AlterEnumStmt:
			return "it changes the values of an enum";
		case T_CopyStmt:
		case T_LoadStmt:
		case T_NotifyStmt:
		case T_LockStmt:
			return "it is about data";
		case T_DropStmt:
			return database_object(((DropStmt *) statement)->removeType);
		default:
			break;
	}
	if (statement_outside_command(statement) != NULL && !IsA(statement, IndexStmt) &&
		!IsA(statement, DropStmt))
		return "it cannot run in a transaction";
	return NULL;
}

/* May the statement run what its strings say? */
static bool
may_execute(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_DoStmt:
		case T_CallStmt:
		case T_CreateTableAsStmt:
			return true;
		default:
			return false;
	}
}

static void
look_at_kinds(Trial *trial)
{
	ListCell   *lc;

	foreach(lc, trial->raw)
	{
		Node	   *statement = lfirst_node(RawStmt, lc)->stmt;
		const char *fault = kind_fault(statement);

		if (fault && trial->reason == NULL)
			trial->reason = pstrdup(fault);
		trial->executes |= may_execute(statement);
		trial->drops |= IsA(statement, DropStmt) || IsA(statement, RenameStmt) ||
			IsA(statement, AlterTableStmt);
	}
}

/* Is there a function or a type of that name in the schema? */
static bool
has_function_or_type(Oid schema, const char *name)
{
	CatCList   *functions;
	bool		found = false;

	if (SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name), ObjectIdGetDatum(schema)))
		return true;
	functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (int i = 0; i < functions->n_members; i++)
		found |= ((Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple))->pronamespace == schema;
	ReleaseSysCacheList(functions);
	return found;
}

/* Is there a relation of that name in the schema?  Indexes count where asked for. */
static bool
has_relation(Oid schema, const char *name, bool indexes)
{
	Oid			relation = get_relname_relid(name, schema);

	switch (OidIsValid(relation) ? get_rel_relkind(relation) : '\0')
	{
		case '\0':
		case RELKIND_COMPOSITE_TYPE:
			return false;
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			return indexes;
		default:
			return true;
	}
}

/* A text mentions a live relation: it cannot be tried if that would be opened. */
static void
note_live(Trial *trial, const Mention *mention, const char *schema)
{
	if (mention->in_string && !trial->executes)
		trial->unchecked = true;
	else if (trial->reason == NULL)
		trial->reason = psprintf("it names \"%s\".\"%s\", which no snapshot contains",
								 schema, mention->name);
}

/*
 * What is to stand in the place of a qualifier, or NULL: it stays.  Notes what
 * makes the statement one that cannot be tried.
 */
static const char *
replace_qualifier(const ReferenceSchemas *reference, Trial *trial, const Mention *mention)
{
	const char *named = named_schema(reference, mention->qualifier);
	bool		ours = proof_tables_have_name(reference->tables, mention->name);
	Oid			schema;

	if (named && (!mention->in_string || mention->qualifier_length > (int) strlen(mention->qualifier)))
		return named;
	if (named)
	{
		note_live(trial, mention, mention->qualifier);
		return NULL;
	}
	schema = get_namespace_oid(mention->qualifier, true);
	if (strcmp(mention->qualifier, reference->public) == 0)
	{
		/* a function or a type that is not built here */
		Oid			live = get_namespace_oid(ashmig_default_schema, true);
		Oid			extensions = get_namespace_oid(reference->extensions, true);

		if (ours || has_function_or_type(schema, mention->name))
			return NULL;
		if (has_function_or_type(extensions, mention->name))
			return reference->extensions;
		return OidIsValid(live) && has_function_or_type(live, mention->name) &&
			!has_relation(live, mention->name, true) ? quote_name(ashmig_default_schema) : NULL;
	}
	if (!OidIsValid(schema) || !trial->custom || IsCatalogNamespace(schema) ||
		strcmp(mention->qualifier, reference->tenant) == 0)
		return NULL;
	if (strcmp(mention->qualifier, ashmig_default_schema) == 0 && ours && !mention->in_string)
		return reference->public;
	if (ours || has_relation(schema, mention->name, true))
		note_live(trial, mention, mention->qualifier);
	return NULL;
}

/* A name without a schema must not be found in the live default schema. */
static void
look_at_name(const ReferenceSchemas *reference, Trial *trial, const Mention *mention)
{
	Oid			live = get_namespace_oid(ashmig_default_schema, true);

	if (trial->custom && OidIsValid(live) && !proof_tables_have_name(reference->tables, mention->name) &&
		has_relation(live, mention->name, trial->drops))
		note_live(trial, mention, ashmig_default_schema);
}

/* The schema that ALTER ... SET SCHEMA moves to, where it is one that tables name; or NULL */
static const char *
moved_to(const ReferenceSchemas *reference, const Trial *trial)
{
	Node	   *statement = linitial_node(RawStmt, trial->raw)->stmt;

	return IsA(statement, AlterObjectSchemaStmt) &&
		named_schema(reference, ((AlterObjectSchemaStmt *) statement)->newschema)
		? ((AlterObjectSchemaStmt *) statement)->newschema : NULL;
}

/* The text as it can run here */
static char *
replace_schemas(const ReferenceSchemas *reference, Trial *trial, const char *text)
{
	const char *new_schema = moved_to(reference, trial);
	const char *done = text;
	StringInfoData buf;
	MentionScan scan;
	Mention		mention;

	initStringInfo(&buf);
	mention_begin(&scan, text);
	while (mention_next(&scan, &mention))
	{
		const char *at = mention.qualifier_at;
		int			length = mention.qualifier_length;
		const char *with = NULL;

		if (mention.qualifier)
			with = replace_qualifier(reference, trial, &mention);
		else if (new_schema && strcmp(mention.name, new_schema) == 0)
		{
			at = mention.name_at;
			length = mention.name_length;
			with = named_schema(reference, new_schema);
		}
		else
			look_at_name(reference, trial, &mention);
		if (with)
		{
			appendBinaryStringInfo(&buf, done, at - done);
			appendStringInfoString(&buf, with);
			done = at + length;
		}
	}
	appendStringInfoString(&buf, done);
	return buf.data;
}

/* Note that a statement is left out. */
static void
skip_statement(ReferenceSchemas *reference, const Table *table, const Statement *statement,
			   const Trial *trial)
{
	SkippedStatement *skipped;
	ListCell   *lc;

	foreach(lc, reference->skipped)
	{
		skipped = lfirst(lc);
		if (strcmp(skipped->statement->name, statement->name) == 0 &&
			table_name_equal(&skipped->table->name, &table->name))
			return;
	}
	skipped = palloc(sizeof(SkippedStatement));
	skipped->table = table;
	skipped->statement = statement;
	skipped->reason = trial->reason;
	skipped->executes = trial->executes;
	reference->skipped = lappend(reference->skipped, skipped);
}

/* Look at a text before it runs: *ready is what can run here. */
static Trial
look_at(const ReferenceSchemas *reference, Scope scope, const char *sql, bool custom, char **ready)
{
	char	   *text = sql_fill(sql, scope == SCOPE_TENANT ? reference->tenant : reference->public, reference->public);
	Trial		trial = {.raw = raw_parser(text, RAW_PARSE_DEFAULT), .custom = custom};

	if (custom)
		look_at_kinds(&trial);
	*ready = trial.raw == NIL ? NULL : replace_schemas(reference, &trial, text);
	return trial;
}

/*
 * Can a custom statement be tried, its up as well as its down?  One without the
 * other would leave things undone.
 */
static bool
can_try(ReferenceSchemas *reference, const Table *table, const Statement *statement)
{
	const char *texts[] = {statement->up, statement->down};

	for (int i = 0; i < lengthof(texts); i++)
	{
		char	   *ready;
		Trial		trial = look_at(reference, statement->scope, texts[i], true, &ready);

		if (trial.reason == NULL)
			continue;
		skip_statement(reference, table, statement, &trial);
		return false;
	}
	return true;
}

/* ----------
 * Running
 * ----------
 */
static void
run_statement(ReferenceSchemas *reference, Scope scope, const char *sql)
{
	const Statement *statement;
	const Table *table = proof_tables_statement(reference->tables, sql, &statement);
	char	   *ready;
	Trial		trial;

	reference->statement = sql;
	if (table && !can_try(reference, table, statement))
		return;
	trial = look_at(reference, scope, sql, table != NULL, &ready);
	/* the schemas that tables name are there, and a text may be a comment */
	if (ready == NULL || (table == NULL && IsA(linitial_node(RawStmt, trial.raw)->stmt, CreateSchemaStmt)))
		return;
	if (trial.unchecked)
	{
		int			level = NewGUCNestLevel();

		settings_pin("check_function_bodies", "off");
		execute_statement(&reference->environment, ready, NULL);
		AtEOXact_GUC(true, level);
	}
	else
		execute_statement(&reference->environment, ready, NULL);
}

/* One migration, as in earnest: what it sets ends with it. */
static void
run_migration(ReferenceSchemas *reference, const PlannedMigration *migration, bool down)
{
	ExecuteEnvironment environment = enter(reference, migration->scope == SCOPE_TENANT ? reference->tenant : reference->public);
	ExecuteMigration entered = execute_enter_migration();
	ListCell   *lc;

	foreach(lc, down ? migration->down : migration->up)
	{
		/* of a change in two forms, the longer one is tried */
		if (!directive_is_small(lfirst(lc)))
			run_statement(reference, migration->scope, lfirst(lc));
	}
	execute_leave_migration(&entered);
	execute_leave(&environment);
}

void
reference_run(ReferenceSchemas *reference, List *migrations, bool down)
{
	for (int i = 0; i < list_length(migrations); i++)
		run_migration(reference, list_nth(migrations, down ? list_length(migrations) - 1 - i : i), down);
	reference->statement = NULL;
}

/* A statement, and whether it was run */
typedef struct Tried
{
	ReferenceSchemas *reference;
	Scope		scope;
	const char *sql;
	bool		done;
} Tried;

static void
try_statement(void *arg)
{
	Tried	   *tried = arg;
	char	   *ready;
	Trial		trial = look_at(tried->reference, tried->scope, tried->sql, true, &ready);

	if (trial.reason)
		return;
	if (ready)
		execute_statement(&tried->reference->environment, ready, NULL);
	tried->done = true;
}

List *
reference_try(ReferenceSchemas *reference, Scope scope, List *statements)
{
	List	   *left = NIL;
	ListCell   *lc;

	foreach(lc, statements)
	{
		Tried		tried = {reference, scope, lfirst(lc), false};
		ExecuteEnvironment environment = enter(reference, scope == SCOPE_TENANT ? reference->tenant : reference->public);
		ExecuteMigration entered = execute_enter_migration();

		reference->statement = NULL;
		if (attempt(try_statement, &tried, true) != NULL || !tried.done)
			left = lappend(left, lfirst(lc));
		execute_leave_migration(&entered);
		execute_leave(&environment);
	}
	return left;
}

List *
reference_compile(const Model *model, bool with_retired)
{
	Model	   *tables = model_create();
	DiffOptions options = {.default_schema = ashmig_default_schema};
	Problem		problem = {0};
	Diff	   *diff;
	ListCell   *lc;

	foreach(lc, model->tables)
	{
		Table	   *table = palloc(sizeof(Table));

		*table = *(const Table *) lfirst(lc);
		if (!with_retired)
			table->retired = NIL;
		model_add(tables, table);
	}
	diff = diff_models(model_create(), tables, &options, &problem);
	problem_raise(&problem);
	foreach(lc, diff->operations)
		((Operation *) lfirst(lc))->concurrently = false;
	return migration_plan_make(diff->operations);
}
