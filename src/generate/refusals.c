/*
 * refusals.c
 *		What cannot be made: see refusals.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/settings.h"
#include "generate/refusals.h"
#include "generate/typecheck.h"
#include "metadata/catalog_migrations.h"
#include "metadata/citus.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* The generation that is looked at, and what it does not speak of */
typedef struct RefusalContext
{
	const Generation *generation;
	bool		with_dev;
	List	   *others;			/* of Model *: recorded by other repos */
	bool		others_loaded;
	List	   *texts;			/* of char *: hand-written SQL */
	bool		texts_loaded;
} RefusalContext;

/* ----------
 * The snapshots
 * ----------
 */

/* The structures that other repos have recorded and this call does not speak of */
static List *
other_models(RefusalContext *context)
{
	Problem		problem = {0};
	ListCell   *lr;
	ListCell   *lg;

	if (context->others_loaded)
		return context->others;
	context->others_loaded = true;
	foreach(lr, snapshot_store_repos())
	{
		bool		given = false;
		Recorded   *recorded;

		foreach(lg, context->generation->repos)
			given = given || strcmp(((RepoGeneration *) lfirst(lg))->repo, lfirst(lr)) == 0;
		if (given)
			continue;
		recorded = snapshot_store_load(lfirst(lr), context->with_dev, &problem);
		problem_raise(&problem);
		context->others = lappend(context->others, recorded->model);
	}
	return context->others;
}

/* The table that snapshots say of, after the generation; or NULL */
static const Table *
find_table(RefusalContext *context, const RepoGeneration *repo, const TableName *name)
{
	const Table *table = model_find(repo->diff->result, name);
	ListCell   *lc;

	foreach(lc, context->generation->repos)
	{
		if (table == NULL)
			table = model_find(((RepoGeneration *) lfirst(lc))->diff->result, name);
	}
	if (table != NULL)
		return table;
	foreach(lc, other_models(context))
	{
		if (table == NULL)
			table = model_find(lfirst(lc), name);
	}
	return table;
}

static bool
table_has_key(const Table *table, const List *columns)
{
	if (table->primary_key && names_same_set(table->primary_key->columns, columns))
		return true;
	foreach_ptr(const TableIndex, index, table->indexes)
	{
		if (index->prefix == NULL && index_is_key_of(index, columns))
			return true;
	}
	return false;
}

/* ----------
 * The database
 * ----------
 */

/* The names of the indexes that the record knows of the table: what becomes of them is planned */
static List *
known_indexes(const RepoGeneration *repo, const TableName *name)
{
	const Table *table = model_find(repo->recorded, name);
	List	   *names = NIL;
	ListCell   *lc;

	if (table == NULL)
		return NIL;
	if (table->primary_key)
		names = lappend(names, table->primary_key->name);
	foreach(lc, table->indexes)
		names = lappend(names, ((TableIndex *) lfirst(lc))->name);
	return names;
}

/* The name that the table has so far, where the generation renames or moves it to "name" */
static TableName
name_so_far(const RepoGeneration *repo, const TableName *name)
{
	TableName	result = *name;
	List	   *operations = repo->diff->operations;

	for (int i = list_length(operations) - 1; i >= 0; i--)
	{
		const Operation *operation = list_nth(operations, i);

		if (operation_subject(operation->kind) == SUBJECT_TABLE_NAME &&
			table_name_equal(operation->table_name.to, &result))
			result = *operation->table_name.from;
	}
	return result;
}

/*
 * The tables of that name in the database (of a tenant table, those of all
 * tenants): how many there are, and how many have a unique key over the
 * columns, the "known" indexes apart.
 */
static void
count_live_keys(const TableName *name, List *columns, List *known, int64 *tables, int64 *keys)
{
	static CatalogStatement query = {
		"SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE EXISTS"
		" (SELECT FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid"
		"  WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate"
		"  AND i.indpred IS NULL AND i.indexprs IS NULL AND ic.relname::text <> ALL ($4)"
		"  AND (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attname)"
		"   FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid"
		"   AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))"
		"  = (SELECT pg_catalog.array_agg(k ORDER BY k::name) FROM pg_catalog.unnest($3) AS k)))"
		" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND CASE WHEN $5"
		"  THEN n.nspname IN (SELECT schema_name FROM ashmig.tenants) ELSE n.nspname = $2 END",
		5, {NAMEOID, NAMEOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID}, NULL
	};
	Datum		values[5];
	int			level;

	values[0] = DirectFunctionCall1(namein, CStringGetDatum(name->name));
	values[1] = DirectFunctionCall1(namein, CStringGetDatum(name->schema ? name->schema
															: ashmig_default_schema));
	values[2] = catalog_text_array(columns);
	values[3] = catalog_text_array(known);
	values[4] = BoolGetDatum(name->scope == SCOPE_TENANT);
	level = catalog_connect();
	catalog_query(&query, values, NULL);
	*tables = catalog_int64(0, 1);
	*keys = catalog_int64(0, 2);
	catalog_disconnect(level);
}

/* ----------
 * What is written by hand
 * ----------
 */

/* Append the custom statements of a structure. */
static List *
append_statements(List *texts, const Model *model)
{
	foreach_ptr(const Table, table, model->tables)
	{
		foreach_ptr(const Statement, statement, table->statements)
			texts = lappend(texts, statement->up);
	}
	return texts;
}

/* The SQL that may make anything: of custom statements, and of migrations that are not generated */
static List *
hand_written(RefusalContext *context)
{
	if (context->texts_loaded)
		return context->texts;
	context->texts_loaded = true;
	foreach_ptr(const Migration, migration, catalog_migrations(NULL, SCOPES_ALL))
	{
		if (migration->kind != MIGRATION_GENERATED)
			context->texts = list_concat(context->texts, migration->up);
	}
	foreach_ptr(const RepoGeneration, repo, context->generation->repos)
		context->texts = append_statements(context->texts, repo->diff->result);
	foreach_ptr(const Model, model, other_models(context))
		context->texts = append_statements(context->texts, model);
	return context->texts;
}

static bool
is_word_char(char c)
{
	return IS_HIGHBIT_SET(c) || isalnum((unsigned char) c) || c == '_' || c == '$';
}

/* Does the text contain the word, in whatever case? */
static bool
text_has(const char *text, const char *word)
{
	size_t		length = strlen(word);

	for (const char *at = text; *at; at++)
	{
		if (pg_strncasecmp(at, word, length) == 0 &&
			(at == text || !is_word_char(at[-1])) && !is_word_char(at[length]))
			return true;
	}
	return false;
}

/* May something hand-written make a unique key on the table? */
static bool
key_may_come(RefusalContext *context, const TableName *table)
{
	foreach_ptr(const char, sql, hand_written(context))
	{
		if ((text_has(sql, "unique") || text_has(sql, "primary")) && text_has(sql, table->name))
			return true;
	}
	return false;
}

/* May something hand-written make the column?  For model_check_columns. */
static bool
column_may_come(const char *column, void *context)
{
	foreach_ptr(const char, sql, hand_written(context))
	{
		if (text_has(sql, column))
			return true;
	}
	return false;
}

/* ----------
 * Refusing
 * ----------
 */

/* The unique keys of a table, for a message: ("id"), ("org_id", "email") */
static char *
keys_show(const Table *table)
{
	StringInfoData buf;
	List	   *keys = NIL;
	ListCell   *lc;

	if (table->primary_key)
		keys = lappend(keys, psprintf("(%s)", quote_names(table->primary_key->columns)));
	foreach_ptr(const TableIndex, index, table->indexes)
	{
		List	   *columns = NIL;
		ListCell   *lk;
		char	   *key;

		if (!index->unique || index->prefix != NULL)
			continue;
		foreach(lk, index->keys)
			columns = lappend(columns, ((IndexKey *) lfirst(lk))->value);
		key = psprintf("(%s)%s", quote_names(columns), index->where ? " with a condition" : "");
		if (!names_have(keys, key))
			keys = lappend(keys, key);
	}
	initStringInfo(&buf);
	foreach(lc, keys)
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", (char *) lfirst(lc));
	return buf.len ? buf.data : "none";
}

/* The identity that would do, as it stands in a snapshot */
static char *
identity_show(const ForeignKey *key)
{
	StringInfoData name;
	StringInfoData keys;
	ListCell   *lc;

	initStringInfo(&name);
	initStringInfo(&keys);
	foreach(lc, key->target_columns)
	{
		appendStringInfo(&name, "%s%s", name.len ? "_" : "", (char *) lfirst(lc));
		appendStringInfo(&keys, "%s\"%s\"", keys.len ? ", " : "", (char *) lfirst(lc));
	}
	return psprintf("{\"name\": \"%s\", \"index_name\": \"%s_%s_unique_index\", \"keys\": [%s], \"all_tenants?\": true}",
					name.data, key->target.name, name.data, keys.data);
}

/* Raise for a foreign key to columns without a unique key; "target" may be NULL. */
static void
refuse(const RepoGeneration *repo, const Operation *operation, const Table *target)
{
	const ForeignKey *key = operation->foreign_key.to;
	char	   *table = table_name_show(&operation->table);
	char	   *target_name = table_name_show(&key->target);
	char	   *at = psprintf(model_find(repo->given, &operation->table) ? "At %s" :
							  "At %s of its recorded snapshot", key->path ? key->path : "$");
	ListCell   *lc;

	foreach(lc, target ? key->target_columns : NIL)
	{
		if (model_find_column(target->columns, lfirst(lc)) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_NO_COLUMN),
					 errmsg("foreign key \"%s\" of \"%s\" points to column \"%s\", which \"%s\" does not have",
							key->name, table, (char *) lfirst(lc), target_name),
					 errdetail("%s: The snapshot of \"%s\" has no such attribute.", at, target_name),
					 errhint("Correct the reference, or add the attribute to the resource of \"%s\".",
							 target_name)));
	}
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NO_KEY),
			 errmsg("foreign key \"%s\" of \"%s\" needs a unique key of \"%s\" over (%s)",
					key->name, table, target_name, quote_names(key->target_columns)),
			 target ?
			 errdetail("%s: The unique keys of \"%s\" are: %s.", at, target_name, keys_show(target)) :
			 errdetail("%s: There is no snapshot of \"%s\", and the table in the database has no such key.",
					   at, target_name),
			 target ?
			 errhint("Add an identity to the resource of \"%s\"; in its snapshot: \"identities\": [%s].",
					 target_name, identity_show(key)) :
			 errhint("Create it first: CREATE UNIQUE INDEX ON %s (%s).", target_name,
					 quote_names(key->target_columns))));
}

static void
check_key(RefusalContext *context, const RepoGeneration *repo, const Operation *operation)
{
	const ForeignKey *key = operation->foreign_key.to;
	const Table *target = find_table(context, repo, &key->target);
	TableName	name;
	int64		tables;
	int64		keys;

	if (target != NULL && table_has_key(target, key->target_columns))
		return;
	name = name_so_far(repo, &key->target);
	count_live_keys(&name, key->target_columns, known_indexes(repo, &name), &tables, &keys);
	if (keys > 0 || (target == NULL && tables == 0) || key_may_come(context, &key->target))
		return;
	refuse(repo, operation, target);
}

/* ----------
 * Citus
 * ----------
 */

/* Is there a CREATE TRIGGER among the statements of a text? */
static bool
creates_trigger(const char *sql)
{
	List	   *tree = NIL;

	if (!fragment_parse(sql_fill(sql, "tenant", ashmig_default_schema), &tree))
		return false;
	foreach_node(RawStmt, raw, tree)
	{
		if (IsA(raw->stmt, CreateTrigStmt))
			return true;
	}
	return false;
}

/*
 * Raise for what Citus does not do to the tables of distributed schemas, so that it is
 * not found out in the middle of a run.
 */
static void
check_citus(const Operation *operation)
{
	const Column *column;

	if (operation_scope(operation) != SCOPE_TENANT)
		return;
	switch (operation->kind)
	{
		case OP_ADD_ATTRIBUTE:
		case OP_ADD_SEQUENCE:
		case OP_REMOVE_SEQUENCE:
			column = operation->column.to;
			if (operation->kind == OP_ADD_ATTRIBUTE && column->sequence == SEQUENCE_NONE)
				return;
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_CITUS),
					 errmsg("column \"%s\" of \"%s\" cannot %s", column->name, table_name_show(&operation->table),
							operation->kind == OP_REMOVE_SEQUENCE ? "lose its sequence" :
							operation->kind == OP_ADD_SEQUENCE ? "get a sequence" : "be added with a sequence"),
					 errdetail("%sCitus neither adds nor takes away sequences in tables of tenants that exist.",
							   column->path ? psprintf("At %s: ", column->path) : ""),
					 errhint("Make the values in the application, or use a uuid; or create another table with the column and move the rows.")));
			break;
		case OP_ADD_STATEMENT:
			if (creates_trigger(operation->statement.to->up))
				ereport(ERROR,
						(errcode(ERRCODE_ASHMIG_CITUS),
						 errmsg("custom statement \"%s\" of \"%s\" creates a trigger in tenants",
								operation->statement.to->name, table_name_show(&operation->table)),
						 errdetail("%sCitus has no triggers on tables of distributed schemas.",
								   operation->statement.to->path ? psprintf("At %s: ", operation->statement.to->path) : ""),
						 errhint("Do in the application what the trigger does, or use a generated column or a check.")));
			break;
		default:
			break;
	}
}

void
refusals_check(const Generation *generation, bool with_dev)
{
	RefusalContext context = {.generation = generation, .with_dev = with_dev};
	Problem		problem = {0};
	bool		citus = citus_is_used();
	ListCell   *lc;

	foreach_ptr(const RepoGeneration, repo, generation->repos)
	{
		if (repo->diff->operations == NIL)
			continue;
		foreach(lc, repo->tables)
			model_check_columns(((GivenTable *) lfirst(lc))->table, column_may_come, &context, &problem);
		problem_raise(&problem);
		foreach_ptr(const Operation, operation, repo->diff->operations)
		{
			if (operation->kind == OP_ADD_FOREIGN_KEY)
				check_key(&context, repo, operation);
			if (citus)
				check_citus(operation);
		}
	}
}

/* ----------
 * Branches that meet
 * ----------
 */

/* The names that the unique indexes of a table's identities have ever had by its snapshots (model_index.c) */
static List *
identity_indexes(const char *repo, const TableName *name)
{
	static CatalogStatement query = {
		"SELECT DISTINCT coalesce(i.value ->> 'index_name', s.table_name || '_' || (i.value ->> 'name') || '_index')"
		" FROM ashmig.snapshots AS s, pg_catalog.jsonb_path_query(s.snapshot, 'lax $[*].identities[*]') AS i (value)"
		" WHERE (s.repo, s.scope, s.schema_name, s.table_name) = ($1, $2, $3, $4)",
		4, {TEXTOID, TEXTOID, TEXTOID, TEXTOID}, NULL
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[4];
	List	   *names;
	int			level;

	values[0] = CStringGetTextDatum(repo);
	values[1] = CStringGetTextDatum(scope_name(name->scope));
	values[2] = CStringGetTextDatum(name->schema ? name->schema : "");
	values[3] = CStringGetTextDatum(name->name);
	level = catalog_connect();
	names = catalog_strings(catalog_query(&query, values, NULL), 1, context);
	catalog_disconnect(level);
	return names;
}

/*
 * Note the first foreign key whose target has no unique key any more, neither
 * by its snapshot nor made by hand.
 */
static bool
check_merged_keys(const char *repo, const Model *model, Problem *problem)
{
	Generation	nothing = {0};
	RefusalContext context = {.generation = &nothing, .with_dev = true};

	foreach_ptr(const Table, table, model->tables)
	{
		foreach_ptr(const ForeignKey, key, table->foreign_keys)
		{
			const Table *target = model_find(model, &key->target);
			int64		tables;
			int64		keys;

			if (target == NULL || table_has_key(target, key->target_columns))
				continue;
			count_live_keys(&key->target, key->target_columns, identity_indexes(repo, &key->target),
							&tables, &keys);
			if (keys == 0 && !key_may_come(&context, &key->target))
				return problem_note(problem, ERRCODE_ASHMIG_NO_KEY, key->path,
									psprintf("The unique keys of \"%s\" are: %s.",
											 table_name_show(&key->target), keys_show(target)), NULL,
									"foreign key \"%s\" of \"%s\" needs a unique key of \"%s\" over (%s)",
									key->name, table_name_show(&table->name),
									table_name_show(&key->target), quote_names(key->target_columns));
		}
	}
	return true;
}

void
refusals_check_merged(const Migration *migration)
{
	Problem		problem = {0};
	Recorded   *recorded = snapshot_store_load(migration->repo, true, &problem);

	if (recorded && model_check_names(recorded->model, &problem) &&
		typecheck_foreign_keys(recorded->model, &problem))
		check_merged_keys(migration->repo, recorded->model, &problem);
	if (problem.sqlerrcode == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_BRANCH_CONFLICT),
			 errmsg("%s migration " INT64_FORMAT " does not fit what another branch has recorded",
					scope_name(migration->scope), migration->version),
			 errdetail("Together: %s%s%s", problem.message, problem.detail ? ": " : "",
					   problem.detail ? problem.detail : ""),
			 errhint("Remove one of the two migrations where it was generated, import the other one there, and generate it again.")));
}
