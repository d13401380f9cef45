/*
 * module.c
 *		The module as the server sees it: magic block and start.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"
#include "migrate/lock_watch.h"

PG_MODULE_MAGIC;

/* Called when the library is loaded. */
void
_PG_init(void)
{
	settings_define();
	lock_watch_install();
}
