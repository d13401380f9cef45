/*
 * managed_role.c
 *		Who runs what, and with which settings: see managed_part.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/pin.h"
#include "tenant/managed_part.h"

/*
 * Become a role.
 */
RoleBefore
managed_role_enter(Oid role, int security)
{
	RoleBefore	before;

	GetUserIdAndSecContext(&before.user, &before.security);
	before.guc_level = NewGUCNestLevel();
	SetUserIdAndSecContext(role, before.security | SECURITY_LOCAL_USERID_CHANGE | security);
	return before;
}

/*
 * Switch back to the previous role.  "false", as after an error, undoes what
 * functions that ran meanwhile have SET: they must not choose another role's
 * search path.
 */
void
managed_role_leave(RoleBefore before)
{
	AtEOXact_GUC(false, before.guc_level);
	SetUserIdAndSecContext(before.user, before.security);
}

/*
 * Pin what the text of a value depends on.
 */
int
managed_role_pin_text(void)
{
	int			level = NewGUCNestLevel();

	settings_pin("DateStyle", "ISO, YMD");
	settings_pin("IntervalStyle", "postgres");
	settings_pin("TimeZone", "UTC");
	settings_pin("bytea_output", "hex");
	settings_pin("extra_float_digits", "1");
	settings_pin("search_path", "pg_catalog, pg_temp");
	return level;
}
