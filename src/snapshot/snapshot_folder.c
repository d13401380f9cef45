/*
 * snapshot_folder.c
 *		A resource_snapshots folder as a bundle: see snapshot_folder.h.
 *
 * The walk goes down the levels of the layout and no further, so links cannot
 * make it endless, and opens regular files alone.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/json_writer.h"
#include "base/names.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_folder.h"

/* No snapshot is nearly as large; a larger file was not meant to be read. */
#define MAX_FILE_SIZE	(16 * 1024 * 1024)

/* jsonb's own limit for what a container holds */
#define MAX_TOTAL_SIZE	(255 * 1024 * 1024)

/* A walk through a folder */
typedef struct Load
{
	const char *root;
	bool		dev;			/* _dev files count */
	JsonWriter	snapshots;		/* an array, still open */
	List	   *files;			/* of char *: where each comes from, below the
								 * root */
	bool		has_extensions;
	List	   *extensions;		/* of all repos, each once */
	int			ash_functions_version;	/* the highest */
} Load;

/*
 * What is there: 'd' a folder, 'f' a file, '?' something else or nothing
 */
static char
entry_kind(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return '?';
	return S_ISDIR(st.st_mode) ? 'd' : S_ISREG(st.st_mode) ? 'f' : '?';
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * The names in a folder, sorted, without hidden ones
 */
static List *
read_folder(const char *path)
{
	List	   *names = NIL;
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;

	if (dir == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("could not open directory \"%s\": %m", path),
				 errhint("Pass a resource_snapshots directory that the server's operating system user can read.")));
	while ((entry = ReadDir(dir, path)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (entry->d_name[0] != '.')
			names = lappend(names, pstrdup(entry->d_name));
	}
	FreeDir(dir);
	list_sort(names, compare_names);
	return names;
}

/*
 * Does this name have the suffix, with something before it?
 */
static bool
has_suffix(const char *name, const char *suffix)
{
	size_t		length = strlen(name);
	size_t		tail = strlen(suffix);

	return length > tail && strcmp(name + length - tail, suffix) == 0;
}

/*
 * Is this the name of a snapshot: 14 digits, and "_dev" where that counts?
 */
static bool
is_snapshot_name(const char *name, bool dev)
{
	if (strspn(name, "0123456789") != 14)
		return false;
	return strcmp(name + 14, ".json") == 0 ||
		(dev && strcmp(name + 14, "_dev.json") == 0);
}

/*
 * The newest snapshot in a table's folder; NULL if there is none.
 */
static char *
newest_file(const char *folder, bool dev)
{
	char	   *newest = NULL;
	char	   *initial = psprintf("%s/initial.json", folder);
	ListCell   *lc;

	foreach(lc, read_folder(folder))
	{
		char	   *path = psprintf("%s/%s", folder, (char *) lfirst(lc));

		if (is_snapshot_name(lfirst(lc), dev) && entry_kind(path) == 'f')
			newest = path;		/* they are sorted */
	}
	if (newest)
		return newest;
	return entry_kind(initial) == 'f' ? initial : NULL;
}

/*
 * The bytes of a file as text in the database's encoding
 */
static char *
read_text(const char *path)
{
	StringInfoData text;
	FILE	   *file = AllocateFile(path, PG_BINARY_R);
	char		chunk[8192];
	size_t		length;

	if (file == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("could not open file \"%s\": %m", path)));
	initStringInfo(&text);
	while ((length = fread(chunk, 1, sizeof(chunk), file)) > 0)
	{
		appendBinaryStringInfo(&text, chunk, length);
		if (text.len > MAX_FILE_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("file \"%s\" is too large for a snapshot (more than %d MB)",
							path, MAX_FILE_SIZE / (1024 * 1024))));
	}
	if (ferror(file))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("could not read file \"%s\": %m", path)));
	FreeFile(file);
	return pg_any_to_server(text.data, text.len, PG_UTF8);
}

/*
 * Raise what was caught while a file was read as JSON, with its name.
 */
static void
raise_not_json(const char *path, ErrorData *error)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_SNAPSHOT),
			 errmsg("file \"%s\" is not valid JSON", path),
			 error->detail ?
			 errdetail_internal("%s: %s", error->message, error->detail) :
			 errdetail_internal("%s.", error->message),
			 errhint("Use the file as AshPostgres wrote it. An unresolved merge conflict or a Git LFS pointer can cause this error.")));
}

/*
 * A file as JSON.
 *
 * Reading text as jsonb takes no resources but memory, so catching its error
 * needs no subtransaction.  Our own errors already name the file.
 */
static Jsonb *
read_json(const char *path)
{
	MemoryContext caller = CurrentMemoryContext;
	Jsonb	   *volatile json = NULL;

	CHECK_FOR_INTERRUPTS();
	PG_TRY();
	{
		json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
												  CStringGetDatum(read_text(path))));
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
			error->sqlerrcode != ERRCODE_STATEMENT_TOO_COMPLEX)
			PG_RE_THROW();
		FlushErrorState();
		raise_not_json(path, error);
	}
	PG_END_TRY();
	return json;
}

/*
 * A string member of a JSON object; NULL if it is missing or no string.
 */
static char *
json_member(Jsonb *json, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&json->root, key, strlen(key), NULL);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/*
 * Add a snapshot to the bundle.
 */
static void
add_snapshot(Load *load, const char *path, Jsonb *json)
{
	char	   *text = JsonbToCString(NULL, &json->root, VARSIZE(json));

	json_write_raw(&load->snapshots, NULL, text);
	pfree(text);
	load->files = lappend(load->files, pstrdup(path + strlen(load->root) + 1));
	if (load->snapshots.text.len > MAX_TOTAL_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("snapshots in \"%s\" exceed the maximum size of a jsonb value",
						load->root),
				 errhint("Load one repo's directory at a time.")));
}

/*
 * Read a table's snapshot, which is in "folder" under the name "table".
 *
 * AshPostgres now puts the schema in front of the table's name and looks there
 * first.  So if the snapshot has a schema, a folder without it counts only if
 * there is none with it.
 */
static void
load_snapshot(Load *load, const char *path, const char *folder, const char *table)
{
	Jsonb	   *json = read_json(path);
	char	   *schema;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_SNAPSHOT),
				 errmsg("file \"%s\" is not a snapshot: not a JSON object", path),
				 errhint("Use the file as AshPostgres wrote it.")));
	schema = strchr(table, '.') ? NULL : json_member(json, "schema");
	if (schema)
	{
		char	   *better = psprintf("%s/%s.%s", folder, schema, table);

		if (entry_kind(better) == 'd' && newest_file(better, load->dev))
			return;
	}
	add_snapshot(load, path, json);
}

/*
 * Read extensions.json, as a bundle is read, and merge it with those of other
 * repos.
 */
static void
load_extensions(Load *load, const char *path)
{
	Jsonb	   *json = read_json(path);
	JsonWriter	text;
	Problem		problem = {0};
	Bundle	   *bundle;
	ListCell   *lc;

	json_write_init(&text);
	json_write_open(&text, NULL, '{');
	json_write_raw(&text, "extensions", JsonbToCString(NULL, &json->root, VARSIZE(json)));
	json_write_close(&text, '}');
	bundle = snapshot_decode(text.text.data, &problem);
	if (bundle == NULL)
	{
		problem.message = psprintf("%s (file \"%s\")", problem.message, path);
		problem_raise(&problem);
	}
	load->has_extensions = true;
	foreach(lc, bundle->extensions)
	{
		if (!names_have(load->extensions, lfirst(lc)))
			load->extensions = lappend(load->extensions, lfirst(lc));
	}
	load->ash_functions_version = Max(load->ash_functions_version,
									  bundle->ash_functions_version);
}

/*
 * Read a table's file of the old layout, <table>.json next to the folders,
 * unless the table has a folder now.
 */
static void
load_flat(Load *load, const char *folder, const char *name)
{
	const char *suffix = load->dev && has_suffix(name, "_dev.json") ? "_dev.json" : ".json";
	char	   *table = pnstrdup(name, strlen(name) - strlen(suffix));
	char	   *table_folder = psprintf("%s/%s", folder, table);

	/* in a table's own folder, which "tenants" may be */
	if (is_snapshot_name(name, true) || strcmp(name, "initial.json") == 0)
		return;
	if (!load->dev && has_suffix(name, "_dev.json"))
		return;
	if (entry_kind(table_folder) == 'd' && newest_file(table_folder, load->dev))
		return;
	if (strcmp(suffix, "_dev.json") != 0 && load->dev &&
		entry_kind(psprintf("%s/%s_dev.json", folder, table)) == 'f')
		return;
	load_snapshot(load, psprintf("%s/%s", folder, name), folder, table);
}

/*
 * Read the tables of a repo, or of its tenants.
 */
static void
load_tables(Load *load, const char *folder, bool tenants)
{
	foreach_ptr(const char, name, read_folder(folder))
	{
		char	   *path = psprintf("%s/%s", folder, name);
		char		kind = entry_kind(path);
		char	   *newest;

		if (kind == 'f' && strcmp(name, "extensions.json") == 0 && !tenants)
			load_extensions(load, path);
		else if (kind == 'f' && has_suffix(name, ".json"))
			load_flat(load, folder, name);
		if (kind != 'd')
			continue;

		/* "tenants" may be a table, or the tenants' tables, or both */
		if ((newest = newest_file(path, load->dev)) != NULL)
			load_snapshot(load, newest, folder, name);
		if (strcmp(name, "tenants") == 0 && !tenants)
			load_tables(load, path, true);
	}
}

/*
 * Does this folder hold tables, rather than repos?
 */
static bool
holds_tables(const char *folder)
{
	foreach_ptr(const char, name, read_folder(folder))
	{
		char	   *path = psprintf("%s/%s", folder, name);
		char		kind = entry_kind(path);

		if (kind == 'f' && has_suffix(name, ".json") && !is_snapshot_name(name, true) &&
			strcmp(name, "extensions.json") != 0)
			return true;
		if (kind == 'd' &&
			(newest_file(path, true) ||
			 (strcmp(name, "tenants") == 0 && holds_tables(path))))
			return true;
	}
	return false;
}

/*
 * Read a folder of repos, with the extensions.json that older versions put
 * next to them.
 */
static void
load_repos(Load *load, const char *folder)
{
	foreach_ptr(const char, name, read_folder(folder))
	{
		char	   *path = psprintf("%s/%s", folder, name);
		char		kind = entry_kind(path);

		if (kind == 'd')
			load_tables(load, path, false);
		else if (kind == 'f' && strcmp(name, "extensions.json") == 0)
			load_extensions(load, path);
	}
}

/*
 * What was loaded as the text of a bundle.  "files" says in messages which
 * file a snapshot comes from.
 */
static char *
bundle_text(Load *load)
{
	JsonWriter	json;

	json_write_close(&load->snapshots, ']');
	json_write_init(&json);
	json_write_open(&json, NULL, '{');
	json_write_strings(&json, "files", load->files);
	json_write_raw(&json, "snapshots", load->snapshots.text.data);
	if (load->has_extensions)
	{
		json_write_open(&json, "extensions", '{');
		json_write_strings(&json, "installed", load->extensions);
		if (load->ash_functions_version > 0)
			json_write_raw(&json, "ash_functions_version",
						   psprintf("%d", load->ash_functions_version));
		json_write_close(&json, '}');
	}
	json_write_close(&json, '}');
	return json.text.data;
}

char *
snapshot_folder_load(const char *root, bool dev)
{
	Load		load = {.root = root, .dev = dev};

	json_write_init(&load.snapshots);
	json_write_open(&load.snapshots, NULL, '[');
	if (holds_tables(root))
		load_tables(&load, root, false);
	else
		load_repos(&load, root);
	if (load.files == NIL && !load.has_extensions)
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("no snapshots found in \"%s\"", root),
				 errhint("Pass a resource_snapshots directory or one repo's directory in it. Files ending in _dev.json are only read with dev => true.")));
	return bundle_text(&load);
}
