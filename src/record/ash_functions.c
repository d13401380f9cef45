/*
 * ash_functions.c
 *		"ash-functions", the functions that AshPostgres expects in a database:
 *		see bundled.h.
 */
#include "postgres.h"

#include "record/bundled.h"
#include "syntax/sql_text.h"

/* Elixir's || and &&: nil and false are false, everything else is true. */
#define OR_BOOLEAN \
	BUNDLED_CREATE("ash_elixir_or(\"left\" boolean, \"right\" anycompatible, OUT f1 anycompatible)\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$ SELECT CASE WHEN $1 THEN $1 ELSE $2 END $$"

#define OR_ANY \
	BUNDLED_CREATE("ash_elixir_or(\"left\" anycompatible, \"right\" anycompatible, OUT f1 anycompatible)\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$ SELECT coalesce($1, $2) $$"

#define AND_BOOLEAN \
	BUNDLED_CREATE("ash_elixir_and(\"left\" boolean, \"right\" anycompatible, OUT f1 anycompatible)\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$ SELECT CASE WHEN $1 THEN $2 ELSE $1 END $$"

#define AND_ANY \
	BUNDLED_CREATE("ash_elixir_and(\"left\" anycompatible, \"right\" anycompatible, OUT f1 anycompatible)\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$ SELECT CASE WHEN $1 IS NOT NULL THEN $2 ELSE $1 END $$"

/* From the first element that is not empty to the last; NULL for an array without any */
#define TRIM \
	BUNDLED_CREATE("ash_trim_whitespace(arr text[]) RETURNS text[]\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"    SELECT CASE WHEN cardinality($1) > 0 THEN\n" \
	"        coalesce((SELECT $1[min(i):max(i)] FROM generate_subscripts($1, 1) AS i\n" \
	"                  WHERE $1[i] IS DISTINCT FROM ''), '{}')\n" \
	"    END\n" \
	"$$"

/*
 * Atomic updates and validations call these: the application reads the JSON
 * back from the message, since version 3 by its prefix.
 */
#define RAISE_ERROR(prefix, volatility) \
	BUNDLED_CREATE("ash_raise_error(json_data jsonb) RETURNS boolean\n") \
	"LANGUAGE plpgsql " volatility " PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"BEGIN\n" \
	"    RAISE EXCEPTION '" prefix "%', json_data::text;\n" \
	"END\n" \
	"$$"

#define RAISE_ERROR_TYPED(prefix, volatility) \
	BUNDLED_CREATE("ash_raise_error(json_data jsonb, type_signal anycompatible) RETURNS anycompatible\n") \
	"LANGUAGE plpgsql " volatility " PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"BEGIN\n" \
	"    RAISE EXCEPTION '" prefix "%', json_data::text;\n" \
	"END\n" \
	"$$"

#define REQUIRED \
	BUNDLED_CREATE("ash_required(value anycompatible, payload jsonb) RETURNS anycompatible\n") \
	"LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"BEGIN\n" \
	"    IF value IS NULL THEN\n" \
	"        RAISE EXCEPTION 'ash_error: %', payload::text;\n" \
	"    END IF;\n" \
	"    RETURN value;\n" \
	"END\n" \
	"$$"

#define FUNCTION(signature, result, since, create) \
	{BUNDLED_FUNCTION, signature, result, since, create}

static const BundledObject objects[] = {
	FUNCTION("ash_elixir_or(boolean, anycompatible)", "anycompatible", 1, OR_BOOLEAN),
	FUNCTION("ash_elixir_or(anycompatible, anycompatible)", "anycompatible", 1, OR_ANY),
	FUNCTION("ash_elixir_and(boolean, anycompatible)", "anycompatible", 1, AND_BOOLEAN),
	FUNCTION("ash_elixir_and(anycompatible, anycompatible)", "anycompatible", 1, AND_ANY),
	FUNCTION("ash_trim_whitespace(text[])", "text[]", 1, TRIM),
	FUNCTION("ash_raise_error(jsonb)", "boolean", 2, RAISE_ERROR("", "VOLATILE")),
	FUNCTION("ash_raise_error(jsonb)", "boolean", 3, RAISE_ERROR("ash_error: ", "VOLATILE")),
	FUNCTION("ash_raise_error(jsonb)", "boolean", 5, RAISE_ERROR("ash_error: ", "STABLE")),
	FUNCTION("ash_raise_error(jsonb, anycompatible)", "anycompatible", 2, RAISE_ERROR_TYPED("", "VOLATILE")),
	FUNCTION("ash_raise_error(jsonb, anycompatible)", "anycompatible", 3, RAISE_ERROR_TYPED("ash_error: ", "VOLATILE")),
	FUNCTION("ash_raise_error(jsonb, anycompatible)", "anycompatible", 5, RAISE_ERROR_TYPED("ash_error: ", "STABLE")),
	FUNCTION("uuid_generate_v7()", "uuid", 4, BUNDLED_UUID_V7),
	FUNCTION("ash_required(anycompatible, jsonb)", "anycompatible", 6, REQUIRED),
};

const BundledExtension bundled_ash_functions = {
	"ash-functions", "ash_functions", 6, objects, lengthof(objects)
};
