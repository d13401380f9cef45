/*
 * prompt.h
 *		Questions to a person at the terminal.
 *
 * Whoever asks has seen to it that output_is_terminal().
 */
#ifndef ASHMIG_PROMPT_H
#define ASHMIG_PROMPT_H

#include <stdbool.h>

/* A password, which is not shown; from the terminal, wherever input comes from.  NULL: there is none. */
extern char *prompt_password(const char *user);

/* A question with yes or no; the end of the input means no. */
extern bool prompt_yes(const char *question, bool otherwise);

/* One of several; the number of the choice, from 0, or -1 for none */
extern int	prompt_choice(const char *question, char *const *choices, int count);

/*
 * Ask before something is destroyed.  Without a terminal, and without "force",
 * the program ends here; so it does if the answer is no.
 */
extern void prompt_destroy(bool force, const char *question);

#endif							/* ASHMIG_PROMPT_H */
