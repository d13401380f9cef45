/*
 * ash_uuid.c
 *		"ash-uuid", the functions of AshUUID: see bundled.h.
 *
 * Its two versions have the same functions.
 */
#include "postgres.h"

#include "record/bundled.h"
#include "syntax/sql_text.h"

/* The first 48 bits are milliseconds; the result is local time, as timestamps are read. */
#define TIMESTAMP_FROM_UUID_V7 \
	BUNDLED_CREATE("timestamp_from_uuid_v7(_uuid uuid) RETURNS timestamp\n") \
	"LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"    SELECT to_timestamp(('x' || encode('\\x0000' || substring(uuid_send($1) FOR 6), 'hex'))\n" \
	"                        ::bit(64)::bigint / 1000.0)::timestamp\n" \
	"$$"

static const BundledObject objects[] = {
	{BUNDLED_FUNCTION, "uuid_generate_v7()", "uuid", 1, BUNDLED_UUID_V7},
	{BUNDLED_FUNCTION, "timestamp_from_uuid_v7(uuid)", "timestamp without time zone", 1,
	TIMESTAMP_FROM_UUID_V7},
};

const BundledExtension bundled_ash_uuid = {
	"ash-uuid", "ash_uuid", 2, objects, lengthof(objects)
};
