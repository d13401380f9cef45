/*
 * errors.h
 *		The SQLSTATEs of ashmig, class MG.
 *
 * One code for each thing that a caller may want to tell apart.  Errors that
 * come from PostgreSQL while a migration runs keep PostgreSQL's own code.
 * docs/errors.md explains each to users; keep the two in step.
 */
#ifndef ASHMIG_ERRORS_H
#define ASHMIG_ERRORS_H

#include "postgres.h"

/* Input: snapshots and arguments */
#define ERRCODE_ASHMIG_INVALID_SNAPSHOT		MAKE_SQLSTATE('M','G','0','0','1')
#define ERRCODE_ASHMIG_INVALID_TYPE			MAKE_SQLSTATE('M','G','0','0','2')
#define ERRCODE_ASHMIG_CONFLICT				MAKE_SQLSTATE('M','G','0','0','3')
#define ERRCODE_ASHMIG_ELIXIR_CODE			MAKE_SQLSTATE('M','G','0','0','4')
#define ERRCODE_ASHMIG_INVALID_DEFAULT		MAKE_SQLSTATE('M','G','0','0','5')
#define ERRCODE_ASHMIG_RENAME_QUESTION		MAKE_SQLSTATE('M','G','0','0','6')
#define ERRCODE_ASHMIG_NAME_COLLISION		MAKE_SQLSTATE('M','G','0','0','7')
#define ERRCODE_ASHMIG_INVALID_TENANT		MAKE_SQLSTATE('M','G','0','0','8')
#define ERRCODE_ASHMIG_INVALID_SQL			MAKE_SQLSTATE('M','G','0','0','9')
#define ERRCODE_ASHMIG_UNSUPPORTED			MAKE_SQLSTATE('M','G','0','1','0')
#define ERRCODE_ASHMIG_INVALID_ARGUMENT		MAKE_SQLSTATE('M','G','0','1','1')

/* Code generation and the catalog */
#define ERRCODE_ASHMIG_STALE_SQL			MAKE_SQLSTATE('M','G','0','5','0')
#define ERRCODE_ASHMIG_PENDING				MAKE_SQLSTATE('M','G','0','2','0')
#define ERRCODE_ASHMIG_NO_MIGRATION			MAKE_SQLSTATE('M','G','0','2','1')
#define ERRCODE_ASHMIG_APPLIED				MAKE_SQLSTATE('M','G','0','2','2')
#define ERRCODE_ASHMIG_IRREVERSIBLE			MAKE_SQLSTATE('M','G','0','2','3')
#define ERRCODE_ASHMIG_VERSION_ORDER		MAKE_SQLSTATE('M','G','0','2','4')
#define ERRCODE_ASHMIG_CHECKSUM				MAKE_SQLSTATE('M','G','0','2','5')
#define ERRCODE_ASHMIG_DEV_MIGRATIONS		MAKE_SQLSTATE('M','G','0','2','6')
#define ERRCODE_ASHMIG_HAZARD				MAKE_SQLSTATE('M','G','0','2','7')
#define ERRCODE_ASHMIG_PROOF				MAKE_SQLSTATE('M','G','0','2','9')

#define ERRCODE_ASHMIG_UNKNOWN_EXTENSION	MAKE_SQLSTATE('M','G','0','6','5')
#define ERRCODE_ASHMIG_NO_COLUMN			MAKE_SQLSTATE('M','G','0','5','8')
#define ERRCODE_ASHMIG_NO_KEY				MAKE_SQLSTATE('M','G','0','5','9')

/* Running */
#define ERRCODE_ASHMIG_RUN_FAILED			MAKE_SQLSTATE('M','G','0','3','0')
#define ERRCODE_ASHMIG_LOCK_BUDGET			MAKE_SQLSTATE('M','G','0','3','2')
#define ERRCODE_ASHMIG_IN_TRANSACTION		MAKE_SQLSTATE('M','G','0','3','3')
#define ERRCODE_ASHMIG_NO_WORKER			MAKE_SQLSTATE('M','G','0','3','4')
#define ERRCODE_ASHMIG_BUSY					MAKE_SQLSTATE('M','G','0','3','5')
#define ERRCODE_ASHMIG_WAITS_FOR_TENANTS	MAKE_SQLSTATE('M','G','0','3','6')
#define ERRCODE_ASHMIG_HANGS_ON_COLUMN		MAKE_SQLSTATE('M','G','0','3','8')

/* Citus */
#define ERRCODE_ASHMIG_NODE					MAKE_SQLSTATE('M','G','0','8','0')
#define ERRCODE_ASHMIG_CITUS				MAKE_SQLSTATE('M','G','0','8','1')

/* Branches */
#define ERRCODE_ASHMIG_BRANCH_CONFLICT		MAKE_SQLSTATE('M','G','0','5','4')
#define ERRCODE_ASHMIG_NO_BASE				MAKE_SQLSTATE('M','G','0','5','5')

/* Tenants */
#define ERRCODE_ASHMIG_TENANT_EXISTS		MAKE_SQLSTATE('M','G','0','4','0')
#define ERRCODE_ASHMIG_NO_TENANT			MAKE_SQLSTATE('M','G','0','4','1')
#define ERRCODE_ASHMIG_NOT_A_TENANT			MAKE_SQLSTATE('M','G','0','4','2')
#define ERRCODE_ASHMIG_NOT_ITS_TENANT		MAKE_SQLSTATE('M','G','0','4','3')
#define ERRCODE_ASHMIG_FOREIGN_OWNER		MAKE_SQLSTATE('M','G','0','4','4')
#define ERRCODE_ASHMIG_HALFWAY				MAKE_SQLSTATE('M','G','0','4','5')

/* Rights */
#define ERRCODE_ASHMIG_FOREIGN_CODE			MAKE_SQLSTATE('M','G','0','6','0')

/* Drift, and databases that are taken over */
#define ERRCODE_ASHMIG_DRIFT				MAKE_SQLSTATE('M','G','0','7','0')

#endif							/* ASHMIG_ERRORS_H */
