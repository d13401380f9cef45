/*
 * sql_text.c
 *		Printing SQL: see sql_text.h.
 */
#include "postgres.h"

#include "syntax/sql_text.h"

/*
 * Length of the placeholder that starts here, or 0.
 */
static int
placeholder_length(const char *at)
{
	static const char *const placeholders[] = {
		PLACEHOLDER_TENANT, PLACEHOLDER_DEFAULT, PLACEHOLDER_PREFIX
	};

	if (*at != '@' && *at != '#')
		return 0;
	for (int i = 0; i < lengthof(placeholders); i++)
	{
		int			length = strlen(placeholders[i]);

		if (strncmp(at, placeholders[i], length) == 0)
			return length;
	}
	return 0;
}

/*
 * Would sql_fill find something to fill in here?
 */
static bool
has_placeholder(const char *value)
{
	for (const char *at = strpbrk(value, "@#"); at; at = strpbrk(at + 1, "@#"))
	{
		if (placeholder_length(at) > 0)
			return true;
	}
	return false;
}

/*
 * A double-quoted identifier, always quoted.
 *
 * A name that holds a placeholder is written with Unicode escapes, in which
 * the placeholder's first character does not appear.  Each start is looked
 * at, as placeholders can overlap ("@tenant@tenant@").
 */
char *
quote_name(const char *name)
{
	bool		escape = has_placeholder(name);

	/* one character becomes at most five */
	char	   *result = palloc(strlen(name) * (escape ? 5 : 2) + sizeof("U&\"\""));
	char	   *to = result + sprintf(result, escape ? "U&\"" : "\"");

	for (const char *at = name; *at; at++)
	{
		if (escape && placeholder_length(at) > 0)
			to += sprintf(to, "\\%04X", (unsigned char) *at);
		else
		{
			if (*at == '"' || (escape && *at == '\\'))
				*to++ = *at;
			*to++ = *at;
		}
	}
	strcpy(to, "\"");
	return result;
}

/*
 * A string literal.
 *
 * With a backslash or a placeholder in it, the escape form, which means the
 * same whatever standard_conforming_strings says.
 */
char *
quote_text(const char *value)
{
	StringInfoData buf;
	bool		escape = strchr(value, '\\') != NULL || has_placeholder(value);

	initStringInfo(&buf);
	appendStringInfoString(&buf, escape ? "E'" : "'");
	for (const char *at = value; *at; at++)
	{
		if (escape && placeholder_length(at) > 0)
			appendStringInfo(&buf, "\\x%02X", (unsigned char) *at);
		else
		{
			if (*at == '\'' || (escape && *at == '\\'))
				appendStringInfoChar(&buf, *at);
			appendStringInfoChar(&buf, *at);
		}
	}
	appendStringInfoChar(&buf, '\'');
	return buf.data;
}

/*
 * "a", "b" from a List of char *
 */
char *
quote_names(List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
	{
		if (buf.len > 0)
			appendStringInfoString(&buf, ", ");
		appendStringInfoString(&buf, quote_name(lfirst(lc)));
	}
	return buf.data;
}

/* What stands between placeholders */
static void
append_piece(StringInfo buf, const SqlFilling *filling, const char *piece, int length)
{
	if (filling->escape)
		filling->escape(buf, piece, length);
	else
		appendBinaryStringInfo(buf, piece, length);
}

/*
 * Fill in the placeholders of a stored statement in one pass: inserted text is
 * not scanned again.
 */
char *
sql_fill_with(const char *statement, const SqlFilling *filling)
{
	StringInfoData buf;
	const char *done = statement;

	initStringInfo(&buf);
	for (const char *at = strpbrk(statement, "@#"); at; at = strpbrk(at, "@#"))
	{
		int			length = placeholder_length(at);

		if (length == 0)
		{
			at++;
			continue;
		}
		append_piece(&buf, filling, done, at - done);
		if (*at == '#')
			appendStringInfoString(&buf, filling->prefix);
		else
			appendStringInfoString(&buf, at[1] == PLACEHOLDER_TENANT[1] ?
								   filling->tenant : filling->default_schema);
		at += length;
		done = at;
	}
	append_piece(&buf, filling, done, strlen(done));
	return buf.data;
}

char *
sql_fill(const char *statement, const char *schema, const char *default_schema)
{
	SqlFilling	filling = {NULL, NULL, schema, NULL};

	if (strpbrk(statement, "@#"))
	{
		filling.tenant = quote_name(schema);
		filling.default_schema = quote_name(default_schema);
	}
	return sql_fill_with(statement, &filling);
}
