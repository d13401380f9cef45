/*
 * remake.c
 *		What has to be made again, and what cannot stay as it is written: see
 *		remake.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "plan/makers.h"
#include "plan/remake.h"
#include "syntax/fragment.h"
#include "syntax/sql_words.h"

/* A recorded custom statement */
typedef struct RecordedStatement
{
	Statement  *statement;
	const Table *table;
	SqlFacts   *facts;			/* of its up; NULL: not read yet */
	bool		gone;			/* goes, or is taken down to be made again */
} RecordedStatement;

/* A column whose type changes */
typedef struct Retyped
{
	const Table *table;			/* the recorded one */
	const char *column;
} Retyped;

typedef struct RemadePart
{
	const void *part;
	const char *reason;
} RemadePart;

typedef struct RemakeContext
{
	const Renamed *renamed;
	const Model *given;
	List	   *statements;		/* of RecordedStatement *, in order */
	List	   *gone;			/* of RecordedStatement *: those whose
								 * dependents are still to be found */
	Remake	   *remake;
} RemakeContext;

/* The table afterwards; NULL where it goes */
static const Table *
table_afterwards(const Renamed *renamed, const Model *given, bool complete, const Table *old)
{
	const Table *new = model_find(given, &old->name);

	if (new == NULL && (!complete || old->opted_out))
		return old;
	return new;
}

static bool
is_blank(const char *sql)
{
	return *fragment_skip_space(sql) == '\0';
}

/* The name of a table before the renames */
static const char *
old_table_name(const Table *table)
{
	return table->before != NULL ? table->before->name.name : table->name.name;
}

static bool
names_table(const List *words, const Table *table)
{
	return sql_words_name(words, table->name.name) ||
		sql_words_name(words, old_table_name(table));
}

/* ----------
 * Statements
 * ----------
 */
static List *
collect_statements(const Renamed *renamed, const Model *given, bool complete)
{
	List	   *result = NIL;
	ListCell   *ls;

	foreach_ptr(const Table, table, renamed->from->tables)
	{
		const Table *new = table_afterwards(renamed, given, complete, table);

		foreach(ls, table->statements)
		{
			RecordedStatement *recorded = palloc0(sizeof(RecordedStatement));

			recorded->statement = lfirst(ls);
			recorded->table = table;
			recorded->gone = new == NULL ||
				model_find_statement(new->statements, recorded->statement) == NULL;
			result = lappend(result, recorded);
		}
	}
	return result;
}

static void
read_facts(const List *statements)
{
	foreach_ptr(RecordedStatement, recorded, statements)
	{
		recorded->facts = sql_facts(recorded->statement->up);
	}
}

/* Can it be taken down and made again without a loss? */
static bool
can_be_remade(const RecordedStatement *recorded)
{
	return !recorded->gone && !recorded->facts->data && !recorded->facts->holds_rows &&
		!is_blank(recorded->statement->down);
}

static void
remake_part(Remake *remake, const void *part, const char *reason)
{
	RemadePart *remade;

	if (remake_reason(remake, part) != NULL)
		return;
	remade = palloc(sizeof(RemadePart));
	remade->part = part;
	remade->reason = reason;
	remake->parts = lappend(remake->parts, remade);
}

static void
remake_statement(RemakeContext *context, RecordedStatement *recorded, const char *reason)
{
	recorded->gone = true;
	remake_part(context->remake, recorded->statement, reason);
	context->gone = lappend(context->gone, recorded);
}

/* Do these words of a part of the table use what the statement makes? */
static bool
words_use(const List *words, const SqlFacts *facts, const Table *table)
{
	return makers_used(facts, words, table->name.name) ||
		makers_used(facts, words, old_table_name(table));
}

/* ----------
 * Checks, indexes, defaults, types
 * ----------
 */
/* Does the index have SQL text that refers to the column? */
static bool
index_text_has(const TableIndex *index, const char *column)
{

	if (index->where != NULL && names_have(fragment_columns(index->where), column))
		return true;
	foreach_ptr(const IndexKey, key, index->keys)
	{
		if (key->is_sql && names_have(fragment_index_columns(key->value), column))
			return true;
	}
	return false;
}

static void remake_retyped(RemakeContext *context, const Retyped *retyped);

/*
 * A column whose type a statement made: it gets another one meanwhile, as if
 * its type changed.
 */
static void
remake_type(RemakeContext *context, const Table *table, const Column *column,
			const char *reason)
{
	const Table *new = model_find(context->given, &table->name);
	const Column *kept = new == NULL ? column : model_find_column(new->columns, column->name);
	Retyped		retyped = {table, column->name};

	if (kept == NULL || strcmp(kept->type, column->type) != 0 ||
		remake_reason(context->remake, column->type) != NULL)
		return;
	remake_part(context->remake, column->type, reason);
	remake_retyped(context, &retyped);
}

/* Parts of tables that use what a statement made */
static void
remake_users(RemakeContext *context, const RecordedStatement *gone, const char *reason)
{
	ListCell   *lc;

	if (gone->facts->makes == NIL)
		return;
	foreach_ptr(const Table, table, context->renamed->from->tables)
	{
		if (!makers_in_reach(gone->statement, table->name.scope))
			continue;
		foreach(lc, table->checks)
		{
			if (words_use(makers_check_words(lfirst(lc)), gone->facts, table))
				remake_part(context->remake, lfirst(lc), reason);
		}
		foreach(lc, table->indexes)
		{
			if (words_use(makers_index_words(lfirst(lc)), gone->facts, table))
				remake_part(context->remake, lfirst(lc), reason);
		}
		foreach_ptr(const Column, column, table->columns)
		{
			if (column->default_sql != NULL &&
				words_use(sql_words(column->default_sql), gone->facts, table))
				remake_part(context->remake, column, reason);
			if (words_use(sql_words(column->type), gone->facts, table))
				remake_type(context, table, column, reason);
		}
	}
}

/*
 * Does a statement need another one?  Of the same table, it may also speak of a
 * trigger or an index, or need what cannot be seen.
 */
static bool
statement_uses(const RecordedStatement *statement, const RecordedStatement *other)
{
	if (makers_used_by(other->facts, other->table->name.name, statement->facts) ||
		makers_used_by(other->facts, old_table_name(other->table), statement->facts))
		return true;
	if (statement->table != other->table)
		return false;
	foreach_ptr(const char, name, other->facts->attaches)
	{
		if (sql_words_have(statement->facts->words, name))
			return true;
	}
	return other->facts->opaque;
}

/*
 * Later statements that need one that goes: of its table, or of others where
 * they name what it makes.  Where that cannot be told, all later ones of its
 * table.
 */
static void
remake_dependents(RemakeContext *context, const RecordedStatement *gone)
{
	const char *reason = psprintf("custom statement \"%s\" of \"%s\" is dropped or recreated",
								  gone->statement->name, table_name_show(&gone->table->name));
	bool		later = false;

	foreach_ptr(RecordedStatement, other, context->statements)
	{
		if (other == gone)
			later = true;
		else if (can_be_remade(other) &&
				 makers_in_reach(gone->statement, other->statement->scope) &&
				 (other->table != gone->table || later) && statement_uses(other, gone))
			remake_statement(context, other, reason);
	}
	remake_users(context, gone, reason);
}

/* ----------
 * Types
 * ----------
 */
static void
remake_retyped(RemakeContext *context, const Retyped *retyped)
{
	const Table *table = retyped->table;
	const char *reason = psprintf("column \"%s\" of \"%s\" changes its type", retyped->column,
								  table_name_show(&table->name));
	ListCell   *lc;

	foreach(lc, table->checks)
	{
		if (names_have(fragment_columns(((Check *) lfirst(lc))->expression), retyped->column))
			remake_part(context->remake, lfirst(lc), reason);
	}
	foreach(lc, table->indexes)
	{
		if (index_text_has(lfirst(lc), retyped->column))
			remake_part(context->remake, lfirst(lc), reason);
	}
	foreach_ptr(RecordedStatement, other, context->statements)
	{
		if (can_be_remade(other) && other->facts->hangs &&
			names_table(other->facts->words, table) &&
			(other->facts->all_columns ||
			 sql_words_name_column(other->facts->words, retyped->column, false)))
			remake_statement(context, other, reason);
	}
}

/* The columns whose type changes, of Retyped * */
static List *
find_retyped(const Renamed *renamed, const Model *given)
{
	List	   *result = NIL;

	foreach_ptr(const Table, new, given->tables)
	{
		const Table *old = model_find(renamed->from, &new->name);

		if (old == NULL)
			continue;
		foreach_ptr(const Column, column, new->columns)
		{
			const Column *before = model_find_column(old->columns, column->name);
			Retyped    *retyped;

			if (before == NULL)
				before = model_find_column(old->retired, column->name);
			if (before == NULL || strcmp(before->type, column->type) == 0)
				continue;
			retyped = palloc(sizeof(Retyped));
			retyped->table = old;
			retyped->column = column->name;
			result = lappend(result, retyped);
		}
	}
	return result;
}

Remake *
remake_find(const Renamed *renamed, const Model *given, bool complete)
{
	RemakeContext context = {0};
	List	   *retyped = find_retyped(renamed, given);
	ListCell   *lc;

	context.renamed = renamed;
	context.given = given;
	context.remake = palloc0(sizeof(Remake));
	context.statements = collect_statements(renamed, given, complete);
	foreach(lc, context.statements)
	{
		if (((RecordedStatement *) lfirst(lc))->gone)
			context.gone = lappend(context.gone, lfirst(lc));
	}
	if (context.gone == NIL && retyped == NIL)
		return context.remake;
	read_facts(context.statements);
	foreach(lc, retyped)
		remake_retyped(&context, lfirst(lc));
	while (context.gone != NIL)
	{
		RecordedStatement *gone = linitial(context.gone);

		context.gone = list_delete_first(context.gone);
		remake_dependents(&context, gone);
	}
	return context.remake;
}

const char *
remake_reason(const Remake *remake, const void *part)
{
	foreach_ptr(const RemadePart, remade, remake->parts)
	{
		if (remade->part == part)
			return remade->reason;
	}
	return NULL;
}

/* ----------
 * Names that are no more
 * ----------
 */

/* What a table loses */
typedef struct LostNames
{
	const Table *old;
	const Table *new;			/* NULL: the table goes */
	bool		name;			/* its own name, too */
	List	   *columns;		/* of char * */
} LostNames;

/* Does any statement of the table make a column of this name? */
static bool
is_made_column(const Table *table, const char *name)
{
	ListCell   *lc;

	foreach(lc, table->statements)
	{
		if (names_have(sql_facts(((Statement *) lfirst(lc))->up)->adds, name))
			return true;
	}
	return false;
}

/* Is there still a table that an unqualified name may mean? */
static bool
is_table_name(const Renamed *renamed, const Model *given, bool complete, const char *name)
{
	ListCell   *lc;

	foreach(lc, given->tables)
	{
		if (strcmp(((Table *) lfirst(lc))->name.name, name) == 0)
			return true;
	}
	foreach_ptr(const Table, table, renamed->from->tables)
	{
		if (strcmp(table->name.name, name) == 0 &&
			table_afterwards(renamed, given, complete, table) != NULL)
			return true;
	}
	return false;
}

static List *
find_lost(const Renamed *renamed, const Model *given, bool complete)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach_ptr(const Table, old, renamed->from->tables)
	{
		const Table *before = old->before != NULL ? old->before : old;
		const Table *new = table_afterwards(renamed, given, complete, old);
		LostNames	lost = {old, new, false, NIL};
		LostNames  *copy;

		if (new == old && old->before == NULL)
			continue;
		lost.name = (new == NULL || strcmp(before->name.name, new->name.name) != 0) &&
			!is_table_name(renamed, given, complete, before->name.name);
		for (lc = new == NULL ? NULL : list_head(before->columns); lc != NULL;
			 lc = lnext(before->columns, lc))
		{
			const Column *column = lfirst(lc);

			if (model_find_column(new->columns, column->name) == NULL &&
				!is_made_column(new, column->name))
				lost.columns = lappend(lost.columns, column->name);
		}
		if (!lost.name && lost.columns == NIL)
			continue;
		copy = palloc(sizeof(LostNames));
		*copy = lost;
		result = lappend(result, copy);
	}
	return result;
}

/* The new name of a column, or NULL where it was removed */
static const char *
new_column_name(const Renamed *renamed, const LostNames *lost, const char *column)
{
	foreach_ptr(const Operation, operation, renamed->operations)
	{
		if (operation->kind == OP_RENAME_ATTRIBUTE &&
			table_name_equal(&operation->table, &lost->new->name) &&
			strcmp(operation->name.from, column) == 0)
			return operation->name.to;
	}
	return NULL;
}

/* "what" (a statement, a check) cannot stay as it is: it names this column, or (NULL) the table. */
static bool
note_lost(const Renamed *renamed, const LostNames *lost, const char *column, const char *what,
		  const char *path, Problem *problem)
{
	const char *name = column != NULL ? psprintf("column \"%s\"", column)
		: psprintf("table \"%s\"", old_table_name(lost->old));
	const char *new = column != NULL ? new_column_name(renamed, lost, column)
		: lost->new != NULL ? lost->new->name.name : NULL;
	const char *hint = new != NULL
		? psprintf("Change its text to \"%s\" in the same generation, or remove it from the snapshot.", new)
		: "Change its text in the same generation, or remove it from the snapshot.";
	const char *becomes = new != NULL ? psprintf("is now called \"%s\"", new) : "is removed";

	return problem_note(problem, ERRCODE_ASHMIG_STALE_SQL, path,
						psprintf("The text is unchanged. What it made still works, but a new tenant or a new database would run it without that %s.",
								 column != NULL ? "column" : "table"),
						hint, "%s names %s, which %s", what, name, becomes);
}

/* Is there a column of this name in another table that the words name? */
static bool
may_mean_other(const Renamed *renamed, const Model *given, bool complete, const List *words,
			   const LostNames *lost, const char *column)
{
	foreach_ptr(const Table, table, given->tables)
	{
		if (table != lost->new && sql_words_name(words, table->name.name) &&
			model_find_column(table->columns, column) != NULL)
			return true;
	}
	foreach_ptr(const Table, table, renamed->from->tables)
	{
		if (table != lost->old && sql_words_name(words, table->name.name) &&
			table_afterwards(renamed, given, complete, table) == table &&
			model_find_column(table->columns, column) != NULL)
			return true;
	}
	return false;
}

/* A statement that stays, against what one table loses */
static bool
check_statement(const Renamed *renamed, const Model *given, bool complete,
				const RecordedStatement *recorded, const LostNames *lost, const char *path,
				Problem *problem)
{
	List	   *words = list_concat_copy(recorded->facts->words,
										 sql_words(recorded->statement->down));
	const char *what = psprintf("custom statement \"%s\" of table \"%s\"",
								recorded->statement->name,
								table_name_show(&recorded->table->name));
	bool		named = names_table(words, lost->old);
	ListCell   *lc;

	if (lost->name && sql_words_name(words, old_table_name(lost->old)) &&
		!names_have(recorded->facts->makes, old_table_name(lost->old)) &&
		model_find_column(recorded->table->columns, old_table_name(lost->old)) == NULL &&
		!may_mean_other(renamed, given, complete, words, lost, old_table_name(lost->old)))
		return note_lost(renamed, lost, NULL, what, path, problem);
	if (!named && recorded->table != lost->old)
		return true;
	foreach(lc, lost->columns)
	{
		if (sql_words_name_column(words, lfirst(lc), !named) &&
			!may_mean_other(renamed, given, complete, words, lost, lfirst(lc)))
			return note_lost(renamed, lost, lfirst(lc), what, path, problem);
	}
	return true;
}

/* Checks and indexes that stay, against what their table loses */
static bool
check_parts(const Renamed *renamed, const LostNames *lost, Problem *problem)
{
	foreach_ptr(const char, column, lost->columns)
	{
		foreach_ptr(const Check, check, lost->new->checks)
		{
			const Check *old = model_find_check(lost->old->checks, check->name);

			if (old != NULL && strcmp(old->expression, check->expression) == 0 &&
				names_have(fragment_columns(check->expression), column))
				return note_lost(renamed, lost, column,
								 psprintf("check \"%s\" of table \"%s\"", check->name,
										  table_name_show(&lost->new->name)),
								 check->path, problem);
		}
		foreach_ptr(const TableIndex, index, lost->new->indexes)
		{
			const TableIndex *old = model_find_index(lost->old->indexes, index->name);

			if (old != NULL && index_same_definition(old, index) &&
				index_text_has(index, column))
				return note_lost(renamed, lost, column,
								 psprintf("index \"%s\" of table \"%s\"", index->name,
										  table_name_show(&lost->new->name)),
								 index->path, problem);
		}
	}
	return true;
}

bool
remake_check_names(const Renamed *renamed, const Model *given, bool complete, Problem *problem)
{
	List	   *lost = find_lost(renamed, given, complete);
	List	   *statements = lost == NIL ? NIL : collect_statements(renamed, given, complete);

	read_facts(statements);
	foreach_ptr(LostNames, one, lost)
	{
		foreach_ptr(RecordedStatement, recorded, statements)
		{
			const Table *table = recorded->gone ? NULL
				: table_afterwards(renamed, given, complete, recorded->table);

			if (table != NULL &&
				!check_statement(renamed, given, complete, recorded, one,
								 model_find_statement(table->statements, recorded->statement)->path,
								 problem))
				return false;
		}
		if (one->new != NULL && !check_parts(renamed, one, problem))
			return false;
	}
	return true;
}
