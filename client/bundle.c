/*
 * bundle.c
 *		The snapshots of an application: see bundle.h.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "bundle.h"
#include "folder.h"
#include "output.h"

/* A walk through a folder */
typedef struct Walk
{
	const char *root;
	bool		dev;
	cJSON	   *snapshots;		/* an array, of texts as they are in the files */
	cJSON	   *files;			/* an array: where each comes from, below the
								 * root */
	cJSON	   *installed;		/* an array: extensions of all repos, each
								 * once */
	double		ash_functions_version;	/* the highest */
	bool		has_extensions;
} Walk;

bool
bundle_is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool
bundle_is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

StringList
bundle_names(const char *folder)
{
	StringList	names = {0};
	DIR		   *dir = opendir(folder);
	struct dirent *entry;

	if (dir == NULL)
		return names;
	while ((entry = readdir(dir)) != NULL)
	{
		if (entry->d_name[0] != '.')
			list_add(&names, text_printf("%s", entry->d_name));
	}
	closedir(dir);
	list_sort(&names);
	return names;
}

bool
bundle_is_snapshot_name(const char *name, bool dev)
{
	if (strspn(name, "0123456789") != 14)
		return false;
	return strcmp(name + 14, ".json") == 0 || (dev && strcmp(name + 14, "_dev.json") == 0);
}

/*
 * The newest snapshot in a table's folder; NULL if there is none.
 */
static char *
newest_file(const char *folder, bool dev)
{
	StringList	names = bundle_names(folder);
	char	   *path;

	for (int i = names.count - 1; i >= 0; i--)
	{
		path = text_printf("%s/%s", folder, names.items[i]);
		if (bundle_is_snapshot_name(names.items[i], dev) && bundle_is_file(path))
			return path;
	}
	path = text_printf("%s/initial.json", folder);
	return bundle_is_file(path) ? path : NULL;
}

/*
 * A file as JSON; "text": as it is.
 */
static cJSON *
read_json(const char *path, char **text)
{
	const char *end;
	cJSON	   *json;

	*text = folder_read_file(path);
	json = cJSON_ParseWithOpts(*text, &end, true);
	if (json == NULL)
		fail("Use the file as AshPostgres wrote it. An unresolved merge conflict or a Git LFS pointer can cause this error.",
			 "file \"%s\" is not valid JSON", path);
	return json;
}

/*
 * Add a table's snapshot, which is in "folder" under the name "table".
 *
 * AshPostgres now puts the schema in front of the table's name and looks there
 * first.  So if the snapshot has a schema, a folder without it counts only if
 * there is none with it.
 */
static void
add_snapshot(Walk *walk, const char *path, const char *folder, const char *table)
{
	char	   *text;
	cJSON	   *json = read_json(path, &text);
	const char *schema = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "schema"));

	if (!cJSON_IsObject(json))
		fail("Use the file as AshPostgres wrote it.", "file \"%s\" is not a snapshot: not a JSON object", path);
	if (schema && strchr(table, '.') == NULL &&
		newest_file(text_printf("%s/%s.%s", folder, schema, table), walk->dev))
		return;
	cJSON_AddItemToArray(walk->snapshots, cJSON_CreateRaw(text));
	cJSON_AddItemToArray(walk->files, cJSON_CreateString(path + strlen(walk->root) + 1));
	cJSON_Delete(json);
}

static bool
has_item(const cJSON *array, const cJSON *item)
{
	const cJSON *other;

	cJSON_ArrayForEach(other, array)
	{
		if (cJSON_Compare(other, item, true))
			return true;
	}
	return false;
}

/*
 * Merge an extensions.json with those of other repos: an object that has the
 * list as "installed", or the list alone.
 */
static void
add_extensions(Walk *walk, const char *path)
{
	char	   *text;
	cJSON	   *json = read_json(path, &text);
	cJSON	   *list = cJSON_IsArray(json) ? json : cJSON_GetObjectItemCaseSensitive(json, "installed");
	cJSON	   *version = cJSON_GetObjectItemCaseSensitive(json, "ash_functions_version");
	cJSON	   *item;

	if (!cJSON_IsArray(list))
		fail("Use the file as AshPostgres wrote it.", "file \"%s\" has no list of extensions", path);
	walk->has_extensions = true;
	cJSON_ArrayForEach(item, list)
	{
		if (!has_item(walk->installed, item))
			cJSON_AddItemToArray(walk->installed, cJSON_Duplicate(item, true));
	}
	if (cJSON_IsNumber(version) && version->valuedouble > walk->ash_functions_version)
		walk->ash_functions_version = version->valuedouble;
}

/*
 * A table's file of the old layout, <table>.json next to the folders, unless
 * the table has a folder now.
 */
static void
add_flat(Walk *walk, const char *folder, const char *name)
{
	bool		is_dev = text_ends(name, "_dev.json");
	char	   *table = text_cut(name, strlen(name) - strlen(is_dev && walk->dev ? "_dev.json" : ".json"));

	/* in a table's own folder, which "tenants" may be */
	if (bundle_is_snapshot_name(name, true) || strcmp(name, "initial.json") == 0)
		return;
	if (is_dev && !walk->dev)
		return;
	if (newest_file(text_printf("%s/%s", folder, table), walk->dev))
		return;
	if (walk->dev && !is_dev && bundle_is_file(text_printf("%s/%s_dev.json", folder, table)))
		return;
	add_snapshot(walk, text_printf("%s/%s", folder, name), folder, table);
}

/*
 * The tables of a repo, or of its tenants
 */
static void
add_tables(Walk *walk, const char *folder, bool tenants)
{
	StringList	names = bundle_names(folder);

	for (int i = 0; i < names.count; i++)
	{
		const char *name = names.items[i];
		char	   *path = text_printf("%s/%s", folder, name);

		if (bundle_is_folder(path))
		{
			char	   *newest = newest_file(path, walk->dev);

			/* "tenants" may be a table, or the tenants' tables, or both */
			if (newest)
				add_snapshot(walk, newest, folder, name);
			if (strcmp(name, "tenants") == 0 && !tenants)
				add_tables(walk, path, true);
		}
		else if (!bundle_is_file(path) || !text_ends(name, ".json"))
			continue;
		else if (strcmp(name, "extensions.json") == 0 && !tenants)
			add_extensions(walk, path);
		else
			add_flat(walk, folder, name);
	}
}

/*
 * Does this folder hold tables, rather than repos?
 */
static bool
holds_tables(const char *folder)
{
	StringList	names = bundle_names(folder);

	for (int i = 0; i < names.count; i++)
	{
		const char *name = names.items[i];
		char	   *path = text_printf("%s/%s", folder, name);

		if (bundle_is_file(path) && text_ends(name, ".json") && !bundle_is_snapshot_name(name, true) &&
			strcmp(name, "extensions.json") != 0)
			return true;
		if (bundle_is_folder(path) &&
			(newest_file(path, true) || (strcmp(name, "tenants") == 0 && holds_tables(path))))
			return true;
	}
	return false;
}

/*
 * A folder of repos, with the extensions.json that older versions put next to
 * them
 */
static void
add_repos(Walk *walk, const char *folder)
{
	StringList	names = bundle_names(folder);

	for (int i = 0; i < names.count; i++)
	{
		char	   *path = text_printf("%s/%s", folder, names.items[i]);

		if (bundle_is_folder(path))
			add_tables(walk, path, false);
		else if (strcmp(names.items[i], "extensions.json") == 0)
			add_extensions(walk, path);
	}
}

char *
bundle_read(const char *folder, bool dev)
{
	Walk		walk = {.root = folder, .dev = dev};
	cJSON	   *bundle = cJSON_CreateObject();

	if (!bundle_is_folder(folder))
		fail("Say where it is with --snapshots, or in .ashmig (\"ashmig init\" writes one).",
			 "there is no folder \"%s\" with resource snapshots", folder);
	walk.files = cJSON_AddArrayToObject(bundle, "files");
	walk.snapshots = cJSON_AddArrayToObject(bundle, "snapshots");
	walk.installed = cJSON_CreateArray();
	if (holds_tables(folder))
		add_tables(&walk, folder, false);
	else
		add_repos(&walk, folder);
	if (cJSON_GetArraySize(walk.files) == 0 && !walk.has_extensions)
		fail("Files ending in _dev.json only count with --dev.", "there are no snapshots in \"%s\"", folder);
	if (walk.has_extensions)
	{
		cJSON	   *extensions = cJSON_AddObjectToObject(bundle, "extensions");

		cJSON_AddItemToObject(extensions, "installed", walk.installed);
		if (walk.ash_functions_version > 0)
			cJSON_AddNumberToObject(extensions, "ash_functions_version", walk.ash_functions_version);
	}
	return cJSON_PrintUnformatted(bundle);
}
