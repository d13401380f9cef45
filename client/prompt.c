/*
 * prompt.c
 *		Questions to a person at the terminal: see prompt.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>

#include "output.h"
#include "prompt.h"
#include "text.h"

/* A line that was typed, without its end; NULL at the end of the input */
static char *
read_answer(FILE *in)
{
	char	   *line = NULL;
	size_t		size = 0;

	if (getline(&line, &size, in) < 0)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

char *
prompt_password(const char *user)
{
	FILE	   *terminal = fopen("/dev/tty", "r+");
	struct termios shown;
	struct termios hidden;
	char	   *password;

	if (terminal == NULL || tcgetattr(fileno(terminal), &shown) != 0)
		return NULL;
	hidden = shown;
	hidden.c_lflag &= ~ECHO;
	tcsetattr(fileno(terminal), TCSAFLUSH, &hidden);
	if (user && user[0])
		fprintf(terminal, "Password for user %s: ", user);
	else
		fprintf(terminal, "Password: ");
	fflush(terminal);
	password = read_answer(terminal);
	tcsetattr(fileno(terminal), TCSAFLUSH, &shown);
	fputc('\n', terminal);
	fclose(terminal);
	return password;
}

bool
prompt_yes(const char *question, bool otherwise)
{
	for (;;)
	{
		char	   *answer;

		fprintf(stderr, "%s [%s] ", question, otherwise ? "Yn" : "yN");
		fflush(stderr);
		answer = read_answer(stdin);
		if (answer == NULL)
		{
			fputc('\n', stderr);
			return false;
		}
		answer = text_trim(answer);
		if (answer[0] == '\0')
			return otherwise;
		if (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)
			return true;
		if (strcasecmp(answer, "n") == 0 || strcasecmp(answer, "no") == 0)
			return false;
	}
}

int
prompt_choice(const char *question, char *const *choices, int count)
{
	for (int i = 0; i < count; i++)
		fprintf(stderr, "  %d) %s\n", i + 1, choices[i]);
	for (;;)
	{
		char	   *answer;
		int			number;

		fprintf(stderr, "%s ", question);
		fflush(stderr);
		answer = read_answer(stdin);
		if (answer == NULL)
		{
			fputc('\n', stderr);
			return -1;
		}
		answer = text_trim(answer);
		for (int i = 0; i < count; i++)
		{
			if (strcmp(answer, choices[i]) == 0)
				return i;
		}
		number = atoi(answer);
		if (number >= 1 && number <= count)
			return number - 1;
	}
}

void
prompt_destroy(bool force, const char *question)
{
	if (force)
		return;
	if (!output_is_terminal())
		fail("Run it at a terminal, which asks, or pass --force.", "%s Nobody is there to say yes", question);
	if (!prompt_yes(question, false))
	{
		warn("Nothing was changed.");
		exit(output_end(EXIT_FAILED));
	}
}
