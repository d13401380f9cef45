/*
 * elixir.c
 *		Elixir literals: see elixir.h.
 *
 * A recursive-descent parser: each parse_... reads one construct at the
 * cursor, and returns NULL with the problem noted if it is not one.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/json_writer.h"
#include "snapshot/elixir.h"
#include "snapshot/elixir_scan.h"

#define MAX_DEPTH	64

static ElixirTerm *parse_term(ElixirScan *scan);

static ElixirTerm *
make_term(ElixirKind kind, char *text)
{
	ElixirTerm *term = palloc0(sizeof(ElixirTerm));

	term->kind = kind;
	term->text = text;
	return term;
}

/*
 * A string, unless reading its text noted a problem
 */
static ElixirTerm *
make_string(char *text)
{
	return text ? make_term(ELIXIR_STRING, text) : NULL;
}

/*
 * An atom by its name: nil, true and false are atoms as well
 */
static ElixirTerm *
make_atom(char *name)
{
	ElixirTerm *term;

	if (name == NULL)
		return NULL;
	if (strcmp(name, "nil") == 0)
		return make_term(ELIXIR_NIL, NULL);
	if (strcmp(name, "true") != 0 && strcmp(name, "false") != 0)
		return make_term(ELIXIR_STRING, name);
	term = make_term(ELIXIR_BOOLEAN, NULL);
	term->boolean = name[0] == 't';
	return term;
}

/*
 * Do an operator's characters, or a word that is one, come next?
 */
static bool
at_operator(ElixirScan *scan)
{
	static const char *const words[] = {"and", "or", "not", "in", "when", "do", "fn"};

	scan_space(scan);
	if (*scan->cursor && strchr("+-*/<>=|&^!.(~@", *scan->cursor))
		return true;
	for (int i = 0; i < lengthof(words); i++)
	{
		int			length = strlen(words[i]);

		if (strncmp(scan->cursor, words[i], length) == 0 &&
			!scan_is_name_part(scan->cursor[length]))
			return true;
	}
	return false;
}

/*
 * Something follows where the text should end or continue with a comma.
 */
static bool
note_trailing(ElixirScan *scan, const char *missing)
{
	if (at_operator(scan))
		return scan_code(scan, "an operator or a call");
	if (*scan->cursor == '\0')
		return scan_invalid(scan, psprintf("no %s", missing));
	return scan_invalid(scan, "unexpected text");
}

/*
 * :name, :"quoted name", :+
 */
static ElixirTerm *
parse_atom(ElixirScan *scan)
{
	const char *start;

	scan->cursor++;
	if (*scan->cursor == '"' || *scan->cursor == '\'')
		return make_atom(scan_quoted(scan));

	start = scan->cursor;
	if (scan_is_name_start(*scan->cursor))
	{
		while (scan_is_name_part(*scan->cursor) || *scan->cursor == '@')
			scan->cursor++;
		if (*scan->cursor == '?' || *scan->cursor == '!')
			scan->cursor++;
	}
	else
		scan->cursor += strspn(scan->cursor, "+-*/<>=|&^!.@~");
	if (scan->cursor == start)
	{
		scan_invalid(scan, "no name after \":\"");
		return NULL;
	}
	return make_atom(pnstrdup(start, scan->cursor - start));
}

/*
 * The words of ~w and ~W
 */
static ElixirTerm *
make_words(char *text)
{
	ElixirTerm *list = make_term(ELIXIR_LIST, NULL);

	for (;;)
	{
		int			length;

		text += strspn(text, " \t\r\n\f\v");
		length = strcspn(text, " \t\r\n\f\v");
		if (length == 0)
			return list;
		list->items = lappend(list->items, make_string(pnstrdup(text, length)));
		text += length;
	}
}

static ElixirTerm *
parse_sigil(ElixirScan *scan)
{
	char		letter;
	char	   *modifiers;
	char	   *text = scan_sigil(scan, &letter, &modifiers);
	bool		words;

	if (text == NULL)
		return NULL;
	words = letter == 'w' || letter == 'W';
	if (modifiers[0] != '\0' &&
		!(words && strlen(modifiers) == 1 && strchr("sac", modifiers[0])))
	{
		scan_invalid(scan, "a sigil with unknown modifiers, ending");
		return NULL;
	}
	return words ? make_words(text) : make_string(text);
}

/*
 * A keyword's key and its colon: "name:" or "\"quoted name\":".  NULL, with
 * the cursor where it was, if it is something else, and NULL with a problem.
 */
static ElixirTerm *
try_keyword(ElixirScan *scan)
{
	const char *start;
	char	   *name = NULL;

	scan_space(scan);
	start = scan->cursor;
	if (*start == '"' || *start == '\'')
		name = scan_quoted(scan);
	else if (scan_is_name_start(*start))
		name = scan_name(scan);

	/* "a::b" is an operator */
	if (name && scan->cursor[0] == ':' && scan->cursor[1] != ':')
	{
		scan->cursor++;
		return make_atom(name);
	}
	scan->cursor = start;
	return NULL;
}

/*
 * Is this a key that JSON can have?
 */
static bool
check_key(ElixirScan *scan, const ElixirTerm *key)
{
	if (key->kind == ELIXIR_LIST || key->kind == ELIXIR_MAP)
		return scan_invalid(scan, "a list or a map as a key, ending");
	return true;
}

/*
 * One entry of a list or a map, appended to "items" (two items for a pair).
 * "keywords" says whether a keyword has been seen, after which only keywords
 * may come.
 */
static bool
parse_entry(ElixirScan *scan, bool is_map, bool *keywords, List **items)
{
	ElixirTerm *key = try_keyword(scan);
	ElixirTerm *value;

	if (scan->problem->sqlerrcode != 0)
		return false;
	if (key)
		*keywords = true;
	else if (*keywords)
		return scan_invalid(scan, "an entry without a key after one with a key");
	else if (is_map)
	{
		if ((key = parse_term(scan)) == NULL)
			return false;
		if (!check_key(scan, key))
			return false;
		if (!scan_take(scan, "=>"))
			return note_trailing(scan, "\"=>\"");
	}

	if ((value = parse_term(scan)) == NULL)
		return false;
	if (key)
		*items = lappend(*items, key);
	*items = lappend(*items, value);
	return true;
}

/*
 * The entries of a list or map up to what closes it.  A comma may stand after
 * the last, unless that is a keyword.
 */
static ElixirTerm *
parse_entries(ElixirScan *scan, bool is_map)
{
	const char *closing = is_map ? "}" : "]";
	ElixirTerm *term = make_term(is_map ? ELIXIR_MAP : ELIXIR_LIST, NULL);
	bool		keywords = false;

	while (!scan_take(scan, closing))
	{
		bool		before = keywords;

		if (!parse_entry(scan, is_map, &keywords, &term->items))
			return NULL;
		if (keywords && !before && !is_map)
		{
			if (list_length(term->items) > 2)
			{
				scan_invalid(scan, "a keyword in a list that is not a keyword list, ending");
				return NULL;
			}
			term->kind = ELIXIR_MAP;
		}
		if (!scan_take(scan, ",") && (scan_space(scan), *scan->cursor != *closing))
		{
			note_trailing(scan, psprintf("\"%s\"", closing));
			return NULL;
		}
	}
	return term;
}

static ElixirTerm *
parse_collection(ElixirScan *scan, bool is_map)
{
	ElixirTerm *term;

	if (++scan->depth > MAX_DEPTH)
	{
		scan_invalid(scan, "lists or maps nested too deeply");
		return NULL;
	}
	term = parse_entries(scan, is_map);
	scan->depth--;
	return term;
}

/*
 * fragment("..."), past the name
 */
static ElixirTerm *
parse_fragment(ElixirScan *scan)
{
	ElixirTerm *argument;

	if (scan->depth > 0)
	{
		scan_invalid(scan, "a fragment inside a list or a map, ending");
		return NULL;
	}
	scan->cursor++;
	scan_space(scan);
	if (*scan->cursor != '"' && strncmp(scan->cursor, "~s", 2) != 0 &&
		strncmp(scan->cursor, "~S", 2) != 0)
	{
		scan_code(scan, "a fragment of something other than one string");
		return NULL;
	}
	if ((argument = parse_term(scan)) == NULL)
		return NULL;
	if (!scan_take(scan, ")"))
	{
		if (*scan->cursor == ',')
			scan_code(scan, "a fragment with more than one argument");
		else
			note_trailing(scan, "\")\"");
		return NULL;
	}
	return make_term(ELIXIR_FRAGMENT, argument->text);
}

/*
 * nil, true, false, fragment("..."), or code that begins with a name
 */
static ElixirTerm *
parse_word(ElixirScan *scan)
{
	const char *start = scan->cursor;
	char	   *name = scan_name(scan);

	if (strcmp(name, "fragment") == 0 && *scan->cursor == '(')
		return parse_fragment(scan);
	if (*scan->cursor != '(' && *scan->cursor != '.' &&
		(strcmp(name, "nil") == 0 || strcmp(name, "true") == 0 ||
		 strcmp(name, "false") == 0))
		return make_atom(name);

	if (*scan->cursor != '(' && *scan->cursor != '.')
	{
		scan->cursor = start;
		scan_code(scan, *start >= 'A' && *start <= 'Z' ?
				  psprintf("the module name \"%s\"", name) :
				  psprintf("the variable or call \"%s\"", name));
		return NULL;
	}
	scan->cursor = start;
	scan_code(scan, psprintf("a call of \"%s\"",
							 pnstrdup(start, strcspn(start, "( \t\r\n,])}"))));
	return NULL;
}

static ElixirTerm *
parse_number(ElixirScan *scan)
{
	bool		is_float;
	char	   *text = scan_number(scan, &is_float);

	if (text == NULL)
		return NULL;
	return make_term(is_float ? ELIXIR_FLOAT : ELIXIR_INTEGER, text);
}

/*
 * A value whose first character begins no supported literal
 */
static ElixirTerm *
note_no_term(ElixirScan *scan)
{
	if (*scan->cursor == '\0')
		scan_invalid(scan, "no value");
	else if (strncmp(scan->cursor, "<<", 2) == 0)
		scan_invalid(scan, "a binary (write its text as \"\\\\x...\" in hexadecimal)");
	else if (*scan->cursor == '{')
		scan_invalid(scan, "a tuple");
	else if (*scan->cursor == '%')
		scan_code(scan, "a struct");
	else if (at_operator(scan))
		scan_code(scan, "an operator");
	else
		scan_invalid(scan, "unexpected text");
	return NULL;
}

static ElixirTerm *
parse_term(ElixirScan *scan)
{
	const char *at;

	scan_space(scan);
	at = scan->cursor;
	if (scan_take(scan, "["))
		return parse_collection(scan, false);
	if (scan_take(scan, "%{"))
		return parse_collection(scan, true);
	if (*at == '"')
		return make_string(scan_quoted(scan));
	if (*at == '\'')
	{
		ElixirTerm *term = make_string(scan_quoted(scan));

		if (term)
			term->charlist = true;
		return term;
	}
	if (*at == ':')
		return parse_atom(scan);
	if (*at == '~' && scan_is_name_start(at[1]))
		return parse_sigil(scan);
	if ((*at >= '0' && *at <= '9') ||
		((*at == '-' || *at == '+') && at[1] >= '0' && at[1] <= '9'))
		return parse_number(scan);
	if (*at == '?')
	{
		char	   *code = scan_code_point(scan);

		return code ? make_term(ELIXIR_INTEGER, code) : NULL;
	}
	if (scan_is_name_start(*at))
		return parse_word(scan);
	return note_no_term(scan);
}

ElixirTerm *
elixir_parse(const char *source, const char *path, Problem *problem)
{
	ElixirScan	scan = {source, source, path, problem, 0};
	ElixirTerm *term;

	if (!pg_verifymbstr(source, strlen(source), true))
	{
		problem_note(problem, ERRCODE_ASHMIG_INVALID_DEFAULT, path, NULL,
					 "Write it in UTF-8.",
					 "default is not valid in the database encoding");
		return NULL;
	}
	if ((term = parse_term(&scan)) == NULL)
		return NULL;
	scan_space(&scan);
	if (*scan.cursor != '\0')
	{
		note_trailing(&scan, "end");
		return NULL;
	}
	return term;
}

/*
 * A key as JSON has them: a string, as Jason writes it
 */
static const char *
json_key(const ElixirTerm *key)
{
	if (key->kind == ELIXIR_NIL)
		return "nil";
	if (key->kind == ELIXIR_BOOLEAN)
		return key->boolean ? "true" : "false";
	return key->text;
}

static void
write_term(JsonWriter *json, const char *key, const ElixirTerm *term)
{
	ListCell   *lc;

	switch (term->kind)
	{
		case ELIXIR_NIL:
			json_write_string(json, key, NULL);
			break;
		case ELIXIR_BOOLEAN:
			json_write_bool(json, key, term->boolean);
			break;
		case ELIXIR_INTEGER:
		case ELIXIR_FLOAT:
			json_write_raw(json, key, term->text);
			break;
		case ELIXIR_STRING:
		case ELIXIR_FRAGMENT:
			json_write_string(json, key, term->text);
			break;
		case ELIXIR_LIST:
			json_write_open(json, key, '[');
			foreach(lc, term->items)
				write_term(json, NULL, lfirst(lc));
			json_write_close(json, ']');
			break;
		case ELIXIR_MAP:
			json_write_open(json, key, '{');
			for (int i = 0; i + 1 < list_length(term->items); i += 2)
				write_term(json, json_key(list_nth(term->items, i)),
						   list_nth(term->items, i + 1));
			json_write_close(json, '}');
			break;
	}
}

char *
elixir_to_json(const ElixirTerm *term)
{
	JsonWriter	json;

	json_write_init(&json);
	write_term(&json, NULL, term);
	return json.text.data;
}
