/*
 * text.c
 *		Strings, and lists of them: see text.h.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "text.h"

void *
allocate(size_t size)
{
	void	   *memory = calloc(1, size ? size : 1);

	if (memory == NULL)
		fail(NULL, "out of memory");
	return memory;
}

char *
text_printf(const char *format, ...)
{
	va_list		arguments;
	char	   *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		fail(NULL, "out of memory");
	va_end(arguments);
	return text;
}

char *
text_cut(const char *text, size_t length)
{
	char	   *copy = strndup(text, length);

	if (copy == NULL)
		fail(NULL, "out of memory");
	return copy;
}

bool
text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool
text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
text_ends(const char *text, const char *suffix)
{
	size_t		length = strlen(text);
	size_t		tail = strlen(suffix);

	return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

char *
text_trim(char *text)
{
	size_t		length;

	while (isspace((unsigned char) *text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		text[--length] = '\0';
	return text;
}

void
text_open(Text *text)
{
	text->out = open_memstream(&text->data, &text->length);
	if (text->out == NULL)
		fail(NULL, "out of memory");
}

char *
text_close(Text *text)
{
	if (fclose(text->out) != 0)
		fail(NULL, "out of memory");
	text->out = NULL;
	return text->data;
}

void
list_add(StringList *list, char *item)
{
	/* it grows at each power of two */
	if ((list->count & (list->count - 1)) == 0)
	{
		list->items = realloc(list->items, sizeof(char *) * (list->count ? 2 * list->count : 1));
		if (list->items == NULL)
			fail(NULL, "out of memory");
	}
	list->items[list->count++] = item;
}

static int
compare_items(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

void
list_sort(StringList *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(char *), compare_items);
}

bool
list_has(const StringList *list, const char *item)
{
	for (int i = 0; i < list->count; i++)
	{
		if (strcmp(list->items[i], item) == 0)
			return true;
	}
	return false;
}
