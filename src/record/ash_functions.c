/*
 * ash_functions.c
 *		The functions that AshPostgres expects in a database: see
 *		ash_functions.h.
 */
#include "postgres.h"

#include "record/ash_functions.h"
#include "syntax/sql_text.h"

/* A function as it is from a version on, until the next entry of the same signature */
typedef struct AshFunction
{
	const char *signature;
	const char *result;
	int			since;
	const char *create;
} AshFunction;

#define CREATE(what) "CREATE OR REPLACE FUNCTION " PLACEHOLDER_DEFAULT "." what

/* Elixir's || and &&: nil and false are false, everything else is true. */
#define OR_BOOLEAN \
	CREATE("ash_elixir_or(\"left\" boolean, \"right\" anycompatible, OUT f1 anycompatible)\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$ SELECT CASE WHEN $1 THEN $1 ELSE $2 END $$"

#define OR_ANY \
	CREATE("ash_elixir_or(\"left\" anycompatible, \"right\" anycompatible, OUT f1 anycompatible)\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$ SELECT coalesce($1, $2) $$"

#define AND_BOOLEAN \
	CREATE("ash_elixir_and(\"left\" boolean, \"right\" anycompatible, OUT f1 anycompatible)\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$ SELECT CASE WHEN $1 THEN $2 ELSE $1 END $$"

#define AND_ANY \
	CREATE("ash_elixir_and(\"left\" anycompatible, \"right\" anycompatible, OUT f1 anycompatible)\n") \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$ SELECT CASE WHEN $1 IS NOT NULL THEN $2 ELSE $1 END $$"

/* From the first element that is not empty to the last; NULL for an array without any */
#define TRIM \
	CREATE("ash_trim_whitespace(arr text[]) RETURNS text[]\n") \
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
	CREATE("ash_raise_error(json_data jsonb) RETURNS boolean\n") \
	"LANGUAGE plpgsql " volatility " PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"BEGIN\n" \
	"    RAISE EXCEPTION '" prefix "%', json_data::text;\n" \
	"END\n" \
	"$$"

#define RAISE_ERROR_TYPED(prefix, volatility) \
	CREATE("ash_raise_error(json_data jsonb, type_signal anycompatible) RETURNS anycompatible\n") \
	"LANGUAGE plpgsql " volatility " PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"BEGIN\n" \
	"    RAISE EXCEPTION '" prefix "%', json_data::text;\n" \
	"END\n" \
	"$$"

/*
 * RFC 9562: 48 bits of milliseconds, the version, 12 bits of what is left of
 * the time, and 64 bits of variant and chance as a version 4 UUID has them.
 */
#define UUID_V7 \
	CREATE("uuid_generate_v7() RETURNS uuid\n") \
	"LANGUAGE plpgsql VOLATILE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"DECLARE\n" \
	"    micros bigint := floor(extract(epoch FROM clock_timestamp()) * 1000000);\n" \
	"    fraction integer := micros % 1000 * 4096 / 1000;\n" \
	"BEGIN\n" \
	"    RETURN encode(substring(int8send(micros / 1000) FROM 3)\n" \
	"                  || int2send((28672 + fraction)::smallint)\n" \
	"                  || substring(uuid_send(gen_random_uuid()) FROM 9), 'hex')::uuid;\n" \
	"END\n" \
	"$$"

#define REQUIRED \
	CREATE("ash_required(value anycompatible, payload jsonb) RETURNS anycompatible\n") \
	"LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = ''\n" \
	"AS $$\n" \
	"BEGIN\n" \
	"    IF value IS NULL THEN\n" \
	"        RAISE EXCEPTION 'ash_error: %', payload::text;\n" \
	"    END IF;\n" \
	"    RETURN value;\n" \
	"END\n" \
	"$$"

/* Entries of one function follow each other, oldest first. */
static const AshFunction entries[] = {
	{"ash_elixir_or(boolean, anycompatible)", "anycompatible", 1, OR_BOOLEAN},
	{"ash_elixir_or(anycompatible, anycompatible)", "anycompatible", 1, OR_ANY},
	{"ash_elixir_and(boolean, anycompatible)", "anycompatible", 1, AND_BOOLEAN},
	{"ash_elixir_and(anycompatible, anycompatible)", "anycompatible", 1, AND_ANY},
	{"ash_trim_whitespace(text[])", "text[]", 1, TRIM},
	{"ash_raise_error(jsonb)", "boolean", 2, RAISE_ERROR("", "VOLATILE")},
	{"ash_raise_error(jsonb)", "boolean", 3, RAISE_ERROR("ash_error: ", "VOLATILE")},
	{"ash_raise_error(jsonb)", "boolean", 5, RAISE_ERROR("ash_error: ", "STABLE")},
	{"ash_raise_error(jsonb, anycompatible)", "anycompatible", 2, RAISE_ERROR_TYPED("", "VOLATILE")},
	{"ash_raise_error(jsonb, anycompatible)", "anycompatible", 3, RAISE_ERROR_TYPED("ash_error: ", "VOLATILE")},
	{"ash_raise_error(jsonb, anycompatible)", "anycompatible", 5, RAISE_ERROR_TYPED("ash_error: ", "STABLE")},
	{"uuid_generate_v7()", "uuid", 4, UUID_V7},
	{"ash_required(anycompatible, jsonb)", "anycompatible", 6, REQUIRED},
};

/* Where the entries of each function begin, and where the last one ends */
static const int first_entry[] = {0, 1, 2, 3, 4, 5, 8, 11, 12, 13};

StaticAssertDecl(lengthof(first_entry) == ASH_FUNCTIONS_COUNT + 1,
				 "first_entry has each function and the end");
StaticAssertDecl(lengthof(entries) == 13, "first_entry ends where entries end");

/*
 * What to call a function, without its schema.
 */
const char *
ash_function_signature(int function)
{
	return entries[first_entry[function]].signature;
}

/*
 * The type it returns.
 */
const char *
ash_function_result(int function)
{
	return entries[first_entry[function]].result;
}

/*
 * The statement that makes it as this version has it, or NULL.
 */
const char *
ash_function_create(int function, int version)
{
	const char *create = NULL;

	for (int i = first_entry[function]; i < first_entry[function + 1]; i++)
	{
		if (entries[i].since <= version)
			create = entries[i].create;
	}
	return create;
}

/*
 * The statement that drops it.
 */
char *
ash_function_drop(int function)
{
	return psprintf("DROP FUNCTION IF EXISTS %s.%s", PLACEHOLDER_DEFAULT,
					ash_function_signature(function));
}
