/*
 * alter_table.c
 *		The text of an ALTER TABLE, taken apart: see alter_table.h.
 *
 * PostgreSQL prints no subcommand back, so they are cut out of the text, at the
 * commas that its scanner sees outside of parentheses and brackets.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "parser/parser.h"
#include "parser/scanner.h"

#include "base/compat.h"
#include "syntax/alter_table.h"

/* A text as the scanner sees it */
typedef struct Tokens
{
	const char *sql;
	int			count;
	int		   *kinds;			/* a character, or more than that */
	int		   *starts;			/* offsets in the text */
} Tokens;

static Tokens
read_tokens(const char *sql)
{
	int			room = strlen(sql) + 1;
	Tokens		tokens = {.sql = sql, .kinds = palloc(room * sizeof(int)), .starts = palloc(room * sizeof(int))};
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	core_yyscan_t scanner = scanner_init(sql, &extra, &ScanKeywords, ScanKeywordTokens);

	for (;;)
	{
		int			kind = core_yylex(&value, &location, scanner);

		if (kind == 0)
			break;
		tokens.kinds[tokens.count] = kind;
		tokens.starts[tokens.count++] = location;
	}
	scanner_finish(scanner);
	return tokens;
}

static bool
token_is(const Tokens *tokens, int at, char sign)
{
	return at < tokens->count && tokens->kinds[at] == sign;
}

/* Is it this word?  A quoted identifier is none. */
static bool
token_is_word(const Tokens *tokens, int at, const char *word)
{
	return at < tokens->count && pg_strncasecmp(tokens->sql + tokens->starts[at], word, strlen(word)) == 0;
}

/* The first token after ALTER TABLE and the name of the table */
static int
first_action(AlterTableStmt *statement, const Tokens *tokens)
{
	int			at = 2;
	bool		enclosed;

	if (statement->missing_ok && token_is_word(tokens, at, "if"))
		at += 2;
	if (!statement->relation->inh && token_is_word(tokens, at, "only"))
		at++;
	enclosed = token_is(tokens, at, '(');
	if (enclosed)
		at++;
	at++;
	while (token_is(tokens, at, '.'))
		at += 2;
	if (enclosed || token_is(tokens, at, '*'))
		at++;
	return at;
}

/* Is this text one ALTER TABLE with one subcommand? */
static bool
is_single(const char *sql)
{
	List	   *raw = raw_parser(sql, RAW_PARSE_DEFAULT);
	Node	   *statement;

	if (list_length(raw) != 1)
		return false;
	statement = linitial_node(RawStmt, raw)->stmt;
	return IsA(statement, AlterTableStmt) && list_length(((AlterTableStmt *) statement)->cmds) == 1;
}

/* The head of the statement with what stands between two offsets */
static char *
part(const char *sql, int head, int from, int to)
{
	return psprintf("%.*s%.*s", head, sql, to - from, sql + from);
}

/*
 * Cut it at its commas.
 */
List *
alter_table_split(AlterTableStmt *statement, const char *sql)
{
	Tokens		tokens = read_tokens(sql);
	int			first = first_action(statement, &tokens);
	int			head = first < tokens.count ? tokens.starts[first] : strlen(sql);
	int			from = head;
	int			depth = 0;
	List	   *parts = NIL;
	ListCell   *lc;

	for (int i = first; i < tokens.count; i++)
	{
		if (token_is(&tokens, i, '(') || token_is(&tokens, i, '['))
			depth++;
		else if (token_is(&tokens, i, ')') || token_is(&tokens, i, ']'))
			depth--;
		else if (depth == 0 && token_is(&tokens, i, ','))
		{
			parts = lappend(parts, part(sql, head, from, tokens.starts[i]));
			from = tokens.starts[i] + 1;
		}
	}
	parts = lappend(parts, part(sql, head, from, strlen(sql)));

	if (list_length(parts) != list_length(statement->cmds))
		return list_make1(pstrdup(sql));
	foreach(lc, parts)
	{
		if (!is_single(lfirst(lc)))
			return list_make1(pstrdup(sql));
	}
	return parts;
}

/*
 * Leave the word out.
 */
char *
index_without_concurrently(const char *sql)
{
	Tokens		tokens = read_tokens(sql);

	/* CREATE [UNIQUE] INDEX CONCURRENTLY, DROP INDEX CONCURRENTLY */
	for (int i = 2; i < tokens.count && i < 4; i++)
	{
		if (token_is_word(&tokens, i, "concurrently"))
			return psprintf("%.*s%s", tokens.starts[i], sql,
							sql + tokens.starts[i] + strlen("concurrently"));
	}
	return pstrdup(sql);
}
