/*
 * config.h
 *		The file .ashmig: what a team shares about one application.
 *
 *		snapshots = priv/resource_snapshots
 *		migrations = priv/ashmig
 *		repo = MyApp.Repo
 *		database = my_app_dev
 *
 * It is looked for in the working directory and the folders above it.  Paths
 * in it are relative to where it lies.  Without it, the defaults hold for the
 * working directory.
 */
#ifndef ASHMIG_CONFIG_H
#define ASHMIG_CONFIG_H

#define CONFIG_NAME ".ashmig"

typedef struct Config
{
	const char *path;			/* of the file; NULL: there is none */
	const char *snapshots;		/* folder */
	const char *migrations;		/* folder */
	const char *repo;			/* or NULL */
	const char *database;		/* name or connection string, or NULL */
} Config;

/* Read the file at this path, or the one that is found.  Ends the program where it is wrong. */
extern Config config_read(const char *path);

/* Write a new file; fails where there is one. */
extern void config_write(const char *path, const Config *config);

#endif							/* ASHMIG_CONFIG_H */
