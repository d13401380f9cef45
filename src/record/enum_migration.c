/*
 * enum_migration.c
 *		Recording the migrations of enums: see enum_migration.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/names.h"
#include "metadata/catalog_migrations.h"
#include "record/enum_migration.h"
#include "record/record.h"
#include "syntax/enum_follow.h"
#include "syntax/sql_text.h"

/*
 * The type as statements write it.
 */
static char *
enum_reference(const EnumType *type)
{
	const char *schema = type->scope == SCOPE_TENANT ? PLACEHOLDER_TENANT : PLACEHOLDER_DEFAULT;

	return psprintf("%s.%s", type->schema ? quote_name(type->schema) : schema,
					quote_name(type->name));
}

/*
 * Refuse labels that PostgreSQL would refuse when the migration runs.
 */
static void
check_labels(List *labels)
{
	List	   *seen = NIL;

	foreach_ptr(char, label, labels)
	{
		if (strlen(label) >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("enum value \"%s\" is too long", label),
					 errhint("Values must be %d bytes or less.", NAMEDATALEN - 1)));
		if (names_have(seen, label))
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("enum value \"%s\" is specified more than once", label)));
		seen = lappend(seen, label);
	}
}

static char *
create_statement(const EnumType *type, List *labels)
{
	return enum_follow_create(enum_reference(type), labels);
}

static char *
drop_statement(const EnumType *type)
{
	return psprintf("DROP TYPE %s", enum_reference(type));
}

/*
 * Record a migration of one statement; "down" may be NULL: there is nothing to
 * do.
 */
static int64
record_enum(const EnumType *type, char *name, char *up, char *down, bool transactional)
{
	Migration	migration = {0};

	migration.repo = pstrdup(type->repo);
	migration.scope = type->scope;
	migration.name = name;
	migration.kind = MIGRATION_ENUM;
	migration.transactional = transactional;
	migration.up = list_make1(up);
	migration.down = down ? list_make1(down) : NIL;
	migration.reversible = true;
	record_add(&migration);
	return migration.version;
}

int64
enum_migration_create(const EnumType *type, List *labels)
{
	check_labels(labels);
	return record_enum(type, psprintf("create_enum_%s", type->name),
					   create_statement(type, labels), drop_statement(type), true);
}

int64
enum_migration_drop(const EnumType *type, List *labels)
{
	check_labels(labels);
	return record_enum(type, psprintf("drop_enum_%s", type->name),
					   drop_statement(type), create_statement(type, labels), true);
}

int64
enum_migration_add_value(const EnumType *type, char *value,
						 const char *before, const char *after)
{
	char	   *neighbor = "";

	check_labels(list_make1(value));
	if (before || after)
		neighbor = psprintf(" %s %s", before ? "BEFORE" : "AFTER",
							quote_text(before ? before : after));
	return record_enum(type, psprintf("add_enum_value_%s_%s", type->name, value),
					   psprintf("ALTER TYPE %s ADD VALUE IF NOT EXISTS %s%s",
								enum_reference(type), quote_text(value), neighbor),
					   NULL, false);
}
