/*
 * catalog_extensions.h
 *		ashmig.extensions: the extensions that an application brings itself
 *		(AshPostgres.CustomExtension), by name and version.
 */
#ifndef ASHMIG_CATALOG_EXTENSIONS_H
#define ASHMIG_CATALOG_EXTENSIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* One version: what brings the version before to it, and back */
typedef struct DefinedExtension
{
	int			version;
	List	   *up;				/* of char * */
	List	   *down;			/* of char * */
} DefinedExtension;

/* The versions of an extension that are defined, oldest first */
extern List *catalog_extension_versions(const char *name);

/* Define a version, or define it anew. */
extern void catalog_define_extension(const char *name, const DefinedExtension *defined);

#endif							/* ASHMIG_CATALOG_EXTENSIONS_H */
