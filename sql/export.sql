-- Migrations are exported from one database and imported into another, as scripts.
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_export;
CREATE DATABASE ashmig_import;
\c ashmig_export
SET client_min_messages = warning;
CREATE EXTENSION ashmig;

\set posts '[{"table": "posts", "repo": "Elixir.A.Repo", "attributes": [{"source": "id", "type": "uuid", "primary_key?": true, "allow_nil?": false}, {"source": "title", "type": "text", "default": "\\"it''s $ashmig$ :posts\\""}]}, {"table": "notes", "repo": "Elixir.A.Repo", "multitenancy": {"strategy": "context"}, "attributes": [{"source": "id", "type": "bigint", "generated?": true, "primary_key?": true, "allow_nil?": false}]}]'
\set more '[{"table": "posts", "repo": "Elixir.A.Repo", "attributes": [{"source": "id", "type": "uuid", "primary_key?": true, "allow_nil?": false}]}, {"table": "notes", "repo": "Elixir.A.Repo", "multitenancy": {"strategy": "context"}, "attributes": [{"source": "id", "type": "bigint", "generated?": true, "primary_key?": true, "allow_nil?": false}, {"source": "body", "type": "text"}]}]'
SELECT count(*) FROM ashmig_generate(:'posts', name => 'posts');
SELECT count(*) FROM ashmig_generate(:'more', name => 'more');
SELECT ashmig_add_migration(20260101000001, E'odd\nname $ashmig$', $migration$
CREATE TABLE @default@.odd (a text DEFAULT '$ashmig$ $ashmig1$ \ ''');
COMMENT ON TABLE @default@.odd IS $ashmig$ of the price$$$ashmig$;
$migration$);
SELECT ashmig_add_migration(20260101000002, 'concurrently', 'CREATE INDEX CONCURRENTLY i ON @default@.odd (a)', '',
  transactional => false, covered => true);
SELECT count(*) FROM ashmig_install_extensions('{ash-functions}');
SELECT ashmig_create_enum('status', '{a,b}', tenant => true) > 0 AS recorded;

-- A script
\pset format unaligned
\pset tuples_only on
SELECT ashmig_export_migration(20260101000001);
SELECT ashmig_export_migration(20260101000002) \g results/ashmig_export_one.sql
SELECT ashmig_export_migration(version, scope = 'tenant', repo => repo) FROM ashmig.migrations ORDER BY version, scope \g results/ashmig_export_all.sql
\pset format aligned
\pset tuples_only off

\set state 'SELECT md5((SELECT string_agg((repo, scope, version, name, kind, transactional, up, down, checksum, generation, covered)::text, \',\' ORDER BY version, scope) FROM ashmig.migrations) || (SELECT string_agg((repo, scope, schema_name, table_name, version, snapshot, state)::text, \',\' ORDER BY version, scope, table_name) FROM ashmig.snapshots)) AS state'
:state \gset source_

-- Import it twice; the second time does nothing
\c ashmig_import
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
\set ECHO none
\i results/ashmig_export_all.sql
\set ECHO all
:state \gset target_
SELECT :'source_state' = :'target_state' AS same;
\set ECHO none
\i results/ashmig_export_all.sql
\i results/ashmig_export_one.sql
\set ECHO all
\set ON_ERROR_STOP off
:state \gset target_
SELECT :'source_state' = :'target_state' AS same;

-- The other database continues from the same snapshots
SELECT count(*) FROM ashmig_plan(:'more');
SELECT ashmig_check(:'more');
SELECT operation, table_name, subject FROM ashmig_plan(:'posts');
SELECT ashmig_create_tenant('t') > 0 AS created;
SELECT scope, schema_name, applied, status FROM ashmig_migrate(repo => 'A.Repo');
SELECT table_schema, table_name, column_name, column_default FROM information_schema.columns
WHERE table_schema IN ('public', 't') AND table_name IN ('posts', 'notes') ORDER BY 1, 2, 3;
SELECT table_name, column_name FROM ashmig.retired_columns;
SELECT scope, schema_name, applied, status FROM ashmig_rollback(all_versions => true, repo => 'A.Repo');
SELECT scope, schema_name, applied, status FROM ashmig_migrate(repo => 'A.Repo');

-- A script that was changed by hand
SELECT ashmig_import_migration(5, 'changed', repeat('0', 64), '{SELECT 1}');
SELECT ashmig_import_migration(5, 'null', NULL, '{SELECT 1}');

-- A migration recorded here with different text, not applied and applied
SELECT ashmig_remove_migration(20260101000001), ashmig_remove_migration(20260101000002);
SELECT ashmig_add_migration(20260101000002, 'another', 'SELECT 2', '');
\i results/ashmig_export_one.sql
\set ON_ERROR_STOP off
SELECT scope, schema_name, applied FROM ashmig_migrate(to_version => 20260101000002);
\i results/ashmig_export_one.sql
\set ON_ERROR_STOP off

-- A migration that is applied but no longer recorded
DELETE FROM ashmig.migrations WHERE version = 20260101000002;
\i results/ashmig_export_one.sql
\set ON_ERROR_STOP off

SELECT scope, repo, schema_name, version, name, problem, left(recorded, 8) AS recorded, left(actual, 8) AS actual FROM ashmig_check_migrations();
DELETE FROM ashmig.versions WHERE version = 20260101000002;
DELETE FROM ashmig.schema_versions WHERE repo = '';

-- Changes to the catalog by hand
SELECT ashmig_add_migration(6, 'six', 'SELECT 6', '');
SELECT scope, schema_name, applied FROM ashmig_migrate(to_version => 6);
UPDATE ashmig.migrations SET up = '{SELECT 7}' WHERE version = 6;
SELECT ashmig_export_migration(6);
SELECT scope, repo, schema_name, version, name, problem, left(recorded, 8) AS recorded, left(actual, 8) AS actual FROM ashmig_check_migrations();
UPDATE ashmig.migrations SET up = '{SELECT 6}' WHERE version = 6;
UPDATE ashmig.versions SET checksum = 'x' WHERE version = 6;
SELECT scope, repo, schema_name, version, name, problem, left(recorded, 8) AS recorded, left(actual, 8) AS actual FROM ashmig_check_migrations();

-- Development migrations cannot be exported
SELECT count(*) FROM ashmig_generate('{"table": "devs", "attributes": [{"source": "id", "type": "uuid", "primary_key?": true}]}', dev => true);
\set VERBOSITY sqlstate
SELECT ashmig_export_migration(version) FROM ashmig.migrations WHERE dev;
\set VERBOSITY default
SELECT ashmig_export_migration(99);

\c :home
DROP DATABASE ashmig_export;
DROP DATABASE ashmig_import;
