-- Migrations as files: exported from one database, imported into another,
-- edited, and written by hand.
\set database ashmig_files
\i sql/include/opening.sql
\set ECHO none
SELECT ashmig_add_migration(20260101000001, E'Odd\nname: "posts" & co.', $migration$
CREATE TABLE posts (a text DEFAULT 'x; y') -- with a comment; at its end
;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;
$migration$, 'DROP FUNCTION f(); DROP TABLE posts');
SELECT ashmig_add_migration(20260101000002, 'concurrently', 'CREATE INDEX CONCURRENTLY i ON posts (a)', '',
  transactional => false, covered => true);
SELECT ashmig_add_migration(20260101000003, 'Größe', 'SELECT 1', tenant => true, repo => 'Elixir.App.Repo');
SELECT count(*) FROM ashmig_generate(jsonb_build_array(
  resource('notes', id(), attr('body', 'text')) || '{"multitenancy": {"strategy": "context"}}'), name => 'notes');
\set ECHO queries
\pset format unaligned
\pset tuples_only on
-- What the files are
SELECT path, content FROM ashmig_export_files('{20260101000001,20260101000002,20260101000003}');
SELECT regexp_replace(path, '\d{14}', 'VERSION'), regexp_replace(regexp_replace(content, '\d{14}', 'VERSION', 'g'), '[0-9a-f]{64}', 'HASH', 'g')
  FROM ashmig_export_files(ARRAY(SELECT version FROM ashmig.migrations WHERE kind = 'generated'));
-- Importing them again changes nothing; into another database, it gives the same
CREATE TEMP TABLE exported AS SELECT jsonb_object_agg(path, content) AS files FROM ashmig_export_files();
SELECT status, count(*) FROM ashmig_import_files((SELECT files FROM exported)) GROUP BY status;
CREATE TEMP TABLE before AS SELECT * FROM ashmig.migrations;
CREATE TEMP TABLE snapshots_before AS SELECT * FROM ashmig.snapshots;
SELECT count(ashmig_remove_migration(version, scope = 'tenant', repo)) FROM before;
SELECT status, count(*) FROM ashmig_import_files((SELECT files FROM exported)) GROUP BY status;
SELECT count(*) FROM ashmig.migrations m JOIN before b USING (repo, scope, version)
  WHERE (m.name, m.kind, m.transactional, m.up, m.down, m.checksum, m.generation, m.covered)
    IS NOT DISTINCT FROM (regexp_replace(b.name, E'\n', ' '), b.kind, b.transactional, b.up, b.down, b.checksum, b.generation, b.covered);
SELECT count(*) FROM ashmig.snapshots s JOIN snapshots_before b USING (repo, scope, schema_name, table_name, version)
  WHERE (s.snapshot, s.state, s.base, s.base_versions) IS NOT DISTINCT FROM (b.snapshot, b.state, b.base, b.base_versions);
SELECT count(*) FROM ashmig_check_migrations();
-- A file of nothing but SQL; then edited, with a header, and applied
\set path 'some/where/public/20270101000000_by_hand.sql'
SELECT scope, version, name, status FROM ashmig_import_files(jsonb_build_object(:'path', 'CREATE TABLE h ()'));
SELECT kind, transactional, covered, up, down FROM ashmig.migrations WHERE version = 20270101000000;
SELECT name, status FROM ashmig_import_files(jsonb_build_object(:'path',
  E'-- name: another\r\n-- note: of no interest\r\n\r\nCREATE TABLE h (a int);\r\n-- ashmig: down\r\nDROP TABLE h;\r\n'));
SELECT kind, transactional, covered, up, down FROM ashmig.migrations WHERE version = 20270101000000;
SELECT name, status FROM ashmig_import_files(jsonb_build_object(:'path',
  E'-- covered: yes\n\nCREATE TABLE h (a int);\n-- ashmig: down\nDROP TABLE h;\n'));
SELECT name, covered FROM ashmig.migrations WHERE version = 20270101000000;
SELECT applied, status FROM ashmig_migrate(to_version => 20270101000000);
SELECT status FROM ashmig_import_files(jsonb_build_object(:'path', 'CREATE TABLE h (a text)'));
-- A generated one that is edited counts as written by hand, and keeps its snapshots
SELECT i.status FROM ashmig_export_files(ARRAY(SELECT version FROM ashmig.migrations WHERE kind = 'generated')) AS e,
  ashmig_import_files(jsonb_build_object(e.path, replace(e.content, 'CREATE TABLE', E'SELECT 1;\nCREATE TABLE'))) AS i;
SELECT kind, generation = version AS has_generation, array_length(up, 1) FROM ashmig.migrations WHERE name = 'notes';
SELECT count(*) FROM ashmig.snapshots;
-- Wrong paths, wrong texts: an error that names the file, and nothing is recorded
SELECT * FROM ashmig_import_files('{"20270101000001_x.sql": ""}');
SELECT * FROM ashmig_import_files('{"tenants/20270101000001_x.sql": ""}');
SELECT * FROM ashmig_import_files('{"tenant/2027_x.sql": ""}');
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": 1}');
SELECT * FROM ashmig_import_files('[]');
SELECT * FROM ashmig_import_files(NULL);
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": "-- ashmig: sideways"}');
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": "-- ashmig: up\n-- ashmig: up"}');
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": "SELECT 1;\n-- ashmig: up\nSELECT 2"}');
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": "-- transactional: perhaps"}');
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": "-- kind: odd"}');
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": "-- ashmig: up\n\nSELEKT 1"}');
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": "BEGIN"}');
SELECT * FROM ashmig_import_files('{"tenant/20270101000001_x.sql": "SELECT 1\n-- ashmig: snapshots\n-- {\"a\": "}');
SELECT count(*) FROM ashmig.migrations WHERE version = 20270101000001;
-- What separates the parts cannot stand in a statement
SELECT ashmig_add_migration(20270101000002, 'marker', E'SELECT 1\n-- ashmig: down\n, 2');
SELECT * FROM ashmig_export_files('{20270101000002}');
\set ECHO none
\c :home
DROP DATABASE ashmig_files;
