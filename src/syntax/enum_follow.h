/*
 * enum_follow.h
 *		Enums, followed through the statements that create and change them.
 *
 * What statements make of an enum is known without running them: its name by
 * now, and its labels in order.  CREATE TYPE, ALTER TYPE (a new value, another
 * name for a value or for the type, another schema) and DROP TYPE are
 * followed; what DO blocks and functions do is not seen.
 *
 * Statements are given with their placeholders filled in, and are read with
 * the settings of settings_pin_parser().  Results are palloc'd in the current
 * memory context.
 */
#ifndef ASHMIG_ENUM_FOLLOW_H
#define ASHMIG_ENUM_FOLLOW_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A label: by what name the type is created with it, and what it is called by now */
typedef struct EnumLabel
{
	char	   *created;
	char	   *current;
} EnumLabel;

typedef struct FollowedEnum
{
	char	   *schema;			/* by now */
	char	   *name;
	bool		exists;			/* it was not dropped */
	List	   *labels;			/* of EnumLabel *, in order */
	const void *creator;		/* as given with the statement that creates it */
	List	   *changers;		/* of const void *: the same for those that
								 * change or drop it */

	/* for enum_follow_fold */
	List	   *names;			/* of char *: all that a label was ever called */
	struct EnumEdit *creation;	/* of the statement that creates it */
} FollowedEnum;

typedef struct EnumFollow
{
	const char *schema;			/* where a name without a schema is created */
	List	   *enums;			/* of FollowedEnum *, as created, with those
								 * that were dropped */
	List	   *edits;			/* see enum_follow.c */
} EnumFollow;

extern EnumFollow *enum_follow_start(const char *schema);

/*
 * Follow the statements of a text, on behalf of "origin".  False where one of
 * them changes or drops a type that no statement before has created as an
 * enum.
 */
extern bool enum_follow_text(EnumFollow *follow, const char *sql, const void *origin);

/* The enum that has that name by now, or NULL */
extern FollowedEnum *enum_follow_find(const EnumFollow *follow, const char *schema,
									  const char *name);

/* Its labels by now: List of char * */
extern List *enum_follow_labels(const FollowedEnum *type);

/* CREATE TYPE, with labels (List of char *); "reference" is the type as SQL */
extern char *enum_follow_create(const char *reference, List *labels);

/*
 * The texts of a transaction (List of char *, in order), changed so that enums
 * created in it have the values that are added later from the start: before
 * PostgreSQL 17 a new value cannot be used by the transaction that adds it.
 * The structure afterwards is the same.
 */
extern List *enum_follow_fold(List *texts, const char *schema);

/* May this text, filled in or not, add a value?  Where none does there is nothing to fold. */
extern bool enum_follow_may_add_value(const char *sql);

#endif							/* ASHMIG_ENUM_FOLLOW_H */
