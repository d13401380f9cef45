/*
 * sql_text.h
 *		Printing SQL: the one function that quotes a name, the one that
 *		quotes a literal, and the placeholders of stored statements.
 *
 * A stored statement is text for any schema: PLACEHOLDER_TENANT stands for
 * the tenant's schema and PLACEHOLDER_DEFAULT for the default schema, both as
 * quoted identifiers; "#{prefix()}" is the raw name of the schema that the
 * statement runs in, as Ecto interpolates it.  sql_fill replaces them.
 * quote_name and quote_text write a name or a literal so that it never looks
 * like a placeholder.
 *
 * Results are palloc'd in the current memory context.  Nothing here looks at
 * settings (quote_all_identifiers, standard_conforming_strings): the same
 * input gives the same text in every session.
 */
#ifndef ASHMIG_SQL_TEXT_H
#define ASHMIG_SQL_TEXT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#define PLACEHOLDER_TENANT	"@tenant@"
#define PLACEHOLDER_DEFAULT	"@default@"
#define PLACEHOLDER_PREFIX	"#{prefix()}"

/* A double-quoted identifier, always quoted. */
extern char *quote_name(const char *name);

/* A string literal. */
extern char *quote_text(const char *value);

/* "a", "b" from a List of char * */
extern char *quote_names(List *names);

/*
 * "statement" with its placeholders filled in.  "schema" is the schema that it
 * runs in (a tenant, or the default schema), "default_schema" the default one.
 */
extern char *sql_fill(const char *statement, const char *schema,
					  const char *default_schema);

/*
 * The same with any text for each placeholder, for SQL that becomes part of
 * something else.  "escape", unless NULL, writes what is between them, where
 * that has to be written in another way.
 */
typedef struct SqlFilling
{
	const char *tenant;
	const char *default_schema;
	const char *prefix;
	void		(*escape) (StringInfo buf, const char *piece, int length);
} SqlFilling;

extern char *sql_fill_with(const char *statement, const SqlFilling *filling);

#endif							/* ASHMIG_SQL_TEXT_H */
