/*
 * makers.c
 *		Custom statements that make what a part of a table uses: see makers.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "plan/makers.h"

/* How far a chain of makers that need each other is followed */
#define CHAIN_LENGTH 8

/* ----------
 * Words of parts
 * ----------
 */
static List *
add_words(List *words, const char *sql)
{
	return sql == NULL ? words : list_concat(words, sql_words(sql));
}

static List *
add_word(List *words, const char *name)
{
	SqlWord    *word = palloc0(sizeof(SqlWord));

	word->text = pstrdup(name);
	word->column = true;
	return lappend(words, word);
}

static List *
column_words(const Column *column)
{
	return add_words(sql_words(column->type), column->default_sql);
}

List *
makers_check_words(const Check *check)
{
	return sql_words(check->expression);
}

List *
makers_index_words(const TableIndex *index)
{
	List	   *words = add_words(NIL, index->where);
	ListCell   *lc;

	foreach_ptr(const IndexKey, key, index->keys)
	{
		words = key->is_sql ? add_words(words, key->value) : add_word(words, key->value);
	}
	foreach(lc, index->include)
		words = add_word(words, lfirst(lc));
	return words;
}

static List *
table_words(const Table *table)
{
	List	   *words = add_words(NIL, table->options);
	ListCell   *lc;

	foreach(lc, table->columns)
		words = list_concat(words, column_words(lfirst(lc)));
	foreach(lc, table->retired)
		words = list_concat(words, column_words(lfirst(lc)));
	foreach(lc, table->checks)
		words = list_concat(words, makers_check_words(lfirst(lc)));
	return words;
}

List *
makers_words(const Operation *operation, const void *side)
{
	if (side == NULL)
		return NIL;
	switch (operation_subject(operation->kind))
	{
		case SUBJECT_TABLE:
			return table_words(side);
		case SUBJECT_COLUMN:
			return column_words(side);
		case SUBJECT_INDEX:
			return makers_index_words(side);
		case SUBJECT_CHECK:
			return makers_check_words(side);
		case SUBJECT_NAME:
		case SUBJECT_TABLE_NAME:
		case SUBJECT_PRIMARY_KEY:
		case SUBJECT_FOREIGN_KEY:
		case SUBJECT_STATEMENT:
			return NIL;
	}
	return NIL;					/* not reached: every subject is above */
}

bool
makers_used_by(const SqlFacts *facts, const char *table, const SqlFacts *other)
{
	ListCell   *lc;

	foreach(lc, facts->makes)
	{
		const char *name = lfirst(lc);

		if (!names_have(other->makes, name) && sql_words_have(other->words, name) &&
			(!names_have(facts->adds, name) || sql_words_name(other->words, table)))
			return true;
	}
	return false;
}

bool
makers_used(const SqlFacts *facts, const List *words, const char *table)
{
	ListCell   *lc;

	foreach(lc, facts->makes)
	{
		if (sql_words_have(words, lfirst(lc)) &&
			(!names_have(facts->adds, lfirst(lc)) || sql_words_name(facts->words, table)))
			return true;
	}
	return false;
}

bool
makers_in_reach(const Statement *statement, Scope scope)
{
	return scope == SCOPE_TENANT || statement->scope == SCOPE_PUBLIC;
}

List *
makers_of(const List *statements)
{
	List	   *makers = NIL;

	foreach_ptr(const Statement, statement, statements)
	{
		SqlFacts   *facts = sql_facts(statement->up);
		Maker	   *maker;

		if (facts->makes == NIL)
			continue;
		maker = palloc(sizeof(Maker));
		maker->statement = statement;
		maker->facts = facts;
		makers = lappend(makers, maker);
	}
	return makers;
}

bool
makers_index_uses(const List *makers, const Table *table, const TableIndex *index)
{
	List	   *words = makers == NIL ? NIL : makers_index_words(index);

	foreach_ptr(const Maker, maker, makers)
	{
		if (makers_in_reach(maker->statement, table->name.scope) &&
			makers_used(maker->facts, words, table->name.name))
			return true;
	}
	return false;
}

/* ----------
 * Tables in steps
 * ----------
 */

/* Does the maker need the table, itself or through another maker? */
static bool
maker_needs(const List *makers, const Maker *maker, const Table *table, int chain)
{

	if (sql_words_name(maker->facts->words, table->name.name))
		return true;
	foreach_ptr(const Maker, other, makers)
	{
		if (chain > 0 && other != maker &&
			makers_used_by(other->facts, table->name.name, maker->facts) &&
			maker_needs(makers, other, table, chain - 1))
			return true;
	}
	return false;
}

/* Do these words use what can only be made when the table is there? */
static bool
must_wait(const List *makers, const Table *table, const List *words)
{
	foreach_ptr(const Maker, maker, makers)
	{
		if (maker->statement->scope == table->name.scope &&
			makers_used(maker->facts, words, table->name.name) &&
			maker_needs(makers, maker, table, CHAIN_LENGTH))
			return true;
	}
	return false;
}

Column *
makers_column_without_default(const Column *column)
{
	Column	   *copy = palloc(sizeof(Column));

	*copy = *column;
	copy->default_sql = NULL;
	return copy;
}

SplitTable
makers_split(const List *makers, const Table *table)
{
	SplitTable	split = {table, NIL, NIL, NIL};
	Table	   *first;
	ListCell   *lc;

	if (makers == NIL)
		return split;
	first = palloc(sizeof(Table));
	*first = *table;
	first->columns = NIL;
	first->checks = NIL;
	foreach_ptr(Column, column, table->columns)
	{
		bool		is_key = table->primary_key != NULL &&
			names_have(table->primary_key->columns, column->name);

		if (!is_key && must_wait(makers, table, sql_words(column->type)))
			split.columns = lappend(split.columns, column);
		else if (column->default_sql != NULL &&
				 must_wait(makers, table, sql_words(column->default_sql)))
		{
			split.defaults = lappend(split.defaults, column);
			first->columns = lappend(first->columns, makers_column_without_default(column));
		}
		else
			first->columns = lappend(first->columns, column);
	}
	foreach(lc, table->checks)
	{
		if (must_wait(makers, table, makers_check_words(lfirst(lc))))
			split.checks = lappend(split.checks, lfirst(lc));
		else
			first->checks = lappend(first->checks, lfirst(lc));
	}
	if (split.columns != NIL || split.defaults != NIL || split.checks != NIL)
		split.first = first;
	return split;
}
