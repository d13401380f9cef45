/*
 * catalog_migrations.h
 *		The recorded migrations: the table ashmig.migrations.
 *
 * Everything goes through SPI with parameters, as the calling role.  Results
 * are palloc'd in the current memory context, except the cached migrations
 * (see catalog_migrations_cached).
 *
 * Locks, in the order in which they are taken:
 *	 ashmig.migrations	SHARE ROW EXCLUSIVE while a generation is recorded: one
 *						at a time; reads continue.
 *	 ashmig.tenants		SHARE as well then: a tenant that is being created is
 *						waited for, and one created later sees the generation,
 *						so that none is created without it.  Creating, renaming
 *						and dropping tenants takes ROW EXCLUSIVE first of all.
 *	 ashmig.versions	ROW EXCLUSIVE by a run, before it reads what is
 *						pending; SHARE when a migration is removed, so that none
 *						is applied in between.
 */
#ifndef ASHMIG_CATALOG_MIGRATIONS_H
#define ASHMIG_CATALOG_MIGRATIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

#include "base/scope.h"
#include "metadata/catalog_spi.h"

/* Where a migration comes from */
typedef enum MigrationKind
{
	MIGRATION_GENERATED,		/* from snapshots */
	MIGRATION_SQL,				/* hand-written */
	MIGRATION_EXTENSION,
	MIGRATION_ENUM,
	MIGRATION_ADOPTED			/* what was there before ashmig */
} MigrationKind;

typedef struct Migration
{
	char	   *repo;			/* "" where none */
	Scope		scope;
	int64		version;
	char	   *name;
	MigrationKind kind;
	bool		dev;
	bool		transactional;
	List	   *up;				/* of char * */
	List	   *down;			/* of char *; NIL may also mean "nothing to
								 * do" */
	bool		reversible;		/* down is not NULL */
	char	   *checksum;
	int64		generation;		/* 0: none */
	bool		covered;
	char	   *hazards;		/* JSON: what its statements do to tables in
								 * use (syntax/hazard.h); NULL: not known */
} Migration;

typedef enum ScopeFilter
{
	SCOPES_ALL,
	SCOPES_PUBLIC,
	SCOPES_TENANT
} ScopeFilter;

static inline ScopeFilter
scope_filter(Scope scope)
{
	return scope == SCOPE_TENANT ? SCOPES_TENANT : SCOPES_PUBLIC;
}

/*
 * The kind as the column "kind" has it; and back, false if there is none of
 * that name
 */
extern const char *migration_kind_name(MigrationKind kind);
extern bool migration_kind_find(const char *name, MigrationKind *kind);

/* "MyApp.Repo" of "Elixir.MyApp.Repo"; not a copy */
extern const char *catalog_repo_name(const char *repo);

/* The version of a migration that is recorded now */
extern int64 catalog_next_version(void);

/* A version that is given, as it is; an error if it cannot be one */
extern int64 catalog_check_version(int64 version);

/* Locks until the end of the transaction; see above */
extern void catalog_lock_generation(void);
extern void catalog_lock_tenants(LOCKMODE mode);
extern void catalog_lock_versions(LOCKMODE mode);

/* Migrations: write (computes checksum), remove, read in version order */
extern void catalog_add_migration(Migration *migration);
extern void catalog_remove_migration(const char *repo, Scope scope, int64 version);
extern List *catalog_migrations(const char *repo, ScopeFilter filter);
extern char *catalog_checksum(const Migration *migration);

/* SHA-256 of a text, in hex */
extern char *catalog_hash(const char *text);

/*
 * The same without reading the table where it has not changed: all migrations
 * of a scope in version order, owned by the cache and valid until the next
 * call or the next lock taken.  The first call in a transaction should follow
 * catalog_lock_versions, which notices changes of other sessions.
 */
extern List *catalog_migrations_cached(Scope scope);

/* A number that grows whenever those may have changed */
extern uint64 catalog_migrations_changes(void);

#endif							/* ASHMIG_CATALOG_MIGRATIONS_H */
