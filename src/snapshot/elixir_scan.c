/*
 * elixir_scan.c
 *		Numbers, names and quoted text of Elixir: see elixir_scan.h.
 *
 * Quoted text is read in two steps: first the raw text up to the terminator,
 * then its escapes, as Elixir's own tokenizer does.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "snapshot/elixir_scan.h"

/* More digits than any numeric column holds usefully */
#define MAX_DIGITS		1000

/* Enough digits to tell any two doubles apart (DBL_DECIMAL_DIG of C11). */
#define DOUBLE_DIGITS	17

/* How much of the text a message shows */
#define MAX_SHOWN		200

/*
 * The source for a message, cut at a character boundary where it is long.
 */
static char *
shown_source(const ElixirScan *scan)
{
	int			length = strlen(scan->source);

	if (length <= MAX_SHOWN)
		return pstrdup(scan->source);
	length = pg_mbcliplen(scan->source, length, MAX_SHOWN);
	return psprintf("%.*s...", length, scan->source);
}

bool
scan_code(ElixirScan *scan, const char *what)
{
	return problem_note(scan->problem, ERRCODE_ASHMIG_ELIXIR_CODE, scan->path,
						psprintf("Found %s at character %d.", what,
								 pg_mbstrlen_with_len(scan->source, scan->cursor - scan->source) + 1),
						"Write a literal, or the value as SQL: fragment(\"...\").",
						"default is Elixir code, which ashmig cannot run: %s",
						shown_source(scan));
}

bool
scan_invalid(ElixirScan *scan, const char *what)
{
	return problem_note(scan->problem, ERRCODE_ASHMIG_INVALID_DEFAULT, scan->path,
						psprintf("Found %s at character %d.", what,
								 pg_mbstrlen_with_len(scan->source, scan->cursor - scan->source) + 1),
						"Write one Elixir literal, such as nil, true, 0, 0.5, \"text\", [], %{}, or SQL: fragment(\"now()\").",
						"default is not an Elixir literal: %s",
						shown_source(scan));
}

void
scan_space(ElixirScan *scan)
{
	for (;;)
	{
		scan->cursor += strspn(scan->cursor, " \t\r\n");
		if (*scan->cursor != '#')
			return;
		scan->cursor += strcspn(scan->cursor, "\n");
	}
}

bool
scan_take(ElixirScan *scan, const char *text)
{
	scan_space(scan);
	if (strncmp(scan->cursor, text, strlen(text)) != 0)
		return false;
	scan->cursor += strlen(text);
	return true;
}

bool
scan_is_name_start(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

bool
scan_is_name_part(unsigned char c)
{
	return scan_is_name_start(c) || (c >= '0' && c <= '9');
}

char *
scan_name(ElixirScan *scan)
{
	const char *start = scan->cursor;

	while (scan_is_name_part(*scan->cursor))
		scan->cursor++;
	if (*scan->cursor == '?' || *scan->cursor == '!')
		scan->cursor++;
	return pnstrdup(start, scan->cursor - start);
}

/*
 * Value of a digit, or 99
 */
static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/*
 * Digits of a base, single "_" between them allowed.  The digits alone, or
 * NULL.
 */
static char *
scan_digits(ElixirScan *scan, int base)
{
	StringInfoData digits;

	initStringInfo(&digits);
	for (;;)
	{
		if (digit_value(*scan->cursor) < base)
			appendStringInfoChar(&digits, *scan->cursor);
		else if (*scan->cursor != '_' || digits.len == 0 ||
				 digit_value(scan->cursor[1]) >= base)
			break;
		scan->cursor++;
	}
	if (digits.len == 0 || digits.len > MAX_DIGITS)
	{
		scan_invalid(scan, digits.len == 0 ? "no digit" : "too many digits");
		return NULL;
	}
	return digits.data;
}

/*
 * Digits of any base as decimal digits, without leading zeros
 */
static char *
to_decimal(const char *digits, int base)
{
	int			room = strlen(digits) * 2 + 1;	/* enough for base 16 */
	uint8	   *values = palloc0(room); /* lowest first */
	char	   *decimal = palloc(room + 1);
	int			length = 1;

	for (; *digits; digits++)
	{
		int			carry = digit_value(*digits);

		for (int i = 0; i < length; i++)
		{
			carry += values[i] * base;
			values[i] = carry % 10;
			carry /= 10;
		}
		for (; carry > 0; carry /= 10)
			values[length++] = carry % 10;
	}
	for (int i = 0; i < length; i++)
		decimal[i] = '0' + values[length - 1 - i];
	decimal[length] = '\0';
	return decimal;
}

/*
 * What follows the integer part of a float: ".5", ".0e10", ".0e-10"
 */
static bool
scan_fraction(ElixirScan *scan, StringInfo number)
{
	char	   *digits;

	scan->cursor++;
	if ((digits = scan_digits(scan, 10)) == NULL)
		return false;
	appendStringInfo(number, ".%s", digits);
	if (*scan->cursor != 'e' && *scan->cursor != 'E')
		return true;

	scan->cursor++;
	appendStringInfoChar(number, 'e');
	if (*scan->cursor == '-' || *scan->cursor == '+')
		appendStringInfoChar(number, *scan->cursor++);
	if ((digits = scan_digits(scan, 10)) == NULL)
		return false;
	appendStringInfoString(number, digits);
	return true;
}

/*
 * A float's digits, with its point after so many of them, in plain or in
 * scientific notation: in the shorter, plain where both are as long, but never
 * plain where integers are not told apart any more.
 */
static char *
float_notation(const char *digits, int point, bool is_exact)
{
	int			length = strlen(digits);
	StringInfoData plain;
	char	   *scientific;

	initStringInfo(&plain);
	if (point <= 0)
		appendStringInfoString(&plain, "0.");
	for (int i = point; i < 0; i++)
		appendStringInfoChar(&plain, '0');
	for (int i = 0; i < Max(length, point); i++)
	{
		if (i == point && i > 0)
			appendStringInfoChar(&plain, '.');
		appendStringInfoChar(&plain, i < length ? digits[i] : '0');
	}
	if (point >= length)
		appendStringInfoString(&plain, ".0");
	if (point >= 0 && point < length)
		return plain.data;
	scientific = psprintf("%c.%se%d", digits[0], length > 1 ? digits + 1 : "0", point - 1);
	return is_exact && strlen(plain.data) <= strlen(scientific) ? plain.data : scientific;
}

/*
 * A float as Elixir prints it, whatever its source looks like: the fewest
 * digits that are read as the same number ("0.00" is 0.0, "1000.0" 1.0e3).
 *
 * The server's double_to_shortest_decimal_buf has other digits: it leaves out
 * decimals midway between two numbers, and 1.0e23 is 9.999999999999999e22.
 */
static char *
float_text(ElixirScan *scan, const char *source)
{
	double		value = fabs(strtod(source, NULL));
	char		shortest[32];
	char	   *digits = shortest;
	char	   *exponent;

	if (isinf(value))
	{
		scan_invalid(scan, "a float that is too large, ending");
		return NULL;
	}
	for (int precision = 0; precision < DOUBLE_DIGITS; precision++)
	{
		snprintf(shortest, sizeof(shortest), "%.*e", precision, value);
		if (strtod(shortest, NULL) == value)
			break;
	}
	exponent = strchr(shortest, 'e');
	*exponent++ = '\0';
	if (shortest[1] == '.')
	{
		shortest[1] = shortest[0];
		digits = shortest + 1;
	}
	return psprintf("%s%s", *source == '-' ? "-" : "",
					float_notation(digits, atoi(exponent) + 1,
								   value < (double) (INT64CONST(1) << DBL_MANT_DIG)));
}

char *
scan_number(ElixirScan *scan, bool *is_float)
{
	StringInfoData number;
	char	   *digits;
	int			base = 10;

	initStringInfo(&number);
	*is_float = false;
	if (*scan->cursor == '-' || *scan->cursor == '+')
	{
		if (*scan->cursor == '-')
			appendStringInfoChar(&number, '-');
		scan->cursor++;
	}
	if (scan->cursor[0] == '0' && strchr("xob", scan->cursor[1]) && scan->cursor[1])
	{
		base = scan->cursor[1] == 'x' ? 16 : scan->cursor[1] == 'o' ? 8 : 2;
		scan->cursor += 2;
	}
	if ((digits = scan_digits(scan, base)) == NULL)
		return NULL;
	digits = to_decimal(digits, base);
	if (base == 10 && *scan->cursor == '.' && digit_value(scan->cursor[1]) < 10)
	{
		*is_float = true;
		appendStringInfoString(&number, digits);
		if (!scan_fraction(scan, &number))
			return NULL;
		number.data = float_text(scan, number.data);
		if (number.data == NULL)
			return NULL;
	}
	else if (strcmp(digits, "0") == 0)
		return digits;			/* an integer knows no -0 */
	else
		appendStringInfoString(&number, digits);

	if (scan_is_name_part(*scan->cursor))
	{
		scan_invalid(scan, "a letter in a number");
		return NULL;
	}
	return number.data;
}

/*
 * Append a code point.
 */
static bool
append_code_point(ElixirScan *scan, StringInfo text, pg_wchar code)
{
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {0};

	if (code == 0)
		return scan_invalid(scan, "a NUL character, which PostgreSQL cannot store,");
	if (!is_valid_unicode_codepoint(code) || (code >= 0xD800 && code <= 0xDFFF))
		return scan_invalid(scan, "an escape that is not a Unicode character");
	if (code >= 0x80 && GetDatabaseEncoding() != PG_UTF8)
		return scan_invalid(scan, "a Unicode escape, which requires database encoding UTF8,");
	unicode_to_utf8(code, utf8);
	appendBinaryStringInfo(text, (char *) utf8, pg_utf_mblen(utf8));
	return true;
}

/*
 * The hexadecimal number of \x41, \x{41}, \u0041, \u{41}; "at" stands after
 * the letter and is moved past the number.  -1 if there is none.
 */
static int
take_hex(const char **at, char letter)
{
	bool		braces = **at == '{';
	int			least = braces ? 1 : letter == 'u' ? 4 : 1;
	int			most = braces ? 6 : letter == 'u' ? 4 : 2;
	int			value = 0;
	int			count = 0;

	if (braces)
		(*at)++;
	while (count < most && digit_value(**at) < 16)
	{
		value = value * 16 + digit_value(**at);
		(*at)++;
		count++;
	}
	if (count < least || (braces && **at != '}'))
		return -1;
	if (braces)
		(*at)++;
	return value;
}

/*
 * Append what an escape stands for; "at" stands after the backslash and is
 * moved past the escape.
 */
static bool
append_escape(ElixirScan *scan, StringInfo text, const char **at)
{
	static const char letters[] = "abdefnrstv0";
	static const char values[] = "\a\b\177\033\f\n\r \t\v";
	char		c = *(*at)++;
	const char *letter = strchr(letters, c);

	if (c == 'x' || c == 'u')
	{
		bool		byte = c == 'x' && **at != '{';
		int			value = take_hex(at, c);

		if (value < 0)
			return scan_invalid(scan, "an incomplete escape");
		if (!byte || value == 0)
			return append_code_point(scan, text, value);
		appendStringInfoChar(text, (char) value);
		return true;
	}
	if (c == '\n')
		return true;
	if (c == '\r' && **at == '\n')
	{
		(*at)++;
		return true;
	}
	if (c == '0')
		return append_code_point(scan, text, 0);
	appendStringInfoChar(text, letter ? values[letter - letters] : c);
	return true;
}

char *
scan_code_point(ElixirScan *scan)
{
	const char *at = scan->cursor + 1;
	StringInfoData text;
	pg_wchar	code[2];

	initStringInfo(&text);
	if (at[0] == '\\' && at[1] != '\0')
	{
		at++;
		if (!append_escape(scan, &text, &at))
			return NULL;
	}
	else
	{
		appendBinaryStringInfo(&text, at, *at ? pg_mblen(at) : 0);
		at += text.len;
	}
	if (text.len == 0)
	{
		scan_invalid(scan, "no character after \"?\"");
		return NULL;
	}
	scan->cursor = at;
	if (text.len == 1)			/* "?\xE9" is a byte, not text */
		return psprintf("%d", (unsigned char) text.data[0]);
	pg_mb2wchar_with_len(text.data, code, text.len);
	return psprintf("%u", (unsigned int) code[0]);
}

/*
 * Raw text with its escapes resolved.
 *
 * "\xHH" is a byte, so whether the whole is text shows only at the end.
 */
static char *
resolve_escapes(ElixirScan *scan, const char *raw)
{
	StringInfoData text;

	initStringInfo(&text);
	while (*raw)
	{
		if (raw[0] == '#' && raw[1] == '{')
		{
			scan_code(scan, "interpolation (#{...})");
			return NULL;
		}
		if (*raw != '\\' || raw[1] == '\0')
			appendStringInfoChar(&text, *raw++);
		else
		{
			raw++;
			if (!append_escape(scan, &text, &raw))
				return NULL;
		}
	}
	if (!pg_verifymbstr(text.data, text.len, true))
	{
		scan_invalid(scan, "bytes that are invalid in the database encoding");
		return NULL;
	}
	return text.data;
}

/*
 * Raw text up to the terminator, past which the cursor moves.  "escapes":
 * keep a backslash and what follows together; otherwise (in an upper-case
 * sigil) only an escaped terminator is special, and loses its backslash.
 */
static char *
scan_raw(ElixirScan *scan, char terminator, bool escapes)
{
	StringInfoData raw;
	const char *at = scan->cursor;

	initStringInfo(&raw);
	for (; *at != terminator; at++)
	{
		if (*at == '\\' && at[1] != '\0' && (escapes || at[1] == terminator))
		{
			if (escapes)
				appendStringInfoChar(&raw, *at);
			at++;
		}
		if (*at == '\0')
		{
			scan_invalid(scan, "an unterminated string, starting");
			return NULL;
		}
		appendStringInfoChar(&raw, *at);
	}
	scan->cursor = at + 1;
	return raw.data;
}

/*
 * Where the terminator of a heredoc stands: alone, but for space, at the
 * start of a line.  NULL if there is none.
 */
static const char *
heredoc_end(const char *line, const char *quotes)
{
	while (line != NULL)
	{
		const char *at = line + strspn(line, " \t");

		if (strncmp(at, quotes, 3) == 0)
			return at;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return NULL;
}

/*
 * Raw text of a heredoc, the terminator's indentation taken off each line.
 * The cursor stands after the opening quotes.
 */
static char *
scan_heredoc(ElixirScan *scan, const char *quotes)
{
	StringInfoData raw;
	const char *line = scan->cursor + strspn(scan->cursor, " \t\r");
	const char *end;
	const char *last;

	if (*line != '\n' || (end = heredoc_end(line + 1, quotes)) == NULL)
	{
		scan_invalid(scan, "an unterminated heredoc, starting");
		return NULL;
	}
	line++;
	for (last = end; last > line && last[-1] != '\n';)
		last--;

	initStringInfo(&raw);
	while (line < last)
	{
		int			length = strcspn(line, "\n") + 1;
		int			indent = Min(strspn(line, " \t"), end - last);

		appendBinaryStringInfo(&raw, line + indent, length - indent);
		line += length;
	}
	scan->cursor = end + 3;
	return raw.data;
}

char *
scan_quoted(ElixirScan *scan)
{
	char		quotes[4] = {*scan->cursor, *scan->cursor, *scan->cursor, '\0'};
	const char *start = scan->cursor;
	char	   *raw;
	char	   *text;
	const char *end;

	if (strncmp(scan->cursor, quotes, 3) == 0)
	{
		scan->cursor += 3;
		raw = scan_heredoc(scan, quotes);
	}
	else
	{
		scan->cursor++;
		raw = scan_raw(scan, quotes[0], true);
	}
	if (raw == NULL)
		return NULL;

	end = scan->cursor;
	scan->cursor = start;		/* where a problem is */
	text = resolve_escapes(scan, raw);
	scan->cursor = end;
	return text;
}

/*
 * What closes a sigil that this opens, or NUL
 */
static char
sigil_terminator(char opening)
{
	static const char openings[] = "([{</|\"'";
	static const char closings[] = ")]}>/|\"'";
	const char *at = opening ? strchr(openings, opening) : NULL;

	return at ? closings[at - openings] : '\0';
}

char *
scan_sigil(ElixirScan *scan, char *letter, char **modifiers)
{
	const char *start = scan->cursor;
	bool		lower;
	char	   *text;
	char		terminator;

	*letter = scan->cursor[1];
	terminator = *letter ? sigil_terminator(scan->cursor[2]) : '\0';
	if (strchr("sScCwWDTNU", *letter) == NULL || terminator == '\0')
	{
		scan_code(scan, "a sigil other than ~s, ~S, ~c, ~C, ~w, ~W, ~D, ~T, ~N, ~U");
		return NULL;
	}
	lower = *letter >= 'a';
	if ((terminator == '"' || terminator == '\'') &&
		scan->cursor[3] == terminator && scan->cursor[4] == terminator)
	{
		char		quotes[4] = {terminator, terminator, terminator, '\0'};

		scan->cursor += 5;
		text = scan_heredoc(scan, quotes);
	}
	else
	{
		scan->cursor += 3;
		text = scan_raw(scan, terminator, lower);
	}
	if (text && lower)
	{
		const char *end = scan->cursor;

		scan->cursor = start;
		text = resolve_escapes(scan, text);
		scan->cursor = end;
	}
	if (text)
		*modifiers = scan_name(scan);
	return text;
}
