/*
 * options.h
 *		What stands on the command line.
 *
 * Options are data: tables of them say how an option is written, what the help
 * tells about it, and which argument of an SQL function gets its value
 * (call.h).  The help, the completion and the tests of the documentation read
 * the same tables.
 */
#ifndef ASHMIG_OPTIONS_H
#define ASHMIG_OPTIONS_H

#include <stdbool.h>

typedef struct Option
{
	const char *name;			/* "--name" */
	char		letter;			/* "-n", or 0 */
	const char *value;			/* stands for its value in the help; NULL: it
								 * has none */
	const char *help;
	const char *argument;		/* of the SQL function; NULL: it is ours */
	const char *type;			/* of that argument */
} Option;

/* A list of options; the last one has no name */
typedef const Option *OptionTable;

#define MAX_TABLES 5

typedef struct Command Command;

/* The options and words that were given */
typedef struct Arguments
{
	const Command *command;
	char	  **words;			/* what is no option */
	int			nwords;
	struct GivenOption *given;
	int			ngiven;
} Arguments;

typedef struct GivenOption
{
	const Option *option;
	const char *value;			/* "true" if it has none */
} GivenOption;

struct Command
{
	const char *name;			/* one word, or two: "tenant create" */
	const char *words;			/* in the help: "NAME" */
	int			min_words;
	int			max_words;
	const char *summary;		/* one line */
	const char *description;	/* what else the help says; or NULL */
	OptionTable tables[MAX_TABLES]; /* beside general_options */
	int			(*run) (const Arguments *arguments);
	int			(*run_on_servers) (const Arguments *arguments); /* where several are
																 * given; NULL: it is
																 * for one */
};

/* The connection, and what goes with every command */
extern const Option general_options[];

/* The value of an option; NULL if it was not given */
extern const char *option_value(const Arguments *arguments, const char *name);
extern bool option_given(const Arguments *arguments, const char *name);

/* Give it, last of all; or take all that was given for it away */
extern void option_remove(Arguments *arguments, const char *name);
extern void option_set(Arguments *arguments, const char *name, const char *value);

/*
 * Read the command line with a list of commands, whose last one has no name.
 * Ends the program where it is wrong.  The command is NULL where nothing but
 * --help or --version was given.
 */
extern void options_read(Arguments *arguments, const Command *commands, int argc, char **argv);

/* The command of that name; NULL if there is none */
extern const Command *command_find(const Command *commands, const char *name);

/* Print the help of a command, or of the program */
extern void options_help(const Command *command);
extern void options_help_all(const Command *commands);

/* Print a script for bash that completes commands and options */
extern void options_completion(const Command *commands);

#endif							/* ASHMIG_OPTIONS_H */
