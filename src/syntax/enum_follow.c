/*
 * enum_follow.c
 *		Enums, followed through statements: see enum_follow.h.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "base/names.h"
#include "syntax/enum_follow.h"
#include "syntax/sql_text.h"

/*
 * A statement that enum_follow_fold may replace, by its place in the texts.
 * The text of a creation is made at the end.
 */
typedef struct EnumEdit
{
	const char *text;			/* the very string that was given */
	int			location;
	int			length;
	char	   *replacement;	/* NULL: the statement stays */
	FollowedEnum *created;		/* what it creates, or NULL */
	char	   *reference;		/* that, as the statement names it */
	bool		folded;			/* it gets labels that come later */
} EnumEdit;

/* What is left of a statement whose value its enum has from the start */
#define FOLDED_VALUE "-- the enum was created with this value\n"

/* ------------------------------------------------------------------------
 * Names
 * ------------------------------------------------------------------------
 */

static FollowedEnum *
find(const EnumFollow *follow, const char *schema, const char *name)
{
	ListCell   *lc;

	foreach(lc, follow->enums)
	{
		FollowedEnum *type = lfirst(lc);

		if (type->exists && strcmp(type->name, name) == 0 && strcmp(type->schema, schema) == 0)
			return type;
	}
	return NULL;
}

/* The schema of a name that may have one */
static char *
schema_of(const EnumFollow *follow, List *names)
{
	if (list_length(names) == 1)
		return pstrdup(follow->schema);
	return strVal(list_nth(names, list_length(names) - 2));
}

static FollowedEnum *
find_names(const EnumFollow *follow, List *names)
{
	return find(follow, schema_of(follow, names), strVal(llast(names)));
}

/* A name as SQL */
static char *
reference(List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? "." : "", quote_name(strVal(lfirst(lc))));
	return buf.data;
}

/* The position of a label, or -1 */
static int
label_position(const FollowedEnum *type, const char *label)
{
	for (int i = 0; i < list_length(type->labels); i++)
	{
		if (strcmp(((EnumLabel *) list_nth(type->labels, i))->current, label) == 0)
			return i;
	}
	return -1;
}

/* ------------------------------------------------------------------------
 * Following
 * ------------------------------------------------------------------------
 */

static EnumLabel *
make_label(FollowedEnum *type, char *created, char *current)
{
	EnumLabel  *label = palloc(sizeof(EnumLabel));

	label->created = created;
	label->current = current;
	type->names = lappend(type->names, current);
	return label;
}

static void
follow_creation(EnumFollow *follow, CreateEnumStmt *statement, EnumEdit *edit, const void *origin)
{
	FollowedEnum *type = palloc0(sizeof(FollowedEnum));
	ListCell   *lc;

	type->schema = schema_of(follow, statement->typeName);
	type->name = strVal(llast(statement->typeName));
	type->exists = true;
	type->creator = origin;
	type->creation = edit;
	foreach(lc, statement->vals)
	{
		char	   *value = strVal(lfirst(lc));

		type->labels = lappend(type->labels, make_label(type, value, value));
	}
	follow->enums = lappend(follow->enums, type);
	edit->created = type;
	edit->reference = reference(statement->typeName);
}

/*
 * A name for a label that no label of the type was ever called by.
 */
static char *
unused_name(const FollowedEnum *type)
{
	char	   *name;

	for (int n = 1; names_have(type->names, name = psprintf("ashmig value %d", n)); n++)
		;
	return name;
}

/*
 * ALTER TYPE ... ADD VALUE.  Where a label before was called like the new one
 * the type is created with another name for it, which changes here.
 */
static void
follow_new_value(FollowedEnum *type, AlterEnumStmt *statement, EnumEdit *edit)
{
	char	   *value = statement->newVal;
	char	   *created = value;
	int			at = list_length(type->labels);

	if (label_position(type, value) >= 0)
		return;
	if (statement->newValNeighbor)
	{
		int			neighbor = label_position(type, statement->newValNeighbor);

		if (neighbor < 0)
			return;				/* the server says so */
		at = neighbor + (statement->newValIsAfter ? 1 : 0);
	}
	edit->replacement = FOLDED_VALUE;
	if (names_have(type->names, value))
	{
		created = unused_name(type);
		edit->replacement = psprintf("ALTER TYPE %s RENAME VALUE %s TO %s",
									 reference(statement->typeName), quote_text(created),
									 quote_text(value));
		type->names = lappend(type->names, created);
	}
	type->labels = list_insert_nth(type->labels, at, make_label(type, created, value));
	type->creation->folded = true;
}

/* ALTER TYPE ... RENAME VALUE */
static void
follow_renamed_value(FollowedEnum *type, const AlterEnumStmt *statement)
{
	int			at = label_position(type, statement->oldVal);

	if (at < 0)
		return;
	((EnumLabel *) list_nth(type->labels, at))->current = statement->newVal;
	type->names = lappend(type->names, statement->newVal);
}

static void
changed_by(FollowedEnum *type, const void *origin)
{
	type->changers = lappend(type->changers, unconstify(void *, origin));
}

static bool
follow_drop(EnumFollow *follow, DropStmt *statement, const void *origin)
{
	bool		known = true;
	ListCell   *lc;

	if (statement->removeType != OBJECT_TYPE)
		return true;
	foreach(lc, statement->objects)
	{
		FollowedEnum *type = find_names(follow, lfirst_node(TypeName, lc)->names);

		if (type == NULL)
		{
			known = false;
			continue;
		}
		type->exists = false;
		changed_by(type, origin);
	}
	return known;
}

/*
 * What a statement does; false where it is about a type that is not known.
 */
static bool
follow_statement(EnumFollow *follow, Node *statement, EnumEdit *edit, const void *origin)
{
	FollowedEnum *type;

	if (IsA(statement, CreateEnumStmt))
	{
		follow_creation(follow, (CreateEnumStmt *) statement, edit, origin);
		return true;
	}
	if (IsA(statement, DropStmt))
		return follow_drop(follow, (DropStmt *) statement, origin);
	if (IsA(statement, AlterEnumStmt))
	{
		AlterEnumStmt *alter = (AlterEnumStmt *) statement;

		type = find_names(follow, alter->typeName);
		if (type == NULL)
			return false;
		if (alter->oldVal)
			follow_renamed_value(type, alter);
		else
			follow_new_value(type, alter, edit);
	}
	else if (IsA(statement, RenameStmt) && ((RenameStmt *) statement)->renameType == OBJECT_TYPE)
	{
		type = find_names(follow, castNode(List, ((RenameStmt *) statement)->object));
		if (type == NULL)
			return false;
		type->name = ((RenameStmt *) statement)->newname;
	}
	else if (IsA(statement, AlterObjectSchemaStmt) &&
			 ((AlterObjectSchemaStmt *) statement)->objectType == OBJECT_TYPE)
	{
		type = find_names(follow, castNode(List, ((AlterObjectSchemaStmt *) statement)->object));
		if (type == NULL)
			return false;
		type->schema = ((AlterObjectSchemaStmt *) statement)->newschema;
	}
	else
		return true;
	changed_by(type, origin);
	return true;
}

/* Does the text hold the word, which is given in lower case, in whatever case? */
static bool
has_word(const char *text, const char *word)
{
	char		first[] = {word[0], pg_toupper((unsigned char) word[0]), '\0'};
	int			length = strlen(word);

	for (text = strpbrk(text, first); text; text = strpbrk(text + 1, first))
	{
		if (pg_strncasecmp(text, word, length) == 0)
			return true;
	}
	return false;
}

EnumFollow *
enum_follow_start(const char *schema)
{
	EnumFollow *follow = palloc0(sizeof(EnumFollow));

	follow->schema = schema;
	return follow;
}

bool
enum_follow_text(EnumFollow *follow, const char *sql, const void *origin)
{
	bool		known = true;
	ListCell   *lc;

	/* all the statements that are followed say so; most others do not */
	if (!has_word(sql, "type"))
		return true;
	foreach(lc, raw_parser(sql, RAW_PARSE_DEFAULT))
	{
		RawStmt    *raw = lfirst_node(RawStmt, lc);
		EnumEdit   *edit = palloc0(sizeof(EnumEdit));

		edit->text = sql;
		edit->location = Max(raw->stmt_location, 0);
		edit->length = raw->stmt_len > 0 ? raw->stmt_len : strlen(sql) - edit->location;
		known &= follow_statement(follow, raw->stmt, edit, origin);
		follow->edits = lappend(follow->edits, edit);
	}
	return known;
}

FollowedEnum *
enum_follow_find(const EnumFollow *follow, const char *schema, const char *name)
{
	return find(follow, schema, name);
}

/* The labels as the type is created with, or as they are called by now */
static List *
label_names(const FollowedEnum *type, bool created)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, type->labels)
	{
		const EnumLabel *label = lfirst(lc);

		result = lappend(result, created ? label->created : label->current);
	}
	return result;
}

List *
enum_follow_labels(const FollowedEnum *type)
{
	return label_names(type, false);
}

char *
enum_follow_create(const char *reference, List *labels)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE TYPE %s AS ENUM (", reference);
	foreach(lc, labels)
		appendStringInfo(&buf, "%s%s", lc == list_head(labels) ? "" : ", ",
						 quote_text(lfirst(lc)));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* ------------------------------------------------------------------------
 * Folding
 * ------------------------------------------------------------------------
 */

/*
 * A text with its edits, which are those from *next on, in order.
 */
static char *
edited(const char *text, List *edits, int *next)
{
	StringInfoData buf;
	int			done = 0;

	initStringInfo(&buf);
	for (; *next < list_length(edits); (*next)++)
	{
		const EnumEdit *edit = list_nth(edits, *next);
		char	   *replacement = edit->replacement;

		if (edit->text != text)
			break;
		if (edit->created && edit->folded)
			replacement = enum_follow_create(edit->reference, label_names(edit->created, true));
		if (replacement == NULL)
			continue;
		appendBinaryStringInfo(&buf, text + done, edit->location - done);
		appendStringInfoString(&buf, replacement);
		done = edit->location + edit->length;
	}
	appendStringInfoString(&buf, text + done);
	return buf.data;
}

bool
enum_follow_may_add_value(const char *sql)
{
	return has_word(sql, "value") && has_word(sql, "type");
}

List *
enum_follow_fold(List *texts, const char *schema)
{
	EnumFollow *follow = enum_follow_start(schema);
	List	   *result = NIL;
	ListCell   *lc;
	int			next = 0;

	foreach(lc, texts)
		(void) enum_follow_text(follow, lfirst(lc), NULL);
	foreach(lc, texts)
		result = lappend(result, edited(lfirst(lc), follow->edits, &next));
	return result;
}
