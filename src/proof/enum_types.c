/*
 * enum_types.c
 *		The enum types that recorded migrations bring: see enum_types.h.
 */
#include "postgres.h"

#include "metadata/catalog_migrations.h"
#include "proof/enum_types.h"
#include "syntax/enum_follow.h"
#include "syntax/sql_text.h"

/* What stands for the schema of a placeholder while statements are read; no schema can be called so */
#define NO_SCHEMA "pg_none"

/* Dropping a type that nobody has followed leaves nothing to be followed. */
static bool
is_drop(const char *sql)
{
	return pg_strncasecmp(sql, "DROP ", strlen("DROP ")) == 0;
}

/* Follow the types of one scope; false where a type is changed that none of the migrations creates. */
static bool
follow_scope(EnumFollow *follow, List *migrations, Scope scope)
{
	bool		complete = true;
	ListCell   *lm;
	ListCell   *ls;

	foreach(lm, migrations)
	{
		const Migration *migration = lfirst(lm);

		if (migration->kind != MIGRATION_ENUM || migration->scope != scope)
			continue;
		foreach(ls, migration->up)
			complete &= enum_follow_text(follow, sql_fill(lfirst(ls), NO_SCHEMA, NO_SCHEMA), migration) ||
			is_drop(lfirst(ls));
	}
	return complete;
}

List *
enum_types_of(List *migrations, bool *complete)
{
	Scope		scopes[] = {SCOPE_PUBLIC, SCOPE_TENANT};
	List	   *types = NIL;
	ListCell   *lc;

	*complete = true;
	for (int i = 0; i < lengthof(scopes); i++)
	{
		EnumFollow *follow = enum_follow_start(NO_SCHEMA);

		*complete &= follow_scope(follow, migrations, scopes[i]);
		foreach(lc, follow->enums)
		{
			const FollowedEnum *followed = lfirst(lc);
			RecordedEnum *type;

			if (!followed->exists)
				continue;
			type = palloc(sizeof(RecordedEnum));
			type->scope = scopes[i];
			type->schema = strcmp(followed->schema, NO_SCHEMA) == 0 ? NULL : followed->schema;
			type->name = followed->name;
			type->labels = enum_follow_labels(followed);
			types = lappend(types, type);
		}
	}
	return types;
}
