/*
 * migration_file.c
 *		Migrations as files: see migration_file.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/problem.h"
#include "record/branches.h"
#include "record/export.h"
#include "record/migration_file.h"
#include "record/record.h"
#include "record/record_sql.h"
#include "syntax/fragment.h"

/* What begins a part; the word that follows says which */
#define MARKER "-- ashmig: "

/* How much of a migration's name is in the name of its file */
#define SLUG_LENGTH 60

/* ------------------------------------------------------------------------
 * Paths
 * ------------------------------------------------------------------------
 */

char *
migration_file_path(const Migration *migration)
{
	StringInfoData path;
	int			slug;

	initStringInfo(&path);
	appendStringInfo(&path, "%s/" INT64_FORMAT "_", scope_name(migration->scope), migration->version);
	slug = path.len;
	for (const char *c = migration->name; *c && path.len - slug < SLUG_LENGTH; c++)
	{
		if (!IS_HIGHBIT_SET(*c) && isalnum((unsigned char) *c))
			appendStringInfoChar(&path, pg_tolower((unsigned char) *c));
		else if (path.data[path.len - 1] != '_')
			appendStringInfoChar(&path, '_');
	}
	while (path.len > slug && path.data[path.len - 1] == '_')
		path.data[--path.len] = '\0';
	appendStringInfoString(&path, path.len > slug ? ".sql" : "migration.sql");
	return path.data;
}

static void
raise_path(const char *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
			 errmsg("\"%s\" is not the path of a migration file", path),
			 errhint("Put the file into the folder public or tenant, and let its name begin with its version: \"tenant/20260420153000_add_tickets.sql\".")));
}

void
migration_file_identify(MigrationFile *file, const char *path, const char *repo)
{
	Migration  *migration = &file->migration;
	const char *base = strrchr(path, '/');
	const char *folder = base;
	char	   *name;
	size_t		length;

	memset(file, 0, sizeof(*file));
	file->path = path;
	if (base == NULL)
		raise_path(path);
	while (folder > path && folder[-1] != '/')
		folder--;
	if (base - folder != 6)
		raise_path(path);
	if (strncmp(folder, "public", 6) == 0)
		migration->scope = SCOPE_PUBLIC;
	else if (strncmp(folder, "tenant", 6) == 0)
		migration->scope = SCOPE_TENANT;
	else
		raise_path(path);

	base++;
	length = strlen(base);
	if (strspn(base, "0123456789") != 14 || length < 4 || strcmp(base + length - 4, ".sql") != 0)
		raise_path(path);
	migration->version = catalog_check_version(strtoi64(base, &name, 10));
	name = pnstrdup(name, length - (name - base) - 4);
	migration->name = name[0] == '_' && name[1] ? name + 1 : "migration";
	migration->repo = pstrdup(repo);
	migration->kind = MIGRATION_SQL;
	migration->transactional = true;
}

/* ------------------------------------------------------------------------
 * Writing
 * ------------------------------------------------------------------------
 */

/*
 * The statements as reading the file gives them: one at a time, without the
 * semicolons.  What a snapshot calls one statement may be several.
 */
static List *
single_statements(const List *statements)
{
	List	   *result = NIL;
	Problem		problem = {0};

	foreach_ptr(const char, statement, (List *) statements)
		result = list_concat(result, fragment_split(statement, NULL, &problem));
	problem_raise(&problem);
	return result;
}

/* The checksum of what reading the file gives */
static char *
file_checksum(const Migration *migration)
{
	Migration	copy = *migration;

	copy.up = single_statements(migration->up);
	copy.down = single_statements(migration->down);
	return catalog_checksum(&copy);
}

static void
append_part(StringInfo buf, const char *part)
{
	appendStringInfo(buf, "\n" MARKER "%s\n", part);
}

/*
 * Statements with a semicolon after each; a comment that ends one must not
 * swallow it.
 */
static void
append_statements(StringInfo buf, const Migration *migration, const List *statements)
{
	foreach_ptr(const char, statement, single_statements(statements))
	{
		const char *last_line = strrchr(statement, '\n');

		if (strstr(statement, MARKER) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_UNSUPPORTED),
					 errmsg("cannot write %s migration " INT64_FORMAT " as a file",
							scope_name(migration->scope), migration->version),
					 errdetail("A statement has a line with \"" MARKER "\", which separates the parts of the file: %s",
							   statement),
					 errhint("Change that comment.")));
		appendStringInfo(buf, "\n%s%s;\n", statement,
						 strstr(last_line ? last_line : statement, "--") ? "\n" : "");
	}
}

/* A line of the header; what could end it becomes a space. */
static void
append_header(StringInfo buf, const char *key, const char *value)
{
	appendStringInfo(buf, "-- %s: ", key);
	for (; *value; value++)
		appendStringInfoChar(buf, (unsigned char) *value < ' ' ? ' ' : *value);
	appendStringInfoChar(buf, '\n');
}

char *
migration_file_write(const Migration *migration)
{
	StringInfoData buf;
	List	   *snapshots;

	export_check(migration);
	initStringInfo(&buf);
	append_header(&buf, "name", migration->name);
	if (migration->repo[0] != '\0')
		append_header(&buf, "repo", migration->repo);
	append_header(&buf, "kind", migration_kind_name(migration->kind));
	if (!migration->transactional)
		append_header(&buf, "transactional", "no");
	if (migration->covered)
		append_header(&buf, "covered", "yes");
	if (migration->generation && migration->generation != migration->version)
		append_header(&buf, "generation", psprintf(INT64_FORMAT, migration->generation));
	append_header(&buf, "checksum", file_checksum(migration));

	append_part(&buf, "up");
	append_statements(&buf, migration, migration->up);
	if (migration->reversible)
	{
		append_part(&buf, "down");
		append_statements(&buf, migration, migration->down);
	}
	snapshots = export_snapshots(migration);
	if (snapshots != NIL)
	{
		append_part(&buf, "snapshots");
		foreach_ptr(const char, snapshot, snapshots)
			appendStringInfo(&buf, "-- %s\n", snapshot);
	}
	return buf.data;
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */

typedef enum FilePart
{
	PART_HEADER,				/* and in a file without markers all of it */
	PART_UP,
	PART_DOWN,
	PART_SNAPSHOTS,
	PART_COUNT
} FilePart;

static const char *const part_names[PART_COUNT] = {
	[PART_UP] = "up",
	[PART_DOWN] = "down",
	[PART_SNAPSHOTS] = "snapshots"
};

/* The part that a line begins; PART_COUNT if it is no marker */
static FilePart
marked_part(const char *line)
{
	if (strncmp(line, MARKER, strlen(MARKER)) != 0)
		return PART_COUNT;
	for (FilePart part = PART_UP; part < PART_COUNT; part++)
	{
		if (strcmp(line + strlen(MARKER), part_names[part]) == 0)
			return part;
	}
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
			 errmsg("\"%s\" begins no part of a migration", line),
			 errhint("The parts are \"" MARKER "up\", \"" MARKER "down\" and \"" MARKER "snapshots\".")));
}

/* A line without what ends it, and where the next one begins */
static char *
take_line(const char **text)
{
	size_t		length = strcspn(*text, "\n");
	char	   *line = pnstrdup(*text, length);

	*text += length + ((*text)[length] == '\n' ? 1 : 0);
	if (length > 0 && line[length - 1] == '\r')
		line[length - 1] = '\0';
	return line;
}

static bool
read_yes_or_no(const char *key, const char *value)
{
	bool		result;

	if (!parse_bool(value, &result))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("invalid value \"%s\" of \"%s\" in the header", value, key),
				 errhint("Write \"-- %s: yes\" or \"-- %s: no\".", key, key)));
	return result;
}

/*
 * A line "-- key: value".  Keys that mean nothing here are a comment.
 */
static void
read_header(MigrationFile *file, const char *line)
{
	Migration  *migration = &file->migration;
	const char *colon = strstr(line, ": ");
	const char *value;
	char	   *key;

	if (strncmp(line, "-- ", 3) != 0 || colon == NULL)
		return;
	key = pnstrdup(line + 3, colon - line - 3);
	value = colon + 2;
	if (strcmp(key, "name") == 0)
		migration->name = pstrdup(value);
	else if (strcmp(key, "repo") == 0)
		migration->repo = pstrdup(catalog_repo_name(value));
	else if (strcmp(key, "checksum") == 0)
		migration->checksum = pstrdup(value);
	else if (strcmp(key, "transactional") == 0)
		migration->transactional = read_yes_or_no(key, value);
	else if (strcmp(key, "covered") == 0)
		migration->covered = read_yes_or_no(key, value);
	else if (strcmp(key, "generation") == 0)
		migration->generation = catalog_check_version(strtoi64(value, NULL, 10));
	else if (strcmp(key, "kind") == 0 && !migration_kind_find(value, &migration->kind))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("\"%s\" is not a kind of migration", value)));
}

/* The name of the file, for whatever is wrong in it */
static void
file_error_callback(void *arg)
{
	errcontext("migration file \"%s\"", ((const MigrationFile *) arg)->path);
}

/*
 * The text divided into its parts.  Their lines keep their numbers, so that the
 * position of an error is one in the file.  The snapshots, a line each, become
 * a JSON array that lacks its closing bracket.
 */
static void
divide(MigrationFile *file, const char *text, StringInfo parts, StringInfo snapshots)
{
	FilePart	part = PART_HEADER;
	bool		in_header = true;
	int			lines = 0;

	initStringInfo(snapshots);
	for (int i = 0; i < PART_COUNT; i++)
		initStringInfo(&parts[i]);
	while (*text)
	{
		char	   *line = take_line(&text);
		FilePart	marked = marked_part(line);

		lines++;
		if (marked != PART_COUNT)
		{
			if (parts[marked].len > 0)
				ereport(ERROR,
						(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
						 errmsg("\"%s\" is there twice", line)));
			if (marked == PART_UP && !in_header)
				ereport(ERROR,
						(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
						 errmsg("there is SQL before \"%s\"", line),
						 errhint("Move it below that line.")));
			part = marked;
			in_header = false;
			for (int i = 0; i < lines; i++)
				appendStringInfoChar(&parts[part], '\n');
			continue;
		}
		in_header = in_header && (line[0] == '\0' || strncmp(line, "--", 2) == 0);
		if (in_header)
			read_header(file, line);
		if (part == PART_SNAPSHOTS)
		{
			if (strncmp(line, "-- ", 3) != 0)
				continue;
			appendStringInfo(snapshots, "%c%s", snapshots->len ? ',' : '[', line + 3);
		}
		else
			appendStringInfo(&parts[part], "%s\n", line);
	}
}

void
migration_file_read(MigrationFile *file, const char *text)
{
	Migration  *migration = &file->migration;
	ErrorContextCallback callback = {error_context_stack, file_error_callback, file};
	StringInfoData parts[PART_COUNT];
	StringInfoData snapshots;

	error_context_stack = &callback;
	divide(file, text, parts, &snapshots);
	/* SQL before the first marker, or in a file without one, is up */
	if (parts[PART_UP].len == 0)
		parts[PART_UP] = parts[PART_HEADER];
	migration->up = record_sql_split(parts[PART_UP].data, migration->scope, migration->transactional);
	migration->reversible = parts[PART_DOWN].len > 0;
	if (migration->reversible)
		migration->down = record_sql_split(parts[PART_DOWN].data, migration->scope,
										   migration->transactional);
	if (snapshots.len > 0)
		file->snapshots = psprintf("%s]", snapshots.data);
	if (migration->kind == MIGRATION_GENERATED && migration->generation == 0)
		migration->generation = migration->version;

	file->edited = migration->checksum == NULL ||
		strcmp(migration->checksum, catalog_checksum(migration)) != 0;
	if (file->edited)
		migration->kind = MIGRATION_SQL;
	migration->checksum = catalog_checksum(migration);
	error_context_stack = callback.previous;
}

/* ------------------------------------------------------------------------
 * Recording
 * ------------------------------------------------------------------------
 */

FileImport
migration_file_import(MigrationFile *file, bool *merged)
{
	Migration  *migration = &file->migration;
	ErrorContextCallback callback = {error_context_stack, file_error_callback, file};
	FileImport	result = FILE_IMPORTED;
	Migration  *recorded;

	*merged = false;
	error_context_stack = &callback;
	catalog_lock_generation();
	recorded = record_find(migration->version, migration->scope, migration->repo, true);
	if (recorded && strcmp(file_checksum(recorded), migration->checksum) == 0)
	{
		record_relabel(migration);
		result = FILE_UNCHANGED;
	}
	else if (recorded)
	{
		export_check_version(recorded, migration);
		record_replace(recorded, migration);
		result = FILE_REPLACED;
	}
	else
	{
		Datum		snapshots = (Datum) 0;

		if (file->snapshots)
			snapshots = DirectFunctionCall1(jsonb_in, CStringGetDatum(file->snapshots));
		*merged = export_record(migration, snapshots);
	}
	error_context_stack = callback.previous;
	return result;
}
