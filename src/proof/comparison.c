/*
 * comparison.c
 *		Comparing structures by what a model knows of them: see comparison.h.
 */
#include "postgres.h"

#include "base/settings.h"
#include "proof/comparison.h"
#include "proof/mentions.h"
#include "proof/reference.h"

const Table *
comparison_table(const Model *model, const StructureFact *fact)
{
	TableName	name = table_name_bare(fact->table);

	if (strcmp(fact->schema, REFERENCE_TENANT) == 0)
		name.scope = SCOPE_TENANT;
	else if (strcmp(fact->schema, ashmig_default_schema) != 0)
		name.schema = fact->schema;
	return model_find(model, &name);
}

/* Does the definition name one of the columns (of Column *)? */
static bool
names_column(const char *definition, List *columns)
{
	MentionScan scan;
	Mention		mention;

	mention_begin(&scan, definition);
	while (mention_next(&scan, &mention))
	{
		if (model_find_column(columns, mention.name) != NULL)
			return true;
	}
	return false;
}

/* Is the fact about a retired column?  One of any table, where a view is made of it */
static bool
is_about_retired(const Model *model, const StructureFact *fact)
{
	const Table *table = comparison_table(model, fact);
	ListCell   *lc;

	if (table && table->retired)
	{
		if (fact->column)
			return model_find_column(table->retired, fact->column) != NULL;
		return names_column(fact->definition, table->retired);
	}
	if (strstr(fact->kind, "view") == NULL)
		return false;
	foreach(lc, model->tables)
	{
		if (names_column(fact->definition, ((const Table *) lfirst(lc))->retired))
			return true;
	}
	return false;
}

List *
comparison_differences(const Model *model, List *expected, List *actual, bool with_settings)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, structure_compare(expected, actual, with_settings))
	{
		StructureDifference *difference = lfirst(lc);

		if ((difference->expected && is_about_retired(model, difference->expected)) ||
			(difference->actual && is_about_retired(model, difference->actual)))
			continue;
		result = lappend(result, difference);
	}
	return result;
}
