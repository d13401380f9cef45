/*
 * text.h
 *		Strings, and lists of them.
 *
 * The program runs one command and ends, so nothing here is ever freed.  A
 * longer text is written with stdio into a stream of text_open().
 */
#ifndef ASHMIG_TEXT_H
#define ASHMIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define lengthof(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* Zeroed memory; the program ends if there is none. */
extern void *allocate(size_t size);

/* A string as printf would print it */
extern char *text_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A copy of at most so many bytes */
extern char *text_cut(const char *text, size_t length);

extern bool text_equal(const char *a, const char *b);	/* NULL equals NULL */
extern bool text_starts(const char *text, const char *prefix);
extern bool text_ends(const char *text, const char *suffix);

/* Where the first character follows that is no space; spaces at the end are cut off. */
extern char *text_trim(char *text);

/* A stream whose text is complete once it is closed */
typedef struct Text
{
	FILE	   *out;
	char	   *data;
	size_t		length;
} Text;

extern void text_open(Text *text);
extern char *text_close(Text *text);

typedef struct StringList
{
	char	  **items;
	int			count;
} StringList;

extern void list_add(StringList *list, char *item);
extern void list_sort(StringList *list);
extern bool list_has(const StringList *list, const char *item);

#endif							/* ASHMIG_TEXT_H */
