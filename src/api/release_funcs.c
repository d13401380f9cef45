/*
 * release_funcs.c
 *		Giving a database back to Ecto: ashmig_release and
 *		ashmig_release_serial.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/tuplestore.h"

#include "api/args.h"
#include "base/compat.h"
#include "base/errors.h"
#include "record/mark.h"
#include "run/lock_budget.h"

/* Locks that a schema takes and keeps: its own, and those of a new table */
#define LOCKS_PER_SCHEMA 6

PG_FUNCTION_INFO_V1(ashmig_release);
PG_FUNCTION_INFO_V1(ashmig_release_serial);

/*
 * ashmig_release(): a row per schema, all in one transaction.
 */
Datum
ashmig_release(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *schemas;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	schemas = mark_schemas();
	if (!budget_has_room(LOCKS_PER_SCHEMA * list_length(schemas)))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_LOCK_BUDGET),
				 errmsg("%d schemas do not fit into one transaction", list_length(schemas)),
				 errdetail("The server's lock table has no room for so many tables."),
				 errhint("CALL ashmig_release_serial() does the same with a commit after each schema.")));
	foreach(lc, schemas)
	{
		Released   *released = mark_release(lfirst(lc));
		Datum		values[2];
		bool		nulls[2] = {0};

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(released->schema);
		values[1] = Int32GetDatum(released->written);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/*
 * ashmig_release_serial(): the same, with a commit after each schema.
 */
Datum
ashmig_release_serial(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	List	   *schemas;
	ListCell   *lc;
	int			written = 0;

	call_check_not_atomic(fcinfo, "ashmig_release_serial");
	context = AllocSetContextCreate(PortalContext, "ashmig release", ALLOCSET_DEFAULT_SIZES);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	schemas = mark_schemas();
	foreach(lc, schemas)
	{
		CHECK_FOR_INTERRUPTS();
		written += mark_release(lfirst(lc))->written;
		SPI_commit();
		MemoryContextSwitchTo(context);
	}
	ereport(NOTICE,
			(errmsg_plural("%d version written in %d schemas", "%d versions written in %d schemas",
						   written, written, list_length(schemas))));
	SPI_finish();
	PG_RETURN_VOID();
}
