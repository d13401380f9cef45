/*
 * tenant_ddl.h
 *		The newest structure of a tenant as one pass of final DDL, kept until
 *		a migration is added, changed or forgotten.
 */
#ifndef ASHMIG_TENANT_DDL_H
#define ASHMIG_TENANT_DDL_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct Compiled
{
	List	   *statements;		/* of char *, with placeholders */
	int64		version;		/* newest of the migrations; 0: there are none */
	int			migrations;		/* how many these statements stand for */
	/* of each migration, side by side: text[], bigint[], text[] */
	Datum		repos;
	Datum		versions;
	Datum		checksums;
} Compiled;

/*
 * The compiled structure, or NULL if history has to be replayed: there is a
 * hand-written migration that the snapshots do not cover.  It belongs to the
 * cache, and is valid until the next call.  The caller holds
 * catalog_lock_tenants, so that no migration is added meanwhile.
 */
extern const Compiled *tenant_ddl_compiled(void);

/*
 * The statements of the newest recorded structure, with placeholders: List of
 * char *.  Made anew at each call.
 */
extern List *tenant_ddl_statements(void);

/* Locks that a new tenant takes and keeps, whichever way it is made (an estimate) */
extern int	tenant_ddl_locks(void);

#endif							/* ASHMIG_TENANT_DDL_H */
