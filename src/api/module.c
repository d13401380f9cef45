/*
 * module.c
 *		The module as the server sees it: magic block and start.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"
#include "metadata/catalog_spi.h"
#include "metadata/citus.h"
#include "metadata/foreign_code.h"
#include "migrate/catch_up.h"
#include "migrate/lock_watch.h"
#include "tenant/tenant_ddl.h"

PG_MODULE_MAGIC;

/* Called when the library is loaded. */
void
_PG_init(void)
{
	settings_define();
	if (citus_find_library())
		catalog_check_node = citus_refuse_worker;
	lock_watch_install();
	foreign_code_install();
	catch_up_newest_structure = tenant_ddl_statements;
}
