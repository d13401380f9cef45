/*
 * config.c
 *		The file .ashmig: see config.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "output.h"
#include "text.h"

#define DEFAULT_SNAPSHOTS "priv/resource_snapshots"
#define DEFAULT_MIGRATIONS "priv/ashmig"

/*
 * The file here or in the nearest folder above, as the working directory sees
 * it; NULL if there is none.
 */
static char *
find_file(void)
{
	char	   *folder = getcwd(NULL, 0);
	char	   *path = CONFIG_NAME;

	if (folder == NULL)
		fail(NULL, "could not read the working directory: %s", strerror(errno));
	for (char *slash = folder; slash; slash = strchr(slash + 1, '/'))
	{
		if (access(path, F_OK) == 0)
			return path;
		path = text_printf("../%s", path);
	}
	return NULL;
}

/* A path as the working directory sees it, where the file says it relative to itself */
static const char *
resolve(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');

	if (path[0] == '/' || slash == NULL)
		return path;
	return text_printf("%.*s/%s", (int) (slash - file), file, path);
}

static void
read_line(Config *config, char *line, int number)
{
	char	   *equals = strchr(line, '=');
	char	   *key;
	char	   *value;

	line = text_trim(line);
	if (line[0] == '\0' || line[0] == '#')
		return;
	if (equals == NULL)
		fail("A line is \"key = value\".", "%s, line %d: \"%s\" has no value", config->path, number, line);
	*equals = '\0';
	key = text_trim(line);
	value = text_trim(equals + 1);
	if (value[0] == '\0')
		return;
	if (strcmp(key, "snapshots") == 0)
		config->snapshots = resolve(config->path, value);
	else if (strcmp(key, "migrations") == 0)
		config->migrations = resolve(config->path, value);
	else if (strcmp(key, "repo") == 0)
		config->repo = value;
	else if (strcmp(key, "database") == 0)
		config->database = value;
	else
		fail("There are snapshots, migrations, repo and database.",
			 "%s, line %d: unknown setting \"%s\"", config->path, number, key);
}

Config
config_read(const char *path)
{
	Config		config = {
		.path = path ? path : find_file(),
		.snapshots = DEFAULT_SNAPSHOTS,
		.migrations = DEFAULT_MIGRATIONS
	};
	FILE	   *file;
	char	   *line = NULL;
	size_t		size = 0;

	if (config.path == NULL)
		return config;
	file = fopen(config.path, "r");
	if (file == NULL)
		fail(NULL, "could not open \"%s\": %s", config.path, strerror(errno));
	config.snapshots = resolve(config.path, config.snapshots);
	config.migrations = resolve(config.path, config.migrations);
	for (int number = 1; getline(&line, &size, file) > 0; number++)
		read_line(&config, text_printf("%s", line), number);
	if (ferror(file))
		fail(NULL, "could not read \"%s\": %s", config.path, strerror(errno));
	fclose(file);
	return config;
}

void
config_write(const char *path, const Config *config)
{
	FILE	   *file = fopen(path, "wx");
	bool		failed;

	if (file == NULL)
		fail(errno == EEXIST ? "Edit it, or remove it first." : NULL,
			 "could not create \"%s\": %s", path, strerror(errno));
	fprintf(file, "# What this application shares with ashmig. Paths are relative to this file.\n"
			"snapshots = %s\nmigrations = %s\n", config->snapshots, config->migrations);
	fprintf(file, "%srepo = %s\n", config->repo ? "" : "# ", config->repo ? config->repo : "MyApp.Repo");
	fprintf(file, "%sdatabase = %s\n", config->database ? "" : "# ",
			config->database ? config->database : "my_app_dev");
	failed = fflush(file) != 0 || ferror(file);
	if (fclose(file) != 0 || failed)
	{
		unlink(path);
		fail(NULL, "could not write \"%s\": %s", path, strerror(errno));
	}
}
