/*
 * folder.c
 *		The migrations folder: see folder.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "bundle.h"
#include "folder.h"
#include "output.h"

/* More than any migration needs */
#define MAX_FILE_SIZE (64 * 1024 * 1024)

static const char *const scopes[] = {"public", "tenant"};

/* Temporary files, which do not outlive the program */
static StringList temporary;

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */

long long
folder_version(const char *path)
{
	const char *base = strrchr(path, '/');

	return atoll(base ? base + 1 : path);
}

char *
folder_scope(const char *path)
{
	return text_cut(path, strcspn(path, "/"));
}

char *
folder_key(const char *scope, const char *version)
{
	return text_printf("%s %s", scope, version);
}

static int
compare_versions(const void *a, const void *b)
{
	long long	one = folder_version(*(char *const *) a);
	long long	other = folder_version(*(char *const *) b);

	return one < other ? -1 : one > other;
}

/* "20260420153000_add_tickets.sql" */
static bool
is_migration_name(const char *name)
{
	return strspn(name, "0123456789") == 14 && text_ends(name, ".sql");
}

StringList
folder_files(const char *folder)
{
	StringList	files = {0};

	for (int i = 0; i < lengthof(scopes); i++)
	{
		StringList	names = bundle_names(text_printf("%s/%s", folder, scopes[i]));

		for (int j = 0; j < names.count; j++)
		{
			if (is_migration_name(names.items[j]))
				list_add(&files, text_printf("%s/%s", scopes[i], names.items[j]));
			else if (text_ends(names.items[j], ".sql"))
				fail("Let its name begin with a version of 14 digits: 20260420153000_add_tickets.sql.",
					 "file \"%s/%s/%s\" has no version", folder, scopes[i], names.items[j]);
		}
	}
	if (files.count > 1)
		qsort(files.items, files.count, sizeof(char *), compare_versions);
	return files;
}

char *
folder_read_file(const char *path)
{
	FILE	   *file = fopen(path, "r");
	Text		text;
	char		chunk[8192];
	size_t		length;

	if (file == NULL)
		fail(NULL, "could not open \"%s\": %s", path, strerror(errno));
	text_open(&text);
	while ((length = fread(chunk, 1, sizeof(chunk), file)) > 0)
	{
		fwrite(chunk, 1, length, text.out);
		if (ftell(text.out) > MAX_FILE_SIZE)
			fail(NULL, "file \"%s\" is too large (more than %d MB)", path, MAX_FILE_SIZE / (1024 * 1024));
	}
	if (ferror(file))
		fail(NULL, "could not read \"%s\": %s", path, strerror(errno));
	fclose(file);
	text_close(&text);
	if (strlen(text.data) != text.length)
		fail(NULL, "file \"%s\" has a zero byte and is no text", path);
	return text.data;
}

/* ------------------------------------------------------------------------
 * Importing
 * ------------------------------------------------------------------------
 */

/*
 * The migrations whose files need no second look: recorded, and applied
 * somewhere.
 */
static StringList
settled_migrations(Session *session)
{
	StringList	settled = {0};
	Call		call;
	PGresult   *result;

	call_begin(&call, session, "ashmig_migrations");
	result = call_run(&call);
	for (int row = 0; row < PQntuples(result); row++)
	{
		if (strcmp(result_value(result, row, "applied"), "0") != 0)
			list_add(&settled, folder_key(result_value(result, row, "scope"),
										  result_value(result, row, "version")));
	}
	list_sort(&settled);
	return settled;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

PGresult *
folder_import(Session *session, bool all)
{
	const char *folder = session->config.migrations;
	StringList	files = folder_files(folder);
	StringList	settled = {0};
	cJSON	   *texts = cJSON_CreateObject();
	Call		call;

	if (files.count > 0 && !all)
		settled = settled_migrations(session);
	for (int i = 0; i < files.count; i++)
	{
		char	   *path = files.items[i];
		char	   *key = folder_key(folder_scope(path), text_printf("%lld", folder_version(path)));

		if (settled.count == 0 ||
			bsearch(&key, settled.items, settled.count, sizeof(char *), compare_strings) == NULL)
			cJSON_AddStringToObject(texts, path, folder_read_file(text_printf("%s/%s", folder, path)));
	}
	if (texts->child == NULL)
		return NULL;
	call_begin(&call, session, "ashmig_import_files");
	call_add(&call, "files", "jsonb", cJSON_PrintUnformatted(texts));
	call_add(&call, "repo", "text", session->config.repo);
	return call_run(&call);
}

int
folder_tell_imported(const Session *session, const PGresult *imported)
{
	int			count = 0;

	for (int row = 0; imported && row < PQntuples(imported); row++)
	{
		const char *status = result_value(imported, row, "status");

		if (strcmp(status, "unchanged") == 0)
			continue;
		count++;
		say("%-8s  %s/%s", status, session->config.migrations, result_value(imported, row, "path"));
	}
	return count;
}

Session *
folder_open_session(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	PGresult   *imported = folder_import(session, false);

	if (imported)
		report_rows("files", imported);
	folder_tell_imported(session, imported);
	return session;
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/* What was begun and not brought to its end is gone when the program is. */
static void
remove_temporary(void)
{
	for (int i = 0; i < temporary.count; i++)
		unlink(temporary.items[i]);
}

static char *
temporary_name(const char *path)
{
	return text_printf("%s.new", path);
}

/*
 * Create the folders above a path.
 */
static void
make_folders(const char *path)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/'))
	{
		char	   *folder = text_cut(path, slash - path);

		if (mkdir(folder, 0777) != 0 && errno != EEXIST)
			fail(NULL, "could not create folder \"%s\": %s", folder, strerror(errno));
	}
}

static void
write_temporary(const char *path, const char *content)
{
	char	   *name = temporary_name(path);
	FILE	   *file;
	bool		written;

	if (temporary.count == 0)
		atexit(remove_temporary);
	make_folders(path);
	file = fopen(name, "w");
	if (file == NULL)
		fail(NULL, "could not create \"%s\": %s", name, strerror(errno));
	list_add(&temporary, name);
	written = fputs(content, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
	if (fclose(file) != 0 || !written)
		fail("Nothing was recorded.", "could not write \"%s\": %s", name, strerror(errno));
}

void
folder_replace_file(const char *path, const char *content)
{
	write_temporary(path, content);
	if (rename(temporary_name(path), path) != 0)
		fail(NULL, "could not write \"%s\": %s", path, strerror(errno));
}

void
folder_write(const char *folder, const PGresult *files)
{
	for (int row = 0; row < PQntuples(files); row++)
		write_temporary(text_printf("%s/%s", folder, result_value(files, row, "path")),
						result_value(files, row, "content"));
}

void
folder_commit(const char *folder, const PGresult *files)
{
	for (int row = 0; row < PQntuples(files); row++)
	{
		char	   *path = text_printf("%s/%s", folder, result_value(files, row, "path"));

		if (rename(temporary_name(path), path) != 0)
			fail("It is recorded: \"ashmig export\" writes the file.",
				 "could not write \"%s\": %s", path, strerror(errno));
		say("%swrote%s     %s", paint(COLOR_GREEN), paint(COLOR_NONE), path);
	}
}
