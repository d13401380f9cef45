/*
 * shared_reference_setup.c
 *		Adding a shared reference: see shared_reference_setup.h.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "migrate/execute.h"
#include "syntax/sql_text.h"
#include "tenant/managed_part.h"
#include "tenant/shared_reference.h"
#include "tenant/shared_reference_setup.h"

/* ------------------------------------------------------------------------
 * What can be referenced
 * ------------------------------------------------------------------------
 */

/* Open a table that may not exist; the lock stays. */
static Relation
open_table(Oid table, LOCKMODE lock)
{
	Relation	rel = try_table_open(table, lock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u does not exist", table)));
	return rel;
}

/* Raise for a table that cannot have, or be the target of, shared references. */
static void
check_table(Relation rel)
{
	const char *name = RelationGetRelationName(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an ordinary table", name),
				 errdetail("Partitioned tables and partitions cannot have shared references."),
				 errhint("Use a foreign key.")));
	if (rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("\"%s\" is a temporary or unlogged table", name),
				 errhint("Use a foreign key.")));
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security hides rows of table \"%s\"", name),
				 errhint("Call ashmig_add_reference() as a role that sees all rows.")));
}

/* Raise unless the caller owns the one and may reference the other. */
static void
check_rights(Relation rel, Relation referenced)
{
	if (!table_owned_by(RelationGetRelid(rel), GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(rel));
	if (pg_class_aclcheck(RelationGetRelid(referenced), GetUserId(), ACL_REFERENCES) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(referenced));
}

/* The columns by number */
static KeyColumns
find_columns(Relation rel, List *names)
{
	KeyColumns	columns = {0};
	ListCell   *lc;

	foreach(lc, names)
	{
		AttrNumber	number = get_attnum(RelationGetRelid(rel), lfirst(lc));

		if (number <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" has no column \"%s\"", RelationGetRelationName(rel),
							(char *) lfirst(lc))));
		for (int i = 0; i < columns.n; i++)
		{
			if (columns.numbers[i] == number)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" appears twice in a reference", (char *) lfirst(lc))));
		}
		if (columns.n == INDEX_MAX_KEYS)
			ereport(ERROR,
					(errcode(ERRCODE_TOO_MANY_COLUMNS),
					 errmsg("a reference must not have more than %d columns", INDEX_MAX_KEYS)));
		columns.numbers[columns.n++] = number;
	}
	return columns;
}

/* ------------------------------------------------------------------------
 * Existing rows
 * ------------------------------------------------------------------------
 */

/* x.a = y.id AND ... */
static char *
columns_match(Relation rel, const KeyColumns *columns, Relation referenced, const KeyColumns *key)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < key->n; i++)
		appendStringInfo(&sql, "%sx.%s OPERATOR(pg_catalog.=) y.%s", i == 0 ? "" : " AND ",
						 quote_name(NameStr(TupleDescAttr(RelationGetDescr(rel), columns->numbers[i] - 1)->attname)),
						 quote_name(NameStr(TupleDescAttr(RelationGetDescr(referenced), key->numbers[i] - 1)->attname)));
	return sql.data;
}

/* a IS NOT NULL AND ..., where "row" is NEW or x */
static char *
not_null(Relation rel, const KeyColumns *columns, const char *row)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < columns->n; i++)
		appendStringInfo(&sql, "%s%s.%s IS NOT NULL", i == 0 ? "" : " AND ", row,
						 quote_name(NameStr(TupleDescAttr(RelationGetDescr(rel), columns->numbers[i] - 1)->attname)));
	return sql.data;
}

/*
 * Raise where a row references nothing.  Both tables are locked against changes, so
 * that the newest state holds until we commit, whatever the isolation level.
 */
static void
check_rows(Relation rel, const KeyColumns *columns, Relation referenced, const KeyColumns *key,
		   const char *name)
{
	char	   *sql = psprintf("SELECT 1 FROM ONLY %s AS x WHERE %s AND NOT EXISTS (SELECT FROM ONLY %s AS y WHERE %s)",
							   managed_table_qualified_name(RelationGetRelid(rel)),
							   not_null(rel, columns, "x"),
							   managed_table_qualified_name(RelationGetRelid(referenced)),
							   columns_match(rel, columns, referenced, key));
	SPIPlanPtr	plan;

	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not connect to SPI")));
	plan = SPI_prepare(sql, 0, NULL);
	CommandCounterIncrement();
	if (plan == NULL ||
		SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(), InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not execute query: %s", SPI_result_code_string(SPI_result)),
				 errdetail("Statement: %s", sql)));
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("table \"%s\" has rows that violate the reference \"%s\"",
						RelationGetRelationName(rel), name),
				 errdetail("They reference rows of table \"%s\" that do not exist.",
						   RelationGetRelationName(referenced)),
				 errhint("SELECT x.* %s LIMIT 1 shows one.", strstr(sql, "FROM")),
				 errtableconstraint(rel, name)));
	SPI_finish();
}

/* ------------------------------------------------------------------------
 * The triggers
 * ------------------------------------------------------------------------
 */

/* OLD.id IS DISTINCT FROM NEW.id OR ... */
static char *
key_changes(Relation referenced, const KeyColumns *key)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < key->n; i++)
	{
		char	   *column = quote_name(NameStr(TupleDescAttr(RelationGetDescr(referenced),
															  key->numbers[i] - 1)->attname));

		appendStringInfo(&sql, "%sOLD.%s IS DISTINCT FROM NEW.%s", i == 0 ? "" : " OR ", column, column);
	}
	return sql.data;
}

/* Those of the public table; one that is there but disabled is made anew. */
static void
create_public_triggers(Relation referenced, const KeyColumns *key)
{
	char	   *table = managed_table_qualified_name(RelationGetRelid(referenced));
	static const char *const names[] = {
		REFERENCED_ROW_DELETED, REFERENCED_ROW_UPDATED, REFERENCED_TABLE_TRUNCATED
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (OidIsValid(get_trigger_oid(RelationGetRelid(referenced), names[i], true)))
			execute_command(psprintf("DROP TRIGGER %s ON %s", names[i], table));
	}
	execute_command(psprintf("CREATE TRIGGER %s AFTER DELETE ON %s FOR EACH ROW"
							 " EXECUTE FUNCTION ashmig.referenced_row_deleted()",
							 REFERENCED_ROW_DELETED, table));
	execute_command(psprintf("CREATE TRIGGER %s AFTER UPDATE ON %s FOR EACH ROW WHEN (%s)"
							 " EXECUTE FUNCTION ashmig.referenced_row_updated()",
							 REFERENCED_ROW_UPDATED, table, key_changes(referenced, key)));
	execute_command(psprintf("CREATE TRIGGER %s BEFORE TRUNCATE ON %s FOR EACH STATEMENT"
							 " EXECUTE FUNCTION ashmig.referenced_table_truncated()",
							 REFERENCED_TABLE_TRUNCATED, table));
}

/* That of the referencing table */
static void
create_trigger(const NewReference *wanted, Relation rel, const KeyColumns *columns)
{
	execute_command(psprintf("CREATE CONSTRAINT TRIGGER %s AFTER INSERT OR UPDATE ON %s FROM %s"
							 " FOR EACH ROW WHEN (%s) EXECUTE FUNCTION ashmig.reference_row_written(%s, %s)",
							 quote_name(wanted->name), managed_table_qualified_name(wanted->table),
							 managed_table_qualified_name(wanted->referenced), not_null(rel, columns, "NEW"),
							 quote_text(reference_action_name(wanted->on_delete)),
							 quote_text(reference_action_name(wanted->on_update))));
}

/*
 * A table without rows needs no lock on the public one: rows that this transaction
 * inserts later lock what they reference.  search_path is pinned for the
 * operators in conditions.
 */
void
shared_reference_add(const NewReference *wanted)
{
	int			level = NewGUCNestLevel();
	Relation	rel = open_table(wanted->table, ShareRowExclusiveLock);
	Relation	referenced = open_table(wanted->referenced, AccessShareLock);
	bool		has_rows = RelationGetNumberOfBlocks(rel) > 0;
	KeyColumns	columns;
	KeyColumns	key;

	settings_pin("search_path", "pg_catalog, pg_temp");
	check_table(rel);
	check_table(referenced);
	check_rights(rel, referenced);
	if (has_rows || shared_reference_missing_trigger(referenced))
		LockRelationOid(wanted->referenced, ShareRowExclusiveLock);
	columns = find_columns(rel, wanted->columns);
	key = shared_reference_key(referenced);
	shared_reference_check_types(rel, &columns, referenced, &key);
	if (shared_reference_missing_trigger(referenced))
		create_public_triggers(referenced, &key);
	if (has_rows)
		check_rows(rel, &columns, referenced, &key, wanted->name);
	create_trigger(wanted, rel, &columns);
	table_close(referenced, NoLock);
	table_close(rel, NoLock);
	AtEOXact_GUC(true, level);
}
