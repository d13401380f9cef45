/*
 * file_funcs.c
 *		SQL functions that carry migrations to the files of a repository and
 *		back: ashmig_export_files, ashmig_import_files.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/pin.h"
#include "generate/refusals.h"
#include "record/migration_file.h"

PG_FUNCTION_INFO_V1(ashmig_export_files);
PG_FUNCTION_INFO_V1(ashmig_import_files);

/* ------------------------------------------------------------------------
 * ashmig_export_files
 * ------------------------------------------------------------------------
 */

/*
 * Is the version among those of a bigint[]?
 */
static bool
has_version(ArrayType *versions, int64 version)
{
	ArrayIterator iterator = array_create_iterator(versions, 0, NULL);
	Datum		value;
	bool		isnull;
	bool		found = false;

	while (!found && array_iterate(iterator, &value, &isnull))
		found = !isnull && DatumGetInt64(value) == version;
	array_free_iterator(iterator);
	return found;
}

/*
 * ashmig_export_files(versions, repo): the files of recorded migrations, of
 * all if there is no list.  Development migrations have none.
 */
Datum
ashmig_export_files(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrayType  *versions = PG_ARGISNULL(0) ? NULL : PG_GETARG_ARRAYTYPE_P(0);
	char	   *repo = call_string(fcinfo, "repo");
	int			level = settings_pin_parser();

	InitMaterializedSRF(fcinfo, 0);
	foreach_ptr(const Migration, migration,
				catalog_migrations(repo ? catalog_repo_name(repo) : NULL, SCOPES_ALL))
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		if (versions ? !has_version(versions, migration->version) : migration->dev)
			continue;
		values[0] = CStringGetTextDatum(migration_file_path(migration));
		values[1] = CStringGetTextDatum(migration_file_write(migration));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	settings_unpin(level);
	PG_RETURN_NULL();
}

/* ------------------------------------------------------------------------
 * ashmig_import_files
 * ------------------------------------------------------------------------
 */

/* A file that is still to be read */
typedef struct GivenFile
{
	MigrationFile file;
	char	   *text;
} GivenFile;

static int
compare_versions(const ListCell *a, const ListCell *b)
{
	const Migration *one = &((GivenFile *) lfirst(a))->file.migration;
	const Migration *other = &((GivenFile *) lfirst(b))->file.migration;

	if (one->version != other->version)
		return one->version < other->version ? -1 : 1;
	return (int) one->scope - (int) other->scope;
}

/*
 * The files of {"path": "text", ...} in the order of their versions, as each
 * builds on older ones alone.
 */
static List *
given_files(Jsonb *json, const char *repo)
{
	List	   *files = NIL;
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	GivenFile  *given = NULL;
	JsonbValue	value;
	JsonbIteratorToken token;
	bool		valid = JB_ROOT_IS_OBJECT(json);

	while (valid && (token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			given = palloc0(sizeof(GivenFile));
			migration_file_identify(&given->file,
									pnstrdup(value.val.string.val, value.val.string.len), repo);
		}
		else if (token == WJB_VALUE)
		{
			valid = value.type == jbvString;
			if (valid)
				given->text = pnstrdup(value.val.string.val, value.val.string.len);
			files = lappend(files, given);
		}
	}
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("argument \"files\" must be a JSON object of paths and texts"),
				 errhint("For example: '{\"public/20260420153000_add_posts.sql\": \"CREATE TABLE posts ()\"}'.")));
	list_sort(files, compare_versions);
	return files;
}

/*
 * ashmig_import_files(files, repo): record the migrations of files; a row each,
 * with what became of it.
 */
Datum
ashmig_import_files(PG_FUNCTION_ARGS)
{
	static const char *const results[] = {
		[FILE_IMPORTED] = "imported",
		[FILE_REPLACED] = "replaced",
		[FILE_UNCHANGED] = "unchanged"
	};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *repo = call_string(fcinfo, "repo");
	const Migration *last_merged = NULL;
	int			level = settings_pin_parser();

	call_require(fcinfo, 0, "files");
	InitMaterializedSRF(fcinfo, 0);
	foreach_ptr(GivenFile, given, given_files(PG_GETARG_JSONB_P(0), repo ? catalog_repo_name(repo) : ""))
	{
		MigrationFile *file = &given->file;
		Datum		values[6];
		bool		nulls[6] = {false};
		bool		merged;

		migration_file_read(file, given->text);
		values[0] = CStringGetTextDatum(file->path);
		values[1] = CStringGetTextDatum(scope_name(file->migration.scope));
		values[2] = CStringGetTextDatum(file->migration.repo);
		values[3] = Int64GetDatum(file->migration.version);
		values[4] = CStringGetTextDatum(file->migration.name);
		values[5] = CStringGetTextDatum(results[migration_file_import(file, &merged)]);
		if (merged)
			last_merged = &file->migration;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	if (last_merged)
		refusals_check_merged(last_merged);
	settings_unpin(level);
	PG_RETURN_NULL();
}
