/*
 * withdrawal.h
 *		What a statement takes away from others that refer to it.
 *
 * A table that is dropped, renamed or moved, a column that goes or changes its
 * type, a key that is dropped: whoever names these must have done so before,
 * or waits until afterwards.  The order between the public schema and the
 * tenants' schemas follows from that.  Only syntax is looked at, so generated
 * and hand-written statements are treated alike.
 */
#ifndef ASHMIG_WITHDRAWAL_H
#define ASHMIG_WITHDRAWAL_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct Withdrawal
{
	char	   *name;			/* of a table, view, type, function or schema;
								 * NULL if only the index is named */
	char	   *column;			/* only this column of it; or NULL */
	char	   *constraint;		/* only this constraint of it; or NULL */
	char	   *index;			/* an index is dropped; or NULL */
	char	   *new_name;		/* what a table or a column is called from now
								 * on; NULL if it is not renamed */
	bool		tenants_have_one;	/* a table of that name, which comes first
									 * where it is not qualified; the caller
									 * says so */
} Withdrawal;

/*
 * What the statements of a text take away: List of Withdrawal *.  The text has
 * its placeholders filled in; a syntax error is raised as PostgreSQL does.
 */
extern List *withdrawal_find(const char *sql);

/* A copy that stands alone, in the current memory context */
extern Withdrawal *withdrawal_copy(const Withdrawal *from);

/*
 * Is it of a key, which a foreign key may rest on?  "earlier" (of char *) are
 * the statements that may have made the index or the constraint.  An index
 * gets the name of its table.  What takes away no index and no constraint is
 * not asked for; a constraint that nothing has named is taken for a key.
 */
extern bool withdrawal_is_of_key(Withdrawal *withdrawal, const List *earlier);

/*
 * Does a statement that runs in a tenant name what is taken away?  The table
 * of that name in the tenant's own schema is not meant.
 */
extern bool withdrawal_concerns(const Withdrawal *withdrawal, const char *statement);

#endif							/* ASHMIG_WITHDRAWAL_H */
