/*
 * snapshot_part.h
 *		What the files that decode a snapshot share.  For snapshot*.c alone.
 */
#ifndef ASHMIG_SNAPSHOT_PART_H
#define ASHMIG_SNAPSHOT_PART_H

#include "postgres.h"

#include "snapshot/json_reader.h"
#include "snapshot/snapshot.h"

/* A shape from an array of keys that is indexed by an enum */
#define SHAPE(what, keys)	{what, keys, lengthof(keys)}

/* One snapshot's decoding */
typedef struct Decoding
{
	JsonReader *reader;
	ResourceSnapshot *snapshot; /* "table" is known from the start */
	const char **columns;		/* names of the attributes, sorted; once they
								 * are decoded */
	int			ncolumns;
} Decoding;

/* Strategy, tenant column, global: the object under a key of another one */
extern bool snapshot_decode_multitenancy(const JsonObject *parent, int key,
										 Multitenancy *multitenancy);

/* Decode an attribute and append it to the snapshot's. */
extern bool snapshot_decode_attribute(Decoding *decoding, const cJSON *node, char *path);

#endif							/* ASHMIG_SNAPSHOT_PART_H */
