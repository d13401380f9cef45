/*
 * foreign_code.h
 *		No function runs with more rights than its owner has.
 *
 * The schemas in which migrations look names up may hold functions of roles
 * other than the one that the migrations run as: everybody may create some in
 * "public" before PostgreSQL 15, and an overload that fits the arguments better
 * than PostgreSQL's own is taken (public.lower(varchar) before
 * pg_catalog.lower(text)).  Triggers, operators, casts, domains and index
 * expressions bring functions as well, without any name being written.
 *
 * So while statements of migrations run, PostgreSQL asks us before it calls a
 * function that is not built in (needs_fmgr_hook and fmgr_hook), and one whose
 * owner the current role does not trust is an error, which names it.
 */
#ifndef ASHMIG_FOREIGN_CODE_H
#define ASHMIG_FOREIGN_CODE_H

#include "postgres.h"

/* To be called once, when the library is loaded */
extern void foreign_code_install(void);

/*
 * From here on, what runs as "role" is refused foreign code, until
 * foreign_code_restore, which whoever calls this also calls in PG_FINALLY.
 */
typedef struct ForeignCodeBefore
{
	bool		refusing;
	Oid			role;
} ForeignCodeBefore;

extern ForeignCodeBefore foreign_code_refuse(Oid role);
extern void foreign_code_restore(const ForeignCodeBefore *before);

#endif							/* ASHMIG_FOREIGN_CODE_H */
