/*
 * bundled.h
 *		The extensions that Ash packages bring and that ashmig has built in:
 *		ash-functions, ash_money and ash-uuid, in all their versions.
 *
 * They are no extensions of PostgreSQL but objects in the default schema
 * (PLACEHOLDER_DEFAULT).  Names, arguments and results are those of the
 * packages; the bodies are our own.
 */
#ifndef ASHMIG_BUNDLED_H
#define ASHMIG_BUNDLED_H

#include "postgres.h"

typedef enum BundledKind
{
	BUNDLED_FUNCTION,
	BUNDLED_AGGREGATE,
	BUNDLED_OPERATOR,
	BUNDLED_TYPE
} BundledKind;

/* An object as it is from a version on, until the next entry of the same signature */
typedef struct BundledObject
{
	BundledKind kind;
	const char *signature;		/* without its schema; may have placeholders */
	const char *result;			/* see bundled_result */
	int			since;
	const char *create;
} BundledObject;

typedef struct BundledExtension
{
	const char *name;			/* as "installed" has it, without a version */
	const char *label;			/* as names of migrations have it */
	int			latest;
	const BundledObject *objects;	/* those of one signature follow each
									 * other, oldest first */
	int			count;
} BundledExtension;

/* The extension of that name, or NULL */
extern const BundledExtension *bundled_find(const char *name);

/*
 * The entry from which on, "from" included, an object of another signature
 * follows; extension->count at the end.
 */
extern int	bundled_next(const BundledExtension *extension, int from);

/*
 * The entry of the object that begins at "first" as a version has it; NULL if
 * that version has no such object.  Version 0 has none.
 */
extern const BundledObject *bundled_at(const BundledExtension *extension, int first, int version);

/* The statement that drops an object */
extern char *bundled_drop(const BundledObject *object);

/* The extensions, one file each */
extern const BundledExtension bundled_ash_functions;
extern const BundledExtension bundled_ash_money;
extern const BundledExtension bundled_ash_uuid;

/* In front of the name of what a statement creates */
#define BUNDLED_CREATE(what) "CREATE OR REPLACE FUNCTION " PLACEHOLDER_DEFAULT "." what

/*
 * RFC 9562: 48 bits of milliseconds, the version, 12 bits of what is left of
 * the time, and 64 bits of variant and chance as a version 4 UUID has them.
 * Two packages bring it, so both have this text.
 */
#define BUNDLED_UUID_V7 \
	BUNDLED_CREATE("uuid_generate_v7() RETURNS uuid\n") \
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

#endif							/* ASHMIG_BUNDLED_H */
