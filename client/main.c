/*
 * main.c
 *		ashmig, the command-line program: what mix is for Ecto.
 *
 * What the command line means is in options.c, what each command does in
 * command_*.c.  README.md has the map.
 */
#include <locale.h>
#include <stdio.h>

#include "commands.h"
#include "options.h"
#include "output.h"
#include "servers.h"

int
main(int argc, char **argv)
{
	Arguments	arguments;

	setlocale(LC_CTYPE, "");
	options_read(&arguments, commands, argc, argv);
	output_init(option_given(&arguments, "json"), option_given(&arguments, "quiet"));
	if (option_given(&arguments, "version"))
	{
		puts("ashmig " ASHMIG_VERSION);
		return output_end(EXIT_DONE);
	}
	if (option_given(&arguments, "help"))
	{
		if (arguments.command)
			options_help(arguments.command);
		else
			options_help_all(commands);
		return output_end(EXIT_DONE);
	}
	if (!servers_given(&arguments))
		return output_end(arguments.command->run(&arguments));
	if (arguments.command->run_on_servers == NULL)
		fail_usage("\"%s\" works with one server: name it with a single -d", arguments.command->name);
	return output_end(arguments.command->run_on_servers(&arguments));
}
