/*
 * mentions.c
 *		The names that an SQL text mentions: see mentions.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scansup.h"

#include "proof/mentions.h"

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

void
mention_begin(MentionScan *scan, const char *sql)
{
	scan->sql = scan->at = sql;
	scan->string_end = NULL;
	scan->is_body = false;
}

/* The end of a comment that begins here; where none does, "at" itself */
static const char *
skip_comment(const char *at)
{
	int			depth = 0;

	if (at[0] == '-' && at[1] == '-')
		return at + strcspn(at, "\n");
	if (at[0] != '/' || at[1] != '*')
		return at;
	for (; *at; at++)
	{
		if (at[0] == '/' && at[1] == '*')
			depth++, at++;
		else if (at[0] == '*' && at[1] == '/')
		{
			at++;
			if (--depth == 0)
				return at + 1;
		}
	}
	return at;
}

/* The quote that ends the literal whose text begins here; "escapes": with backslashes */
static const char *
quoted_end(const char *at, bool escapes)
{
	for (; *at; at++)
	{
		if (escapes && at[0] == '\\' && at[1] != '\0')
			at++;
		else if (at[0] == '\'' && at[1] == '\'')
			at++;
		else if (at[0] == '\'')
			return at;
	}
	return at;
}

/*
 * Enter the literal that begins here, if one does: the scan goes on in it until
 * its end.
 */
static bool
enter_string(MentionScan *scan)
{
	const char *at = scan->at;

	if (*at == '\'')
	{
		bool		escapes = at > scan->sql && (at[-1] == 'E' || at[-1] == 'e') &&
			(at - 1 == scan->sql || !continues_word(at[-2]));

		scan->string_end = quoted_end(at + 1, escapes);
		scan->is_body = false;
		scan->at = at + 1;
		return true;
	}
	if (*at == '$' && (at == scan->sql || !continues_word(at[-1])))
	{
		const char *tag_end = at + 1;
		char	   *tag;
		const char *end;

		if (starts_word(*tag_end))
		{
			while (*tag_end != '$' && continues_word(*tag_end))
				tag_end++;
		}
		if (*tag_end != '$')
			return false;
		tag = pnstrdup(at, tag_end + 1 - at);
		end = strstr(tag_end + 1, tag);
		scan->string_end = end ? end : tag_end + strlen(tag_end);
		scan->is_body = true;
		scan->at = tag_end + 1;
		return true;
	}
	return false;
}

/* Leave the literal where it ends. */
static void
leave_string(MentionScan *scan)
{
	scan->at = scan->string_end;
	if (scan->is_body && *scan->at == '$')
		scan->at += 1 + strcspn(scan->at + 1, "$");
	if (*scan->at)
		scan->at++;
	scan->string_end = NULL;
}

/* Does a name with Unicode escapes begin here? */
static bool
is_escaped_name(const char *at)
{
	return (at[0] == 'U' || at[0] == 'u') && at[1] == '&' && at[2] == '"';
}

/* The character of the escape that stands here, \hhhh as quote_name writes it; or 0 */
static char
escaped_character(const char *at)
{
	unsigned int code = 0;

	if (at[0] == '\\' && strspn(at + 1, "0123456789ABCDEFabcdef") >= 4)
		code = strtoul(pnstrdup(at + 1, 4), NULL, 16);
	return code < 0x80 ? (char) code : 0;
}

/* The name in quotes that begins here; *end is set behind it. */
static char *
read_quoted_name(const char *at, const char **end)
{
	bool		escapes = is_escaped_name(at);
	StringInfoData buf;

	initStringInfo(&buf);
	for (at += escapes ? 3 : 1; *at; at++)
	{
		if (at[0] == '"' && at[1] != '"')
			break;
		if (escapes && escaped_character(at))
		{
			appendStringInfoChar(&buf, escaped_character(at));
			at += 4;
			continue;
		}
		if (at[0] == '"' || (escapes && at[0] == '\\' && at[1] == '\\'))
			at++;
		appendStringInfoChar(&buf, *at);
	}
	*end = *at ? at + 1 : at;
	truncate_identifier(buf.data, buf.len, false);
	return buf.data;
}

static bool
starts_name(const char *at)
{
	return starts_word(*at) || *at == '"';
}

/* The name that begins here, as PostgreSQL reads it; *end is set behind it. */
static char *
read_name(const char *at, const char **end)
{
	if (*at == '"' || is_escaped_name(at))
		return read_quoted_name(at, end);
	*end = at;
	while (continues_word(**end))
		(*end)++;
	return downcase_truncate_identifier(at, *end - at, false);
}

bool
mention_next(MentionScan *scan, Mention *mention)
{
	for (;;)
	{
		const char *at;
		const char *end;

		if (scan->string_end && scan->at >= scan->string_end)
			leave_string(scan);
		at = scan->at;
		if (*at == '\0')
			return false;
		if ((!scan->string_end || scan->is_body) && skip_comment(at) != at)
		{
			scan->at = skip_comment(at);
			continue;
		}
		if (!scan->string_end && enter_string(scan))
			continue;
		if (isdigit((unsigned char) *at))
		{
			while (continues_word(*scan->at))
				scan->at++;
			continue;
		}
		if (!starts_name(at))
		{
			scan->at++;
			continue;
		}
		memset(mention, 0, sizeof(Mention));
		mention->in_string = scan->string_end != NULL;
		mention->name = read_name(at, &end);
		if (end[0] == '.' && starts_name(end + 1))
		{
			mention->qualifier = mention->name;
			mention->qualifier_at = at;
			mention->qualifier_length = end - at;
			at = end + 1;
			mention->name = read_name(at, &end);
		}
		mention->name_at = at;
		mention->name_length = end - at;
		scan->at = end;
		return true;
	}
}

/* ----------
 * What a statement brings
 * ----------
 */
static char *
last_name(List *names)
{
	return strVal(llast(names));
}

/* The name of what a statement creates, or NULL */
static char *
created_name(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateStmt:
			return ((CreateStmt *) statement)->relation->relname;
		case T_CreateTableAsStmt:
			return ((CreateTableAsStmt *) statement)->into->rel->relname;
		case T_ViewStmt:
			return ((ViewStmt *) statement)->view->relname;
		case T_CreateSeqStmt:
			return ((CreateSeqStmt *) statement)->sequence->relname;
		case T_IndexStmt:
			return ((IndexStmt *) statement)->idxname;
		case T_CompositeTypeStmt:
			return ((CompositeTypeStmt *) statement)->typevar->relname;
		case T_CreateFunctionStmt:
			return last_name(((CreateFunctionStmt *) statement)->funcname);
		case T_CreateEnumStmt:
			return last_name(((CreateEnumStmt *) statement)->typeName);
		case T_AlterEnumStmt:	/* it brings a value */
			return last_name(((AlterEnumStmt *) statement)->typeName);
		case T_CreateRangeStmt:
			return last_name(((CreateRangeStmt *) statement)->typeName);
		case T_CreateDomainStmt:
			return last_name(((CreateDomainStmt *) statement)->domainname);
		case T_DefineStmt:
			return last_name(((DefineStmt *) statement)->defnames);
		default:
			return NULL;
	}
}

List *
mention_created(const char *sql)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, raw_parser(sql, RAW_PARSE_DEFAULT))
	{
		char	   *name = created_name(lfirst_node(RawStmt, lc)->stmt);

		if (name)
			names = lappend(names, name);
	}
	return names;
}
