/*
 * two_forms.c
 *		Changes that are done in one of two ways: see two_forms.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_spi.h"
#include "migrate/two_forms.h"
#include "syntax/directive.h"
#include "syntax/sql_text.h"
#include "syntax/statement.h"

TwoForms
two_forms_read(const List *statements, int first, const char *schema, const char *default_schema)
{
	TwoForms	forms = {NIL, NIL};

	for (int i = first; i < list_length(statements); i++)
	{
		const char *sql = list_nth(statements, i);
		char	   *filled = sql_fill(sql, schema, default_schema);

		if (directive_is_small(sql) && forms.large == NIL)
			forms.small = lappend(forms.small, filled);
		else if (directive_is_large(sql))
			forms.large = lappend(forms.large, filled);
		else
			break;
	}
	return forms;
}

/* A change of type, as the statements for a small table have it */
typedef struct ColumnChange
{
	const RangeVar *table;
	const AlterTableCmd *command;	/* ALTER COLUMN ... TYPE */
	Oid			relid;
} ColumnChange;

/* False where there is none, or no such table */
static bool
find_change(const TwoForms *forms, ColumnChange *change)
{
	foreach_ptr(const char, sql, forms->small)
	{
		foreach_node(RawStmt, raw, pg_parse_query(sql))
		{
			const AlterTableStmt *alter = (const AlterTableStmt *) raw->stmt;

			if (!IsA(raw->stmt, AlterTableStmt))
				continue;
			foreach_node(AlterTableCmd, command, alter->cmds)
			{
				if (command->subtype != AT_AlterColumnType)
					continue;
				change->table = alter->relation;
				change->command = command;
				change->relid = RangeVarGetRelid(alter->relation, NoLock, true);
				return OidIsValid(change->relid);
			}
		}
	}
	return false;
}

bool
two_forms_is_done(const TwoForms *forms)
{
	ColumnChange change;
	const ColumnDef *definition;
	HeapTuple	tuple;
	Oid			type;
	int32		typmod;
	bool		done;

	if (!find_change(forms, &change))
		return false;
	tuple = SearchSysCacheAttName(change.relid, change.command->name);
	if (!HeapTupleIsValid(tuple))
		return false;
	definition = castNode(ColumnDef, change.command->def);
	typenameTypeIdAndMod(NULL, definition->typeName, &type, &typmod);
	done = ((Form_pg_attribute) GETSTRUCT(tuple))->atttypid == type &&
		((Form_pg_attribute) GETSTRUCT(tuple))->atttypmod == typmod;
	ReleaseSysCache(tuple);
	return done;
}

/* ----------
 * What hangs on the column
 * ----------
 */

/* The names that a statement gives to parts in the end, or takes away, added to the list (of char *) */
static List *
add_names(List *names, Node *statement)
{
	if (IsA(statement, RenameStmt))
		return lappend(names, ((RenameStmt *) statement)->newname);
	if (IsA(statement, DoStmt))
	{
		foreach_node(RawStmt, raw, statement_block((DoStmt *) statement))
			names = add_names(names, raw->stmt);
	}
	if (!IsA(statement, AlterTableStmt))
		return names;
	foreach_node(AlterTableCmd, command, ((AlterTableStmt *) statement)->cmds)
	{
		if (command->subtype == AT_AddConstraint && castNode(Constraint, command->def)->indexname)
			names = lappend(names, castNode(Constraint, command->def)->conname);
		if (command->subtype == AT_DropConstraint)
			names = lappend(names, command->name);
	}
	return names;
}

static List *
carried_names(List *large)
{
	List	   *names = NIL;

	foreach_ptr(const char, sql, large)
	{
		foreach_node(RawStmt, raw, pg_parse_query(sql))
			names = add_names(names, raw->stmt);
	}
	return names;
}

/*
 * What hangs on a column and would go with it, or is said of it or of what hangs
 * on it, and what would hide rows from the batches: in words.  The default and (since 18) NOT NULL are the column's own.
 */
static char *
find_hanging(Oid table, const char *column, List *carried)
{
	static CatalogStatement find = {
		.sql = "WITH own AS (SELECT * FROM pg_attribute WHERE attrelid = $1 AND attname = $2),"
		" parts AS (SELECT d.classid, d.objid, d.objsubid, coalesce(i.relname, c.conname) AS name"
		"  FROM own JOIN pg_depend AS d ON refclassid = 'pg_class'::regclass AND refobjid = attrelid AND refobjsubid = attnum"
		"  LEFT JOIN pg_class AS i ON classid = 'pg_class'::regclass AND i.oid = objid AND i.relkind = 'i'"
		"  LEFT JOIN pg_constraint AS c ON classid = 'pg_constraint'::regclass AND c.oid = objid AND c.conrelid = attrelid"
		"  LEFT JOIN pg_attrdef AS f ON classid = 'pg_attrdef'::regclass AND f.oid = objid AND adrelid = attrelid AND adnum = attnum"
		"  WHERE f.oid IS NULL AND contype IS DISTINCT FROM 'n'),"
		" hanging AS (SELECT pg_describe_object(classid, objid, objsubid) AS what FROM parts WHERE name <> ALL ($3) IS NOT FALSE"
		"  UNION SELECT 'the comment on ' || pg_describe_object(classid, objid, parts.objsubid) FROM parts"
		"   JOIN pg_description AS m ON m.classoid = classid AND m.objoid = objid AND m.objsubid = parts.objsubid"
		"  UNION SELECT 'its comment' FROM own WHERE col_description(attrelid, attnum) IS NOT NULL"
		"  UNION SELECT 'its privileges' FROM own WHERE attacl IS NOT NULL"
		"  UNION SELECT 'its statistics target' FROM own WHERE coalesce(attstattarget, -1) <> -1 OR attoptions::text ~ 'n_distinct'"
		"  UNION SELECT 'its storage' FROM own JOIN pg_type AS t ON t.oid = atttypid WHERE attstorage <> typstorage OR attcompression <> ''"
		"  UNION SELECT 'the replica identity' FROM own JOIN pg_index ON indrelid = attrelid"
		"   WHERE indisreplident AND attnum = ANY (indkey)"
		"  UNION SELECT 'table ' || inhrelid::regclass || ', which inherits it' FROM own JOIN pg_inherits ON inhparent = attrelid"
		"  UNION SELECT 'row-level security that is forced on the owner of the table' FROM own JOIN pg_class AS k ON k.oid = attrelid"
		"   WHERE relrowsecurity AND relforcerowsecurity"
		"  UNION SELECT 'the table that it is inherited from' FROM own WHERE attinhcount > 0)"
		" SELECT string_agg(what, ', ' ORDER BY what COLLATE \"C\") FROM hanging",
		.nargs = 3, .types = {OIDOID, NAMEOID, TEXTARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	Datum		values[3];
	char	   *result;

	values[0] = ObjectIdGetDatum(table);
	values[1] = DirectFunctionCall1(namein, CStringGetDatum(column));
	values[2] = catalog_text_array(carried);
	catalog_query(&find, values, NULL);
	result = catalog_string(0, 1, context);
	catalog_disconnect(level);
	return result;
}

void
two_forms_check(const TwoForms *forms, const char *schema)
{
	ColumnChange change;
	char	   *hanging;

	if (!find_change(forms, &change))
		return;
	hanging = find_hanging(change.relid, change.command->name, carried_names(forms->large));
	if (hanging == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_HANGS_ON_COLUMN),
			 errmsg("column \"%s\" of table \"%s.%s\" cannot change its type online",
					change.command->name, schema, change.table->relname),
			 errdetail("A new column is to take its place. In the way: %s.", hanging),
			 errhint("Remove that until then; or have the table rewritten in this schema, while others wait: SET ashmig.online_threshold = '1TB', and run again.")));
}

/* ----------
 * The statements
 * ----------
 */
List *
two_forms_resume(const List *statements, int done, const char *schema, const char *default_schema)
{
	List	   *result = NIL;
	bool		after_small = false;
	bool		is_done = false;	/* the change needs neither form */
	bool		begun = false;	/* the form for a large table */

	for (int i = 0; i < list_length(statements); i++)
	{
		char	   *sql = list_nth(statements, i);
		bool		small = directive_is_small(sql);

		if (small && !after_small)
		{
			TwoForms	forms = two_forms_read(statements, i, schema, default_schema);

			begun = done > i + list_length(forms.small);
			is_done = !begun && two_forms_is_done(&forms);
		}
		after_small = small;
		if (small ? begun || is_done : directive_is_large(sql) && (!begun || i < done))
			sql = "";
		result = lappend(result, sql);
	}
	return result;
}
