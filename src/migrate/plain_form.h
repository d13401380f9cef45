/*
 * plain_form.h
 *		Online forms where the tables are small.
 *
 * A migration for large tables (plan/online.h) is recorded once and runs in
 * thousands of schemas, most of which have little in these tables.  There its
 * statements run in the schema's transaction with the others: that is over
 * before anybody waits, and the schema is before or after, never between.  So
 * the size decides when the migration runs, schema by schema, and not when it
 * is generated, in a database that may be another one.
 */
#ifndef ASHMIG_PLAIN_FORM_H
#define ASHMIG_PLAIN_FORM_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"

/* Is the table no larger than ashmig.online_threshold? */
extern bool plain_form_is_small(Oid table);

/*
 * May a migration that does not run in a transaction do so in this schema?  It
 * may if it consists of online forms alone, all of their tables are small, and
 * no run has begun it.
 */
extern bool plain_form_fits(const Migration *migration, const char *schema,
							const char *default_schema, bool down);

#endif							/* ASHMIG_PLAIN_FORM_H */
