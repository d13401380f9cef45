/*
 * rename.c
 *		Renames and moves of tables and columns: see rename.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/json_writer.h"
#include "base/names.h"
#include "plan/rename.h"
#include "snapshot/json_reader.h"
#include "syntax/sql_text.h"

/* ----------
 * The argument
 * ----------
 */

/* The string member "key", or NULL; *there tells null from a missing key. */
static char *
answer_member(const cJSON *object, const char *key, const char *path,
			  bool *there, Problem *problem)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);

	*there = member != NULL;
	if (member == NULL || cJSON_IsNull(member))
		return NULL;
	if (!cJSON_IsString(member) || member->valuestring[0] == '\0')
	{
		problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT,
					 psprintf("%s.%s", path, key), "A name is expected here.", NULL,
					 "invalid renames: \"%s\" is not a name", key);
		return NULL;
	}
	return pstrdup(member->valuestring);
}

/* One answer */
static RenameAnswer *
answer_decode(const cJSON *object, const char *path, Problem *problem)
{
	RenameAnswer *answer = palloc0(sizeof(RenameAnswer));
	const cJSON *member;
	bool		there;

	answer->path = pstrdup(path);
	cJSON_ArrayForEach(member, object)
	{
		if (strcmp(member->string, "table") != 0 && strcmp(member->string, "schema") != 0 &&
			strcmp(member->string, "column") != 0 && strcmp(member->string, "to") != 0 &&
			strcmp(member->string, "to_schema") != 0)
			problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT, path, NULL,
						 "The valid keys are \"table\", \"schema\", \"column\", \"to\", and \"to_schema\".",
						 "invalid renames: unknown key \"%s\"", member->string);
	}
	answer->table = answer_member(object, "table", path, &there, problem);
	answer->schema = answer_member(object, "schema", path, &there, problem);
	answer->column = answer_member(object, "column", path, &there, problem);
	answer->to = answer_member(object, "to", path, &answer->has_to, problem);
	answer->to_schema = answer_member(object, "to_schema", path,
									  &answer->has_to_schema, problem);
	if (answer->table == NULL || (!answer->has_to && !answer->has_to_schema) ||
		(answer->column != NULL && answer->has_to_schema))
		problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT, path, NULL,
					 "Write {\"table\": \"posts\", \"to\": \"articles\"}, {\"table\": \"posts\", \"column\": \"subject\", \"to\": \"title\"}, or {\"table\": \"posts\", \"to_schema\": \"archive\"}; null means \"not a rename\".",
					 "invalid renames: an answer needs \"table\" and either \"to\" or \"to_schema\"");
	return answer;
}

List *
rename_decode(const char *json, Problem *problem)
{
	JsonReader	reader;
	const cJSON *root = json_open(&reader, json, problem) ? json_value(&reader) : NULL;
	List	   *answers = NIL;
	const cJSON *item;
	int			i = 0;

	if (!cJSON_IsArray(root))
		problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT, "$", NULL,
					 "Use '[]' if nothing was renamed.",
					 "argument \"renames\" must be a JSON array of answers");
	else
	{
		cJSON_ArrayForEach(item, root)
		{
			char	   *path = psprintf("$[%d]", i++);

			if (!cJSON_IsObject(item))
				problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT, path,
							 "An answer must be an object.", NULL,
							 "invalid renames: malformed answer");
			else
				answers = lappend(answers, answer_decode(item, path, problem));
		}
	}
	json_close(&reader);
	return problem->sqlerrcode == 0 ? answers : NIL;
}

/* ----------
 * A copy of the recorded structure that can be changed
 * ----------
 */
#define COPY(type, source) ((type *) memcpy(palloc(sizeof(type)), (source), sizeof(type)))

static List *
columns_copy(List *columns)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, columns)
		result = lappend(result, COPY(Column, lfirst(lc)));
	return result;
}

static Table *
table_copy(const Table *table)
{
	Table	   *copy = COPY(Table, table);
	ListCell   *lc;

	copy->columns = columns_copy(table->columns);
	copy->retired = columns_copy(table->retired);
	if (table->primary_key)
	{
		copy->primary_key = COPY(PrimaryKey, table->primary_key);
		copy->primary_key->columns = list_copy(table->primary_key->columns);
	}
	copy->foreign_keys = NIL;
	foreach(lc, table->foreign_keys)
	{
		ForeignKey *key = COPY(ForeignKey, lfirst(lc));

		key->columns = list_copy(key->columns);
		key->target_columns = list_copy(key->target_columns);
		key->on_delete_columns = list_copy(key->on_delete_columns);
		copy->foreign_keys = lappend(copy->foreign_keys, key);
	}
	copy->indexes = NIL;
	foreach(lc, table->indexes)
	{
		TableIndex *index = COPY(TableIndex, lfirst(lc));
		List	   *keys = NIL;
		ListCell   *lk;

		foreach(lk, index->keys)
			keys = lappend(keys, COPY(IndexKey, lfirst(lk)));
		index->keys = keys;
		index->include = list_copy(index->include);
		copy->indexes = lappend(copy->indexes, index);
	}
	return copy;
}

/* ----------
 * Carrying out a rename on that copy
 * ----------
 */

/* Every foreign key that points to "old" points to "new". */
static void
retarget(List *tables, const TableName *old, const TableName *new)
{
	foreach_ptr(Table, table, tables)
	{
		foreach_ptr(ForeignKey, key, table->foreign_keys)
		{
			if (table_name_equal(&key->target, old))
				key->target = *new;
		}
	}
}

static void
names_replace(List *names, const char *old, char *new)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), old) == 0)
			lfirst(lc) = new;
	}
}

/* Rename a column in everything where PostgreSQL refers to it by number. */
static void
rename_column_in(List *tables, Table *table, const char *old, char *new)
{
	model_find_column(table->columns, old)->name = new;
	if (table->primary_key)
		names_replace(table->primary_key->columns, old, new);
	foreach_ptr(TableIndex, index, table->indexes)
	{
		names_replace(index->include, old, new);
		foreach_ptr(IndexKey, key, index->keys)
		{
			if (!key->is_sql && strcmp(key->value, old) == 0)
				key->value = new;
		}
	}
	foreach_ptr(Table, other, tables)
	{
		foreach_ptr(ForeignKey, key, other->foreign_keys)
		{
			if (table_name_equal(&key->target, &table->name))
				names_replace(key->target_columns, old, new);
			if (other == table)
			{
				names_replace(key->columns, old, new);
				names_replace(key->on_delete_columns, old, new);
			}
		}
	}
}

/* Move a table to another schema, or rename it. */
static void
add_table_rename(Renamed *renamed, OperationKind kind, const TableName *from, const TableName *to)
{
	Operation  *operation = operation_make(kind, from);

	operation->table_name.from = COPY(TableName, from);
	operation->table_name.to = COPY(TableName, to);
	renamed->operations = lappend(renamed->operations, operation);
}

static void
add_column_rename(Renamed *renamed, const TableName *table, const char *from, const char *to)
{
	Operation  *operation = operation_make(OP_RENAME_ATTRIBUTE, table);

	operation->name.from = pstrdup(from);
	operation->name.to = pstrdup(to);
	renamed->operations = lappend(renamed->operations, operation);
}

/* ----------
 * Tables
 * ----------
 */

/* Does the answer speak of this table? */
static bool
answer_is_about(const RenameAnswer *answer, const TableName *name,
				const char *default_schema)
{
	const char *schema = answer->schema;

	if (schema != NULL && strcmp(schema, default_schema) == 0)
		schema = NULL;
	return strcmp(names_cut(answer->table), name->name) == 0 &&
		names_same(schema, name->schema);
}

/* What the table is called once the answer is carried out */
static TableName
answer_target(const RenameAnswer *answer, const TableName *name,
			  const char *default_schema)
{
	TableName	target = *name;

	if (answer->to)
		target.name = names_cut(answer->to);
	if (answer->has_to_schema && answer->to_schema)
	{
		target.schema = names_cut(answer->to_schema);
		if (strcmp(target.schema, default_schema) == 0)
			target.schema = NULL;
	}
	return target;
}

/* Remember what the table was before its first rename. */
static void
note_renamed(const Model *from, Table *table)
{
	if (table->before == NULL)
		table->before = model_find(from, &table->name);
}

/* Rename and move one recorded table (a table of renamed->from). */
static void
rename_table(Renamed *renamed, const Model *from, Table *table, const TableName *target)
{
	TableName	old = table->name;
	TableName	moved = old;

	moved.schema = target->schema;
	if (!table_name_equal(&old, &moved))
		add_table_rename(renamed, OP_MOVE_TABLE, &old, &moved);
	if (!table_name_equal(&moved, target))
		add_table_rename(renamed, OP_RENAME_TABLE, &moved, target);
	renamed->forgotten = lappend(renamed->forgotten, COPY(TableName, &old));
	retarget(renamed->from->tables, &old, target);
	note_renamed(from, table);
	table->name = *target;
}

/* Say why an answer is not followed, unless that is said already. */
static void
note_obstacle(RenameAnswer *answer, char *obstacle)
{
	if (answer->obstacle == NULL)
		answer->obstacle = obstacle;
}

/* The table of that name among those that have got their new names; or NULL */
static const Table *
find_renamed(const Renamed *renamed, const TableName *name)
{
	foreach_ptr(Table, table, renamed->from->tables)
	{

		if (table_name_equal(&table->name, name))
			return table;
	}
	return NULL;
}

/* Carry out an answer about a table on one that it is about. */
static void
answer_table(Renamed *renamed, RenameAnswer *answer, const Model *from, Table *table,
			 const Model *given, const RenameOptions *options, Problem *problem)
{
	TableName	target = answer_target(answer, &table->name, options->default_schema);
	const Table *taken = find_renamed(renamed, &target);

	if (taken == table)
		answer->followed = true;
	else if (model_find(given, &table->name) != NULL)
	{
		/* followed before, and then a new table got the old name? */
		answer->followed = answer->followed || taken != NULL;
		note_obstacle(answer, psprintf("A snapshot of \"%s\" was passed, so the table keeps its name.",
									   table_name_show(&table->name)));
	}
	else if (taken != NULL)
		note_obstacle(answer, psprintf(model_find(from, &target) != NULL ?
									   "Table \"%s\" is recorded, in addition to \"%s\"." :
									   "Another answer already gives the name \"%s\", so \"%s\" cannot have it.",
									   table_name_show(&target), table_name_show(&table->name)));
	else if (model_find(given, &target) == NULL)
		problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT, answer->path,
					 psprintf("No snapshot of \"%s\" was passed.", table_name_show(&target)),
					 "Pass the snapshot of the table under its new name.",
					 "cannot rename table \"%s\" to \"%s\"",
					 table_name_show(&table->name), table_name_show(&target));
	else
	{
		rename_table(renamed, from, table, &target);
		answer->followed = true;
	}
}

/* Is a table recorded, before all answers, that the answer is about? */
static bool
is_recorded(const Model *from, const RenameAnswer *answer, const RenameOptions *options)
{
	ListCell   *lc;

	foreach(lc, from->tables)
	{
		if (answer_is_about(answer, &((Table *) lfirst(lc))->name, options->default_schema))
			return true;
	}
	return false;
}

/*
 * An answer about a table that is not recorded: has an earlier call, or an
 * answer before this one, followed it?
 */
static void
answer_missing_table(const Renamed *renamed, RenameAnswer *answer, const Model *from,
					 const RenameOptions *options)
{
	TableName	name = {SCOPE_PUBLIC, answer->schema, names_cut(answer->table)};
	TableName	target = answer_target(answer, &name, options->default_schema);

	if (target.schema != NULL && strcmp(target.schema, options->default_schema) == 0)
		target.schema = NULL;
	answer->followed = answer->followed || from->tables == NIL ||
		find_renamed(renamed, &target) != NULL;
	target.scope = SCOPE_TENANT;
	answer->followed = answer->followed || find_renamed(renamed, &target) != NULL;
	if (is_recorded(from, answer, options))
		note_obstacle(answer, psprintf("Another answer has already renamed \"%s\".", table_name_show(&name)));
	note_obstacle(answer, psprintf("No table \"%s\" is recorded.", table_name_show(&name)));
}

/* Carry out an answer about tables: those of that name, public and tenant. */
static void
answer_tables(Renamed *renamed, RenameAnswer *answer, const Model *from,
			  const Model *given, const RenameOptions *options, Problem *problem)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, renamed->from->tables)
	{
		if (answer_is_about(answer, &((Table *) lfirst(lc))->name, options->default_schema))
			tables = lappend(tables, lfirst(lc));
	}
	foreach(lc, tables)
		answer_table(renamed, answer, from, lfirst(lc), given, options, problem);
	if (tables == NIL)
		answer_missing_table(renamed, answer, from, options);
}

/* Was this question about a table answered with "no"? */
static bool
table_answered(const RenameOptions *options, const TableName *name, bool move)
{
	foreach_ptr(const RenameAnswer, answer, options->answers)
	{
		if (answer->column == NULL &&
			answer_is_about(answer, name, options->default_schema) &&
			(move ? answer->has_to_schema : answer->has_to))
			return true;
	}
	return false;
}

static RenameQuestion *
question_make(const TableName *table, char *column, bool move, List *candidates)
{
	RenameQuestion *question = palloc0(sizeof(RenameQuestion));

	question->table = *table;
	question->column = column;
	question->move = move;
	question->candidates = candidates;
	return question;
}

/* Columns of which nearly all are the same: at least so many, and this part of them all */
#define NEAR_LEAST		2
#define NEAR_PERCENT	60

/* Has the new table nearly the columns of the old one? */
static bool
columns_are_near(const Table *old, const Table *new)
{
	int			all = list_length(new->columns);
	int			same = 0;

	foreach_ptr(const Column, column, old->columns)
	{
		const Column *other = model_find_column(new->columns, column->name);

		if (other != NULL && strcmp(column->type, other->type) == 0)
			same++;
		else
			all++;
	}
	return same >= NEAR_LEAST && same * 100 >= all * NEAR_PERCENT;
}

/* A foreign key points to another table than it did */
typedef struct Redirection
{
	TableName	from;
	TableName	to;
} Redirection;

static bool
points_to(const Table *table, const TableName *target)
{
	foreach_ptr(const ForeignKey, key, table->foreign_keys)
	{
		if (table_name_equal(&key->target, target))
			return true;
	}
	return false;
}

/*
 * The redirections (of Redirection *) that the input has: keys of the same
 * columns, or of whatever columns where none is left that points to the old
 * table.
 */
static List *
find_redirections(const Model *recorded, const Model *given)
{
	List	   *result = NIL;

	foreach_ptr(const Table, table, given->tables)
	{
		const Table *before = model_find(recorded, &table->name);

		foreach_ptr(const ForeignKey, key, before ? table->foreign_keys : NIL)
		{
			foreach_ptr(const ForeignKey, old, before->foreign_keys)
			{
				Redirection *redirection;

				if (table_name_equal(&old->target, &key->target) ||
					(!names_equal(old->columns, key->columns) && points_to(table, &old->target)))
					continue;
				redirection = palloc(sizeof(Redirection));
				redirection->from = old->target;
				redirection->to = key->target;
				result = lappend(result, redirection);
			}
		}
	}
	return result;
}

static bool
is_redirected(const List *redirections, const TableName *from, const TableName *to)
{
	foreach_ptr(const Redirection, redirection, redirections)
	{
		if (table_name_equal(&redirection->from, from) && table_name_equal(&redirection->to, to))
			return true;
	}
	return false;
}

/*
 * What may have become of a recorded table that the input lacks: one of its
 * name in another schema, or a new one beside it, likely ones first.
 */
static void
ask_table(Renamed *renamed, const Table *table, List *fresh, const List *redirections,
		  const RenameOptions *options)
{
	List	   *likely = NIL;
	List	   *others = NIL;
	List	   *schemas = NIL;

	foreach_ptr(const Table, new, fresh)
	{
		const TableName *name = &new->name;

		if (name->scope != table->name.scope)
			continue;
		if (strcmp(name->name, table->name.name) == 0)
			schemas = lappend(schemas, name->schema ? name->schema
							  : (char *) options->default_schema);
		else if (!names_same(name->schema, table->name.schema))
			continue;
		else if (is_redirected(redirections, &table->name, name))
			likely = lcons(name->name, likely);
		else if ((options->whole || options->complete) && columns_are_near(table, new))
			likely = lappend(likely, name->name);
		else if (options->complete)
			others = lappend(others, name->name);
	}
	likely = list_concat(likely, others);
	if (schemas != NIL)
	{
		if (!table_answered(options, &table->name, true))
			renamed->questions = lappend(renamed->questions,
										 question_make(&table->name, NULL, true, schemas));
	}
	else if (likely != NIL && !table_answered(options, &table->name, false))
		renamed->questions = lappend(renamed->questions,
									 question_make(&table->name, NULL, false, likely));
}

/* Tables: the answers, then the questions that are left */
static void
resolve_tables(Renamed *renamed, const Model *from, const Model *given,
			   const RenameOptions *options, Problem *problem)
{
	Model	   *working;
	List	   *fresh = NIL;
	List	   *redirections;
	ListCell   *lc;

	foreach_ptr(RenameAnswer, answer, options->answers)
	{
		if (answer->column == NULL && (answer->to || answer->to_schema))
			answer_tables(renamed, answer, from, given, options, problem);
		else if (answer->column == NULL)
			answer->followed = true;
	}

	/* the names have changed: index the tables anew */
	working = model_create();
	foreach(lc, renamed->from->tables)
		model_add(working, lfirst(lc));
	renamed->from = working;

	foreach_ptr(Table, table, given->tables)
	{
		if (model_find(working, &table->name) == NULL)
			fresh = lappend(fresh, table);
	}
	redirections = fresh == NIL ? NIL : find_redirections(working, given);
	foreach_ptr(Table, table, working->tables)
	{
		if (fresh != NIL && !table->opted_out && model_find(given, &table->name) == NULL)
			ask_table(renamed, table, fresh, redirections, options);
	}
}

/* ----------
 * Columns
 * ----------
 */

/* The answer about this column, or NULL */
static RenameAnswer *
column_answer(const RenameOptions *options, const Table *old_table,
			  const char *column)
{
	foreach_ptr(RenameAnswer, answer, options->answers)
	{
		if (answer->column != NULL && answer->has_to &&
			answer_is_about(answer, &old_table->name, options->default_schema) &&
			strcmp(names_cut(answer->column), column) == 0)
			return answer;
	}
	return NULL;
}

/*
 * Carry out an answer about a column of "old"; a problem if the new name is
 * not that of a new column.
 */
static void
answer_column(Renamed *renamed, RenameAnswer *answer, const Model *from, Table *old,
			  const Table *new, const char *column, Problem *problem)
{
	char	   *to = names_cut(answer->to);

	if (model_find_column(old->retired, to) != NULL)
		problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT, answer->path,
					 psprintf("A retired column \"%s\" of \"%s\" still exists.",
							  to, table_name_show(&new->name)),
					 "Drop it first with ashmig_drop_retired(), or answer null to reuse the retired column.",
					 "cannot rename column \"%s\" to \"%s\"", column, to);
	else if (model_find_column(new->columns, to) == NULL ||
			 model_find_column(old->columns, to) != NULL)
		problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT, answer->path,
					 psprintf("\"%s\" is not a new column of \"%s\".",
							  to, table_name_show(&new->name)),
					 "Name a column that is in the snapshot but not yet in the table.",
					 "cannot rename column \"%s\" to \"%s\"", column, to);
	else
	{
		answer->followed = true;
		add_column_rename(renamed, &new->name, column, to);
		note_renamed(from, old);
		rename_column_in(renamed->from->tables, old, column, to);
	}
}

/* The new columns of a table (of char *) */
static List *
added_columns(const Table *old, const Table *new)
{
	List	   *added = NIL;

	foreach_ptr(Column, column, new->columns)
	{
		char	   *name = column->name;

		if (model_find_column(old->columns, name) == NULL &&
			model_find_column(old->retired, name) == NULL)
			added = lappend(added, name);
	}
	return added;
}

/*
 * A table that both sides have: which columns were removed, which were added.
 */
static void
resolve_columns(Renamed *renamed, const Model *from, Table *old, const Table *new,
				const RenameOptions *options, Problem *problem)
{
	List	   *open = NIL;		/* of char *: removed, without an answer */
	List	   *added;
	ListCell   *lc;

	foreach_ptr(Column, column, old->columns)
	{
		RenameAnswer *answer;

		if (model_find_column(new->columns, column->name) != NULL)
			continue;
		answer = column_answer(options, new, column->name);
		if (answer == NULL)
			open = lappend(open, column->name);
		else if (answer->to != NULL)
			answer_column(renamed, answer, from, old, new, column->name, problem);
	}
	added = open == NIL ? NIL : added_columns(old, new);
	foreach(lc, open)
	{
		if (added != NIL)
			renamed->questions = lappend(renamed->questions,
										 question_make(&new->name, lfirst(lc), false, added));
	}
}

/*
 * An answer about a column that did not rename one: has an earlier call
 * followed it, or what is in its way?
 */
static void
look_at_column_answer(const Renamed *renamed, RenameAnswer *answer, const Model *from,
					  const Model *given, const RenameOptions *options)
{
	char	   *column = names_cut(answer->column);
	char	   *to = answer->to ? names_cut(answer->to) : NULL;

	if (to == NULL || from->tables == NIL)
		answer->followed = true;
	foreach_ptr(const Table, new, given->tables)
	{
		const char *show = table_name_show(&new->name);
		const Table *old;

		if (!answer_is_about(answer, &new->name, options->default_schema) || answer->followed)
			continue;
		old = model_find(renamed->from, &new->name);
		if (old == NULL)
			note_obstacle(answer, psprintf("Table \"%s\" is new.", show));
		else if (model_find_column(old->columns, to) != NULL)
			answer->followed = true;
		else if (model_find_column(new->columns, column) != NULL)
			note_obstacle(answer, psprintf("The snapshot of \"%s\" contains \"%s\", so the column keeps its name.",
										   show, column));
		else if (model_find_column(old->retired, column) != NULL)
			note_obstacle(answer, psprintf("Column \"%s\" of \"%s\" is retired.", column, show));
		else
			note_obstacle(answer, psprintf("Table \"%s\" has no column \"%s\".", show, column));
	}
	if (!answer->followed)
		note_obstacle(answer, psprintf("No snapshot of table \"%s\" was passed. If the table is renamed as well, name it by its new name.",
									   answer->table));
}

/* ----------
 * The whole
 * ----------
 */
Renamed *
rename_resolve(const Model *from, const Model *given, const RenameOptions *options,
			   Problem *problem)
{
	Renamed    *renamed = palloc0(sizeof(Renamed));
	Model	   *working = model_create();
	ListCell   *lc;

	/* only where there is something to change is a copy needed */
	foreach(lc, from->tables)
		model_add(working, options->answers == NIL ? lfirst(lc) : table_copy(lfirst(lc)));
	renamed->from = working;

	resolve_tables(renamed, from, given, options, problem);
	foreach_ptr(Table, new, given->tables)
	{
		Table	   *old = model_find(renamed->from, &new->name);

		if (old != NULL)
			resolve_columns(renamed, from, old, new, options, problem);
	}
	foreach_ptr(RenameAnswer, answer, options->answers)
	{
		if (answer->column != NULL && !answer->followed)
			look_at_column_answer(renamed, answer, from, given, options);
	}
	return problem->sqlerrcode == 0 ? renamed : NULL;
}

/* ----------
 * The questions, for a person and for a program
 * ----------
 */

/* {"table": ..., "schema": ..., "column": ..., "to": candidate} */
static void
answer_print(JsonWriter *json, const RenameQuestion *question, const char *candidate)
{
	json_write_open(json, NULL, '{');
	json_write_string(json, "table", question->table.name);
	if (question->table.schema)
		json_write_string(json, "schema", question->table.schema);
	if (question->column)
		json_write_string(json, "column", question->column);
	json_write_string(json, question->move ? "to_schema" : "to", candidate);
	json_write_close(json, '}');
}

/* The question as a JSON object, with its candidates */
static void
question_print(JsonWriter *json, const RenameQuestion *question)
{
	json_write_open(json, NULL, '{');
	json_write_string(json, "table", question->table.name);
	json_write_string(json, "schema", question->table.schema);
	json_write_bool(json, "tenant", question->table.scope == SCOPE_TENANT);
	if (question->column)
		json_write_string(json, "column", question->column);
	json_write_string(json, "question", question->move ? "moved" : "renamed");
	json_write_strings(json, "candidates", question->candidates);
	json_write_close(json, '}');
}

bool
rename_check_answers(const List *answers, Problem *problem)
{
	foreach_ptr(const RenameAnswer, answer, answers)
	{
		if (!answer->followed)
			problem_note(problem, ERRCODE_ASHMIG_INVALID_ARGUMENT, answer->path,
						 answer->obstacle ? answer->obstacle : "No snapshot was passed.",
						 "Correct or remove the answer.",
						 "cannot apply the answer about %s \"%s\" in renames",
						 answer->column ? psprintf("column \"%s\" of", answer->column) : "table", answer->table);
	}
	return problem->sqlerrcode == 0;
}

/*
 * The first candidate that none of the questions before this one shows as its
 * answer: two tables, or two columns of a table, cannot become one.  NULL:
 * there is none left.
 */
static char *
choose_candidate(const List *questions, const List *chosen, const RenameQuestion *question)
{
	ListCell   *lk;
	ListCell   *lq;
	ListCell   *lc;

	foreach(lk, question->candidates)
	{
		bool		taken = false;

		forboth(lq, questions, lc, chosen)
		{
			const RenameQuestion *before = lfirst(lq);

			if (lfirst(lc) == NULL || before->move || question->move ||
				strcmp(lfirst(lc), lfirst(lk)) != 0)
				continue;
			if (question->column)
				taken = taken || (before->column && table_name_equal(&before->table, &question->table));
			else
				taken = taken || (before->column == NULL &&
								  before->table.scope == question->table.scope &&
								  names_same(before->table.schema, question->table.schema));
		}
		if (!taken)
			return lfirst(lk);
	}
	return NULL;
}

void
rename_report(List *questions, Problem *problem)
{
	JsonWriter	detail;
	JsonWriter	no;
	JsonWriter	yes;
	const RenameQuestion *first = linitial(questions);
	char	   *what = first->column
		? psprintf("column \"%s\" of \"%s\"", first->column, table_name_show(&first->table))
		: psprintf("table \"%s\"", table_name_show(&first->table));
	List	   *chosen = NIL;	/* of char *, in step with the questions */

	json_write_init(&detail);
	json_write_init(&no);
	json_write_init(&yes);
	json_write_open(&detail, NULL, '[');
	json_write_open(&no, NULL, '[');
	json_write_open(&yes, NULL, '[');
	foreach_ptr(const RenameQuestion, question, questions)
	{
		question_print(&detail, question);
		answer_print(&no, question, NULL);
		chosen = lappend(chosen, choose_candidate(questions, chosen, question));
		answer_print(&yes, question, llast(chosen));
	}
	json_write_close(&detail, ']');
	json_write_close(&no, ']');
	json_write_close(&yes, ']');

	problem_note(problem, ERRCODE_ASHMIG_RENAME_QUESTION, NULL, detail.text.data,
				 psprintf("If not renamed: renames => %s. If renamed, for example: renames => %s.",
						  quote_text(no.text.data), quote_text(yes.text.data)),
				 list_length(questions) == 1 ? "could not determine whether %s was %s"
				 : "could not determine whether %s was %s (first of %d questions)",
				 what, first->move ? "moved" : "renamed", list_length(questions));
}
