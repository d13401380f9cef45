/*
 * extension_funcs.c
 *		SQL functions for extensions: ashmig_install_extensions,
 *		ashmig_define_extension.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "metadata/catalog_migrations.h"
#include "record/extensions.h"
#include "record/record.h"
#include "record/record_sql.h"

PG_FUNCTION_INFO_V1(ashmig_install_extensions);
PG_FUNCTION_INFO_V1(ashmig_define_extension);

/*
 * The extensions of a call as a bundle without snapshots.
 */
static Bundle
bundle_of_call(FunctionCallInfo fcinfo)
{
	Bundle		bundle = {0};
	Datum		value;

	call_require(fcinfo, 0, "extensions");
	bundle.extensions = catalog_text_list(PG_GETARG_DATUM(0));
	bundle.has_extensions = true;
	if (call_argument(fcinfo, "ash_functions_version", &value))
	{
		bundle.ash_functions_version = DatumGetInt32(value);
		if (bundle.ash_functions_version < 1)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("unknown version %d of ash-functions",
							bundle.ash_functions_version),
					 errhint("Omit ash_functions_version to use the newest.")));
	}
	return bundle;
}

/*
 * ashmig_install_extensions(extensions, ash_functions_version, repo): one row
 * for the recorded migration; none if everything is recorded already.
 */
Datum
ashmig_install_extensions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Bundle		bundle = bundle_of_call(fcinfo);
	char	   *repo = call_string(fcinfo, "repo");

	InitMaterializedSRF(fcinfo, 0);
	catalog_lock_generation();
	foreach_ptr(Migration, migration, extensions_missing(&bundle, false))
	{
		Datum		values[2];
		bool		nulls[2] = {0};

		if (repo)
			migration->repo = pstrdup(catalog_repo_name(repo));
		migration->version = catalog_next_version();
		catalog_add_migration(migration);
		values[0] = Int64GetDatum(migration->version);
		values[1] = CStringGetTextDatum(migration->name);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/*
 * ashmig_define_extension(name, version, up, down): a version of an extension
 * of the application's own.
 */
Datum
ashmig_define_extension(PG_FUNCTION_ARGS)
{
	List	   *up;
	List	   *down;
	int			level;

	call_require(fcinfo, 0, "name");
	call_require(fcinfo, 1, "version");
	call_require(fcinfo, 2, "up");
	level = settings_pin_parser();
	up = record_sql_split(text_to_cstring(PG_GETARG_TEXT_PP(2)), SCOPE_PUBLIC, true);
	down = PG_ARGISNULL(3) ? NIL :
		record_sql_split(text_to_cstring(PG_GETARG_TEXT_PP(3)), SCOPE_PUBLIC, true);
	settings_unpin(level);
	extensions_define(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1), up, down);
	PG_RETURN_VOID();
}
