/*
 * proof_tables.c
 *		Which tables have to be built to try a generation: see proof_tables.h.
 */
#include "postgres.h"

#include "base/names.h"
#include "plan/migration_plan.h"
#include "proof/mentions.h"
#include "proof/proof_tables.h"
#include "syntax/sql_text.h"

/* What the search works on */
typedef struct TableSearch
{
	const Model *models[2];		/* before, after */
	TableMap   *touched;		/* by the operations */
	TableMap   *found;			/* to be built, under their names in either
								 * model */
	List	   *queue;			/* of Table *: found, and not looked at so far */
	TableMap   *owners;			/* of List of Table *, by a name alone: who
								 * brings it */
} TableSearch;

/* ----------
 * SQL texts of a table
 * ----------
 */
static List *
add_text(List *texts, const char *text)
{
	return text ? lappend(texts, (char *) text) : texts;
}

/* All SQL that a table's snapshot holds */
static List *
table_texts(const Table *table)
{
	List	   *texts = add_text(NIL, table->options);
	ListCell   *lc;
	ListCell   *lk;

	foreach(lc, list_concat_copy(table->columns, table->retired))
	{
		const Column *column = lfirst(lc);

		texts = add_text(texts, column->type);
		texts = add_text(texts, column->default_sql);
	}
	foreach(lc, table->indexes)
	{
		const TableIndex *index = lfirst(lc);

		texts = add_text(texts, index->where);
		foreach(lk, index->keys)
		{
			if (((IndexKey *) lfirst(lk))->is_sql)
				texts = add_text(texts, ((IndexKey *) lfirst(lk))->value);
		}
	}
	foreach(lc, table->checks)
		texts = add_text(texts, ((Check *) lfirst(lc))->expression);
	foreach(lc, table->statements)
	{
		texts = add_text(texts, ((Statement *) lfirst(lc))->up);
		texts = add_text(texts, ((Statement *) lfirst(lc))->down);
	}
	return texts;
}

/* The names of what a custom statement creates */
static List *
statement_created(const Statement *statement)
{
	return mention_created(sql_fill(statement->up, "schema", "schema"));
}

/* ----------
 * Finding
 * ----------
 */
static void
find_table(TableSearch *search, const Table *table)
{
	if (table == NULL || table_map_get(search->found, &table->name) == table)
		return;
	table_map_put(search->found, &table->name, (void *) table);
	search->queue = lappend(search->queue, (void *) table);
}

/* A name is in both models, or is found in the one that has it. */
static void
find_name(TableSearch *search, const TableName *name)
{
	if (table_map_get(search->found, name) != NULL)
		return;
	for (int i = 0; i < lengthof(search->models); i++)
		find_table(search, model_find(search->models[i], name));
}

static void
find_touched(TableSearch *search, List *migrations)
{
	ListCell   *lm;
	ListCell   *lo;

	foreach(lm, migrations)
	{
		foreach(lo, ((const PlannedMigration *) lfirst(lm))->operations)
		{
			const Operation *operation = lfirst(lo);

			table_map_put(search->touched, &operation->table, (void *) operation);
			find_name(search, &operation->table);
			if (operation->kind == OP_RENAME_TABLE || operation->kind == OP_MOVE_TABLE)
			{
				table_map_put(search->touched, operation->table_name.to, (void *) operation);
				find_name(search, operation->table_name.to);
			}
		}
	}
}

static void
add_owner(TableSearch *search, const char *name, const Table *table)
{
	TableName	key = table_name_bare(name);
	List	   *owners = table_map_get(search->owners, &key);

	table_map_put(search->owners, &key, lappend(owners, (void *) table));
}

/* Note who brings which names: the tables themselves, and what statements create. */
static void
note_owners(TableSearch *search)
{
	for (int i = 0; i < lengthof(search->models); i++)
	{
		ListCell   *lt;
		ListCell   *ls;
		ListCell   *ln;

		foreach(lt, search->models[i]->tables)
		{
			const Table *table = lfirst(lt);

			add_owner(search, table->name.name, table);
			foreach(ls, table->statements)
			{
				foreach(ln, statement_created(lfirst(ls)))
					add_owner(search, lfirst(ln), table);
			}
		}
	}
}

static void
find_owners(TableSearch *search, const char *name)
{
	TableName	key = table_name_bare(name);
	ListCell   *lc;

	foreach(lc, (List *) table_map_get(search->owners, &key))
		find_name(search, &((const Table *) lfirst(lc))->name);
}

/* Does a custom statement of the table mention a table that the generation touches? */
static bool
speaks_of_touched(const TableSearch *search, const Table *table)
{
	ListCell   *lc;

	foreach(lc, table->statements)
	{
		MentionScan scan;
		Mention		mention;

		mention_begin(&scan, ((const Statement *) lfirst(lc))->up);
		while (mention_next(&scan, &mention))
		{
			TableName	public = {false, table->name.schema, mention.name};
			TableName	plain = table_name_bare(mention.name);
			TableName	tenant = {SCOPE_TENANT, NULL, mention.name};

			if (table_map_get(search->touched, &public) || table_map_get(search->touched, &plain) ||
				table_map_get(search->touched, &tenant))
				return true;
		}
	}
	return false;
}

/* What hangs on a touched table: it would be in the way, or left behind. */
static void
find_dependents(TableSearch *search)
{
	for (int i = 0; i < lengthof(search->models); i++)
	{
		ListCell   *lc;

		foreach(lc, search->models[i]->tables)
		{
			if (speaks_of_touched(search, lfirst(lc)))
				find_name(search, &((const Table *) lfirst(lc))->name);
		}
	}
}

/* What the texts of the tables found need, and what that needs */
static void
find_needed(TableSearch *search)
{
	while (search->queue != NIL)
	{
		const Table *table = linitial(search->queue);
		ListCell   *lc;

		search->queue = list_delete_first(search->queue);
		foreach(lc, table_texts(table))
		{
			MentionScan scan;
			Mention		mention;

			mention_begin(&scan, lfirst(lc));
			while (mention_next(&scan, &mention))
			{
				find_owners(search, mention.name);
				if (mention.qualifier)
					find_owners(search, mention.qualifier);
			}
		}
	}
}

/* ----------
 * Keys that are referenced
 * ----------
 */
static StubTable *
stub_of(ProofTables *tables, const TableName *name)
{
	StubTable  *stub;
	ListCell   *lc;

	foreach(lc, tables->stubs)
	{
		stub = lfirst(lc);
		if (table_name_equal(&stub->name, name))
			return stub;
	}
	stub = palloc0(sizeof(StubTable));
	stub->name = *name;
	tables->stubs = lappend(tables->stubs, stub);
	return stub;
}

/*
 * A column that a key points to: of the type that its table gives it, and where
 * no snapshot speaks of that, of the type of the column that points there.
 */
static void
stub_column(StubTable *stub, const Table *target, const char *name, const Column *source)
{
	const Column *column = target ? model_find_column(target->columns, name) : NULL;

	if (names_have(stub->columns, name))
		return;
	if (column == NULL)
		column = source;
	stub->columns = lappend(stub->columns, (char *) name);
	stub->types = lappend(stub->types, column ? column->type : "text");
}

static void
stub_key(StubTable *stub, const Table *target, const Table *table, const ForeignKey *key)
{
	ListCell   *lc;
	ListCell   *lt;

	forboth(lc, key->columns, lt, key->target_columns)
		stub_column(stub, target, lfirst(lt), model_find_column(table->columns, lfirst(lc)));
	foreach(lc, stub->keys)
	{
		if (names_same_set(lfirst(lc), key->target_columns))
			return;
	}
	stub->keys = lappend(stub->keys, key->target_columns);
}

/* "built": the part of "whole" */
static void
add_stubs(ProofTables *tables, const TableSearch *search, const Model *built, const Model *whole)
{
	ListCell   *lt;
	ListCell   *lk;

	foreach(lt, built->tables)
	{
		const Table *table = lfirst(lt);

		foreach(lk, table->foreign_keys)
		{
			const ForeignKey *key = lfirst(lk);

			if (table_map_get(search->found, &key->target) == NULL)
				stub_key(stub_of(tables, &key->target), model_find(whole, &key->target), table, key);
		}
	}
}

/* ----------
 * The tables
 * ----------
 */
static void
add_name(ProofTables *tables, const char *name)
{
	TableName	key = table_name_bare(name);

	table_map_put(tables->names, &key, tables);
}

static void
add_schema(ProofTables *tables, char *schema)
{
	if (schema && !names_have(tables->schemas, schema))
		tables->schemas = lappend(tables->schemas, schema);
}

/* Names of the objects that a table brings, and of the schemas that it is in */
static void
add_names(ProofTables *tables, const Table *table)
{
	ListCell   *lc;
	ListCell   *ln;

	add_name(tables, table->name.name);
	add_schema(tables, table->name.schema);
	if (table->primary_key)
		add_name(tables, table->primary_key->name);
	foreach(lc, list_concat_copy(table->columns, table->retired))
	{
		if (((Column *) lfirst(lc))->sequence_name)
			add_name(tables, ((Column *) lfirst(lc))->sequence_name);
	}
	foreach(lc, table->indexes)
	{
		add_name(tables, ((TableIndex *) lfirst(lc))->name);
		add_schema(tables, index_table(&table->name, lfirst(lc)).schema);
	}
	foreach(lc, table->statements)
	{
		foreach(ln, statement_created(lfirst(lc)))
			add_name(tables, lfirst(ln));
	}
}

/* The tables of a model that are to be built */
static Model *
found_tables(ProofTables *tables, const TableSearch *search, const Model *model)
{
	Model	   *result = model_create();
	ListCell   *lc;

	foreach(lc, model->tables)
	{
		Table	   *table = lfirst(lc);

		if (table_map_get(search->found, &table->name) == NULL)
			continue;
		model_add(result, table);
		add_names(tables, table);
	}
	return result;
}

static TableSearch
begin_search(const Model *before, const Model *after)
{
	TableSearch search = {.models = {before, after}};

	search.touched = table_map_create();
	search.found = table_map_create();
	search.owners = table_map_create();
	note_owners(&search);
	return search;
}

/* What has been found, and what it needs */
static ProofTables *
end_search(TableSearch *search)
{
	ProofTables *tables = palloc0(sizeof(ProofTables));
	const Model *before = search->models[0];
	const Model *after = search->models[1];
	ListCell   *lc;

	find_needed(search);
	tables->names = table_map_create();
	tables->before = found_tables(tables, search, before);
	tables->after = found_tables(tables, search, after);
	add_stubs(tables, search, tables->before, before);
	add_stubs(tables, search, tables->after, after);
	foreach(lc, tables->stubs)
	{
		add_name(tables, ((StubTable *) lfirst(lc))->name.name);
		add_schema(tables, ((StubTable *) lfirst(lc))->name.schema);
	}
	return tables;
}

ProofTables *
proof_tables_find(const Model *before, const Model *after, List *migrations)
{
	TableSearch search = begin_search(before, after);

	find_touched(&search, migrations);
	find_dependents(&search);
	return end_search(&search);
}

ProofTables *
proof_tables_of_scope(const Model *model, Scope scope)
{
	TableSearch search = begin_search(model, model);
	ListCell   *lc;

	foreach(lc, model->tables)
	{
		const Table *table = lfirst(lc);

		if (table->name.scope == scope)
			find_table(&search, table);
	}
	return end_search(&search);
}

bool
proof_tables_have_name(const ProofTables *tables, const char *name)
{
	TableName	key = table_name_bare(name);

	return table_map_get(tables->names, &key) != NULL;
}

/* Is this the text, as it stands in a migration? */
static bool
is_text(const char *text, const char *sql)
{
	return strcmp(text + strspn(text, " \n\t\r"), sql) == 0;
}

const Table *
proof_tables_statement(const ProofTables *tables, const char *sql, const Statement **statement)
{
	const Model *models[] = {tables->after, tables->before};

	for (int i = 0; i < lengthof(models); i++)
	{
		ListCell   *lt;
		ListCell   *ls;

		foreach(lt, models[i]->tables)
		{
			foreach(ls, ((const Table *) lfirst(lt))->statements)
			{
				*statement = lfirst(ls);
				if (is_text((*statement)->up, sql) || is_text((*statement)->down, sql))
					return lfirst(lt);
			}
		}
	}
	*statement = NULL;
	return NULL;
}
