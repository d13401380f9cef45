/*
 * options.c
 *		What a run is asked to do: see options.h.
 */
#include "postgres.h"

#include "base/settings.h"
#include "migrate/options.h"

/*
 * Migrate everything up, by the settings of the session.
 */
RunOptions
run_options_default(void)
{
	RunOptions	options = {
		.run_public = true,
		.run_tenants = true,
		.on_error = ON_ERROR_ERROR,
		.run_until = DT_NOEND,
		.workers = ashmig_workers,
		.strict_version_order = ashmig_strict_version_order,
		.log_sql = ashmig_log_sql,
		.quiet = ashmig_quiet,
		.lock_timeout = ashmig_lock_timeout,
		.lock_retries = ashmig_lock_retries
	};

	return options;
}

/*
 * The schema that public migrations run in.
 */
const char *
run_options_public_schema(const RunOptions *options)
{
	return options->prefix ? options->prefix : ashmig_default_schema;
}
