/*
 * git.c
 *		What git knows of a folder: see git.h.
 *
 * git is started as it is, without a shell in between.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "git.h"
#include "output.h"

extern char **environ;

StringList
git_unknown_files(const char *folder)
{
	char	   *argv[] = {"git", "-C", (char *) folder, "ls-files", "--others", "-z", NULL};
	posix_spawn_file_actions_t actions;
	StringList	files = {0};
	int			ends[2];
	pid_t		pid;
	int			status;
	int			error;
	FILE	   *out;
	char	   *name = NULL;
	size_t		size = 0;

	if (pipe(ends) != 0)
		fail(NULL, "could not create a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	error = posix_spawnp(&pid, "git", &actions, NULL, argv, environ);
	close(ends[1]);
	if (error)
		fail("Install git, which knows the files that are committed.", "could not run git: %s", strerror(error));

	out = fdopen(ends[0], "r");
	while (getdelim(&name, &size, '\0', out) > 0)
		list_add(&files, text_printf("%s", name));
	fclose(out);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail("It has to be in a repository, as git says which migrations are new.",
			 "git does not know the folder \"%s\"", folder);
	return files;
}
