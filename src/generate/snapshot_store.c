/*
 * snapshot_store.c
 *		The snapshots that generations have recorded: see snapshot_store.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/settings.h"
#include "generate/snapshot_store.h"
#include "model/table_state.h"
#include "record/branches.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_merge.h"
#include "syntax/sql_text.h"

/* One row of ashmig.snapshots, as text */
typedef struct SnapshotRow
{
	char	   *repo;
	char	   *snapshot;
	char	   *state;
} SnapshotRow;

List *
snapshot_store_repos(void)
{
	static CatalogStatement query = {
		"SELECT DISTINCT repo FROM ashmig.snapshots ORDER BY repo", 0, {0}, NULL
	};
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	List	   *result = catalog_strings(catalog_query(&query, NULL, NULL), 1, context);

	catalog_disconnect(level);
	return result;
}

/* The rows of a query: snapshot, state and repo, as text */
static List *
query_rows(CatalogStatement *query, Datum *values)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	int			level = catalog_connect();
	uint64		rows = catalog_query(query, values, NULL);

	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		SnapshotRow *row = palloc(sizeof(SnapshotRow));

		row->snapshot = catalog_string(i, 1, context);
		row->state = catalog_string(i, 2, context);
		row->repo = catalog_string(i, 3, context);
		result = lappend(result, row);
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return result;
}

/*
 * The rows that count, in the order in which the tables were first recorded; the
 * versions "without" (of int64 *) of a scope are passed over.
 */
static List *
newest_rows(const char *repo, bool with_dev, Scope scope, List *without)
{
	static CatalogStatement query = {
		"SELECT snapshot::text, state::text, $1 FROM ("
		" SELECT DISTINCT ON (scope, schema_name, table_name) snapshot, state,"
		"  min(version) OVER (PARTITION BY scope, schema_name, table_name) AS first,"
		"  scope, schema_name, table_name"
		" FROM ashmig.snapshots WHERE repo = $1 AND (NOT dev OR $2)"
		"  AND NOT (scope = $3 AND version = ANY ($4))"
		" ORDER BY scope, schema_name, table_name, dev DESC, version DESC) s"
		" WHERE snapshot IS NOT NULL"
		" ORDER BY scope, first, schema_name, table_name",
		4, {TEXTOID, BOOLOID, TEXTOID, INT8ARRAYOID}, NULL
	};
	Datum		values[4];

	values[0] = CStringGetTextDatum(repo);
	values[1] = BoolGetDatum(with_dev);
	values[2] = CStringGetTextDatum(scope_name(scope));
	values[3] = catalog_version_array(without);
	return query_rows(&query, values);
}

/* One row as a merged snapshot; *state is set. */
static ResourceSnapshot *
row_snapshot(const SnapshotRow *row, TableState **state, Problem *problem)
{
	Bundle	   *bundle = snapshot_decode(row->snapshot, problem);
	MergeHistory history = {NIL, NIL};

	*state = row->state ? table_state_parse(row->state, problem) : NULL;
	if (bundle == NULL || bundle->snapshots == NIL)
		return NULL;
	if (*state)
	{
		history.primary_key = (*state)->primary_key_columns;
		history.identities = (*state)->identities;
	}
	return snapshot_merge(bundle->snapshots, &history, problem);
}

static Recorded *
load_rows(List *rows, Problem *problem)
{
	Recorded   *recorded = palloc0(sizeof(Recorded));
	List	   *states = NIL;
	ListCell   *lc;
	ListCell   *ls;

	recorded->model = model_create();
	foreach(lc, rows)
	{
		TableState *state;
		ResourceSnapshot *snapshot = row_snapshot(lfirst(lc), &state, problem);

		if (snapshot == NULL)
			return NULL;
		recorded->snapshots = lappend(recorded->snapshots, snapshot);
		states = lappend(states, state);
	}
	forboth(lc, recorded->snapshots, ls, states)
	{
		Table	   *table = model_table(lfirst(lc), lfirst(ls), recorded->snapshots,
										ashmig_default_schema, problem);

		if (table == NULL)
			return NULL;
		model_add(recorded->model, table);
	}
	return recorded;
}

Recorded *
snapshot_store_load(const char *repo, bool with_dev, Problem *problem)
{
	return load_rows(newest_rows(repo, with_dev, SCOPE_PUBLIC, NIL), problem);
}

Recorded *
snapshot_store_load_without(const char *repo, Scope scope, List *without, Problem *problem)
{
	return load_rows(newest_rows(repo, true, scope, without), problem);
}

List *
snapshot_store_squashed(const char *repo, Scope scope, List *generations)
{
	static CatalogStatement query = {
		"SELECT DISTINCT version FROM ashmig.snapshots"
		" WHERE repo = $1 AND scope = $2 AND version = ANY ($3) AND state -> 'squashed' = 'true'",
		3, {TEXTOID, TEXTOID, INT8ARRAYOID}, NULL
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3];
	List	   *result;
	int			level;

	values[0] = CStringGetTextDatum(repo);
	values[1] = CStringGetTextDatum(scope_name(scope));
	values[2] = catalog_version_array(generations);
	level = catalog_connect();
	result = catalog_int64s(catalog_query(&query, values, NULL), 1, context);
	catalog_disconnect(level);
	return result;
}

/* Parts of a table's name in ashmig.snapshots: scope, schema_name, table_name */
#define NAME_PARTS 3

/* text[] of one part of the names */
static Datum
names_datum(List *names, int part)
{
	List	   *parts = NIL;

	foreach_ptr(const TableName, name, names)
	{
		parts = lappend(parts, part == 0 ? (char *) scope_name(name->scope)
						: part == 1 ? (name->schema ? name->schema : "") : name->name);
	}
	return catalog_text_array(parts);
}

List *
snapshot_store_take_over(Recorded *recorded, const char *repo, List *names,
						 bool with_dev, Problem *problem)
{
	static CatalogStatement query = {
		"SELECT snapshot::text, state::text, repo FROM ("
		" SELECT DISTINCT ON (s.repo, s.scope, s.schema_name, s.table_name) s.snapshot, s.state,"
		"  s.repo, s.scope, s.schema_name, s.table_name"
		" FROM ashmig.snapshots AS s JOIN ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4),"
		"  pg_catalog.unnest($5)) AS k (scope, schema_name, table_name)"
		"  USING (scope, schema_name, table_name)"
		" WHERE s.repo <> $1 AND (NOT s.dev OR $2)"
		" ORDER BY s.repo, s.scope, s.schema_name, s.table_name, s.dev DESC, s.version DESC) n"
		" WHERE snapshot IS NOT NULL ORDER BY scope, schema_name, table_name, repo",
		5, {TEXTOID, BOOLOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}, NULL
	};
	Datum		values[5];
	List	   *taken = NIL;

	values[0] = CStringGetTextDatum(repo);
	values[1] = BoolGetDatum(with_dev);
	for (int part = 0; part < NAME_PARTS; part++)
		values[2 + part] = names_datum(names, part);
	foreach_ptr(SnapshotRow, row, query_rows(&query, values))
	{
		TakenTable *other = palloc(sizeof(TakenTable));
		TableState *state;
		ResourceSnapshot *snapshot = row_snapshot(row, &state, problem);
		Table	   *table = snapshot == NULL ? NULL
			: model_table(snapshot, state, recorded->snapshots, ashmig_default_schema, problem);

		if (table == NULL)
			return NIL;
		other->repo = row->repo;
		other->name = table->name;
		taken = lappend(taken, other);
		/* should two repos have it, the first speaks for both */
		if (model_find(recorded->model, &table->name) == NULL)
			model_add(recorded->model, table);
	}
	return taken;
}

bool
snapshot_store_is_current(Datum snapshots, bool with_dev)
{
	static CatalogStatement query = {
		"SELECT NOT EXISTS (SELECT value FROM pg_catalog.jsonb_array_elements($1)"
		" EXCEPT SELECT snapshot FROM (SELECT DISTINCT ON (repo, scope, schema_name, table_name)"
		"  snapshot FROM ashmig.snapshots WHERE NOT dev OR $2"
		"  ORDER BY repo, scope, schema_name, table_name, dev DESC, version DESC) AS newest)",
		2, {JSONBOID, BOOLOID}, NULL
	};
	Datum		values[2];
	bool		isnull;
	bool		current;
	int			level;

	values[0] = snapshots;
	values[1] = BoolGetDatum(with_dev);
	level = catalog_connect();
	catalog_query(&query, values, NULL);
	current = DatumGetBool(catalog_datum(0, 1, &isnull));
	catalog_disconnect(level);
	return current;
}

/* ----------
 * Writing
 * ----------
 */

/* The first four values of a statement: repo, scope, schema_name, table_name */
static void
key_values(Datum *values, const char *repo, const TableName *name)
{
	values[0] = CStringGetTextDatum(repo);
	values[1] = CStringGetTextDatum(scope_name(name->scope));
	values[2] = CStringGetTextDatum(name->schema ? name->schema : "");
	values[3] = CStringGetTextDatum(name->name);
}

/* Two values of a statement: the base of a row that is to be written, as hash and as versions */
static void
base_values(Datum *values, char *nulls, const char *repo, const TableName *name, bool dev)
{
	BranchBase	base = branches_base(repo, name, dev);

	if (base.hash)
		values[0] = CStringGetTextDatum(base.hash);
	else
		nulls[0] = 'n';
	values[1] = base.versions;
}

static Datum
positions_datum(List *positions)
{
	Datum	   *items = palloc(sizeof(Datum) * Max(list_length(positions), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, positions)
		items[n++] = Int32GetDatum(lfirst_int(lc));
	return PointerGetDatum(construct_array(items, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
run_command(CatalogStatement *command, Datum *values, const char *nulls)
{
	int			level = catalog_connect();

	(void) catalog_execute(command, values, nulls);
	catalog_disconnect(level);
}

/* One snapshot as it was given, several as an array */
#define SNAPSHOT_AT(array, positions) \
	"CASE pg_catalog.cardinality(" positions ")" \
	" WHEN 1 THEN " array " -> (" positions ")[1]" \
	" ELSE (SELECT pg_catalog.jsonb_agg(" array " -> p ORDER BY p)" \
	"  FROM pg_catalog.unnest(" positions ") AS p) END"

void
snapshot_store_save(const char *repo, const Table *table, Datum snapshots,
					List *positions, int64 version, bool dev)
{
	static CatalogStatement insert = {
		"INSERT INTO ashmig.snapshots (repo, scope, schema_name, table_name, version, dev, state,"
		" base, base_versions, snapshot)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, " SNAPSHOT_AT("$10", "$11") ")",
		11, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID, TEXTOID, TEXTOID, INT8ARRAYOID,
		JSONBOID, INT4ARRAYOID}, NULL
	};
	static CatalogStatement copy = {
		"INSERT INTO ashmig.snapshots (repo, scope, schema_name, table_name, version, dev, state,"
		" base, base_versions, snapshot)"
		" SELECT repo, scope, schema_name, table_name, $5, $6, $7::jsonb, $8, $9, snapshot"
		" FROM ashmig.snapshots WHERE (repo, scope, schema_name, table_name) = ($1, $2, $3, $4)"
		" AND (NOT dev OR $6) ORDER BY dev DESC, version DESC LIMIT 1",
		9, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID, TEXTOID, TEXTOID, INT8ARRAYOID}, NULL
	};
	char		nulls[] = "           ";
	Datum		values[11];

	key_values(values, repo, &table->name);
	values[4] = Int64GetDatum(version);
	values[5] = BoolGetDatum(dev);
	values[6] = CStringGetTextDatum(table_state_print(table));
	base_values(values + 7, nulls + 7, repo, &table->name, dev);
	values[9] = snapshots;
	values[10] = positions_datum(positions);
	run_command(positions == NIL ? &copy : &insert, values, nulls);
}

bool
snapshot_store_has(const char *repo, const Table *table, Datum snapshots, List *positions,
				   bool with_dev)
{
	static CatalogStatement query = {
		"SELECT s.snapshot = " SNAPSHOT_AT("$6", "$7") " FROM ashmig.snapshots s"
		" WHERE (repo, scope, schema_name, table_name) = ($1, $2, $3, $4) AND (NOT dev OR $5)"
		" ORDER BY dev DESC, version DESC LIMIT 1",
		7, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, JSONBOID, INT4ARRAYOID}, NULL
	};
	Datum		values[7];
	bool		isnull = true;
	Datum		same = BoolGetDatum(false);
	int			level;

	key_values(values, repo, &table->name);
	values[4] = BoolGetDatum(with_dev);
	values[5] = snapshots;
	values[6] = positions_datum(positions);
	level = catalog_connect();
	if (catalog_query(&query, values, NULL) > 0)
		same = catalog_datum(0, 1, &isnull);
	catalog_disconnect(level);
	return !isnull && DatumGetBool(same);
}

void
snapshot_store_refresh(const char *repo, const Table *table, Datum snapshots,
					   List *positions, bool with_dev)
{
	static CatalogStatement update = {
		"UPDATE ashmig.snapshots AS s SET snapshot = g.given,"
		"  state = coalesce(s.state, '{}') || $8::jsonb FROM"
		" (SELECT " SNAPSHOT_AT("$6", "$7") " AS given) AS g"
		" WHERE (repo, scope, schema_name, table_name) = ($1, $2, $3, $4)"
		" AND version = (SELECT version FROM ashmig.snapshots"
		"  WHERE (repo, scope, schema_name, table_name) = ($1, $2, $3, $4) AND (NOT dev OR $5)"
		"  ORDER BY dev DESC, version DESC LIMIT 1)"
		" AND snapshot <> g.given",
		8, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, JSONBOID, INT4ARRAYOID, TEXTOID}, NULL
	};
	Datum		values[8];

	key_values(values, repo, &table->name);
	values[4] = BoolGetDatum(with_dev);
	values[5] = snapshots;
	values[6] = positions_datum(positions);
	values[7] = CStringGetTextDatum(table_state_print(table));
	run_command(&update, values, NULL);
}

void
snapshot_store_drop(const char *repo, const TableName *name, int64 version, bool dev)
{
	static CatalogStatement insert = {
		"INSERT INTO ashmig.snapshots (repo, scope, schema_name, table_name, version, dev, base, base_versions)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		8, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID, TEXTOID, INT8ARRAYOID}, NULL
	};
	char		nulls[] = "        ";
	Datum		values[8];

	key_values(values, repo, name);
	values[4] = Int64GetDatum(version);
	values[5] = BoolGetDatum(dev);
	base_values(values + 6, nulls + 6, repo, name, dev);
	run_command(&insert, values, nulls);
}

void
snapshot_store_pass(const char *from, const char *to, const TableName *name)
{
	/* where it had passed the other way before, a row says that it was gone */
	static CatalogStatement clear = {
		"DELETE FROM ashmig.snapshots AS s WHERE (repo, scope, schema_name, table_name) = ($5, $2, $3, $4)"
		" AND EXISTS (SELECT FROM ashmig.snapshots AS o"
		"  WHERE (o.repo, o.scope, o.schema_name, o.table_name, o.version) = ($1, $2, $3, $4, s.version))",
		5, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}, NULL
	};
	static CatalogStatement pass = {
		"UPDATE ashmig.snapshots SET repo = $5"
		" WHERE (repo, scope, schema_name, table_name) = ($1, $2, $3, $4)",
		5, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}, NULL
	};
	Datum		values[5];

	key_values(values, from, name);
	values[4] = CStringGetTextDatum(to);
	run_command(&clear, values, NULL);
	run_command(&pass, values, NULL);
}

void
snapshot_store_forget_dev(void)
{
	static CatalogStatement forget = {
		"DELETE FROM ashmig.snapshots WHERE dev", 0, {0}, NULL
	};

	run_command(&forget, NULL, NULL);
}

uint64
snapshot_store_squash(void)
{
	static CatalogStatement mark = {
		"UPDATE ashmig.snapshots AS s SET state = coalesce(state, '{}') || '{\"squashed\": true}'"
		" WHERE NOT dev AND EXISTS (SELECT FROM ashmig.snapshots AS o"
		"  WHERE NOT o.dev AND ((o.repo, o.scope, o.schema_name, o.table_name)"
		"   = (s.repo, s.scope, s.schema_name, s.table_name) AND o.version < s.version"

		/*
		 * what was renamed in this generation had its history under the old
		 * name
		 */
		"   OR o.snapshot IS NULL AND o.version = s.version))",
		0, {0}, NULL
	};
	static CatalogStatement squash = {
		"DELETE FROM ashmig.snapshots AS s WHERE NOT dev AND (snapshot IS NULL"
		" OR EXISTS (SELECT FROM ashmig.snapshots AS o"
		"  WHERE (o.repo, o.scope, o.schema_name, o.table_name) = (s.repo, s.scope, s.schema_name, s.table_name)"
		"  AND NOT o.dev AND o.version > s.version))",
		0, {0}, NULL
	};
	int			level = catalog_connect();
	uint64		rows;

	(void) catalog_execute(&mark, NULL, NULL);
	rows = catalog_execute(&squash, NULL, NULL);
	catalog_disconnect(level);
	branches_squashed();
	return rows;
}
