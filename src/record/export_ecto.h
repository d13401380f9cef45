/*
 * export_ecto.h
 *		A migration as a module for Ecto's migrator, the content of an .exs
 *		file.
 */
#ifndef ASHMIG_EXPORT_ECTO_H
#define ASHMIG_EXPORT_ECTO_H

#include "postgres.h"

#include "metadata/catalog_migrations.h"

/*
 * The module.  Its first line says what the file has to be called, as Ecto
 * takes the version from there.  A tenant migration runs in the schema that
 * the migrator is given as prefix.  Without a down, Ecto refuses to roll back.
 */
extern char *export_ecto(const Migration *migration);

#endif							/* ASHMIG_EXPORT_ECTO_H */
