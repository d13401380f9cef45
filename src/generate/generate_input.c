/*
 * generate_input.c
 *		What code generation is given: see generate_input.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/errors.h"
#include "base/settings.h"
#include "generate/generate_input.h"
#include "metadata/catalog_migrations.h"
#include "model/model.h"
#include "syntax/sql_text.h"

/* The key of a bundle that names extensions */
#define EXTENSIONS_KEY "extensions"

Datum
generate_input_snapshots(Datum input)
{
	static CatalogStatement query = {
		"SELECT CASE pg_catalog.jsonb_typeof($1) WHEN 'array' THEN $1"
		" WHEN 'object' THEN CASE WHEN $1 OPERATOR(pg_catalog.?) 'snapshots' THEN"
		"  CASE pg_catalog.jsonb_typeof($1 -> 'snapshots') WHEN 'array' THEN $1 -> 'snapshots'"
		"   ELSE '[]' END"
		"  ELSE pg_catalog.jsonb_build_array($1) END"
		" ELSE '[]' END",
		1, {JSONBOID}, NULL
	};
	MemoryContext context = CurrentMemoryContext;
	int			level = catalog_connect();
	bool		isnull;
	Datum		array;

	catalog_query(&query, &input, NULL);
	array = catalog_datum(0, 1, &isnull);
	MemoryContextSwitchTo(context);
	array = PointerGetDatum(PG_DETOAST_DATUM_COPY(array));
	catalog_disconnect(level);
	return array;
}

bool
generate_input_has_extensions(Datum input)
{
	Jsonb	   *jsonb = DatumGetJsonbP(input);

	return JB_ROOT_IS_OBJECT(jsonb) &&
		getKeyJsonValueFromContainer(&jsonb->root, EXTENSIONS_KEY, strlen(EXTENSIONS_KEY), NULL) != NULL;
}

Bundle *
generate_input_decode(Datum input, bool quiet)
{
	Jsonb	   *jsonb = DatumGetJsonbP(input);
	Problem		problem = {0};
	Bundle	   *bundle = snapshot_decode(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)),
										 &problem);

	problem_raise(&problem);
	if (bundle->unknown_keys != NIL && !quiet)
	{
		StringInfoData keys;
		ListCell   *lc;

		initStringInfo(&keys);
		foreach(lc, bundle->unknown_keys)
			appendStringInfo(&keys, "%s%s", lc == list_head(bundle->unknown_keys) ? "" : ", ",
							 (char *) lfirst(lc));
		ereport(WARNING,
				(errcode(ERRCODE_ASHMIG_INVALID_SNAPSHOT),
				 errmsg("snapshots contain unknown keys"),
				 errdetail("Ignored: %s.", keys.data)));
	}
	return bundle;
}

/* ----------
 * Tables and repos
 * ----------
 */

/*
 * Raise an error if two tables are one only because PostgreSQL cuts their
 * names.
 */
static void
check_same_table(const ResourceSnapshot *one, const ResourceSnapshot *other)
{
	if (strcmp(one->table, other->table) != 0 ||
		(one->schema && other->schema && strcmp(one->schema, other->schema) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NAME_COLLISION),
				 errmsg("two tables would have the same name \"%s\"",
						names_cut(other->table)),
				 errdetail("At %s: The name is already used at %s. PostgreSQL truncates names to %d bytes.",
						   other->path, one->path, NAMEDATALEN - 1),
				 errhint("Give one of them a different name.")));
}

List *
generate_input_group(List *snapshots, const char *repo)
{
	List	   *groups = NIL;
	TableMap   *by_name = table_map_create();

	foreach_ptr(ResourceSnapshot, snapshot, snapshots)
	{
		TableName	name = model_table_name(snapshot, ashmig_default_schema);
		SnapshotGroup *group;

		if (strcmp(snapshot->repo, repo) != 0 || !model_is_table(snapshot))
			continue;
		group = table_map_get(by_name, &name);
		if (group == NULL)
		{
			group = palloc0(sizeof(SnapshotGroup));
			group->name = name;
			table_map_put(by_name, &name, group);
			groups = lappend(groups, group);
		}
		else
			check_same_table(linitial(group->snapshots), snapshot);
		group->snapshots = lappend(group->snapshots, snapshot);
		group->positions = lappend_int(group->positions, snapshot->position);
	}
	return groups;
}

List *
generate_input_repos(const Bundle *bundle)
{
	List	   *repos = NIL;

	foreach_ptr(ResourceSnapshot, snapshot, bundle->snapshots)
	{
		char	   *repo = snapshot->repo;

		if (!names_have(repos, repo))
			repos = lappend(repos, repo);
	}
	return repos;
}
