/*
 * sql_words.c
 *		What an SQL text speaks of: see sql_words.h.
 */
#include "postgres.h"

#include "common/keywords.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/scansup.h"

#include "base/compat.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"
#include "syntax/sql_words.h"

/* ----------
 * Tokens
 * ----------
 */
typedef enum TokenKind
{
	TOKEN_WORD,
	TOKEN_QUOTED,				/* a quoted identifier */
	TOKEN_SIGN					/* any other character, "::" and ";" included */
} TokenKind;

typedef struct Token
{
	TokenKind	kind;
	char	   *text;
	bool		literal;
} Token;

typedef struct Scanner
{
	List	   *tokens;			/* of Token * */
} Scanner;

static void scan(Scanner *scanner, const char *sql, bool literal);

static void
add_token(Scanner *scanner, TokenKind kind, char *text, bool literal)
{
	Token	   *token = palloc(sizeof(Token));

	token->kind = kind;
	token->text = text;
	token->literal = literal;
	scanner->tokens = lappend(scanner->tokens, token);
}

static bool
token_is(const Token *token, const char *text)
{
	return token != NULL && token->kind != TOKEN_QUOTED && strcmp(token->text, text) == 0;
}

static Token *
token_at(const List *tokens, int at)
{
	return at >= 0 && at < list_length(tokens) ? list_nth(tokens, at) : NULL;
}

static bool
starts_word(char c)
{
	return isalpha((unsigned char) c) || c == '_' || IS_HIGHBIT_SET(c);
}

static bool
continues_word(char c)
{
	return starts_word(c) || isdigit((unsigned char) c) || c == '$';
}

/* Length of the placeholder that starts here, or 0 */
static int
placeholder_length(const char *at)
{
	static const char *const placeholders[] = {
		PLACEHOLDER_TENANT, PLACEHOLDER_DEFAULT, PLACEHOLDER_PREFIX
	};

	for (int i = 0; i < lengthof(placeholders); i++)
	{
		if (strncmp(at, placeholders[i], strlen(placeholders[i])) == 0)
			return strlen(placeholders[i]);
	}
	return 0;
}

/* What stands between quotes that start here, doubled ones made one; *end is after them */
static char *
quoted_text(const char *at, const char **end)
{
	char		quote = *at++;
	StringInfoData buf;

	initStringInfo(&buf);
	for (; *at; at++)
	{
		if (*at == quote && at[1] != quote)
			break;
		if (*at == quote)
			at++;
		appendStringInfoChar(&buf, *at);
	}
	*end = *at ? at + 1 : at;
	return buf.data;
}

/* The text of U&"" with its escapes resolved; what is no valid escape stays. */
static char *
resolve_escapes(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	while (*text)
	{
		int			digits = text[1] == '+' ? 6 : 4;
		const char *hex = text + (text[1] == '+' ? 2 : 1);

		if (text[0] == '\\' && text[1] == '\\')
			text++;
		else if (text[0] == '\\' && strspn(hex, "0123456789abcdefABCDEF") >= digits)
		{
			char	   *code = pnstrdup(hex, digits);
			pg_wchar	character = strtoul(code, NULL, 16);

			if (is_valid_unicode_codepoint(character))
			{
				unsigned char utf8[MAX_UNICODE_EQUIVALENT_STRING + 1];

				pg_unicode_to_server(character, utf8);
				appendStringInfoString(&buf, (char *) utf8);
				text = hex + digits;
				continue;
			}
		}
		appendStringInfoChar(&buf, *text++);
	}
	return buf.data;
}

/* The body of the dollar quote that starts here, or NULL; *end is after it */
static char *
dollar_body(const char *at, const char **end)
{
	const char *tag = at;
	const char *close;
	char	   *delimiter;

	for (at++; continues_word(*at) && *at != '$'; at++);
	if (*at != '$')
		return NULL;
	delimiter = pnstrdup(tag, at + 1 - tag);
	close = strstr(at + 1, delimiter);
	if (close == NULL)
		return NULL;
	*end = close + strlen(delimiter);
	return pnstrdup(at + 1, close - at - 1);
}

/* Is the string that comes next code?  A body, or what is executed */
static bool
string_is_code(const Scanner *scanner)
{
	int			count = list_length(scanner->tokens);
	const Token *last = token_at(scanner->tokens, count - 1);

	return token_is(last, "as") || token_is(last, "execute") || token_is(last, "do") ||
		(token_is(last, "(") && token_is(token_at(scanner->tokens, count - 2), "format"));
}

/* Append the tokens of a text; "literal" where it is in a string that is no code. */
static void
scan(Scanner *scanner, const char *sql, bool literal)
{
	const char *at = sql;

	while (*at)
	{
		const char *end = fragment_skip_space(at);
		char	   *text;

		if (end != at)
			at = end;
		else if ((*at == 'U' || *at == 'u') && at[1] == '&' && at[2] == '"')
		{
			text = resolve_escapes(quoted_text(at + 2, &at));
			truncate_identifier(text, strlen(text), false);
			add_token(scanner, TOKEN_QUOTED, text, literal);
		}
		else if (placeholder_length(at) > 0)
			at += placeholder_length(at);
		else if (starts_word(*at))
		{
			while (continues_word(*end))
				end++;
			add_token(scanner, TOKEN_WORD,
					  downcase_truncate_identifier(at, end - at, false), literal);
			at = end;
		}
		else if (isdigit((unsigned char) *at))
			while (continues_word(*at) || *at == '.')
				at++;
		else if (*at == '"')
		{
			text = quoted_text(at, &at);
			truncate_identifier(text, strlen(text), false);
			add_token(scanner, TOKEN_QUOTED, text, literal);
		}
		else if (*at == '\'')
		{
			text = quoted_text(at, &at);
			scan(scanner, text, literal || !string_is_code(scanner));
		}
		else if (*at == '$' && (text = dollar_body(at, &end)) != NULL)
		{
			at = end;
			add_token(scanner, TOKEN_SIGN, "$", literal);
			scan(scanner, text, literal);
			add_token(scanner, TOKEN_SIGN, "$", literal);
		}
		else if (at[0] == ':' && at[1] == ':')
		{
			add_token(scanner, TOKEN_SIGN, "::", literal);
			at += 2;
		}
		else
			add_token(scanner, TOKEN_SIGN, pnstrdup(at++, 1), literal);
	}
}

static List *
scan_tokens(const char *sql)
{
	Scanner		scanner = {NIL};

	scan(&scanner, sql, false);
	return scanner.tokens;
}

/* ----------
 * Words
 * ----------
 */

/* Would a reader take this unquoted word for a keyword or a type first? */
static bool
is_common_word(const char *word)
{
	static const char *const types[] = {
		"bytea", "citext", "date", "daterange", "float4", "float8", "hstore", "inet", "int2",
		"int4", "int8", "json", "jsonb", "ltree", "money", "name", "oid", "regclass", "serial",
		"text", "timestamptz", "tsquery", "tsvector", "uuid", "void", "record", "new", "old"
	};

	for (int i = 0; i < lengthof(types); i++)
	{
		if (strcmp(types[i], word) == 0)
			return true;
	}
	return ScanKeywordLookup(word, &ScanKeywords) >= 0;
}

static bool
is_one_of_signs(const Token *token, const char *signs)
{
	return token != NULL && token->kind == TOKEN_SIGN && token->text[1] == '\0' &&
		strchr(signs, token->text[0]) != NULL;
}

/*
 * May this token be the name of a column?  Not an alias, a type of a cast, a
 * function that is called; and a word that is a keyword or a type as well only
 * where nothing but a column could stand.
 */
static bool
may_be_column(const List *tokens, int at)
{
	const Token *token = token_at(tokens, at);
	const Token *before = token_at(tokens, at - 1);
	const Token *after = token_at(tokens, at + 1);

	if (token->literal || token_is(before, "as") || token_is(before, "::") ||
		token_is(after, "(") || token_is(after, "."))
		return false;
	if (token->kind == TOKEN_QUOTED || token_is(before, ".") || !is_common_word(token->text))
		return true;
	return is_one_of_signs(before, "(,=<>+-*/|") && is_one_of_signs(after, "),=<>+-*/|:");
}

static List *
words_of_tokens(const List *tokens)
{
	List	   *words = NIL;

	for (int i = 0; i < list_length(tokens); i++)
	{
		const Token *token = token_at(tokens, i);
		SqlWord    *word;

		if (token->kind == TOKEN_SIGN)
			continue;
		word = palloc(sizeof(SqlWord));
		word->text = token->text;
		word->literal = token->literal;
		word->column = may_be_column(tokens, i);
		word->dotted = token_is(token_at(tokens, i - 1), ".");
		words = lappend(words, word);
	}
	return words;
}

List *
sql_words(const char *sql)
{
	return words_of_tokens(scan_tokens(sql));
}

bool
sql_words_have(const List *words, const char *name)
{
	ListCell   *lc;

	foreach(lc, words)
	{
		if (strcmp(((SqlWord *) lfirst(lc))->text, name) == 0)
			return true;
	}
	return false;
}

bool
sql_words_name(const List *words, const char *name)
{
	foreach_ptr(const SqlWord, word, words)
	{
		if (!word->literal && strcmp(word->text, name) == 0)
			return true;
	}
	return false;
}

bool
sql_words_name_column(const List *words, const char *name, bool dotted)
{
	foreach_ptr(const SqlWord, word, words)
	{
		if (word->column && (word->dotted || !dotted) && strcmp(word->text, name) == 0)
			return true;
	}
	return false;
}

/* ----------
 * What a statement makes
 * ----------
 */

/* Is the token one of these words? */
static bool
token_in(const Token *token, const char *const *words)
{
	for (; token != NULL && *words; words++)
	{
		if (token_is(token, *words))
			return true;
	}
	return false;
}

/* The last part of the name that starts at *at, which is moved to its last token; or NULL */
static char *
name_at(const List *tokens, int *at)
{
	/* what is left of a placeholder that stood before it */
	if (token_is(token_at(tokens, *at), "."))
		(*at)++;
	while (token_is(token_at(tokens, *at + 1), "."))
		*at += 2;
	if (token_at(tokens, *at) == NULL || token_at(tokens, *at)->kind == TOKEN_SIGN)
		return NULL;
	return token_at(tokens, *at)->text;
}

static void
skip_words(const List *tokens, int *at, const char *const *words)
{
	while (token_in(token_at(tokens, *at), words))
		(*at)++;
}

/* CREATE ... name: "at" is after CREATE */
static void
read_create(SqlFacts *facts, const List *tokens, int at)
{
	static const char *const before[] = {
		"or", "replace", "temp", "temporary", "unlogged", "materialized", "recursive", "unique",
		"constraint", "trusted", "procedural", "default", "event", "foreign", "text", "search",
		"access", NULL
	};
	static const char *const between[] = {"if", "not", "exists", "concurrently", "class", "family", NULL};
	static const char *const rows[] = {"table", "sequence", NULL};
	static const char *const attached[] = {
		"rule", "policy", "trigger", "index", "statistics", "publication", NULL
	};
	const Token *kind;
	char	   *name;

	skip_words(tokens, &at, before);
	kind = token_at(tokens, at++);
	if (kind == NULL || kind->kind != TOKEN_WORD)
		return;
	skip_words(tokens, &at, between);
	if (token_in(kind, attached) || token_is(kind, "view"))
		facts->hangs = true;
	if (token_in(kind, rows))
		facts->holds_rows = true;
	if (token_is(kind, "extension"))
		facts->opaque = true;
	name = name_at(tokens, &at);
	if (name == NULL)
		return;
	if (token_in(kind, attached))
		facts->attaches = lappend(facts->attaches, name);
	else
		facts->makes = lappend(facts->makes, name);
}

/* ADD [COLUMN] name, ADD CONSTRAINT...: "at" is after ADD */
static void
read_add(SqlFacts *facts, const List *tokens, int at, bool generated)
{
	static const char *const constraints[] = {
		"constraint", "check", "unique", "primary", "foreign", "exclude", NULL
	};
	static const char *const others[] = {"value", "generated", "table", "attribute", "mapping", NULL};
	static const char *const between[] = {"column", "if", "not", "exists", NULL};
	char	   *name;

	if (token_in(token_at(tokens, at), constraints))
		facts->hangs = true;
	else if (!token_in(token_at(tokens, at), others))
	{
		skip_words(tokens, &at, between);
		name = name_at(tokens, &at);
		if (name == NULL)
			return;
		facts->makes = lappend(facts->makes, name);
		facts->adds = lappend(facts->adds, name);
		if (generated)
			facts->hangs = true;
		else
			facts->holds_rows = true;
	}
}

/* What the tokens of a text make, and hang on */
static void
read_tokens(SqlFacts *facts, const List *tokens)
{
	/* EXECUTE FUNCTION of a trigger, GRANT EXECUTE ON */
	static const char *const no_command[] = {"function", "procedure", "on", NULL};
	bool		generated = sql_words_name(facts->words, "generated") &&
		!sql_words_name(facts->words, "identity");

	for (int i = 0; i < list_length(tokens); i++)
	{
		const Token *token = token_at(tokens, i);
		const Token *before = token_at(tokens, i - 1);

		if (token->literal || token_is(before, "."))
			continue;
		if (token_is(token, "create"))
			read_create(facts, tokens, i + 1);
		else if (token_is(token, "add"))
			read_add(facts, tokens, i + 1, generated);
		else if (token_is(token, "rename") ||
				 (token_is(token, "execute") && !token_in(token_at(tokens, i + 1), no_command)))
			facts->opaque = true;
		else if (token_is(token, "atomic"))
			facts->hangs = true;
		else if (token_is(token, "*") &&
				 (token_is(before, "select") || token_is(before, ".") || token_is(before, ",")))
			facts->all_columns = true;
	}
}

SqlFacts *
sql_facts(const char *sql)
{
	static const char *const structure[] = {
		"create", "alter", "drop", "grant", "revoke", "comment", "security", "import", "refresh",
		"call", NULL
	};
	SqlFacts   *facts = palloc0(sizeof(SqlFacts));
	List	   *tokens = scan_tokens(sql);
	bool		first = true;

	facts->words = words_of_tokens(tokens);
	facts->data = true;
	read_tokens(facts, tokens);
	for (int i = 0; i < list_length(tokens); i++)
	{
		const Token *token = token_at(tokens, i);

		if (first && token_is(token, "do"))
			facts->data = !sql_words_have(facts->words, "create") &&
				!sql_words_have(facts->words, "alter");
		else if (first && token_in(token, structure))
			facts->data = false;
		first = token_is(token, ";");
	}
	facts->hangs = facts->hangs && !facts->data;
	facts->opaque = facts->opaque && !facts->data;
	return facts;
}
