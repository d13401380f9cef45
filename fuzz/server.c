/*
 * server.c
 *		As much of a server as the readers of snapshots call, for fuzz targets
 *		that run without one: palloc, lists, encodings.
 *
 * Each palloc is a malloc, so that AddressSanitizer knows where a chunk ends.
 * The database's encoding is UTF-8, which libpgcommon knows.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "server.h"

/* ------------------------------------------------------------------------
 * Memory
 * ------------------------------------------------------------------------
 */

typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk **link;		/* what points to this one */
	uint64		padding;		/* palloc's alignment */
	Size		size;
} Chunk;

static Chunk *chunks;

MemoryContext CurrentMemoryContext;

static void *
chunk_new(Size size)
{
	Chunk	   *chunk = malloc(sizeof(Chunk) + size);

	if (chunk == NULL)
		abort();
	chunk->size = size;
	chunk->link = &chunks;
	chunk->next = chunks;
	if (chunks)
		chunks->link = &chunk->next;
	chunks = chunk;
	return chunk + 1;
}

static Chunk *
chunk_of(void *pointer)
{
	return (Chunk *) pointer - 1;
}

void
pfree(void *pointer)
{
	Chunk	   *chunk = chunk_of(pointer);

	*chunk->link = chunk->next;
	if (chunk->next)
		chunk->next->link = chunk->link;
	free(chunk);
}

void *
palloc(Size size)
{
	if (size > MaxAllocSize)
		abort();
	return chunk_new(size);
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
repalloc(void *pointer, Size size)
{
	void	   *result = palloc(size);

	memcpy(result, pointer, Min(size, chunk_of(pointer)->size));
	pfree(pointer);
	return result;
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return palloc(size);
}

/* One context for everything */
MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minContextSize,
							  Size initBlockSize, Size maxBlockSize)
{
	return NULL;
}

void
MemoryContextDelete(MemoryContext context)
{
}

void
server_reset(void)
{
	while (chunks)
		pfree(chunks + 1);
}

/* ------------------------------------------------------------------------
 * Strings and lists
 * ------------------------------------------------------------------------
 */

char *
pnstrdup(const char *text, Size length)
{
	Size		size = strnlen(text, length);
	char	   *result = palloc(size + 1);

	memcpy(result, text, size);
	result[size] = '\0';
	return result;
}

char *
pstrdup(const char *text)
{
	return pnstrdup(text, strlen(text));
}

size_t
pvsnprintf(char *buffer, size_t size, const char *format, va_list arguments)
{
	return vsnprintf(buffer, size, format, arguments) + 1;
}

char *
psprintf(const char *format,...)
{
	va_list		arguments;
	size_t		size;
	char	   *result;

	va_start(arguments, format);
	size = pvsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	result = palloc(size);
	va_start(arguments, format);
	(void) pvsnprintf(result, size, format, arguments);
	va_end(arguments);
	return result;
}

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->type = T_List;
	}
	list->elements = list->length ?
		repalloc(list->elements, sizeof(ListCell) * (list->length + 1)) : palloc(sizeof(ListCell));
	list->max_length = list->length + 1;
	list->elements[list->length++].ptr_value = datum;
	return list;
}

void
escape_json(StringInfo buffer, const char *text)
{
	appendStringInfo(buffer, "\"%s\"", text);
}

/* ------------------------------------------------------------------------
 * Encodings
 * ------------------------------------------------------------------------
 */

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

int
pg_mblen(const char *text)
{
	return pg_utf_mblen((const unsigned char *) text);
}

int
pg_mbstrlen_with_len(const char *text, int limit)
{
	int			count = 0;

	while (limit > 0 && *text)
	{
		int			length = pg_mblen(text);

		limit -= length;
		text += length;
		count++;
	}
	return count;
}

int
pg_mb2wchar_with_len(const char *from, pg_wchar *to, int length)
{
	return pg_wchar_table[PG_UTF8].mb2wchar_with_len((const unsigned char *) from, to, length);
}

int
pg_mbcliplen(const char *text, int length, int limit)
{
	int			clipped = 0;

	while (length > 0 && *text)
	{
		int			next = pg_mblen(text);

		if (clipped + next > limit)
			break;
		clipped += next;
		text += next;
		length -= next;
	}
	return clipped;
}

bool
pg_verifymbstr(const char *text, int length, bool no_error)
{
	return pg_encoding_verifymbstr(PG_UTF8, text, length) == length;
}

char *
server_string(const uint8_t *data, size_t size)
{
	if (memchr(data, 0, size) || !pg_verifymbstr((const char *) data, size, true))
		return NULL;
	return size == 0 ? pstrdup("") : pnstrdup((const char *) data, size);
}

/* ------------------------------------------------------------------------
 * Errors: readers note problems and raise nothing
 * ------------------------------------------------------------------------
 */

bool
errstart(int level, const char *domain)
{
	abort();
}

bool
errstart_cold(int level, const char *domain)
{
	abort();
}

void
errfinish(const char *file, int line, const char *function)
{
	abort();
}

int
errcode(int code)
{
	return 0;
}

int
errmsg_internal(const char *format,...)
{
	return 0;
}

int
errdetail_internal(const char *format,...)
{
	return 0;
}

int
errhint(const char *format,...)
{
	return 0;
}
