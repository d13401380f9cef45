/*
 * withdrawal.c
 *		What a statement takes away: see withdrawal.h.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "tcop/tcopprot.h"

#include "base/compat.h"
#include "syntax/sql_text.h"
#include "syntax/withdrawal.h"

/* ----------
 * What a statement takes away
 * ----------
 */

static List *
add_withdrawal(List *found, const char *name, const char *column)
{
	Withdrawal *withdrawal = palloc0(sizeof(Withdrawal));

	withdrawal->name = pstrdup(name);
	withdrawal->column = column ? pstrdup(column) : NULL;
	return lappend(found, withdrawal);
}

/* A copy that stands alone, in the current memory context */
Withdrawal *
withdrawal_copy(const Withdrawal *from)
{
	Withdrawal *to = palloc(sizeof(Withdrawal));

	to->name = from->name ? pstrdup(from->name) : NULL;
	to->column = from->column ? pstrdup(from->column) : NULL;
	to->constraint = from->constraint ? pstrdup(from->constraint) : NULL;
	to->index = from->index ? pstrdup(from->index) : NULL;
	to->new_name = from->new_name ? pstrdup(from->new_name) : NULL;
	to->tenants_have_one = from->tenants_have_one;
	return to;
}

/* What ALTER TABLE takes away */
static List *
find_in_alter_table(const AlterTableStmt *statement, List *found)
{
	ListCell   *lc;

	foreach(lc, statement->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);

		switch (command->subtype)
		{
			case AT_DropColumn:
			case AT_AlterColumnType:
				found = add_withdrawal(found, statement->relation->relname, command->name);
				break;
			case AT_DropConstraint:
				found = add_withdrawal(found, statement->relation->relname, NULL);
				((Withdrawal *) llast(found))->constraint = pstrdup(command->name);
				break;
			default:
				break;
		}
	}
	return found;
}

/*
 * The name of an object that DROP or ALTER ... SET SCHEMA names; NULL if it
 * has none of its own
 */
static const char *
object_name(Node *object)
{
	if (IsA(object, List))
		return strVal(llast((List *) object));
	if (IsA(object, TypeName))
		return strVal(llast(((TypeName *) object)->names));
	if (IsA(object, ObjectWithArgs))
		return strVal(llast(((ObjectWithArgs *) object)->objname));
	if (IsA(object, String))
		return strVal(object);
	return NULL;
}

static List *
find_in_drop(const DropStmt *statement, List *found)
{
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		const char *name = object_name(lfirst(lc));

		switch (statement->removeType)
		{
			case OBJECT_INDEX:
				found = lappend(found, palloc0(sizeof(Withdrawal)));
				((Withdrawal *) llast(found))->index = pstrdup(name);
				break;
			case OBJECT_TABLE:
			case OBJECT_VIEW:
			case OBJECT_MATVIEW:
			case OBJECT_FOREIGN_TABLE:
			case OBJECT_SEQUENCE:
			case OBJECT_TYPE:
			case OBJECT_DOMAIN:
			case OBJECT_FUNCTION:
			case OBJECT_PROCEDURE:
			case OBJECT_ROUTINE:
			case OBJECT_SCHEMA:
				found = add_withdrawal(found, name, NULL);
				break;
			default:
				break;
		}
	}
	return found;
}

static List *
find_in_rename(const RenameStmt *statement, List *found)
{
	switch (statement->renameType)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_SEQUENCE:
			found = add_withdrawal(found, statement->relation->relname, NULL);
			break;
		case OBJECT_COLUMN:
			found = add_withdrawal(found, statement->relation->relname, statement->subname);
			break;
		case OBJECT_SCHEMA:
			return add_withdrawal(found, statement->subname, NULL);
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			return add_withdrawal(found, object_name(statement->object), NULL);
		default:
			return found;		/* nobody refers to an index, a constraint or
								 * a trigger by name */
	}
	((Withdrawal *) llast(found))->new_name = pstrdup(statement->newname);
	return found;
}

static List *
find_in_move(const AlterObjectSchemaStmt *statement, List *found)
{
	const char *name = statement->relation ? statement->relation->relname
		: object_name(statement->object);

	return name ? add_withdrawal(found, name, NULL) : found;
}

/*
 * Most statements take nothing away, and need not be parsed to be told so.
 */
static bool
may_withdraw(const char *sql)
{
	static const char *const words[] = {"drop", "rename", "type", "schema"};

	for (const char *p = strpbrk(sql, "dDrRtTsS"); p != NULL; p = strpbrk(p + 1, "dDrRtTsS"))
	{
		for (int i = 0; i < lengthof(words); i++)
		{
			if (pg_strncasecmp(p, words[i], strlen(words[i])) == 0)
				return true;
		}
	}
	return false;
}

/*
 * What the statements of a text take away.
 */
List *
withdrawal_find(const char *sql)
{
	List	   *found = NIL;
	ListCell   *lc;

	if (!may_withdraw(sql))
		return NIL;
	foreach(lc, pg_parse_query(sql))
	{
		Node	   *statement = lfirst_node(RawStmt, lc)->stmt;

		switch (nodeTag(statement))
		{
			case T_AlterTableStmt:
				found = find_in_alter_table((AlterTableStmt *) statement, found);
				break;
			case T_DropStmt:
				found = find_in_drop((DropStmt *) statement, found);
				break;
			case T_RenameStmt:
				found = find_in_rename((RenameStmt *) statement, found);
				break;
			case T_AlterObjectSchemaStmt:
				found = find_in_move((AlterObjectSchemaStmt *) statement, found);
				break;
			default:
				break;
		}
	}
	return found;
}

/*
 * The name between its quotes, as generated statements write it: with doubled
 * quotes, or with escapes.  Hand-written ones that quote it do so, too.
 */
static char *
written_name(const char *name)
{
	char	   *quoted = strchr(quote_name(name), '"');

	return pnstrdup(quoted + 1, strlen(quoted) - 2);
}

/* ----------
 * Keys
 * ----------
 */

/* The constraint of that name among these nodes, and in their columns; or NULL */
static const Constraint *
find_constraint(const List *nodes, const char *name)
{
	ListCell   *lc;

	foreach(lc, nodes)
	{
		Node	   *node = lfirst(lc);
		const Constraint *found = NULL;

		if (IsA(node, Constraint))
			found = (Constraint *) node;
		else if (IsA(node, ColumnDef))
			found = find_constraint(((ColumnDef *) node)->constraints, name);
		else if (IsA(node, AlterTableCmd) && ((AlterTableCmd *) node)->def != NULL)
			found = find_constraint(list_make1(((AlterTableCmd *) node)->def), name);
		if (found && found->conname && strcmp(found->conname, name) == 0)
			return found;
	}
	return NULL;
}

/* The constraint that a statement gives that name, or NULL */
static const Constraint *
made_constraint(Node *statement, const char *name)
{
	if (IsA(statement, CreateStmt))
		return find_constraint(((CreateStmt *) statement)->tableElts, name);
	if (IsA(statement, AlterTableStmt))
		return find_constraint(((AlterTableStmt *) statement)->cmds, name);
	return NULL;
}

/* Is it of a key?  The newest statement that made it says so. */
bool
withdrawal_is_of_key(Withdrawal *withdrawal, const List *earlier)
{
	const char *name = withdrawal->index ? withdrawal->index : withdrawal->constraint;
	const char *written = written_name(name);
	bool		is_key = withdrawal->constraint != NULL;
	ListCell   *lc;
	ListCell   *ls;

	foreach(lc, earlier)
	{
		if (strstr(lfirst(lc), written) == NULL && strstr(lfirst(lc), name) == NULL)
			continue;
		foreach(ls, pg_parse_query(lfirst(lc)))
		{
			Node	   *statement = lfirst_node(RawStmt, ls)->stmt;
			const Constraint *constraint;

			if (withdrawal->index && IsA(statement, IndexStmt))
			{
				const IndexStmt *index = (IndexStmt *) statement;

				if (index->idxname == NULL || strcmp(index->idxname, name) != 0)
					continue;
				is_key = index->unique;
				withdrawal->name = pstrdup(index->relation->relname);
			}
			else if (withdrawal->constraint &&
					 (constraint = made_constraint(statement, name)) != NULL)
				is_key = constraint->contype == CONSTR_PRIMARY ||
					constraint->contype == CONSTR_UNIQUE;
		}
	}
	return is_key;
}

/* ----------
 * Who names it
 * ----------
 */
static bool
is_word_character(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}

/*
 * Does the word that begins here name something outside the tenant's schema?
 * What is qualified does, unless by that schema.  What is not does only where
 * the tenant has no table of that name, and not where it is a column: in quotes
 * behind a parenthesis or a comma.
 */
static bool
names_outside(const char *statement, const char *word, bool own_table)
{
	static const char own[] = PLACEHOLDER_TENANT ".";
	const char *before = word;

	if (before > statement && before[-1] == '"')
		before--;
	if (before - statement >= 2 && before < word && pg_strncasecmp(before - 2, "U&", 2) == 0)
		before -= 2;
	if (before > statement && before[-1] == '.')
		return before - statement < strlen(own) ||
			strncmp(before - strlen(own), own, strlen(own)) != 0;
	if (own_table)
		return false;
	if (before == word)
		return true;
	while (before > statement && isspace((unsigned char) before[-1]))
		before--;
	return before == statement || (before[-1] != '(' && before[-1] != ',');
}

/* Is the word there?  "outside": as names_outside says. */
static bool
has_word(const char *statement, const char *word, bool outside, bool own_table)
{
	size_t		length = strlen(word);

	for (const char *p = statement; *p; p++)
	{
		if (pg_strncasecmp(p, word, length) == 0 &&
			(p == statement || !is_word_character(p[-1])) && !is_word_character(p[length]) &&
			(!outside || names_outside(statement, p, own_table)))
			return true;
	}
	return false;
}

/* Is the name there, as it is or as it is written between quotes? */
static bool
has_name(const char *statement, const char *name, bool outside, bool own_table)
{
	return has_word(statement, name, outside, own_table) ||
		(strpbrk(name, "\"@#") != NULL &&
		 has_word(statement, written_name(name), outside, own_table));
}

/*
 * Does a statement of a tenant name what is taken away?
 */
bool
withdrawal_concerns(const Withdrawal *withdrawal, const char *statement)
{
	if (withdrawal->name == NULL ||
		!has_name(statement, withdrawal->name, true, withdrawal->tenants_have_one))
		return false;
	return withdrawal->column == NULL || has_name(statement, withdrawal->column, false, false);
}
