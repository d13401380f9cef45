/*
 * attach.c
 *		Schemas that exist become tenants: see attach.h.
 */
#include "postgres.h"

#include "utils/acl.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/errors.h"
#include "drift/attach.h"
#include "drift/candidates.h"
#include "metadata/catalog_adoption.h"
#include "metadata/catalog_migrations.h"
#include "metadata/catalog_tenants.h"
#include "metadata/catalog_versions.h"
#include "migrate/schema_lock.h"
#include "syntax/sql_text.h"

/* Differences that an error tells about */
#define DIFFERENCES_TOLD 5

bool
attach_is_stopped(List *differences)
{
	foreach_ptr(const Difference, difference, differences)
	{
		if (!difference->informs)
			return true;
	}
	return false;
}

char *
attach_describe(const char *schema, List *differences)
{
	StringInfoData buf;
	int			n = 0;

	initStringInfo(&buf);
	foreach_ptr(const Difference, difference, differences)
	{
		if (difference->informs)
			continue;
		if (++n > DIFFERENCES_TOLD)
			continue;
		appendStringInfo(&buf, "%sSchema \"%s\": %s \"%s\"%s is %s.", buf.len > 0 ? "\n" : "", schema,
						 difference->object_kind, difference->object,
						 *difference->table && strcmp(difference->object_kind, "table") != 0
						 ? psprintf(" of table \"%s\"", difference->table) : "",
						 difference_kind_name(difference->kind));
	}
	if (n > DIFFERENCES_TOLD)
		appendStringInfo(&buf, "\n... and %d more.", n - DIFFERENCES_TOLD);
	return buf.data;
}

List *
attach_versions(Scope scope, int64 version)
{
	List	   *versions = NIL;

	foreach_ptr(Migration, migration, catalog_migrations(NULL, scope_filter(scope)))
	{
		if (migration->version <= version)
			versions = lappend(versions, &migration->version);
	}
	return versions;
}

/* ----------
 * Which version?
 * ----------
 */

/* Has the schema a table that only a later version brings? */
static bool
has_later_table(const Expected *newest, const Expected *expected, const char *schema)
{
	foreach_ptr(const StructureFact, fact, fleet_read(expected, schema))
	{
		if (strcmp(fact->kind, "table") == 0 &&
			expected_find(newest, fact->schema, fact->table, "table", fact->name) &&
			!expected_find(expected, fact->schema, fact->table, "table", fact->name))
			return true;
	}
	return false;
}

/*
 * Has the group the structure?  What it has beyond that of an older version may
 * be what the next one brings, so there nothing may be extra.
 */
static bool
is_match(const Expected *newest, const FleetGroup *group)
{
	if (group->expected == newest)
		return !attach_is_stopped(group->differences);
	return group->differences == NIL &&
		!has_later_table(newest, group->expected, linitial(group->schemas));
}

/* Compare schemas with one version; those that match are noted, the others are returned as groups. */
static List *
match_version(const Expected *newest, const Expected *expected, List *schemas, List **matches)
{
	List	   *rest = NIL;
	VersionMatch *match = palloc0(sizeof(VersionMatch));

	match->version = expected->version;
	foreach_ptr(FleetGroup, group, fleet_compare(expected, schemas))
	{
		if (is_match(newest, group))
			match->schemas = list_concat(match->schemas, group->schemas);
		else
			rest = lappend(rest, group);
	}
	if (match->schemas != NIL)
		*matches = lappend(*matches, match);
	return rest;
}

static List *
group_schemas(List *groups)
{
	List	   *schemas = NIL;

	foreach_ptr(const FleetGroup, group, groups)
		schemas = list_concat(schemas, list_copy(group->schemas));
	return schemas;
}

List *
attach_match(List *schemas, int64 oldest, List **rest)
{
	List	   *versions = attach_versions(SCOPE_TENANT, PG_INT64_MAX);
	Expected   *newest = NULL;
	List	   *matches = NIL;
	List	   *first = NIL;

	*rest = NIL;
	for (int i = list_length(versions) - 1; i >= 0 && schemas != NIL; i--)
	{
		int64		version = *(int64 *) list_nth(versions, i);
		Expected   *expected;

		CHECK_FOR_INTERRUPTS();
		if (version < oldest)
			break;
		expected = fleet_expected_at(SCOPE_TENANT, version);
		newest = newest ? newest : expected;
		*rest = match_version(newest, expected, schemas, &matches);
		schemas = group_schemas(*rest);
		if (expected == newest)
			first = *rest;
	}
	if (oldest == 0 && schemas != NIL)
		*rest = first;
	return matches;
}

/* ----------
 * One tenant
 * ----------
 */

/* What is to be attached, and what was found */
typedef struct Attachment
{
	const char *schema;
	int64		version;		/* 0: to be found */
	List	   *differences;	/* NIL: it has that structure */
} Attachment;

static void
find_version(void *arg)
{
	Attachment *attachment = arg;
	List	   *schemas = list_make1((char *) attachment->schema);
	List	   *groups;

	if (attachment->version != 0)
	{
		groups = fleet_compare(fleet_expected_at(SCOPE_TENANT, attachment->version), schemas);
		attachment->differences = ((FleetGroup *) linitial(groups))->differences;
		if (!attach_is_stopped(attachment->differences))
			attachment->differences = NIL;
		return;
	}
	groups = attach_match(schemas, 0, &attachment->differences);
	if (groups != NIL)
	{
		attachment->version = ((VersionMatch *) linitial(groups))->version;
		attachment->differences = NIL;
	}
	else if (attachment->differences != NIL)
		attachment->differences = ((FleetGroup *) linitial(attachment->differences))->differences;
}

static void
check_version(int64 version)
{
	foreach_ptr(const int64, one, attach_versions(SCOPE_TENANT, version))
	{
		if (*one == version)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_NO_MIGRATION),
			 errmsg("tenant migration " INT64_FORMAT " does not exist", version),
			 errhint("SELECT * FROM ashmig_migrations() lists all migrations.")));
}

/* Raise where the schema cannot be made a tenant whatever its structure. */
static void
check_schema(const char *schema, const Candidate *candidate)
{
	if (candidate->is_tenant)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_TENANT_EXISTS),
				 errmsg("tenant \"%s\" already exists", schema)));
	if (!candidate->exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" does not exist", schema),
				 errhint("SELECT ashmig_create_tenant(%s) creates a tenant of that name.", quote_text(schema))));
	if (!candidate->owned)
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, schema);
}

static void
raise_other_structure(const Attachment *attachment)
{
	if (attachment->version != 0)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_DRIFT),
				 errmsg("schema \"%s\" does not have the structure of version " INT64_FORMAT,
						attachment->schema, attachment->version),
				 errdetail_internal("%s", attach_describe(attachment->schema, attachment->differences)),
				 errhint("Omit the version to have the right one found.")));
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_DRIFT),
			 errmsg("schema \"%s\" does not have the structure of any version", attachment->schema),
			 errdetail_internal("%s", attach_describe(attachment->schema, attachment->differences)),
			 errhint("Change the schema, and attach it then.")));
}

int64
attach_tenant(const char *schema, int64 version)
{
	Attachment	attachment = {schema, version, NIL};
	Candidate  *candidate;
	AdoptedSchema adopted = {.name = schema};
	ErrorData  *error;

	catalog_tenants_check_name(schema);
	catalog_lock_tenants(RowExclusiveLock);
	schema_lock_acquire(schema);
	candidate = candidates_find_one(schema);
	check_schema(schema, candidate);
	if (version != 0)
		check_version(version);
	else if (attach_versions(SCOPE_TENANT, PG_INT64_MAX) == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_NO_MIGRATION),
				 errmsg("there is no tenant migration whose structure schema \"%s\" could have", schema),
				 errhint("ashmig_adopt() records the structure of a database that exists.")));
	error = attempt(find_version, &attachment, false);
	if (error)
		ReThrowError(error);
	if (attachment.version == 0 || attachment.differences != NIL)
		raise_other_structure(&attachment);
	adopted.ecto_version = candidate_version(candidate);
	catalog_lock_versions(RowExclusiveLock);
	catalog_adopt(SCOPE_TENANT, list_make1(&adopted), attach_versions(SCOPE_TENANT, attachment.version));
	return attachment.version;
}
