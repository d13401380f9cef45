/*
 * model_build.c
 *		From snapshots to the structure they ask for: see model.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/names.h"
#include "commands/defrem.h"

#include "model/model_part.h"
#include "syntax/fragment.h"
#include "syntax/sql_text.h"

/* ----------
 * Names
 * ----------
 */

/* The name of a table as PostgreSQL keeps it, "default_schema" counting as none */
static TableName
table_name_make(Scope scope, const char *schema, const char *name,
				const char *default_schema)
{
	TableName	result;

	result.scope = scope;
	result.schema = NULL;
	if (scope == SCOPE_PUBLIC && schema != NULL && strcmp(schema, default_schema) != 0)
		result.schema = names_cut(schema);
	result.name = names_cut(name);
	return result;
}

static Scope
multitenancy_scope(const Multitenancy *multitenancy)
{
	return multitenancy->strategy == STRATEGY_CONTEXT ? SCOPE_TENANT : SCOPE_PUBLIC;
}

TableName
model_table_name(const ResourceSnapshot *snapshot, const char *default_schema)
{
	return table_name_make(multitenancy_scope(&snapshot->multitenancy), snapshot->schema,
						   snapshot->table, default_schema);
}

/* ----------
 * Columns and primary key
 * ----------
 */

/* The sequence's name that history gave this column, or PostgreSQL's own choice */
static char *
column_sequence_name(const char *table, const char *column, const TableState *state)
{
	ListCell   *lc;

	if (state != NULL)
	{
		for (lc = list_head(state->sequences); lc != NULL;
			 lc = lnext(state->sequences, lnext(state->sequences, lc)))
		{
			if (strcmp(lfirst(lc), column) == 0)
				return lfirst(lnext(state->sequences, lc));
		}
	}
	return makeObjectName(table, column, "seq");
}

static Column *
model_column(const char *table, const Attribute *attribute,
			 const TableState *state, Problem *problem)
{
	Column	   *column = palloc0(sizeof(Column));

	column->name = names_cut(attribute->source);
	column->path = attribute->path;
	column->attribute = attribute;
	column->type = column_type_sql(attribute, problem);
	column->default_sql = column_type_default(attribute, problem);
	column->sequence = column_type_sequence(attribute);
	/* a key or an identity is NOT NULL whatever the snapshot says */
	column->not_null = !attribute->allow_nil || attribute->primary_key ||
		column->sequence != SEQUENCE_NONE;
	if (column->sequence != SEQUENCE_NONE)
		column->sequence_name = column_sequence_name(table, column->name, state);
	return column;
}

/*
 * The primary key: the attributes that say so, in their order.
 *
 * Where history has the same columns in another order or the key under
 * another name (the table was renamed), history is what stands there.
 */
static PrimaryKey *
model_primary_key(const char *table, const List *attributes,
				  const TableState *state)
{
	PrimaryKey *key = palloc0(sizeof(PrimaryKey));

	foreach_ptr(const Attribute, attribute, attributes)
	{
		if (attribute->primary_key)
			key->columns = lappend(key->columns, names_cut(attribute->source));
	}
	if (key->columns == NIL)
		return NULL;
	if (state != NULL && names_same_set(state->primary_key_columns, key->columns))
		key->columns = state->primary_key_columns;
	key->name = state != NULL && state->primary_key_name != NULL
		? state->primary_key_name
		: makeObjectName(table, NULL, "pkey");
	return key;
}

/* ----------
 * Foreign keys
 * ----------
 */

/*
 * Is what the reference points to its table's primary key?
 *
 * Files from before "primary_key?" do not say; then the other snapshots of
 * the same call or record do (AshPostgres' find_references_primary_key).
 */
static bool
reference_to_primary_key(const Reference *reference, List *others)
{
	if (reference->primary_key != MAYBE_UNSET)
		return reference->primary_key == MAYBE_TRUE;
	foreach_ptr(ResourceSnapshot, other, others)
	{
		if (strcmp(other->table, reference->table) != 0)
			continue;
		foreach_ptr(Attribute, attribute, other->attributes)
		{
			if (attribute->primary_key &&
				strcmp(attribute->source, reference->destination_attribute) == 0)
				return true;
		}
	}
	return false;
}

static int
match_pair_compare(const ListCell *a, const ListCell *b)
{
	return strcmp(((MatchPair *) lfirst(a))->source,
				  ((MatchPair *) lfirst(b))->source);
}

/*
 * The foreign key's further columns: what "match_with" says and, between two
 * tables of strategy attribute, the tenant columns.
 *
 * AshPostgres keeps match_with in a map, so its pairs come sorted by name.
 * *with_tenant is set where the tenant columns joined: then it is MATCH FULL.
 */
static List *
foreign_key_pairs(const ResourceSnapshot *snapshot, const Attribute *attribute,
				  List *others, bool *with_tenant)
{
	const Reference *reference = attribute->references;
	List	   *pairs = list_copy(reference->match_with);
	const char *own = snapshot->multitenancy.attribute;
	const char *theirs = reference->multitenancy.attribute;
	ListCell   *lc;

	*with_tenant = false;
	if (snapshot->multitenancy.strategy == STRATEGY_ATTRIBUTE &&
		reference->multitenancy.strategy == STRATEGY_ATTRIBUTE &&
		strcmp(reference->destination_attribute, theirs) != 0 &&
		strcmp(attribute->source, own) != 0 &&
		(reference->match_tenant == MAYBE_TRUE ||
		 !reference_to_primary_key(reference, others)))
	{
		bool		there = false;

		*with_tenant = true;
		foreach(lc, pairs)
			there = there || strcmp(((MatchPair *) lfirst(lc))->source, own) == 0;
		if (!there)
		{
			MatchPair  *pair = palloc(sizeof(MatchPair));

			pair->source = pstrdup(own);
			pair->destination = pstrdup(theirs);
			pairs = lappend(pairs, pair);
		}
	}
	list_sort(pairs, match_pair_compare);
	return pairs;
}

/* The table that a reference points to (SNAPSHOTS: which schema) */
static TableName
foreign_key_target(const ResourceSnapshot *snapshot, const Reference *reference,
				   const char *default_schema)
{
	Scope		scope = multitenancy_scope(&snapshot->multitenancy);
	const char *schema = reference->schema;

	if (schema == NULL && scope == SCOPE_PUBLIC)
		schema = snapshot->schema;
	if (multitenancy_scope(&reference->multitenancy) == SCOPE_PUBLIC)
		scope = SCOPE_PUBLIC;
	return table_name_make(scope, schema, reference->table, default_schema);
}

/*
 * The foreign key of a reference, or NULL if none is made: a table that all
 * tenants share cannot point into one tenant.
 */
static ForeignKey *
model_foreign_key(const ResourceSnapshot *snapshot, const Attribute *attribute,
				  List *others, const char *default_schema)
{
	const Reference *reference = attribute->references;
	ForeignKey *key;
	bool		with_tenant;

	if (reference == NULL || reference->ignore)
		return NULL;
	if (reference->multitenancy.strategy == STRATEGY_CONTEXT &&
		snapshot->multitenancy.strategy != STRATEGY_CONTEXT)
		return NULL;

	key = palloc0(sizeof(ForeignKey));
	key->path = reference->path;
	key->name = names_cut(reference->name);
	key->target = foreign_key_target(snapshot, reference, default_schema);
	key->columns = list_make1(names_cut(attribute->source));
	key->target_columns = list_make1(names_cut(reference->destination_attribute));
	foreach_ptr(MatchPair, pair, foreign_key_pairs(snapshot, attribute, others, &with_tenant))
	{
		key->columns = lappend(key->columns, names_cut(pair->source));
		key->target_columns = lappend(key->target_columns,
									  names_cut(pair->destination));
	}
	key->match = with_tenant ? MATCH_FULL : reference->match_type;
	if (key->match == MATCH_SIMPLE)
		key->match = MATCH_UNSET;	/* the default in SQL */
	key->on_delete = reference->on_delete;
	key->on_delete_columns = names_cut_all(reference->on_delete_columns);
	key->on_update = reference->on_update;
	key->deferrable = reference->deferrable;
	return key;
}

/* ----------
 * Checks and statements
 * ----------
 */

/*
 * With a base filter, a check applies only to the rows that match the filter.
 */
static Check *
model_check(const CheckConstraint *constraint, Problem *problem)
{
	Check	   *check = palloc0(sizeof(Check));

	check->path = constraint->path;
	check->name = names_cut(constraint->name);
	if (!fragment_check_expression(constraint->check,
								   psprintf("%s.check", constraint->path), problem) ||
		(constraint->base_filter &&
		 !fragment_check_expression(constraint->base_filter,
									psprintf("%s.base_filter", constraint->path), problem)))
		return check;
	check->expression = fragment_parenthesize(constraint->check);
	if (constraint->base_filter)
		check->expression = psprintf("(%s OR NOT %s)", check->expression,
									 fragment_parenthesize(constraint->base_filter));
	return check;
}

/* A custom statement; its SQL must parse, though nothing else is known of it. */
static Statement *
model_statement(const ResourceSnapshot *snapshot, const CustomStatement *custom,
				Problem *problem)
{
	Statement  *statement = palloc0(sizeof(Statement));

	(void) fragment_split(custom->up, psprintf("%s.up", custom->path), problem);
	(void) fragment_split(custom->down, psprintf("%s.down", custom->path), problem);

	statement->path = custom->path;
	statement->name = custom->name;
	statement->up = custom->up;
	statement->down = custom->down;
	statement->scope = custom->global ? SCOPE_PUBLIC : multitenancy_scope(&snapshot->multitenancy);
	return statement;
}

/* ----------
 * Tables
 * ----------
 */
bool
model_is_table(const ResourceSnapshot *snapshot)
{
	return snapshot->attributes != NIL || snapshot->identities != NIL ||
		snapshot->custom_indexes != NIL || snapshot->custom_statements != NIL ||
		snapshot->check_constraints != NIL;
}

/* The columns of the snapshot, and what hangs on each: foreign key, index */
static void
model_attributes(Table *table, const ResourceSnapshot *snapshot, const TableState *state,
				 List *others, const char *default_schema, Problem *problem)
{
	foreach_ptr(Attribute, attribute, snapshot->attributes)
	{
		ForeignKey *key = model_foreign_key(snapshot, attribute, others, default_schema);
		TableIndex *index = model_reference_index(snapshot, attribute, problem);

		table->columns = lappend(table->columns,
								 model_column(table->name.name, attribute, state, problem));
		if (key)
			table->foreign_keys = lappend(table->foreign_keys, key);
		if (index)
			table->indexes = lappend(table->indexes, index);
	}
}

Table *
model_table(const ResourceSnapshot *snapshot, const TableState *state, List *others,
			const char *default_schema, Problem *problem)
{
	Table	   *table = palloc0(sizeof(Table));
	ListCell   *lc;

	table->path = snapshot->path;
	table->name = model_table_name(snapshot, default_schema);
	table->opted_out = snapshot->drop_table_opted_out;
	table->options = snapshot->create_table_options;
	if (table->options)
		fragment_check_table_options(table->options,
									 psprintf("%s.create_table_options", snapshot->path),
									 problem);
	table->retired = state ? state->retired : NIL;
	table->primary_key = model_primary_key(table->name.name, snapshot->attributes, state);
	foreach(lc, snapshot->identities)
		table->indexes = lappend(table->indexes,
								 model_identity(snapshot, lfirst(lc), problem));
	model_attributes(table, snapshot, state, others, default_schema, problem);
	foreach(lc, snapshot->custom_indexes)
		table->indexes = lappend(table->indexes,
								 model_custom_index(snapshot, lfirst(lc), default_schema, problem));
	foreach(lc, snapshot->check_constraints)
		table->checks = lappend(table->checks, model_check(lfirst(lc), problem));
	foreach(lc, snapshot->custom_statements)
		table->statements = lappend(table->statements,
									model_statement(snapshot, lfirst(lc), problem));
	return problem->sqlerrcode == 0 ? table : NULL;
}
