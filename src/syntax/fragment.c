/*
 * fragment.c
 *		Raw SQL from outside: see fragment.h.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/*
 * The text with each placeholder replaced by a name of the same length, quoted
 * where sql_fill quotes it, so that the parser's offsets are those of the
 * text.
 */
static char *
mask_placeholders(const char *sql)
{
	static const struct
	{
		const char *placeholder;
		const char *name;
	}			masks[] = {
		{PLACEHOLDER_TENANT, "\"tenant\""},
		{PLACEHOLDER_DEFAULT, "\"default\""},
		{PLACEHOLDER_PREFIX, "prefix_name"},
	};
	char	   *masked = pstrdup(sql);

	StaticAssertStmt(sizeof(PLACEHOLDER_TENANT) == sizeof("\"tenant\"") &&
					 sizeof(PLACEHOLDER_DEFAULT) == sizeof("\"default\"") &&
					 sizeof(PLACEHOLDER_PREFIX) == sizeof("prefix_name"),
					 "a mask is as long as its placeholder");

	for (int i = 0; i < lengthof(masks); i++)
	{
		for (char *at = masked; (at = strstr(at, masks[i].placeholder)) != NULL;)
			memcpy(at, masks[i].name, strlen(masks[i].name));
	}
	return masked;
}

bool
fragment_is_foreign_error(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return category == ERRCODE_INSUFFICIENT_RESOURCES ||
		category == ERRCODE_OPERATOR_INTERVENTION ||
		category == ERRCODE_INTERNAL_ERROR;
}

/*
 * raw_parser with its error as a value: false, and the message in *error.
 *
 * The grammar takes no resources but memory, so catching its error needs no
 * subtransaction.  Errors not caused by the text (out of memory, a cancel) are
 * re-raised.
 */
static bool
parse(const char *sql, RawParseMode mode, List **tree, char **error)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool parsed = false;

	PG_TRY();
	{
		*tree = raw_parser(sql, mode);
		parsed = true;
	}
	PG_CATCH();
	{
		ErrorData  *data;

		MemoryContextSwitchTo(caller);
		data = CopyErrorData();
		FlushErrorState();
		if (fragment_is_foreign_error(data))
			ReThrowError(data);
		*error = pstrdup(data->message);
	}
	PG_END_TRY();
	return parsed;
}

bool
fragment_parse(const char *sql, List **tree)
{
	char	   *error;

	return parse(sql, RAW_PARSE_DEFAULT, tree, &error);
}

/*
 * Parse what must be a single statement.  NULL, with *error set, if it is not.
 */
static Node *
parse_statement(const char *sql, char **error)
{
	List	   *tree;

	if (!parse(sql, RAW_PARSE_DEFAULT, &tree, error))
		return NULL;
	if (list_length(tree) != 1)
	{
		*error = pstrdup("there is more than one statement");
		return NULL;
	}
	return linitial_node(RawStmt, tree)->stmt;
}

/*
 * Is this text nothing but white space?
 */
static bool
is_blank(const char *sql)
{
	return sql[strspn(sql, " \t\n\r\f\v")] == '\0';
}

/*
 * Run a check in a separate memory context, as parse trees are large, and turn
 * its error into a problem.
 */
typedef bool (*FragmentCheck) (const char *masked, char **error);

static bool
run_check(FragmentCheck check, const char *sql, int sqlerrcode,
		  const char *what, const char *hint, const char *path, Problem *problem)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "ashmig fragment",
												  ALLOCSET_DEFAULT_SIZES);
	char	   *error = NULL;
	bool		passed;

	MemoryContextSwitchTo(scratch);
	if (is_blank(sql))
	{
		error = "the text is empty";
		passed = false;
	}
	else
		passed = check(mask_placeholders(sql), &error);
	MemoryContextSwitchTo(caller);

	if (!passed)
		problem_note(problem, sqlerrcode, path, psprintf("The text is: %s", sql),
					 hint, "%s: %s", what, error);
	MemoryContextDelete(scratch);
	return passed;
}

/*
 * Is this statement "SELECT expression" and nothing more?
 */
static bool
is_bare_select(const Node *statement)
{
	const SelectStmt *select = (const SelectStmt *) statement;
	const ResTarget *target;

	if (!IsA(statement, SelectStmt) || select->op != SETOP_NONE)
		return false;
	if (select->distinctClause || select->intoClause || select->fromClause ||
		select->whereClause || select->groupClause || select->havingClause ||
		select->windowClause || select->valuesLists || select->sortClause ||
		select->limitOffset || select->limitCount || select->lockingClause ||
		select->withClause || list_length(select->targetList) != 1)
		return false;

	target = linitial_node(ResTarget, select->targetList);
	if (target->name || target->indirection)
		return false;
	if (IsA(target->val, SetToDefault))
		return false;
	if (IsA(target->val, ColumnRef))
		return !IsA(llast(((ColumnRef *) target->val)->fields), A_Star);
	return true;
}

/*
 * One expression parses both bare, where a comma, an alias, a clause or a
 * closing parenthesis shows, and in parentheses, where it will be printed.
 */
static bool
expression_passes(const char *masked, char **error)
{
	Node	   *bare = parse_statement(psprintf("SELECT %s", masked), error);
	Node	   *enclosed;

	if (bare == NULL)
		return false;
	if (!is_bare_select(bare))
	{
		*error = "expected exactly one expression";
		return false;
	}
	enclosed = parse_statement(psprintf("SELECT (%s\n)", masked), error);
	if (enclosed == NULL)
		return false;
	if (!is_bare_select(enclosed))
	{
		*error = "expected exactly one expression";
		return false;
	}
	return true;
}

bool
fragment_check_expression(const char *sql, const char *path, Problem *problem)
{
	return run_check(expression_passes, sql, ERRCODE_ASHMIG_INVALID_SQL,
					 "invalid SQL expression",
					 "Write one expression, without a semicolon, an alias, or an unclosed parenthesis.",
					 path, problem);
}

/* Is there a call of a function that is not known to be stable? */
static bool
find_volatile(Node *node, void *context)
{
	static const char *const stable[] = {
		"now", "transaction_timestamp", "statement_timestamp", "timezone", "date_trunc",
		"lower", "upper", "length", "jsonb_build_object", "jsonb_build_array", "make_interval"
	};

	if (node == NULL)
		return false;
	if (IsA(node, FuncCall))
	{
		const char *name = strVal(llast(((FuncCall *) node)->funcname));
		bool		known = false;

		for (int i = 0; i < lengthof(stable); i++)
			known = known || strcmp(stable[i], name) == 0;
		if (!known)
			return true;
	}
	return raw_expression_tree_walker(node, find_volatile, context);
}

bool
fragment_node_is_volatile(Node *node)
{
	return find_volatile(node, NULL);
}

bool
fragment_is_volatile(const char *sql)
{
	char	   *error;
	Node	   *statement = parse_statement(psprintf("SELECT %s", mask_placeholders(sql)), &error);

	return statement == NULL || find_volatile(statement, NULL);
}

/* Collect the names of columns. */
static bool
find_columns(Node *node, void *context)
{
	List	  **columns = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		Node	   *last = llast(((ColumnRef *) node)->fields);

		if (IsA(last, String))
			*columns = lappend(*columns, pstrdup(strVal(last)));
		return false;
	}
	return raw_expression_tree_walker(node, find_columns, context);
}

List *
fragment_columns(const char *sql)
{
	char	   *error;
	Node	   *statement = parse_statement(psprintf("SELECT %s", mask_placeholders(sql)), &error);
	List	   *columns = NIL;

	find_columns(statement, &columns);
	return columns;
}

List *
fragment_index_columns(const char *element)
{
	char	   *error;
	Node	   *statement = parse_statement(psprintf("CREATE INDEX ON t (%s\n)",
													 mask_placeholders(element)), &error);
	List	   *columns = NIL;
	IndexElem  *parsed;

	if (statement == NULL)
		return NIL;
	parsed = linitial_node(IndexElem, castNode(IndexStmt, statement)->indexParams);
	if (parsed->name != NULL)
		columns = lappend(columns, pstrdup(parsed->name));
	find_columns(parsed->expr, &columns);
	return columns;
}

/* Where a column is named */
typedef struct References
{
	const char *column;
	List	   *locations;		/* of int, in the text that is parsed */
	bool		qualified;		/* a table stands before one */
} References;

static bool
find_references(Node *node, void *context)
{
	References *references = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		const ColumnRef *ref = (const ColumnRef *) node;
		Node	   *last = llast(ref->fields);

		if (!IsA(last, String))
			references->qualified = true;	/* "posts.*" */
		else if (strcmp(strVal(last), references->column) == 0)
		{
			references->qualified |= list_length(ref->fields) > 1;
			references->locations = lappend_int(references->locations, ref->location);
		}
		return false;
	}
	return raw_expression_tree_walker(node, find_references, context);
}

/* The length of the identifier that stands here; 0 for U&"..." */
static int
identifier_length(const char *at)
{
	const char *end = at;

	if (*at == '"')
	{
		for (end = at + 1; *end != '\0' && (*end != '"' || end[1] == '"'); end++)
			end += *end == '"';
		return end + 1 - at;
	}
	if ((*at == 'U' || *at == 'u') && at[1] == '&')
		return 0;
	while (IS_HIGHBIT_SET(*end) || isalnum((unsigned char) *end) || *end == '_' || *end == '$')
		end++;
	return end - at;
}

/* The text with "name" at these places, which are counted from "offset" */
static char *
replace_references(const char *sql, const References *references, int offset, const char *name)
{
	StringInfoData buf;
	const char *done = sql;
	List	   *locations = list_copy(references->locations);
	ListCell   *lc;

	if (references->qualified)
		return NULL;
	initStringInfo(&buf);
	list_sort(locations, list_int_cmp);
	foreach(lc, locations)
	{
		const char *at = sql + lfirst_int(lc) - offset;
		int			length = identifier_length(at);

		if (length == 0)
			return NULL;
		appendBinaryStringInfo(&buf, done, at - done);
		appendStringInfoString(&buf, quote_name(name));
		done = at + length;
	}
	appendStringInfoString(&buf, done);
	return buf.data;
}

#define SELECT_BEFORE "SELECT "
#define INDEX_BEFORE "CREATE INDEX ON t ("

char *
fragment_rename(const char *sql, const char *column, const char *name)
{
	References	references = {column, NIL, false};
	char	   *error;
	Node	   *statement = parse_statement(psprintf(SELECT_BEFORE "%s", mask_placeholders(sql)), &error);

	if (statement == NULL)
		return NULL;
	find_references(statement, &references);
	return replace_references(sql, &references, strlen(SELECT_BEFORE), name);
}

char *
fragment_index_rename(const char *element, const char *column, const char *name)
{
	References	references = {column, NIL, false};
	char	   *error;
	Node	   *statement = parse_statement(psprintf(INDEX_BEFORE "%s\n)", mask_placeholders(element)),
											&error);
	IndexElem  *parsed;

	if (statement == NULL)
		return NULL;
	parsed = linitial_node(IndexElem, castNode(IndexStmt, statement)->indexParams);
	if (parsed->name != NULL && strcmp(parsed->name, column) == 0)
		references.locations = list_make1_int(strlen(INDEX_BEFORE) +
											  (int) (fragment_skip_space(element) - element));
	find_references(parsed->expr, &references);
	return replace_references(element, &references, strlen(INDEX_BEFORE), name);
}

/*
 * A single element leaves every clause around it as it is.
 */
static bool
index_element_passes(const char *masked, char **error)
{
	Node	   *statement;
	IndexStmt  *index;

	statement = parse_statement(psprintf("CREATE INDEX ON t (%s\n)", masked), error);
	if (statement == NULL)
		return false;
	index = castNode(IndexStmt, statement);
	if (list_length(index->indexParams) != 1 || index->indexIncludingParams ||
		index->options || index->tableSpace || index->whereClause)
	{
		*error = "expected exactly one element";
		return false;
	}
	return true;
}

bool
fragment_check_index_element(const char *sql, const char *path, Problem *problem)
{
	return run_check(index_element_passes, sql, ERRCODE_ASHMIG_INVALID_SQL,
					 "invalid index element",
					 "Write a column or an expression (in parentheses unless it is a function call), optionally followed by an operator class or a sort order.",
					 path, problem);
}

/* The statement in which an identifier is read */
#define NAME_STATEMENT "ALTER TABLE t RENAME COLUMN %s\n TO c"

static bool
name_passes(const char *masked, char **error)
{
	return parse_statement(psprintf(NAME_STATEMENT, masked), error) != NULL;
}

char *
fragment_name(const char *identifier, const char *path, Problem *problem)
{
	Node	   *statement;
	char	   *error;

	if (!run_check(name_passes, identifier, ERRCODE_ASHMIG_INVALID_SQL, "invalid name",
				   "Write the name of one column or one access method.", path, problem))
		return NULL;
	statement = parse_statement(psprintf(NAME_STATEMENT, mask_placeholders(identifier)), &error);
	return pstrdup(castNode(RenameStmt, statement)->subname);
}

/*
 * Is there a comment, outside of quotes?  In the name of a type it would hide
 * what is printed after it.
 */
static bool
has_comment(const char *sql)
{
	bool		quoted = false;

	for (; *sql; sql++)
	{
		if (*sql == '"')
			quoted = !quoted;
		else if (!quoted && ((sql[0] == '-' && sql[1] == '-') ||
							 (sql[0] == '/' && sql[1] == '*')))
			return true;
	}
	return false;
}

/*
 * As typeStringToTypeName, which raises its errors in a way that changed in
 * PostgreSQL 16
 */
static bool
type_passes(const char *masked, char **error)
{
	List	   *tree;
	TypeName   *type;

	if (has_comment(masked))
	{
		*error = "comments are not allowed";
		return false;
	}
	if (!parse(masked, RAW_PARSE_TYPE_NAME, &tree, error))
		return false;
	type = linitial_node(TypeName, tree);
	if (type->setof || type->pct_type)
	{
		*error = "SETOF and %TYPE are not allowed for columns";
		return false;
	}
	return true;
}

bool
fragment_check_type(const char *type, const char *path, Problem *problem)
{
	return run_check(type_passes, type, ERRCODE_ASHMIG_INVALID_TYPE,
					 "invalid type name",
					 "Write a type as in CREATE TABLE, such as \"text\" or \"numeric(10, 2)\".",
					 path, problem);
}

/*
 * Options leave the columns as they are and add no statement.
 */
static bool
table_options_pass(const char *masked, char **error)
{
	Node	   *statement;

	statement = parse_statement(psprintf("CREATE TABLE t (c integer) %s", masked),
								error);
	if (statement == NULL)
		return false;
	if (!IsA(statement, CreateStmt))
	{
		*error = "they change the kind of statement";
		return false;
	}
	return true;
}

bool
fragment_check_table_options(const char *options, const char *path, Problem *problem)
{
	return run_check(table_options_pass, options, ERRCODE_ASHMIG_INVALID_SQL,
					 "invalid table options",
					 "Write what can follow the column list in CREATE TABLE, such as PARTITION BY RANGE (inserted_at).",
					 path, problem);
}

/*
 * "(sql)"
 */
char *
fragment_parenthesize(const char *sql)
{
	return psprintf(strstr(sql, "--") ? "(%s\n)" : "(%s)", sql);
}

/*
 * Length of the comment that starts here, or 0.  The text has been parsed, so
 * every comment is closed.
 */
static int
comment_length(const char *at)
{
	const char *start = at;
	int			depth = 0;

	if (at[0] == '-' && at[1] == '-')
		return strcspn(at, "\n\r");
	if (at[0] != '/' || at[1] != '*')
		return 0;
	while (*at)
	{
		if (at[0] == '/' && at[1] == '*')
		{
			depth++;
			at += 2;
		}
		else if (at[0] == '*' && at[1] == '/')
		{
			depth--;
			at += 2;
			if (depth == 0)
				break;
		}
		else
			at++;
	}
	return at - start;
}

const char *
fragment_skip_space(const char *sql)
{
	for (;;)
	{
		const char *start = sql;

		sql += strspn(sql, " \t\n\r\f\v");
		sql += comment_length(sql);
		if (sql == start)
			return sql;
	}
}

/*
 * Where the next statement begins: past semicolons and space, at the comments
 * that stand in front of it.
 *
 * Where RawStmt says that a statement begins differs between versions
 * (leading comments were part of it until 17), and text must not.
 */
static int
statement_start(const char *sql, int at)
{
	int			start = -1;

	for (;;)
	{
		int			length;

		at += strspn(sql + at, " \t\n\r\f\v");
		if (sql[at] == ';')
		{
			at++;
			start = -1;
			continue;
		}
		length = comment_length(sql + at);
		if (length == 0)
			return start >= 0 ? start : at;
		if (start < 0)
			start = at;
		at += length;
	}
}

/*
 * The text from start to end, without space at its end
 */
static char *
cut_statement(const char *sql, int start, int end)
{
	while (end > start && strchr(" \t\n\r\f\v", sql[end - 1]) != NULL)
		end--;
	return pnstrdup(sql + start, end - start);
}

/*
 * The single statements of a text.
 */
List *
fragment_split(const char *sql, const char *path, Problem *problem)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "ashmig fragment",
												  ALLOCSET_DEFAULT_SIZES);
	List	   *tree = NIL;
	List	   *statements = NIL;
	char	   *error = NULL;
	bool		parsed;
	int			at = 0;

	MemoryContextSwitchTo(scratch);
	parsed = parse(mask_placeholders(sql), RAW_PARSE_DEFAULT, &tree, &error);
	MemoryContextSwitchTo(caller);

	if (!parsed)
		problem_note(problem, ERRCODE_ASHMIG_INVALID_SQL, path,
					 psprintf("The text is: %s", sql),
					 "Write SQL statements, separated by semicolons. The placeholders @tenant@ and @default@ stand for quoted schema names; #{prefix()} is the raw name.",
					 "invalid SQL: %s", error);
	foreach_node(RawStmt, raw, tree)
	{
		int			start = statement_start(sql, at);

		at = raw->stmt_len > 0 ? raw->stmt_location + raw->stmt_len : strlen(sql);
		statements = lappend(statements, cut_statement(sql, start, at));
	}
	MemoryContextDelete(scratch);
	return statements;
}
