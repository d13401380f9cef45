/*
 * options.c
 *		What stands on the command line: see options.h.
 */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "output.h"
#include "text.h"

const Option general_options[] = {
	{"host", 'h', "HOST", "database server's host, or folder of its socket", NULL, NULL},
	{"port", 'p', "PORT", "database server's port", NULL, NULL},
	{"username", 'U', "NAME", "connect as this user", NULL, NULL},
	{"dbname", 'd', "NAME", "database or connection string; several: several servers", NULL, NULL},
	{"no-password", 'w', NULL, "never ask for a password", NULL, NULL},
	{"password", 'W', NULL, "ask for a password before connecting", NULL, NULL},
	{"config", 0, "FILE", "settings; default: .ashmig here or in a folder above", NULL, NULL},
	{"json", 0, NULL, "print one JSON object", NULL, NULL},
	{"quiet", 'q', NULL, "print errors, and what was asked for", NULL, NULL},
	{"help", '?', NULL, "show help", NULL, NULL},
	{"version", 'V', NULL, "show the program's version", NULL, NULL},
	{0}
};

/* What getopt_long returns for an option without a letter: this, plus its place */
#define LONG_ONLY 256

#define MAX_OPTIONS 64

/* All options of a command, as getopt_long wants them */
typedef struct OptionSet
{
	const Option *options[MAX_OPTIONS];
	struct option longs[MAX_OPTIONS + 1];
	char		letters[2 * MAX_OPTIONS + 2];
	int			count;
} OptionSet;

static void
set_add(OptionSet *set, OptionTable table)
{
	char	   *letter = set->letters + strlen(set->letters);

	for (; table && table->name; table++)
	{
		set->options[set->count] = table;
		set->longs[set->count].name = table->name;
		set->longs[set->count].has_arg = table->value ? required_argument : no_argument;
		set->longs[set->count].val = LONG_ONLY + set->count;
		set->count++;
		if (table->letter)
		{
			*letter++ = table->letter;
			if (table->value)
				*letter++ = ':';
		}
	}
}

static const Option *
set_find(const OptionSet *set, int found)
{
	if (found >= LONG_ONLY)
		return set->options[found - LONG_ONLY];
	for (int i = 0; i < set->count; i++)
	{
		if (set->options[i]->letter == found)
			return set->options[i];
	}
	return NULL;
}

const char *
option_value(const Arguments *arguments, const char *name)
{
	const char *value = NULL;	/* the last one counts */

	for (int i = 0; i < arguments->ngiven; i++)
	{
		if (strcmp(arguments->given[i].option->name, name) == 0)
			value = arguments->given[i].value;
	}
	return value;
}

bool
option_given(const Arguments *arguments, const char *name)
{
	return option_value(arguments, name) != NULL;
}

static void
add_given(Arguments *arguments, const Option *option, const char *value)
{
	GivenOption *given = allocate(sizeof(GivenOption) * (arguments->ngiven + 1));

	if (arguments->ngiven)
		memcpy(given, arguments->given, sizeof(GivenOption) * arguments->ngiven);
	given[arguments->ngiven].option = option;
	given[arguments->ngiven].value = value;
	arguments->given = given;
	arguments->ngiven++;
}

void
option_remove(Arguments *arguments, const char *name)
{
	Arguments	all = *arguments;

	arguments->given = NULL;
	arguments->ngiven = 0;
	for (int i = 0; i < all.ngiven; i++)
	{
		if (strcmp(all.given[i].option->name, name) != 0)
			add_given(arguments, all.given[i].option, all.given[i].value);
	}
}

/* The option of that name in a table; NULL if there is none */
static const Option *
find_option(OptionTable table, const char *name)
{
	for (; table && table->name; table++)
	{
		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

void
option_set(Arguments *arguments, const char *name, const char *value)
{
	const Option *option = find_option(general_options, name);

	for (int i = 0; option == NULL && i < MAX_TABLES; i++)
		option = find_option(arguments->command->tables[i], name);
	if (option)
		add_given(arguments, option, value);
}

/*
 * Read options until the end, or (with "stop") until the first word.
 */
static void
read_options(Arguments *arguments, const OptionSet *set, bool stop, int argc, char **argv)
{
	const char *letters = stop ? text_printf("+%s", set->letters) : set->letters;
	int			found;

	while ((found = getopt_long(argc, argv, letters, set->longs, NULL)) != -1)
	{
		const Option *option;

		/* '?' is what getopt_long returns for a wrong option, too */
		if (found == '?' && optopt != '?' && strcmp(argv[optind - 1], "-?") != 0)
			fail_usage("unknown option, or one without its value: %s", argv[optind - 1]);
		option = set_find(set, found);
		add_given(arguments, option, option->value ? optarg : "true");
	}
}

const Command *
command_find(const Command *commands, const char *name)
{
	for (; commands->name; commands++)
	{
		if (strcmp(commands->name, name) == 0)
			return commands;
	}
	return NULL;
}

/* Is it the first of the two words of a command? */
static bool
is_first_word(const Command *commands, const char *word)
{
	char	   *prefix = text_printf("%s ", word);

	for (; commands->name; commands++)
	{
		if (text_starts(commands->name, prefix))
			return true;
	}
	return false;
}

static void
check_words(const Arguments *arguments)
{
	const Command *command = arguments->command;

	if (option_given(arguments, "help"))
		return;
	if (arguments->nwords < command->min_words)
		fail_usage("\"%s\" needs %s", command->name, command->words);
	if (arguments->nwords > command->max_words)
		fail_usage("\"%s\" is one word too many for \"%s\"", arguments->words[command->max_words],
				   command->name);
}

void
options_read(Arguments *arguments, const Command *commands, int argc, char **argv)
{
	OptionSet	set = {0};
	const char *name;

	memset(arguments, 0, sizeof(*arguments));
	opterr = 0;
	set_add(&set, general_options);
	read_options(arguments, &set, true, argc, argv);
	if (optind == argc)
	{
		if (!option_given(arguments, "help") && !option_given(arguments, "version"))
			fail_usage("no command was given");
		return;
	}

	name = argv[optind++];
	if (optind < argc && is_first_word(commands, name) && argv[optind][0] != '-')
		name = text_printf("%s %s", name, argv[optind++]);
	arguments->command = command_find(commands, name);
	if (arguments->command == NULL)
	{
		if (is_first_word(commands, name))
			fail_usage("\"%s\" needs another word, such as \"tenant create\"", name);
		fail_usage("there is no command \"%s\"", name);
	}

	for (int i = 0; i < MAX_TABLES; i++)
		set_add(&set, arguments->command->tables[i]);
	argv += optind - 1;
	argc -= optind - 1;
	optind = 0;					/* begin anew, with glibc's permutation */
	read_options(arguments, &set, false, argc, argv);
	arguments->words = argv + optind;
	arguments->nwords = argc - optind;
	check_words(arguments);
}

/* ------------------------------------------------------------------------
 * Help
 * ------------------------------------------------------------------------
 */

static void
print_options(OptionTable table)
{
	for (; table && table->name; table++)
	{
		char	   *letter = table->letter ? text_printf("-%c, ", table->letter) : "    ";
		char	   *name = text_printf("%s--%s%s%s", letter, table->name,
									   table->value ? " " : "", table->value ? table->value : "");

		printf("  %-30s %s\n", name, table->help);
	}
}

void
options_help(const Command *command)
{
	printf("ashmig %s%s%s [option ...]\n\n%s.\n", command->name,
		   command->words ? " " : "", command->words ? command->words : "", command->summary);
	if (command->description)
		printf("\n%s\n", command->description);
	if (command->tables[0])
		puts("\nOptions:");
	for (int i = 0; i < MAX_TABLES; i++)
		print_options(command->tables[i]);
	puts("\nConnection and output:");
	print_options(general_options);
}

void
options_help_all(const Command *commands)
{
	puts("ashmig runs the migrations of Ash applications inside PostgreSQL.\n\n"
		 "  ashmig COMMAND [option ...]\n\nCommands:");
	for (; commands->name; commands++)
	{
		char	   *usage = text_printf("%s%s%s", commands->name, commands->words ? " " : "",
										commands->words ? commands->words : "");

		printf("  %-30s %s\n", usage, commands->summary);
	}
	puts("\nOptions of every command:");
	print_options(general_options);
	puts("\nThe connection is psql's: PGHOST, PGDATABASE, PGSERVICE and so on count as well.\n"
		 "The exit status is 0 if all is done, 1 if something failed, 2 if the command line\n"
		 "is wrong, and 3 if something is pending or different.\n\n"
		 "\"ashmig help COMMAND\" shows a command's options.");
}

/* ------------------------------------------------------------------------
 * Completion
 * ------------------------------------------------------------------------
 */

static void
print_option_names(OptionTable table)
{
	for (; table && table->name; table++)
		printf(" --%s", table->name);
}

void
options_completion(const Command *commands)
{
	StringList	first = {0};

	puts("# bash completion for ashmig: eval \"$(ashmig completion bash)\"\n"
		 "_ashmig() {\n"
		 "\tlocal word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words\n"
		 "\tif [ \"$COMP_CWORD\" -gt 2 ] && [ \"$command\" = tenant ]; then command=\"tenant ${COMP_WORDS[2]}\"; fi\n"
		 "\tcase \"$COMP_CWORD:$command\" in");
	printf("\t\t1:*) words=\"");
	for (const Command *command = commands; command->name; command++)
	{
		char	   *word = text_cut(command->name, strcspn(command->name, " "));

		if (list_has(&first, word))
			continue;
		list_add(&first, word);
		printf("%s%s", first.count > 1 ? " " : "", word);
	}
	puts("\" ;;");
	printf("\t\t2:tenant) words=\"");
	for (const Command *command = commands; command->name; command++)
	{
		if (text_starts(command->name, "tenant "))
			printf("%s ", command->name + strlen("tenant "));
	}
	puts("\" ;;");
	for (const Command *command = commands; command->name; command++)
	{
		printf("\t\t*:\"%s\") words=\"", command->name);
		for (int i = 0; i < MAX_TABLES; i++)
			print_option_names(command->tables[i]);
		puts("\" ;;");
	}
	printf("\tesac\n\tif [ \"$COMP_CWORD\" -gt 1 ]; then words+=\"");
	print_option_names(general_options);
	puts("\"; fi\n"
		 "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
		 "}\n"
		 "complete -o default -F _ashmig ashmig");
}
