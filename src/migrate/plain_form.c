/*
 * plain_form.c
 *		Online forms where the tables are small: see plain_form.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "tcop/tcopprot.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/settings.h"
#include "metadata/catalog_partial.h"
#include "migrate/plain_form.h"
#include "syntax/directive.h"
#include "syntax/sql_text.h"

bool
plain_form_is_small(Oid table)
{
	Relation	rel = table_open(table, AccessShareLock);
	bool		small = true;

	if (RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind))
		small = (int64) RelationGetNumberOfBlocks(rel) * (BLCKSZ / 1024) <= ashmig_online_threshold;
	table_close(rel, AccessShareLock);
	return small;
}

/*
 * Does it remove the trigger, or its function, of a change of type that was not
 * completed (plan/online_type.h)?  Other statements name the table.
 */
static bool
drops_successor_part(const DropStmt *drop)
{
	return drop->removeType == OBJECT_TRIGGER || drop->removeType == OBJECT_FUNCTION;
}

/*
 * The table that a statement of an online form is about; InvalidOid where there
 * is none (any more), and *known is false where the statement is another one.
 */
static Oid
statement_table(Node *statement, bool *known)
{
	Oid			index;

	*known = true;
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			return RangeVarGetRelid(((AlterTableStmt *) statement)->relation, NoLock, true);
		case T_IndexStmt:
			return RangeVarGetRelid(((IndexStmt *) statement)->relation, NoLock, true);
		case T_UpdateStmt:
			return RangeVarGetRelid(((UpdateStmt *) statement)->relation, NoLock, true);
		case T_DeleteStmt:
			return RangeVarGetRelid(((DeleteStmt *) statement)->relation, NoLock, true);
		case T_DropStmt:
			if (drops_successor_part((DropStmt *) statement))
				return InvalidOid;
			if (((DropStmt *) statement)->removeType != OBJECT_INDEX)
				break;
			index = RangeVarGetRelid(makeRangeVarFromNameList(linitial(((DropStmt *) statement)->objects)),
									 NoLock, true);
			return OidIsValid(index) ? IndexGetRelation(index, true) : InvalidOid;
		default:
			break;
	}
	*known = false;
	return InvalidOid;
}

/* Is it an online form of a small table, or what undoes one? */
static bool
statement_fits(const char *sql)
{
	foreach_node(RawStmt, raw, pg_parse_query(sql))
	{
		bool		known;
		Oid			table = statement_table(raw->stmt, &known);

		if (!known || (OidIsValid(table) && !plain_form_is_small(table)))
			return false;
	}
	return true;
}

/* Is it of online forms alone? */
static bool
is_online(const Migration *migration)
{
	ListCell   *lc;

	foreach(lc, migration->up)
	{
		if (!directive_is_online(lfirst(lc)) && !directive_is_batch(lfirst(lc)) &&
			!directive_is_small(lfirst(lc)))
			return false;
	}
	return migration->up != NIL;
}

bool
plain_form_fits(const Migration *migration, const char *schema, const char *default_schema,
				bool down)
{
	ListCell   *lc;

	if (!is_online(migration) || catalog_partial_read(migration, schema).found)
		return false;
	foreach(lc, down ? migration->down : migration->up)
	{
		if (!directive_is_large(lfirst(lc)) &&
			!statement_fits(sql_fill(lfirst(lc), schema, default_schema)))
			return false;
	}
	return true;
}
