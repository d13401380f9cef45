--
-- Expand and contract: retired columns, and tables that are dropped.
--
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_retired TEMPLATE :"home";
\c ashmig_retired
SET client_min_messages = warning;
SET search_path = tools, public;
SET ashmig.workers = 0;
\set SHOW_CONTEXT never
\pset format unaligned
\pset fieldsep ' | '
\pset tuples_only on

CREATE FUNCTION step(snapshots jsonb, renames jsonb DEFAULT '[]', drop_columns boolean DEFAULT true, drop_tables boolean DEFAULT false) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT concat_ws(' | ', nullif(scope, 'public'), nullif(up, ''), nullif(down, ''))
                 FROM planned(snapshots, renames, drop_columns, drop_tables);
  RETURN QUERY SELECT lawful(snapshots, renames => renames, drop_columns => drop_columns, drop_tables => drop_tables);
END
$$;
SELECT ashmig_create_tenant('t1');
CREATE FUNCTION posts(VARIADIC attributes jsonb[]) RETURNS jsonb
LANGUAGE sql AS $$ SELECT jsonb_build_array(resource('posts', VARIADIC id() || attributes) || strategy('context')) $$;
CREATE VIEW retired AS SELECT scope, table_name, column_name, type, column_default FROM ashmig.retired_columns ORDER BY 2, 3;

-- A removed attribute's column stays; what would break inserts is lifted
SELECT step(posts(attr('title', 'text', '{"allow_nil?": false}'), attr('views', 'integer', '{"allow_nil?": false, "default": "0"}'), attr('n', 'bigint', '{"generated?": true}'), attr('body', 'text')), drop_columns => false);
SELECT step(posts(attr('body', 'text')), drop_columns => false);
TABLE retired;
SELECT name, definition FROM structure('t1') WHERE kind = 'column';
INSERT INTO t1.posts (id) VALUES (gen_random_uuid());
-- a tenant made now does not get them
SELECT ashmig_create_tenant('t2') > 0 AS created;
SELECT name FROM structure('t2') WHERE kind = 'column';
-- asked for again: the column with its values, and in the new tenant a new one, which the down retires there as well
SELECT step(posts(attr('body', 'text'), attr('views', 'bigint')), drop_columns => false);
SELECT 't1', name, definition FROM structure('t1') WHERE kind = 'column' UNION ALL SELECT 't2', name, definition FROM structure('t2') WHERE kind = 'column' ORDER BY 1, 2;
TABLE retired;
-- not under its name by a rename
SELECT ashmig_plan(posts(attr('title', 'text'), attr('views', 'bigint')), renames => '[{"table": "posts", "column": "body", "to": "title"}]');
-- drop_columns later does not touch what was kept
SELECT step(posts(attr('views', 'bigint')), drop_columns => true);
TABLE retired;
-- a table that is renamed takes them along
SELECT step(jsonb_build_array(resource('notes', id(), attr('views', 'bigint')) || strategy('context')), '[{"table": "posts", "to": "notes"}]');
TABLE retired;

-- Dropping them, and back
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

-- Tables: only on demand, dependents first, not where opted out
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
