/*
 * load_funcs.c
 *		ashmig_load: a resource_snapshots folder on the server as a bundle.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/compat.h"
#include "base/errors.h"
#include "snapshot/snapshot_folder.h"

PG_FUNCTION_INFO_V1(ashmig_load);

/*
 * May the caller read server files, and is this an absolute path?
 */
static char *
check_directory(char *directory)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read server files"),
				 errhint("GRANT pg_read_server_files to the role, or pass the snapshots as a jsonb value.")));
	canonicalize_path(directory);
	if (!is_absolute_path(directory))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"%s\" is not an absolute path", directory),
				 errhint("Pass the absolute path of a resource_snapshots directory on the server.")));
	return directory;
}

/*
 * ashmig_load(directory text, dev boolean) returns jsonb
 */
Datum
ashmig_load(PG_FUNCTION_ARGS)
{
	char	   *directory = check_directory(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	return DirectFunctionCall1(jsonb_in,
							   CStringGetDatum(snapshot_folder_load(directory, PG_GETARG_BOOL(1))));
}
