/*
 * branches.c
 *		Histories that meet: see branches.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/errors.h"
#include "base/problem.h"
#include "record/branches.h"
#include "snapshot/snapshot_clash.h"
#include "snapshot/snapshot_three_way.h"

/* The rows s of one table: repo, scope, schema_name, table_name */
#define OF_TABLE(s) \
	" (" s ".repo, " s ".scope, " s ".schema_name, " s ".table_name) = ($1, $2, $3, $4) "

/* The first four values of a statement that says OF_TABLE */
static void
key_values(Datum *values, const char *repo, const TableName *table)
{
	values[0] = CStringGetTextDatum(repo);
	values[1] = CStringGetTextDatum(scope_name(table->scope));
	values[2] = CStringGetTextDatum(table->schema ? table->schema : "");
	values[3] = CStringGetTextDatum(table->name);
}

/* The hash of a snapshot, or NULL */
static char *
snapshot_hash(const char *snapshot)
{
	Problem		problem = {0};
	char	   *text;

	if (snapshot == NULL)
		return NULL;
	text = snapshot_canonical(snapshot, &problem);
	problem_raise(&problem);
	return catalog_hash(text);
}

BranchBase
branches_base(const char *repo, const TableName *table, bool dev)
{
	static CatalogStatement query = {
		.sql = "SELECT ARRAY(SELECT s.version FROM ashmig.snapshots s WHERE" OF_TABLE("s")
		" AND (NOT s.dev OR $5) AND NOT EXISTS (SELECT FROM ashmig.snapshots c WHERE" OF_TABLE("c")
		"  AND (NOT c.dev OR $5) AND c.version <> s.version AND (s.version = ANY (c.base_versions)"
		"   OR c.base_versions IS NULL AND (c.dev, c.version) > (s.dev, s.version)))"
		" ORDER BY s.version),"
		" (SELECT s.snapshot::text FROM ashmig.snapshots s WHERE" OF_TABLE("s")
		" AND (NOT s.dev OR $5) ORDER BY s.dev DESC, s.version DESC LIMIT 1)",
		.nargs = 5, .types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID}
	};
	MemoryContext context = CurrentMemoryContext;
	BranchBase	base;
	Datum		values[5];
	char	   *snapshot;
	bool		isnull;
	int			level;
	MemoryContext old;

	key_values(values, repo, table);
	values[4] = BoolGetDatum(dev);
	level = catalog_connect();
	catalog_query(&query, values, NULL);
	snapshot = catalog_string(0, 2, context);
	old = MemoryContextSwitchTo(context);
	base.versions = PointerGetDatum(DatumGetArrayTypePCopy(catalog_datum(0, 1, &isnull)));
	MemoryContextSwitchTo(old);
	catalog_disconnect(level);
	base.hash = snapshot_hash(snapshot);
	return base;
}

List *
branches_tables(CatalogStatement *query, Datum *values)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	int			level = catalog_connect();
	uint64		rows = catalog_query(query, values, NULL);

	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		BranchTable *table = palloc(sizeof(BranchTable));
		bool		isnull;

		table->repo = catalog_string(i, 1, context);
		table->name.scope = DatumGetBool(catalog_datum(i, 2, &isnull)) ? SCOPE_TENANT : SCOPE_PUBLIC;
		table->name.schema = catalog_string(i, 3, context);
		table->name.name = catalog_string(i, 4, context);
		result = lappend(result, table);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/* ------------------------------------------------------------------------
 * The rows of a table
 * ------------------------------------------------------------------------
 */

typedef struct BranchRow
{
	int64		version;
	bool		dev;
	bool		rooted;			/* it names what it started from, and that is
								 * recorded */
	int64	   *base_versions;
	int			nbases;			/* -1: it does not say */
	char	   *base_hash;		/* or NULL */
	TableText	own;			/* what its generation recorded */
	TableText	recorded;		/* as it stands in the table */
	bool		merged;			/* the two differ */
	bool		imported;		/* it is not in the table so far */
	Bitmapset  *before;			/* the rows that it builds on, by position */
	const TableText *base;		/* what they give together, once it is known */
} BranchRow;

/* All of them, in the order in which they count */
typedef struct BranchRows
{
	const char *repo;
	const TableName *table;
	BranchRow  *rows;
	int			nrows;
} BranchRows;

/* An empty table: what the first row starts from */
static const TableText no_table = {NULL, NULL};

static TableText
row_text(uint64 row, int column, MemoryContext context)
{
	TableText	text;

	text.snapshot = catalog_string(row, column, context);
	text.state = catalog_string(row, column + 1, context);
	return text;
}

/* A bigint[] column, in "context"; its length, -1 where it is null */
static int
row_versions(uint64 row, int column, int64 **versions, MemoryContext context)
{
	bool		isnull;
	Datum		value = catalog_datum(row, column, &isnull);
	Datum	   *items;
	int			count;

	*versions = NULL;
	if (isnull)
		return -1;
	deconstruct_array(DatumGetArrayTypeP(value), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &items, NULL, &count);
	*versions = MemoryContextAlloc(context, sizeof(int64) * Max(count, 1));
	for (int i = 0; i < count; i++)
		(*versions)[i] = DatumGetInt64(items[i]);
	return count;
}

static BranchRows *
load_rows(const char *repo, const TableName *table)
{
	static CatalogStatement query = {
		.sql = "SELECT s.version, s.dev, s.base_versions, s.base, s.brought IS NOT NULL,"
		" s.snapshot::text, s.state::text,"
		" (s.brought -> 'snapshot')::text, (s.brought -> 'state')::text"
		" FROM ashmig.snapshots s WHERE" OF_TABLE("s") "ORDER BY s.dev, s.version",
		.nargs = 4, .types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	BranchRows *result = palloc(sizeof(BranchRows));
	Datum		values[4];
	int			level;

	key_values(values, repo, table);
	level = catalog_connect();
	result->nrows = catalog_query(&query, values, NULL);
	result->repo = repo;
	result->table = table;
	/* one more may be imported */
	result->rows = MemoryContextAllocZero(context, sizeof(BranchRow) * (result->nrows + 1));
	for (int i = 0; i < result->nrows; i++)
	{
		BranchRow  *row = &result->rows[i];
		bool		isnull;

		row->version = catalog_int64(i, 1);
		row->dev = DatumGetBool(catalog_datum(i, 2, &isnull));
		row->nbases = row_versions(i, 3, &row->base_versions, context);
		row->base_hash = catalog_string(i, 4, context);
		row->merged = DatumGetBool(catalog_datum(i, 5, &isnull));
		row->recorded = row_text(i, 6, context);
		row->own = row->merged ? row_text(i, 8, context) : row->recorded;
	}
	catalog_disconnect(level);
	return result;
}

/* The position of a version, or -1 */
static int
row_position(const BranchRows *rows, int64 version)
{
	for (int i = 0; i < rows->nrows; i++)
	{
		if (rows->rows[i].version == version)
			return i;
	}
	return -1;
}

/*
 * What each row builds on.  One that does not say, or names rows that were
 * squashed, builds on all that come before.
 */
static void
find_before(BranchRows *rows)
{
	for (int i = 0; i < rows->nrows; i++)
	{
		BranchRow  *row = &rows->rows[i];

		row->rooted = row->nbases >= 0;
		for (int b = 0; b < row->nbases; b++)
		{
			int			at = row_position(rows, row->base_versions[b]);

			if (at < 0 || at >= i)
				row->rooted = false;
			else
				row->before = bms_add_member(bms_add_members(row->before, rows->rows[at].before), at);
		}
		for (int at = 0; !row->rooted && at < i; at++)
			row->before = bms_add_member(row->before, at);
	}
}

static const TableText *row_base(const BranchRows *rows, int position);

/* What a row gives on top of those in "done", which gave "sofar" */
static const TableText *
fold_row(const BranchRows *rows, int position, const Bitmapset *done, const TableText *sofar)
{
	const BranchRow *row = &rows->rows[position];
	TableStep	step;
	TableText  *result;
	Problem		problem = {0};

	if (bms_is_subset(done, row->before))
		return &row->own;
	step.from = row_base(rows, position);
	step.to = &row->own;
	result = snapshot_apply_step(sofar, &step, &problem);
	problem_raise(&problem);
	return result;
}

/* What some rows give together */
static const TableText *
fold_rows(const BranchRows *rows, const Bitmapset *which)
{
	const TableText *result = &no_table;
	Bitmapset  *done = NULL;

	for (int i = -1; (i = bms_next_member(which, i)) >= 0;)
	{
		result = fold_row(rows, i, done, result);
		done = bms_add_member(done, i);
	}
	return result;
}

/* What a row started from */
static const TableText *
row_base(const BranchRows *rows, int position)
{
	BranchRow  *row = &rows->rows[position];

	check_stack_depth();
	if (row->base == NULL)
		row->base = fold_rows(rows, row->before);
	return row->base;
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/* Text to a value of the statements below, or null */
static void
text_value(Datum *values, char *nulls, int at, const char *text)
{
	nulls[at] = text ? ' ' : 'n';
	values[at] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

static Datum
versions_datum(const int64 *versions, int count)
{
	Datum	   *items = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		items[i] = Int64GetDatum(versions[i]);
	return PointerGetDatum(construct_array(items, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

/* snapshot, state and brought from $6 to $9; the last two are NULL where nothing was merged */
#define MERGED_VALUES \
	"$6::jsonb, $7::jsonb, CASE WHEN $8 IS NOT NULL THEN" \
	" pg_catalog.jsonb_build_object('snapshot', $8::jsonb, 'state', $9::jsonb) END"

/* Write a row whose snapshot is now that; a new one, or the one that is there. */
static void
write_row(const BranchRows *rows, const BranchRow *row, const TableText *text)
{
	static CatalogStatement insert = {
		.sql = "INSERT INTO ashmig.snapshots (repo, scope, schema_name, table_name, version,"
		" snapshot, state, brought, base, base_versions)"
		" VALUES ($1, $2, $3, $4, $5, " MERGED_VALUES ", $10, $11)",
		.nargs = 11, .types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID,
		TEXTOID, TEXTOID, TEXTOID, INT8ARRAYOID}
	};
	static CatalogStatement update = {
		.sql = "UPDATE ashmig.snapshots AS s SET (snapshot, state, brought) = (SELECT " MERGED_VALUES ")"
		" WHERE" OF_TABLE("s") "AND s.version = $5",
		.nargs = 9, .types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID,
		TEXTOID, TEXTOID}
	};
	bool		merged = text != &row->own;
	Datum		values[11];
	char		nulls[] = "           ";
	int			level;

	key_values(values, rows->repo, rows->table);
	values[4] = Int64GetDatum(row->version);
	text_value(values, nulls, 5, text->snapshot);
	text_value(values, nulls, 6, text->state);
	text_value(values, nulls, 7, merged ? row->own.snapshot : NULL);
	text_value(values, nulls, 8, merged ? row->own.state : NULL);
	text_value(values, nulls, 9, row->base_hash);
	if (row->nbases < 0)
		nulls[10] = 'n';
	else
		values[10] = versions_datum(row->base_versions, row->nbases);
	level = catalog_connect();
	(void) catalog_execute(row->imported ? &insert : &update, values, nulls);
	catalog_disconnect(level);
}

/* Do two snapshots ask for the same? */
static bool
same_text(const TableText *a, const TableText *b)
{
	Problem		problem = {0};
	char	   *one;
	char	   *other;

	if (a->snapshot == NULL || b->snapshot == NULL)
		return a->snapshot == b->snapshot;
	one = snapshot_canonical(a->snapshot, &problem);
	other = snapshot_canonical(b->snapshot, &problem);
	if (problem.sqlerrcode != 0 || strcmp(one, other) != 0)
		return false;
	if (a->state == NULL || b->state == NULL)
		return a->state == b->state;
	return strcmp(snapshot_canonical(a->state, &problem),
				  snapshot_canonical(b->state, &problem)) == 0;
}

/*
 * What each row gives together with those before it; rows for which that is
 * not what they have are written.  What means the same stays as it is.
 */
static void
write_rows(const BranchRows *rows)
{
	const TableText *text = &no_table;
	Bitmapset  *done = NULL;

	for (int i = 0; i < rows->nrows; i++)
	{
		const BranchRow *row = &rows->rows[i];
		bool		merged;

		text = fold_row(rows, i, done, text);
		done = bms_add_member(done, i);
		merged = text != &row->own;
		if (row->imported || merged != row->merged ||
			(merged && !same_text(text, &row->recorded)))
			write_row(rows, row, text);
	}
}

void
branches_refold(const char *repo, const TableName *table)
{
	BranchRows *rows = load_rows(repo, table);

	find_before(rows);
	write_rows(rows);
}

void
branches_squashed(void)
{
	static CatalogStatement forget = {
		.sql = "UPDATE ashmig.snapshots SET brought = NULL, base = NULL, base_versions = NULL"
		" WHERE brought IS NOT NULL AND NOT dev"
	};
	int			level = catalog_connect();

	(void) catalog_execute(&forget, NULL, NULL);
	catalog_disconnect(level);
}

/* ------------------------------------------------------------------------
 * Importing
 * ------------------------------------------------------------------------
 */

/* A snapshot that a migration brought */
typedef struct BroughtTable
{
	char	   *repo;
	TableName	table;
	BranchRow	row;
} BroughtTable;

/* What is imported, as a List of BroughtTable * */
static List *
read_brought(const Migration *migration, int64 generation, Datum snapshots)
{
	static CatalogStatement query = {
		.sql = "SELECT coalesce(s.repo, $1), s.scope = 'tenant', nullif(s.schema_name, ''), s.table_name,"
		" s.snapshot::text, s.state::text, s.base ->> 'hash',"
		" CASE pg_catalog.jsonb_typeof(s.base -> 'versions') WHEN 'array' THEN"
		"  ARRAY(SELECT v::bigint FROM pg_catalog.jsonb_array_elements_text(s.base -> 'versions') v) END"
		" FROM ROWS FROM (pg_catalog.jsonb_to_recordset($2) AS (repo text, scope text,"
		"  schema_name text, table_name text, snapshot jsonb, state jsonb, base jsonb))"
		"  WITH ORDINALITY AS s ORDER BY s.ordinality",
		.nargs = 2, .types = {TEXTOID, JSONBOID}
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	Datum		values[2];
	int			level;
	uint64		rows;

	values[0] = CStringGetTextDatum(migration->repo);
	values[1] = snapshots;
	level = catalog_connect();
	rows = catalog_query(&query, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		BroughtTable *brought = MemoryContextAllocZero(context, sizeof(BroughtTable));
		BranchRow  *row = &brought->row;
		MemoryContext old;
		bool		isnull;

		brought->repo = catalog_string(i, 1, context);
		brought->table.scope = DatumGetBool(catalog_datum(i, 2, &isnull)) ? SCOPE_TENANT : SCOPE_PUBLIC;
		brought->table.schema = catalog_string(i, 3, context);
		brought->table.name = catalog_string(i, 4, context);
		row->version = generation;
		row->own = row_text(i, 5, context);
		row->base_hash = catalog_string(i, 7, context);
		row->nbases = row_versions(i, 8, &row->base_versions, context);
		row->imported = true;
		old = MemoryContextSwitchTo(context);
		result = lappend(result, brought);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/*
 * Does it start from what is current, as where there are no branches?  Then
 * the hash of that is the one that counts here: members that make no
 * difference may have been brought up to date since the script was written.
 */
static bool
starts_from_newest(BroughtTable *brought)
{
	BranchBase	base = branches_base(brought->repo, &brought->table, true);
	Datum	   *items;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(base.versions), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &items, NULL, &count);
	if (count != brought->row.nbases)
		return false;
	for (int i = 0; i < count; i++)
	{
		if (DatumGetInt64(items[i]) != brought->row.base_versions[i])
			return false;
	}
	brought->row.base_hash = base.hash;
	return true;
}

/* Insert the row at its place; returns its position. */
static int
insert_row(BranchRows *rows, const BranchRow *row)
{
	int			at = 0;

	while (at < rows->nrows && !rows->rows[at].dev && rows->rows[at].version < row->version)
		at++;
	memmove(&rows->rows[at + 1], &rows->rows[at], sizeof(BranchRow) * (rows->nrows - at));
	rows->rows[at] = *row;
	rows->nrows++;
	return at;
}

/* Was the history of the table squashed here, up to that row? */
static int64
squashed_version(const BranchRows *rows)
{
	for (int i = 0; i < rows->nrows; i++)
	{
		const char *state = rows->rows[i].own.state;

		if (state && strstr(state, "\"squashed\": true"))
			return rows->rows[i].version;
	}
	return 0;
}

/*
 * A row whose base is not recorded: where the newest snapshot here is the same,
 * that is what it starts from.  It may stand for what was squashed, or have
 * been generated here from the same snapshots, under another version.
 */
static void
find_same_base(const BranchRows *rows, BranchRow *row)
{
	int			newest = rows->nrows - 1;
	char	   *hash;

	while (newest >= 0 && rows->rows[newest].dev)
		newest--;
	if (newest < 0 || row->nbases <= 0 || row->base_hash == NULL ||
		rows->rows[newest].version >= row->version)
		return;
	for (int i = 0; i < row->nbases; i++)
	{
		if (row_position(rows, row->base_versions[i]) >= 0)
			return;
	}
	hash = snapshot_hash(rows->rows[newest].recorded.snapshot);
	if (hash == NULL || strcmp(hash, row->base_hash) != 0)
		return;
	row->nbases = rows->rows[newest].merged ? newest + 1 : 1;
	row->base_versions = palloc(sizeof(int64) * row->nbases);
	for (int i = 0; i < row->nbases; i++)
		row->base_versions[i] = rows->rows[newest - i].version;
}

/* Refuse a row that starts from what is not recorded. */
static void
check_base(const BranchRows *rows, const BranchRow *row, const Migration *migration)
{
	int64		squashed = squashed_version(rows);

	for (int i = 0; i < row->nbases; i++)
	{
		int64		base = row->base_versions[i];

		if (row_position(rows, base) >= 0)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_BASE),
				 errmsg("%s migration " INT64_FORMAT " builds on generation " INT64_FORMAT ", which is not recorded",
						scope_name(migration->scope), migration->version, base),
				 errdetail("It changes table \"%s\" as generation " INT64_FORMAT " left it.",
						   table_name_show(rows->table), base),
				 squashed >= base ?
				 errhint("Snapshots up to generation " INT64_FORMAT " are squashed here. Generate the migration again, from what is recorded now.",
						 squashed) :
				 errhint("Import the migrations of generation " INT64_FORMAT " first.", base)));
	}
}

/* A row that is older than the newest one cannot have the place of another one. */
static void
check_version(const BranchRows *rows, const BranchRow *row, const Migration *migration)
{
	if (row_position(rows, row->version) < 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_BRANCH_CONFLICT),
			 errmsg("two generations of version " INT64_FORMAT " have changed table \"%s\"",
					row->version, table_name_show(rows->table)),
			 errhint("Remove the %s migration where it was generated, and generate it again.",
					 scope_name(migration->scope))));
}

/* A value for a message */
static const char *
shown(const char *value)
{
	return value ? value : "none";
}

/* What an error says of two branches that do not go together */
static char *
clash_message(const BranchRow *recorded, const BranchRow *row, const TableText *base,
			  const StepClash *clash, const char *table)
{
	if (recorded->own.snapshot == NULL || row->own.snapshot == NULL)
		return psprintf("one branch has dropped or renamed table \"%s\", and another one has changed it", table);
	if (base->snapshot == NULL)
		return psprintf("two branches have created table \"%s\"", table);
	return psprintf("two branches have changed %s of table \"%s\"", clash->thing, table);
}

/* Raise: another branch has changed the same. */
static void
raise_clash(const BranchRows *rows, const BranchRow *recorded, const BranchRow *row,
			const StepClash *clash, const Migration *migration, int item)
{
	const char *remove = psprintf("SELECT ashmig_remove_migration(" INT64_FORMAT "%s);",
								  migration->version,
								  migration->scope == SCOPE_TENANT ? ", tenant => true" : "");

	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_BRANCH_CONFLICT),
			 errmsg_internal("%s", clash_message(recorded, row, row->base, clash,
												 table_name_show(rows->table))),
			 errdetail("At $[%d].snapshot%s: migration " INT64_FORMAT " has %s. Generation " INT64_FORMAT
					   ", which is recorded and does not build on it, has %s. Before, it was %s.",
					   item, clash->path ? clash->path : "", migration->version,
					   shown(clash->other), recorded->version, shown(clash->one),
					   shown(clash->before)),
			 recorded->dev ?
			 errhint("Roll back the development migrations here, or remove the other one where it was generated: %s", remove) :
			 errhint("Remove one of the two where it was generated (%s), import the other one there, and generate it again.", remove)));
}

/* Refuse a row that touches what a row of another branch touches. */
static void
check_branches(const BranchRows *rows, int position, const Migration *migration, int item)
{
	const BranchRow *row = &rows->rows[position];
	TableStep	step = {row_base(rows, position), &row->own};

	for (int i = 0; i < rows->nrows; i++)
	{
		const BranchRow *other = &rows->rows[i];
		TableStep	recorded;
		StepClash  *clash;
		Problem		problem = {0};

		if (i == position || bms_is_member(i, row->before) || bms_is_member(position, other->before))
			continue;
		recorded.from = row_base(rows, i);
		recorded.to = &other->own;
		clash = snapshot_find_clash(&recorded, &step, &problem);
		problem_raise(&problem);
		if (clash)
			raise_clash(rows, other, row, clash, migration, item);
	}
}

/* Record one imported snapshot among those that are recorded. */
static void
import_into(BranchRows *rows, BranchRow *row, const Migration *migration, int item)
{
	int			position;

	find_same_base(rows, row);
	check_base(rows, row, migration);
	check_version(rows, row, migration);
	position = insert_row(rows, row);
	find_before(rows);
	rows->rows[position].base_hash = snapshot_hash(row_base(rows, position)->snapshot);
	check_branches(rows, position, migration, item);
	write_rows(rows);
}

/* The newest rows of a repo's tables, dropped ones included */
#define NEWEST_ROWS \
	"SELECT DISTINCT ON (scope, schema_name, table_name) schema_name, table_name, version, snapshot, base_versions" \
	" FROM ashmig.snapshots WHERE repo = $1" \
	" ORDER BY scope, schema_name, table_name, dev DESC, version DESC"

/* The attributes of a row's snapshots, as a AS (value) */
#define ATTRIBUTES_OF(s) \
	"pg_catalog.jsonb_path_query(" s ".snapshot, 'lax $[*].attributes[*]') AS a (value)"

/*
 * Refuse what no table shows alone: one branch refers to a table or column,
 * the other has removed it.  True where both are there, and the types and the
 * keys of the two tables are to be compared, as they came in different generations.
 */
static bool
check_references(const Migration *migration, int64 generation)
{
	static CatalogStatement query = {
		.sql = "WITH newest AS (" NEWEST_ROWS "),"
		" refs AS (SELECT n.table_name, n.version, coalesce(a.value ->> 'name', a.value ->> 'source') AS source,"
		"  a.value -> 'type' AS type,"
		"  r.value ->> 'table' AS target, coalesce(r.value ->> 'schema', '') AS target_schema,"
		"  coalesce(r.value ->> 'destination_attribute', r.value ->> 'destination_field') AS target_column"
		"  FROM newest n, " ATTRIBUTES_OF("n") ", LATERAL (SELECT a.value -> 'references') AS r (value)"
		"  WHERE pg_catalog.jsonb_typeof(r.value) = 'object'"
		"  AND coalesce(r.value ->> 'ignore?', r.value ->> 'ignore', 'false') <> 'true')"
		" SELECT r.table_name, r.source, r.target, r.target_column, found.type IS NULL"
		" FROM refs r LEFT JOIN LATERAL (SELECT coalesce(a.value -> 'type', 'null') AS type"
		"  FROM newest t, " ATTRIBUTES_OF("t")
		"  WHERE t.table_name = r.target AND (r.target_schema = '' OR t.schema_name IN ('', r.target_schema))"
		"  AND coalesce(a.value ->> 'name', a.value ->> 'source') = r.target_column LIMIT 1) AS found ON true"
		" WHERE EXISTS (SELECT FROM newest t WHERE t.table_name = r.target"
		"   AND (t.version <> r.version OR found.type IS DISTINCT FROM r.type)"
		/* what was recorded when the other was generated is no branch */
		"   AND (r.version = $2 OR t.version = $2 AND r.version >"
		"    coalesce((SELECT pg_catalog.max(v) FROM pg_catalog.unnest(t.base_versions) AS v), 0)))"
		" ORDER BY found.type IS NULL DESC, r.table_name, r.source LIMIT 1",
		.nargs = 2, .types = {TEXTOID, INT8OID}
	};
	Datum		values[2];
	int			level;
	bool		met;
	bool		isnull;

	values[0] = CStringGetTextDatum(migration->repo);
	values[1] = Int64GetDatum(generation);
	level = catalog_connect();
	met = catalog_query(&query, values, NULL) > 0;
	if (met && DatumGetBool(catalog_datum(0, 5, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_BRANCH_CONFLICT),
				 errmsg("one branch refers to column \"%s\" of table \"%s\", which another one has removed",
						catalog_string(0, 4, CurrentMemoryContext),
						catalog_string(0, 3, CurrentMemoryContext)),
				 errdetail("With migration " INT64_FORMAT ", attribute \"%s\" of table \"%s\" refers to it, and the newest snapshot of table \"%s\" does not have it.",
						   migration->version, catalog_string(0, 2, CurrentMemoryContext),
						   catalog_string(0, 1, CurrentMemoryContext),
						   catalog_string(0, 3, CurrentMemoryContext)),
				 errhint("Remove one of the two migrations where it was generated, import the other one there, and generate it again.")));
	catalog_disconnect(level);
	return met;
}

bool
branches_import(const Migration *migration, int64 generation, Datum snapshots)
{
	bool		merged = false;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ashmig branches",
												  ALLOCSET_DEFAULT_SIZES);
	int			item = 0;
	ListCell   *lc;

	foreach(lc, read_brought(migration, generation, snapshots))
	{
		BroughtTable *brought = lfirst(lc);
		MemoryContext old = MemoryContextSwitchTo(scratch);

		if (starts_from_newest(brought))
		{
			BranchRows	rows = {brought->repo, &brought->table, NULL, 0};

			write_row(&rows, &brought->row, &brought->row.own);
		}
		else
		{
			import_into(load_rows(brought->repo, &brought->table), &brought->row, migration, item);
			merged = true;
		}
		item++;
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	return check_references(migration, generation) || merged;
}

/* ------------------------------------------------------------------------
 * Checking
 * ------------------------------------------------------------------------
 */

static List *
add_problem(List *problems, const BranchRows *rows, const BranchRow *row, char *what,
			char *recorded, char *actual)
{
	BranchProblem *problem = palloc(sizeof(BranchProblem));

	problem->repo = pstrdup(rows->repo);
	problem->table = *rows->table;
	problem->version = row->version;
	problem->problem = what;
	problem->recorded = recorded;
	problem->actual = actual;
	return lappend(problems, problem);
}

/* What is wrong with what a row starts from */
static List *
check_row_base(List *problems, const BranchRows *rows, int position)
{
	const BranchRow *row = &rows->rows[position];
	const char *table = table_name_show(rows->table);
	bool		squashed = squashed_version(rows) > 0;
	char	   *hash;

	for (int i = 0; i < row->nbases && !squashed; i++)
	{
		if (row_position(rows, row->base_versions[i]) < 0)
			problems = add_problem(problems, rows, row,
								   psprintf("builds on generation " INT64_FORMAT " of table \"%s\", which is not recorded",
											row->base_versions[i], table),
								   row->base_hash, NULL);
	}
	if (!row->rooted || row->base_hash == NULL)
		return problems;
	hash = snapshot_hash(row_base(rows, position)->snapshot);
	if (hash && strcmp(hash, row->base_hash) == 0)
		return problems;
	return add_problem(problems, rows, row,
					   psprintf("builds on another snapshot of table \"%s\" than the recorded one", table),
					   row->base_hash, hash);
}

/* Is the newest row what all of them give together? */
static List *
check_newest(List *problems, const BranchRows *rows)
{
	const BranchRow *newest = &rows->rows[rows->nrows - 1];
	Bitmapset  *all = NULL;
	const TableText *text;

	for (int i = 0; i < rows->nrows; i++)
		all = bms_add_member(all, i);
	text = fold_rows(rows, all);
	if (same_text(text, &newest->recorded))
		return problems;
	return add_problem(problems, rows, newest,
					   psprintf("the newest snapshot of table \"%s\" is not what its generations give together",
								table_name_show(rows->table)),
					   snapshot_hash(newest->recorded.snapshot), snapshot_hash(text->snapshot));
}

List *
branches_problems(void)
{
	static CatalogStatement query = {
		.sql = "SELECT DISTINCT repo, scope = 'tenant', nullif(schema_name, ''), table_name"
		" FROM ashmig.snapshots ORDER BY 1, 2, 4, 3"
	};
	List	   *problems = NIL;
	ListCell   *lc;

	foreach(lc, branches_tables(&query, NULL))
	{
		const BranchTable *table = lfirst(lc);
		BranchRows *rows = load_rows(table->repo, &table->name);

		find_before(rows);
		for (int i = 0; i < rows->nrows; i++)
			problems = check_row_base(problems, rows, i);
		problems = check_newest(problems, rows);
	}
	return problems;
}
