/*
 * pin.c
 *		Settings for our own statements: see pin.h.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/pin.h"
#include "syntax/sql_text.h"

/*
 * Set one until the end of the nest level.
 */
void
settings_pin(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Set search_path to one schema.
 */
void
settings_pin_path(const char *schema)
{
	settings_pin("search_path", psprintf("%s, pg_temp", quote_name(schema)));
}
