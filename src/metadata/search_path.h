/*
 * search_path.h
 *		The search_path that migrations run with, and that what is said of
 *		them beforehand looks names up with.
 *
 * In this order: the schema itself (a tenant's, or the default one), the
 * default schema, the schemas in which the extensions of the database lie, by
 * name, and pg_temp; pg_catalog is searched before all of them.  So a type,
 * function or operator class of an extension is found wherever that was
 * installed, "citext" in schema "extensions" as well.
 *
 * Schemas of extensions are searched after the application's own, and only if
 * nobody else can have put something there: the schema belongs to a superuser,
 * to the owner of the database or of the default schema, or to the role as
 * which migrations run, and is no tenant's.
 */
#ifndef ASHMIG_SEARCH_PATH_H
#define ASHMIG_SEARCH_PATH_H

#include "postgres.h"

/*
 * The value of search_path for one schema, for what runs as "role".  It reads pg_extension, so there
 * has to be a transaction; the rest is remembered.
 */
extern char *search_path_for(const char *schema, const char *default_schema, Oid role);

#endif							/* ASHMIG_SEARCH_PATH_H */
