/*
 * pin.c
 *		Settings for our own statements: see pin.h.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/pin.h"

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
 * Pin the settings that PostgreSQL's parser looks at.
 */
int
settings_pin_parser(void)
{
	int			guc_level = NewGUCNestLevel();

	settings_pin("standard_conforming_strings", "on");
	settings_pin("escape_string_warning", "off");
	settings_pin("backslash_quote", "safe_encoding");
	return guc_level;
}

void
settings_unpin(int guc_level)
{
	AtEOXact_GUC(true, guc_level);
}
