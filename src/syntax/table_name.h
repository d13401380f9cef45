/*
 * table_name.h
 *		Names of tables, and a map from them to anything.
 */
#ifndef ASHMIG_TABLE_NAME_H
#define ASHMIG_TABLE_NAME_H

#include "postgres.h"

#include "utils/hsearch.h"

#include "base/scope.h"

/*
 * Where a table lies: in each tenant's schema, in the schema that it names, or
 * (schema NULL) in the default schema.
 */
typedef struct TableName
{
	Scope		scope;
	char	   *schema;
	char	   *name;
} TableName;

typedef HTAB TableMap;

/* The key for a name alone, whatever it is of; the text is not copied */
extern TableName table_name_bare(const char *name);

extern bool table_name_equal(const TableName *a, const TableName *b);

/* "posts", "archive.posts", "<tenant>.posts": for messages */
extern char *table_name_show(const TableName *name);

/* A map in the current memory context; it lives as long as that. */
extern TableMap *table_map_create(void);

/* The value of a name, or NULL */
extern void *table_map_get(TableMap *map, const TableName *name);

/* Set the value of a name. */
extern void table_map_put(TableMap *map, const TableName *name, void *value);

#endif							/* ASHMIG_TABLE_NAME_H */
