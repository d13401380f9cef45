/*
 * two_forms.h
 *		Changes that are done to a large table by other statements than to a small
 *		one.
 *
 * A change of type that rewrites its table is recorded in both forms
 * (plan/online_type.h): the statements for a small table (DIRECTIVE_SMALL),
 * among them ALTER COLUMN TYPE, and after them those that stand for these where
 * the table is large (DIRECTIVE_LARGE).  A transaction runs the first: the
 * table is small then (plain_form.h), or it was asked for.  Outside a
 * transaction the others run.
 */
#ifndef ASHMIG_TWO_FORMS_H
#define ASHMIG_TWO_FORMS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A change in both forms, with its placeholders filled in: of char * */
typedef struct TwoForms
{
	List	   *small;
	List	   *large;
} TwoForms;

/* The change that begins with this one of the statements (of char *) */
extern TwoForms two_forms_read(const List *statements, int first, const char *schema,
							   const char *default_schema);

/*
 * Has the column got the type already?  So it is where a rollback meets a change
 * that was begun and not completed.  To be called where the statements would
 * run: names are looked up.
 */
extern bool two_forms_is_done(const TwoForms *forms);

/*
 * Raise if something hangs on the column that the statements for a large table
 * do not make again: it would go with the column.
 */
extern void two_forms_check(const TwoForms *forms, const char *schema);

/*
 * What is left of the statements (of char *) for a transaction, where an
 * earlier run outside one has done the first "done" of them: of each change one
 * form, depending on how far it has come.  The others are replaced by empty
 * ones.
 */
extern List *two_forms_resume(const List *statements, int done, const char *schema,
							  const char *default_schema);

#endif							/* ASHMIG_TWO_FORMS_H */
