/*
 * enum_funcs.c
 *		SQL functions that record migrations of enums: ashmig_create_enum,
 *		ashmig_drop_enum, ashmig_add_enum_value.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_migrations.h"
#include "record/enum_migration.h"
#include "record/record.h"

PG_FUNCTION_INFO_V1(ashmig_create_enum);
PG_FUNCTION_INFO_V1(ashmig_drop_enum);
PG_FUNCTION_INFO_V1(ashmig_add_enum_value);

/*
 * The type that a call is about.
 */
static EnumType
enum_of_call(FunctionCallInfo fcinfo)
{
	EnumType	type;
	char	   *repo = call_string(fcinfo, "repo");

	call_require(fcinfo, 0, "name");
	type.name = call_string(fcinfo, "name");
	type.schema = call_string(fcinfo, "schema");
	type.scope = call_scope(fcinfo);
	type.repo = repo ? catalog_repo_name(repo) : "";
	if (type.name[0] == '\0' || strlen(type.name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("type name must have 1 to %d bytes", NAMEDATALEN - 1)));
	if (type.scope == SCOPE_TENANT && type.schema)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("tenant type cannot be in schema \"%s\"", type.schema),
				 errhint("Use either schema or tenant => true, not both.")));
	return type;
}

/*
 * ashmig_create_enum(name, values, tenant, schema, repo)
 */
Datum
ashmig_create_enum(PG_FUNCTION_ARGS)
{
	EnumType	type = enum_of_call(fcinfo);

	call_require(fcinfo, 1, "labels");
	PG_RETURN_INT64(enum_migration_create(&type, catalog_text_list(PG_GETARG_DATUM(1))));
}

/*
 * ashmig_drop_enum(name, tenant, schema, repo, values): the down creates it
 * again, with the values that it has by then.
 */
Datum
ashmig_drop_enum(PG_FUNCTION_ARGS)
{
	EnumType	type = enum_of_call(fcinfo);
	List	   *labels;
	Datum		value;

	catalog_lock_generation();
	if (call_argument(fcinfo, "labels", &value))
		labels = catalog_text_list(value);
	else if (!enum_history_labels(&type, &labels))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("values of enum \"%s\" are unknown", type.name),
				 errdetail("No recorded migration creates it, and it does not exist in %s.",
						   type.scope == SCOPE_TENANT ? "any tenant" : "the schema"),
				 errhint("Pass them, so that a rollback can recreate the type: labels => '{...}'.")));
	PG_RETURN_INT64(enum_migration_drop(&type, labels));
}

/*
 * ashmig_add_enum_value(name, value, before, after, tenant, schema, repo)
 */
Datum
ashmig_add_enum_value(PG_FUNCTION_ARGS)
{
	EnumType	type = enum_of_call(fcinfo);
	char	   *value = call_string(fcinfo, "value");
	char	   *before = call_string(fcinfo, "before");
	char	   *after = call_string(fcinfo, "after");

	call_require(fcinfo, 1, "value");
	if (before && after)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"before\" and \"after\" cannot be used together")));
	PG_RETURN_INT64(enum_migration_add_value(&type, value, before, after));
}
