/*
 * extension_funcs.c
 *		ashmig_install_extensions: record the migration that installs
 *		extensions.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "metadata/catalog_migrations.h"
#include "record/extensions.h"
#include "record/record.h"

PG_FUNCTION_INFO_V1(ashmig_install_extensions);

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
