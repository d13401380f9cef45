/*
 * lock_watch.c
 *		Who held the lock: see lock_watch.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/pin.h"
#include "metadata/catalog_spi.h"
#include "migrate/lock_watch.h"

/*
 * The message comes after this part of lock_timeout: before the shortest wait
 * that migrate.c leaves (LEAST_WAIT_PART) is over.
 */
#define WATCH_PART 20

static emit_log_hook_type previous_hook = NULL;
static bool watching = false;
static bool keep_message = false;	/* the user wants it in the log, too */
static int	blocker = 0;		/* pid of the first holder */

/*
 * Catch "process N still waiting for LOCK on OBJECT", whose detail lists the
 * holders.  The format is compared before translation; of the detail, which
 * may be translated, only the first number is read.  That the lock was had at
 * last is of no interest.
 */
static void
watch_hook(ErrorData *edata)
{
	if (watching && edata->elevel == LOG && edata->message_id != NULL &&
		strncmp(edata->message_id, "process %d still waiting for", 28) == 0)
	{
		const char *digits = edata->detail_log;

		while (digits && *digits && !(*digits >= '0' && *digits <= '9'))
			digits++;
		if (digits && *digits)
			blocker = atoi(digits);
		if (!keep_message)
			edata->output_to_server = false;
	}
	if (watching && !keep_message && edata->elevel == LOG && edata->message_id != NULL &&
		strncmp(edata->message_id, "process %d acquired ", 20) == 0)
		edata->output_to_server = false;
	if (previous_hook)
		previous_hook(edata);
}

/* Transaction callbacks: an error ends the watching as well. */
static void
end_with_transaction(XactEvent event, void *arg)
{
	watching = false;
}

static void
end_with_subtransaction(SubXactEvent event, SubTransactionId mine,
						SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		watching = false;
}

/*
 * Install the hook.
 */
void
lock_watch_install(void)
{
	previous_hook = emit_log_hook;
	emit_log_hook = watch_hook;
	RegisterXactCallback(end_with_transaction, NULL);
	RegisterSubXactCallback(end_with_subtransaction, NULL);
}

/*
 * The message comes after deadlock_timeout, which must be over before
 * lock_timeout is.
 */
void
lock_watch_begin(int lock_timeout)
{
	blocker = 0;
	keep_message = watching ? keep_message : log_lock_waits;
	watching = true;
	if (lock_timeout > 0 && DeadlockTimeout > lock_timeout / WATCH_PART)
		settings_pin("deadlock_timeout", psprintf("%d", Max(lock_timeout / WATCH_PART, 1)));
	settings_pin("log_lock_waits", "on");
}

/*
 * No more watching.
 */
void
lock_watch_end(void)
{
	watching = false;
}

/*
 * The process alone: in an error the catalog cannot be read for more.
 */
void
lock_watch_tell(void)
{
	if (geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE || blocker == 0)
		return;
	errdetail("Process %d holds the lock.", blocker);
	errhint("SELECT * FROM pg_stat_activity WHERE pid = %d shows what it is doing.", blocker);
}

/*
 * Who blocked the last wait.
 */
char *
lock_watch_describe(void)
{
	static CatalogStatement describe = {
		.sql = "SELECT pg_catalog.format('Process %s (%s, user %s) holds it: %s; its transaction began %s s ago,"
		" its last statement %s s ago: %s', a.pid,"
		" coalesce(nullif('application ' || a.application_name, 'application '), a.backend_type),"
		" coalesce(a.usename, '-'), coalesce(a.state, '-'),"
		" pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::pg_catalog.numeric, 1),"
		" pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp() - a.query_start)::pg_catalog.numeric, 1),"
		" pg_catalog.left(a.query, 200))"
		" FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = $1",
		.nargs = 1, .types = {INT4OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1];
	char	   *result = NULL;
	int			level;

	if (blocker == 0)
		return NULL;
	level = catalog_connect();
	values[0] = Int32GetDatum(blocker);
	if (catalog_query(&describe, values, NULL) > 0)
		result = catalog_string(0, 1, context);
	catalog_disconnect(level);
	if (result == NULL)
		result = psprintf("Process %d held the lock.", blocker);
	return result;
}
