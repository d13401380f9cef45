/*
 * command_files.c
 *		new, export, import, squash: files of the repository.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bundle.h"
#include "commands.h"
#include "folder.h"
#include "output.h"
#include "session.h"

/* ------------------------------------------------------------------------
 * new
 * ------------------------------------------------------------------------
 */

/*
 * The time as a version, or the next one that is greater than all of the
 * folder
 */
static long long
next_version(const char *folder)
{
	StringList	files = folder_files(folder);
	time_t		now = time(NULL);
	struct tm	utc;
	char		digits[15];
	long long	newest = files.count ? folder_version(files.items[files.count - 1]) : 0;

	do
	{
		gmtime_r(&now, &utc);
		strftime(digits, sizeof(digits), "%Y%m%d%H%M%S", &utc);
		now++;
	} while (atoll(digits) <= newest && newest < 90000000000000LL);
	return atoll(digits);
}

/* A name as part of a file's name */
static char *
slug_of(const char *name)
{
	char	   *slug = text_printf("%s", name);

	for (char *c = slug; *c; c++)
	{
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *c) == NULL)
			*c = *c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : '_';
	}
	return slug;
}

int
command_new(const Arguments *arguments)
{
	Config		config = config_read(option_value(arguments, "config"));
	const char *name = arguments->words[0];
	bool		tenant = option_given(arguments, "tenant");
	char	   *path = text_printf("%s/%s/%lld_%s.sql", config.migrations, tenant ? "tenant" : "public",
								   next_version(config.migrations), slug_of(name));

	folder_replace_file(path,
						text_printf("-- name: %s\n%s%s%s%s\n-- ashmig: up\n\n\n-- ashmig: down\n\n", name,
									config.repo ? "-- repo: " : "", config.repo ? config.repo : "",
									config.repo ? "\n" : "",
									option_given(arguments, "no-transaction") ? "-- transactional: no\n" : ""));
	report_text("file", path);
	say("%swrote%s     %s", paint(COLOR_GREEN), paint(COLOR_NONE), path);
	return EXIT_DONE;
}

/* ------------------------------------------------------------------------
 * export, import
 * ------------------------------------------------------------------------
 */

/*
 * Write the files that the folder lacks; those that differ stay unless the
 * database is to win.
 */
int
command_export(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	const char *folder = session->config.migrations;
	int			written = 0;
	int			different = 0;
	Call		call;
	PGresult   *files;

	call_begin(&call, session, "ashmig_export_files");
	call_options(&call, arguments);
	files = call_run(&call);
	for (int row = 0; row < PQntuples(files); row++)
	{
		char	   *path = text_printf("%s/%s", folder, result_value(files, row, "path"));
		const char *content = result_value(files, row, "content");

		if (bundle_is_file(path) && strcmp(folder_read_file(path), content) == 0)
			continue;
		if (bundle_is_file(path) && !option_given(arguments, "force"))
		{
			different++;
			warn("%sdiffers%s   %s", paint(COLOR_YELLOW), paint(COLOR_NONE), path);
			continue;
		}
		folder_replace_file(path, content);
		written++;
		say("%swrote%s     %s", paint(COLOR_GREEN), paint(COLOR_NONE), path);
	}
	report_number("written", written);
	report_number("different", different);
	if (different)
		warn("ashmig: hint: --force overwrites files that differ from what is recorded.");
	else if (written == 0)
		say("The folder has everything that is recorded.");
	return different ? EXIT_PENDING : EXIT_DONE;
}

int
command_import(const Arguments *arguments)
{
	Session    *session = session_open(arguments);
	PGresult   *imported = folder_import(session, true);

	if (imported)
		report_rows("files", imported);
	if (folder_tell_imported(session, imported) == 0)
		say("The database has everything that is in %s.", session->config.migrations);
	return EXIT_DONE;
}

/* ------------------------------------------------------------------------
 * squash
 * ------------------------------------------------------------------------
 */

typedef enum SquashInto
{
	INTO_LAST,
	INTO_FIRST,
	INTO_ZERO
} SquashInto;

/* What is squashed, and how */
typedef struct Squash
{
	SquashInto	into;
	bool		touch;			/* files are removed and renamed */
	StringList	folders;		/* that have something to squash */
} Squash;

static SquashInto
squash_into(const char *name)
{
	if (name == NULL || strcmp(name, "last") == 0)
		return INTO_LAST;
	if (strcmp(name, "first") == 0)
		return INTO_FIRST;
	if (strcmp(name, "zero") == 0)
		return INTO_ZERO;
	fail_usage("--into takes last, first or zero, not \"%s\"", name);
}

/* Leave the last snapshot, under the name that was asked for. */
static void
squash_files(const char *folder, const StringList *snapshots, const char *last, const char *into)
{
	for (int i = 0; i < snapshots->count; i++)
	{
		if (strcmp(snapshots->items[i], last) != 0 &&
			unlink(text_printf("%s/%s", folder, snapshots->items[i])) != 0)
			fail(NULL, "could not remove \"%s/%s\": %s", folder, snapshots->items[i], strerror(errno));
	}
	if (strcmp(last, into) != 0 &&
		rename(text_printf("%s/%s", folder, last), text_printf("%s/%s", folder, into)) != 0)
		fail(NULL, "could not rename \"%s/%s\": %s", folder, last, strerror(errno));
}

static void
squash_folder(Squash *squash, const char *folder)
{
	StringList	names = bundle_names(folder);
	StringList	snapshots = {0};
	const char *last;
	const char *into;

	for (int i = 0; i < names.count; i++)
	{
		char	   *path = text_printf("%s/%s", folder, names.items[i]);

		if (bundle_is_folder(path))
			squash_folder(squash, path);
		else if (bundle_is_snapshot_name(names.items[i], false))
			list_add(&snapshots, names.items[i]);
	}
	if (snapshots.count == 0)
		return;
	last = snapshots.items[snapshots.count - 1];
	into = squash->into == INTO_LAST ? last : squash->into == INTO_FIRST ? snapshots.items[0]
		: "00000000000000.json";
	if (snapshots.count == 1 && strcmp(last, into) == 0)
		return;
	list_add(&squash->folders, text_printf("%s", folder));
	if (squash->touch)
		squash_files(folder, &snapshots, last, into);
}

int
command_squash(const Arguments *arguments)
{
	Config		config = config_read(option_value(arguments, "config"));
	const char *folder = option_value(arguments, "snapshots");
	bool		check = option_given(arguments, "check");
	Squash		squash = {
		.into = squash_into(option_value(arguments, "into")),
		.touch = !check && !option_given(arguments, "dry-run")
	};
	cJSON	   *folders = cJSON_CreateArray();

	folder = folder ? folder : config.snapshots;
	if (!bundle_is_folder(folder))
		fail("Say where it is with --snapshots, or in .ashmig.",
			 "there is no folder \"%s\" with resource snapshots", folder);
	squash_folder(&squash, folder);
	for (int i = 0; i < squash.folders.count; i++)
	{
		cJSON_AddItemToArray(folders, cJSON_CreateString(squash.folders.items[i]));
		say("%s  %s", squash.touch ? "squashed" : "to squash", squash.folders.items[i]);
	}
	report_json("folders", folders);
	if (squash.folders.count == 0)
		say("There is nothing to squash.");
	return check && squash.folders.count > 0 ? EXIT_PENDING : EXIT_DONE;
}
