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

typedef struct DdlSetting
{
	const char *name;
	const char *value;
} DdlSetting;

/*
 * The settings that change what DDL means, apart from search_path, and the
 * value that each has while migrations run: PostgreSQL's own default, or else a
 * value that is the same everywhere.  The structure that migrations make
 * depends on nothing but their text, then.
 *
 * Left alone are settings that change how something is done rather than what it
 * comes to (temp_tablespaces, maintenance_work_mem, default_statistics_target,
 * those of the planner), what only holds for transactions to come
 * (default_transaction_isolation and its like), default_toast_compression,
 * which is looked at when a value is stored and not kept with the column,
 * default_text_search_config, on which no index, check or generated column can
 * depend, and what only warns (escape_string_warning).
 */
static const DdlSetting ddl_settings[] = {
	/* how literals are read: a default or check keeps the value */
	{"DateStyle", "ISO, MDY"},	/* '01/02/2020' as a date */
	{"TimeZone", "UTC"},		/* '2020-01-01 00:00' as timestamptz */
	{"IntervalStyle", "postgres"},	/* '-1 2:00' as an interval */
	{"lc_monetary", "C"},		/* '1,50' as money */
	{"xmloption", "content"},	/* '<a/><b/>' as xml */
	{"array_nulls", "on"},		/* '{NULL}' as an array */
	{"standard_conforming_strings", "on"},	/* backslashes in strings */
	{"backslash_quote", "safe_encoding"},	/* likewise */
	{"transform_null_equals", "off"},	/* "a = NULL" in a check */

	/*
	 * How values are written: where a type changes, PostgreSQL prints checks
	 * and indexes and reads them again; CREATE TABLE AS may cast to text.
	 */
	{"extra_float_digits", "1"},	/* fewer would round */
	{"bytea_output", "hex"},
	{"lc_numeric", "C"},		/* to_char(), to_number() */
	{"lc_time", "C"},			/* to_char() */
	{"quote_all_identifiers", "off"},	/* text that functions make of names */

	/* where and how tables and indexes are stored, if the text does not say */
	{"default_tablespace", ""}, /* the database's own */
	{"default_table_access_method", "heap"},

	/* whether a statement is an error, or sees all rows */
	{"check_function_bodies", "on"},
	{"row_security", "on"},
};

void
settings_pin_ddl(void)
{
	for (int i = 0; i < lengthof(ddl_settings); i++)
	{
		const char *current = GetConfigOption(ddl_settings[i].name, false, false);

		/* the usual case, and cheaper; there are some for every tenant */
		if (strcmp(current, ddl_settings[i].value) != 0)
			settings_pin(ddl_settings[i].name, ddl_settings[i].value);
	}
}

void
settings_set_ddl(void)
{
	for (int i = 0; i < lengthof(ddl_settings); i++)
		SetConfigOption(ddl_settings[i].name, ddl_settings[i].value, PGC_SUSET, PGC_S_SESSION);
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
