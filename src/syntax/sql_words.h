/*
 * sql_words.h
 *		What an SQL text speaks of: the words in it, and the names that it makes.
 *
 * No name is looked up, so this is what a careful reader sees: enough to tell
 * which text may need which other one.  Bodies of functions and of DO are read
 * as SQL, since they are code; other string literals are words that name
 * nothing by themselves.
 *
 * Placeholders (sql_text.h) are passed over.
 */
#ifndef ASHMIG_SQL_WORDS_H
#define ASHMIG_SQL_WORDS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* An identifier or a keyword, as PostgreSQL folds it */
typedef struct SqlWord
{
	char	   *text;
	bool		literal;		/* stands in a string */
	bool		column;			/* may be the name of a column here */
	bool		dotted;			/* comes after a dot: "NEW.title" */
} SqlWord;

/* What a statement is, as far as its text tells */
typedef struct SqlFacts
{
	List	   *words;			/* of SqlWord * */
	List	   *makes;			/* of char *: functions, types, relations,
								 * columns..., which other SQL can use */
	List	   *attaches;		/* of char *: triggers, indexes, policies... */
	List	   *adds;			/* of char *: of them, columns of tables that
								 * exist */
	bool		data;			/* reads and writes rows, and makes nothing */
	bool		opaque;			/* may make what cannot be seen */
	bool		holds_rows;		/* makes a table, or a column with values of
								 * its own */
	bool		hangs;			/* makes what depends on columns: a view, an
								 * index, a trigger... */
	bool		all_columns;	/* "SELECT *" */
} SqlFacts;

extern List *sql_words(const char *sql);

/* Is it among the words, literals included? */
extern bool sql_words_have(const List *words, const char *name);

/* Does the text name this, outside of literals? */
extern bool sql_words_name(const List *words, const char *name);

/* Does it name a column that is called so?  "dotted": as "NEW.title" alone */
extern bool sql_words_name_column(const List *words, const char *name, bool dotted);

/* Of one or several statements */
extern SqlFacts *sql_facts(const char *sql);

#endif							/* ASHMIG_SQL_WORDS_H */
