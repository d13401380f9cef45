--
-- Expand and contract: retired columns, and tables that are dropped.
--
\set database ashmig_retired
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
CREATE FUNCTION posts(VARIADIC attributes jsonb[]) RETURNS jsonb
LANGUAGE sql AS $$ SELECT jsonb_build_array(resource('posts', VARIADIC id() || attributes) || strategy('context')) $$;
CREATE VIEW retired AS SELECT scope, table_name, column_name, type, column_default FROM ashmig.retired_columns ORDER BY 2, 3;

-- A removed attribute's column stays; constraints that would break inserts are dropped
SELECT step(posts(attr('title', 'text', '{"allow_nil?": false}'), attr('views', 'integer', '{"allow_nil?": false, "default": "0"}'), attr('n', 'bigint', '{"generated?": true}'), attr('body', 'text')), drop_columns => false);
SELECT step(posts(attr('body', 'text')), drop_columns => false);
TABLE retired;
SELECT name, definition FROM structure('t1') WHERE kind = 'column';
INSERT INTO t1.posts (id) VALUES (gen_random_uuid());
-- a new tenant does not get them
SELECT ashmig_create_tenant('t2') > 0 AS created;
SELECT name FROM structure('t2') WHERE kind = 'column';
-- added again: the column returns with its values; the new tenant gets a new column, which the down retires there, too
SELECT step(posts(attr('body', 'text'), attr('views', 'bigint')), drop_columns => false);
SELECT 't1', name, definition FROM structure('t1') WHERE kind = 'column' UNION ALL SELECT 't2', name, definition FROM structure('t2') WHERE kind = 'column' ORDER BY 1, 2;
TABLE retired;
-- its name cannot be the target of a rename
SELECT ashmig_plan(posts(attr('title', 'text'), attr('views', 'bigint')), renames => '[{"table": "posts", "column": "body", "to": "title"}]');
-- drop_columns later does not drop earlier retired columns
SELECT step(posts(attr('views', 'bigint')), drop_columns => true);
TABLE retired;
-- they follow when the table is renamed
SELECT step(jsonb_build_array(resource('notes', id(), attr('views', 'bigint')) || strategy('context')), '[{"table": "posts", "to": "notes"}]');
TABLE retired;

-- Dropping them, and rolling back
SELECT scope, migration, statements FROM ashmig_drop_retired(tables => '{other}');
SELECT scope, migration, statements FROM ashmig_drop_retired(tables => '{notes}', name => 'contract');
SELECT up, down FROM ashmig.migrations ORDER BY version DESC LIMIT 1;
SELECT schema_name, status FROM ashmig_migrate_tenants();
SELECT name, definition FROM structure('t1') WHERE kind = 'column';
TABLE retired;
SELECT scope, migration FROM ashmig_drop_retired();
SELECT schema_name, status FROM ashmig_rollback_tenants();
SELECT name, definition FROM structure('t1') WHERE kind = 'column';
SELECT schema_name, status FROM ashmig_migrate_tenants();

-- Tables: only with drop_tables, dependents first, unless the snapshot opts out
CREATE FUNCTION shelf(rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('books', id(), ref('author', 'authors.id', strategy('context')), ref('next', 'books.id', strategy('context'))) || strategy('context'),
  resource('authors', id(), ref('best', 'books.id', strategy('context'))) || strategy('context') || rest,
  resource('other', id()))
$$;
SELECT apply(shelf(), drop_tables => true);
SELECT up FROM planned(shelf() - 1 - 0);
SELECT ashmig_plan(shelf() - 1, drop_tables => true);
SELECT step(shelf() - 1 - 0, drop_tables => true);
SELECT step(shelf('{"drop_table_opted_out": true}'));
SELECT ashmig_plan(shelf() - 1 - 0, drop_tables => true);
SELECT operation, table_name, destroys FROM ashmig_plan('[]', drop_tables => true, renames => '[]');

\c :home
DROP DATABASE ashmig_retired;
