/*
 * command_help.c
 *		help, completion.
 */
#include <string.h>

#include "commands.h"
#include "output.h"
#include "text.h"

int
command_help(const Arguments *arguments)
{
	const Command *command;
	char	   *name;

	if (arguments->nwords == 0)
	{
		options_help_all(commands);
		return EXIT_DONE;
	}
	name = arguments->nwords == 1 ? arguments->words[0]
		: text_printf("%s %s", arguments->words[0], arguments->words[1]);
	command = command_find(commands, name);
	if (command == NULL)
		fail_usage("there is no command \"%s\"", name);
	options_help(command);
	return EXIT_DONE;
}

int
command_completion(const Arguments *arguments)
{
	if (strcmp(arguments->words[0], "bash") != 0)
		fail_usage("there is a completion for bash, not for \"%s\"", arguments->words[0]);
	options_completion(commands);
	return EXIT_DONE;
}
