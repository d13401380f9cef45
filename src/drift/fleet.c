/*
 * fleet.c
 *		Many schemas compared: see fleet.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/compat.h"
#include "base/settings.h"
#include "drift/fleet.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_spi.h"
#include "metadata/catalog_versions.h"
#include "syntax/sql_text.h"

/* ----------
 * One schema
 * ----------
 */

/* The schemas that are read for one: its own, and for public those that tables name */
static List *
schemas_to_read(const Expected *expected, const char *schema)
{
	bool		is_tenant = expected->scope == SCOPE_TENANT;
	List	   *labels = reference_live_labels(expected->reference, is_tenant ? schema : NULL);

	return is_tenant ? list_make1(linitial(labels)) : labels;
}

List *
fleet_read(const Expected *expected, const char *schema)
{
	bool		is_tenant = expected->scope == SCOPE_TENANT;

	return structure_read(schemas_to_read(expected, schema),
						  reference_live_labels(expected->reference, is_tenant ? schema : NULL));
}

/* An extension that is not installed, as a difference */
static Difference *
missing_extension(const char *name)
{
	StructureFact *fact = palloc0(sizeof(StructureFact));
	Difference *difference = palloc0(sizeof(Difference));
	Repair	   *repair = palloc(sizeof(Repair));

	fact->schema = pstrdup(ashmig_default_schema);
	fact->table = "";
	fact->kind = "extension";
	fact->name = pstrdup(name);
	fact->definition = "";
	repair->step = REPAIR_EXTENSION;
	repair->sql = psprintf("CREATE EXTENSION IF NOT EXISTS %s", quote_name(name));
	difference->kind = DIFFERENCE_MISSING;
	difference->schema = fact->schema;
	difference->table = fact->table;
	difference->object_kind = fact->kind;
	difference->object = fact->name;
	difference->expected = fact;
	difference->repairs = list_make1(repair);
	return difference;
}

List *
fleet_differences(const Expected *expected, List *facts, const char *schema)
{
	List	   *differences = NIL;
	ListCell   *lc;

	if (expected->scope == SCOPE_PUBLIC)
	{
		foreach(lc, expected->extensions)
		{
			if (!OidIsValid(get_extension_oid(lfirst(lc), true)))
				differences = lappend(differences, missing_extension(lfirst(lc)));
		}
	}
	return list_concat(differences, differences_find(expected, facts, schema));
}

/* ----------
 * Groups
 * ----------
 */
static FleetGroup *
make_group(const Expected *expected, const char *print)
{
	FleetGroup *group = palloc0(sizeof(FleetGroup));

	group->expected = expected;
	group->print = print;
	return group;
}

/* A list of anything by a text */
typedef struct GroupEntry
{
	char		key[128];
	FleetGroup *group;
} GroupEntry;

static HTAB *
make_map(Size keysize, Size entrysize)
{
	HASHCTL		control = {.keysize = keysize, .entrysize = entrysize, .hcxt = CurrentMemoryContext};

	return hash_create("ashmig fleet", 256, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* The print of each schema, by the schema's name */
typedef struct PrintEntry
{
	char		name[NAMEDATALEN * 2 + 4];	/* as in StructurePrint */
	char	   *print;
} PrintEntry;

static HTAB *
read_prints(const Expected *expected, List *schemas)
{
	HTAB	   *map = make_map(sizeof(((PrintEntry *) 0)->name), sizeof(PrintEntry));

	foreach_ptr(const StructurePrint, print, structure_prints(schemas, expected->facts, PLACEHOLDER_TENANT))
	{
		PrintEntry *entry = hash_search(map, print->qualifier, HASH_ENTER, NULL);

		entry->print = print->print;
	}
	return map;
}

/* The schemas by what they look like */
static List *
group_by_print(const Expected *expected, List *schemas)
{
	HTAB	   *prints = read_prints(expected, schemas);
	HTAB	   *map = make_map(sizeof(((GroupEntry *) 0)->key), sizeof(GroupEntry));
	List	   *groups = NIL;
	ListCell   *lc;

	foreach(lc, schemas)
	{
		PrintEntry *print = hash_search(prints, psprintf("%s.", quote_identifier(lfirst(lc))),
										HASH_FIND, NULL);
		GroupEntry *entry;
		bool		found;

		entry = hash_search(map, print ? print->print : "", HASH_ENTER, &found);
		if (!found)
		{
			entry->group = make_group(expected, print ? print->print : "0");
			groups = lappend(groups, entry->group);
		}
		entry->group->schemas = lappend(entry->group->schemas, lfirst(lc));
	}
	hash_destroy(prints);
	hash_destroy(map);
	return groups;
}

/* What only others have put there makes groups that differ in nothing: they are one. */
static List *
merge_equal(List *groups)
{
	FleetGroup *equal = NULL;
	List	   *result = NIL;

	foreach_ptr(FleetGroup, group, groups)
	{
		if (group->differences == NIL && equal)
			equal->schemas = list_concat(equal->schemas, group->schemas);
		else
			result = lappend(result, group);
		if (group->differences == NIL && equal == NULL)
			equal = group;
	}
	return result;
}

List *
fleet_compare(const Expected *expected, List *schemas)
{
	List	   *groups;

	if (schemas == NIL)
		return NIL;
	if (expected->scope == SCOPE_TENANT)
		groups = group_by_print(expected, schemas);
	else
	{
		FleetGroup *group = make_group(expected, "");

		group->schemas = schemas;
		groups = list_make1(group);
	}
	foreach_ptr(FleetGroup, group, groups)
	{
		const char *one = linitial(group->schemas);

		CHECK_FOR_INTERRUPTS();
		group->differences = fleet_differences(expected, fleet_read(expected, one), one);
	}
	return merge_equal(groups);
}

/* ----------
 * By what is recorded
 * ----------
 */

/* Schemas that have the same migrations */
typedef struct VersionSet
{
	const char *key;
	List	   *schemas;		/* of char * */
} VersionSet;

static VersionSet *
find_set(List **sets, const char *key)
{
	VersionSet *set;
	ListCell   *lc;

	foreach(lc, *sets)
	{
		set = lfirst(lc);
		if (strcmp(set->key, key) == 0)
			return set;
	}
	set = palloc0(sizeof(VersionSet));
	set->key = key;
	*sets = lappend(*sets, set);
	return set;
}

/*
 * How many migrations of each repo a schema has, and the newest of them; and
 * where not all older ones are among them, which.
 */
static List *
version_sets(Scope scope, List *schemas)
{
	static CatalogStatement read = {
		.sql = "SELECT s.name, coalesce((SELECT pg_catalog.string_agg(v.repo || ' ' || v.version ||"
		"  CASE WHEN v.applied = (SELECT pg_catalog.count(*) FROM ashmig.migrations AS m"
		"   WHERE (m.repo, m.scope) = (v.repo, v.scope) AND m.version <= v.version) THEN ''"
		"  ELSE (SELECT pg_catalog.string_agg(' ' || a.version, '' ORDER BY a.version) FROM ashmig.versions AS a"
		"   WHERE (a.schema_name, a.repo, a.scope) = (v.schema_name, v.repo, v.scope)) END, ',' ORDER BY v.repo)"
		" FROM ashmig.schema_versions AS v WHERE v.schema_name = s.name AND v.scope = $2), '')"
		" FROM pg_catalog.unnest($1) WITH ORDINALITY AS s (name, n) ORDER BY s.n",
		.nargs = 2, .types = {TEXTARRAYOID, TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *sets = NIL;
	Datum		values[2];
	uint64		rows;
	int			level;

	values[0] = catalog_text_array(schemas);
	values[1] = CStringGetTextDatum(scope_name(scope));
	level = catalog_connect();
	rows = catalog_query(&read, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		VersionSet *set = find_set(&sets, catalog_string(i, 2, context));

		set->schemas = lappend(set->schemas, catalog_string(i, 1, context));
		MemoryContextSwitchTo(old);
	}
	catalog_disconnect(level);
	return sets;
}

/* What is expected of a schema that has these versions (of AppliedVersion *) */
static Expected *
expected_of_versions(Scope scope, List *versions)
{
	List	   *applied = NIL;
	List	   *pending = NIL;
	ListCell   *lc;

	foreach(lc, catalog_migrations(NULL, scope_filter(scope)))
	{
		if (catalog_is_applied(lfirst(lc), versions))
			applied = lappend(applied, lfirst(lc));
		else
			pending = lappend(pending, lfirst(lc));
	}
	return expected_of_migrations(scope, applied, pending);
}

List *
fleet_compare_recorded(Scope scope, List *schemas)
{
	List	   *groups = NIL;

	foreach_ptr(const VersionSet, set, version_sets(scope, schemas))
	{
		Expected   *expected = expected_of_versions(scope, catalog_applied(linitial(set->schemas), scope));

		groups = list_concat(groups, fleet_compare(expected, set->schemas));
	}
	return groups;
}

Expected *
fleet_expected_at(Scope scope, int64 version)
{
	List	   *applied = NIL;
	List	   *pending = NIL;

	foreach_ptr(Migration, migration, catalog_migrations(NULL, scope_filter(scope)))
	{
		if (migration->version <= version)
			applied = lappend(applied, migration);
		else
			pending = lappend(pending, migration);
	}
	return expected_of_migrations(scope, applied, pending);
}
