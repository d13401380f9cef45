-- Hand-written migrations: recording, running and removing them.
\set VERBOSITY default
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_handwritten;
\c ashmig_handwritten
SET client_min_messages = warning;
CREATE EXTENSION ashmig;

-- Several statements, split by the parser
SELECT ashmig_add_migration(20260101000001, 'counters', $migration$
-- a semicolon; in a comment
CREATE TABLE @default@."c;1" (n integer, note text DEFAULT ';');;
INSERT INTO @default@."c;1" VALUES (1) /* ; */;
CREATE FUNCTION @default@.next() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "c;1" SET n = n + 1; RETURN (SELECT n FROM "c;1");
END
$$;
$migration$, 'DROP FUNCTION @default@.next(); DROP TABLE @default@."c;1"');
SELECT ordinality, statement FROM ashmig.migrations, unnest(up) WITH ORDINALITY AS u (statement) ORDER BY 1;
SELECT scope, schema_name, applied, version, status FROM ashmig_migrate();
SELECT next(), note FROM "c;1";

-- A migration that cannot be rolled back
SELECT ashmig_add_migration(20260101000003, 'later', 'SELECT 1');
SELECT name, down IS NULL AS irreversible FROM ashmig.migrations ORDER BY version;
SELECT scope, schema_name, applied, status FROM ashmig_migrate();
SELECT scope, schema_name, applied, status FROM ashmig_rollback(all_versions => true);
SELECT count(*) FROM ashmig.versions;

-- Invalid migrations
SELECT ashmig_add_migration(NULL, 'typo', E'SELECT 1;\nCREAT TABLE t ()');
SELECT ashmig_add_migration(NULL, 'open string', $$SELECT 'a$$);
SELECT ashmig_add_migration(NULL, 'typo in the down', 'SELECT 1', 'DROP t');
SELECT ashmig_add_migration(NULL, 'begin', E'SELECT 0;\n  BEGIN; SELECT 1; COMMIT');
SELECT ashmig_add_migration(NULL, 'savepoint', 'SAVEPOINT s');
SELECT ashmig_add_migration(NULL, 'copy', 'COPY t FROM STDIN');
SELECT ashmig_add_migration(NULL, 'index', 'CREATE INDEX CONCURRENTLY i ON "c;1" (n)');
SELECT ashmig_add_migration(NULL, 'vacuum', 'SELECT 1', 'VACUUM');
SELECT ashmig_add_migration(NULL, 'whose', 'CREATE TABLE @tenant@.t ()');
SELECT ashmig_add_migration(0, 'zero', 'SELECT 1');
SELECT ashmig_add_migration(100000000000000, 'long', 'SELECT 1');
SELECT ashmig_add_migration(1, NULL, 'SELECT 1');
SELECT ashmig_add_migration(1, 'null', NULL);
SET standard_conforming_strings = off;
SELECT ashmig_add_migration(1, 'strings', $$SELECT '\'$$, '');
SELECT ashmig_remove_migration(1);
RESET standard_conforming_strings;

-- A version assigned by ashmig
SELECT ashmig_add_migration(NULL, 'now', 'SELECT 1', '') AS now \gset
SELECT ashmig_add_migration(NULL, 'next', 'SELECT 1', '') > :now AS later;
SELECT ashmig_remove_migration(:now), ashmig_remove_migration(version) FROM ashmig.migrations WHERE name = 'next';

-- Recorded already: the same text, different text, different text after it was applied
SELECT ashmig_add_migration(20260101000002, 'twice', 'CREATE TABLE @default@.t (a integer)', 'DROP TABLE @default@.t');
SELECT ashmig_add_migration(20260101000002, 'twice', 'CREATE TABLE @default@.t (a integer)', 'DROP TABLE @default@.t');
SELECT ashmig_add_migration(20260101000002, 'renamed', 'CREATE TABLE @default@.t (a integer)', 'DROP TABLE @default@.t');
SELECT ashmig_add_migration(20260101000002, 'changed', 'CREATE TABLE @default@.t (b integer)', 'DROP TABLE @default@.t');
SELECT version, name, up FROM ashmig.migrations WHERE version = 20260101000002;
SELECT scope, schema_name, applied FROM ashmig_migrate(to_version => 20260101000002);
SELECT ashmig_add_migration(20260101000002, 'changed again', 'CREATE TABLE @default@.t (c integer)', 'DROP TABLE @default@.t');
SELECT ashmig_add_migration(20260101000002, 'changed', 'CREATE TABLE @default@.t (b integer)', 'DROP TABLE @default@.t');
SELECT ashmig_remove_migration(20260101000002);

-- An older migration after a newer one
SET ashmig.strict_version_order = on;
SELECT ashmig_add_migration(7, 'older', 'SELECT 1');
SELECT ashmig_add_migration(7, 'in another scope', 'SELECT 1', tenant => true), ashmig_remove_migration(7, tenant => true);
SELECT ashmig_add_migration(20260101000002, 'changed', 'CREATE TABLE @default@.t (b integer)', 'DROP TABLE @default@.t');
RESET ashmig.strict_version_order;
SELECT ashmig_add_migration(7, 'older', 'SELECT 1', '');
SELECT ashmig_remove_migration(7);
SELECT ashmig_remove_migration(7);
SELECT ashmig_remove_migration(7, tenant => true);

-- In tenants; both scopes may have the same version
SELECT name, ashmig_create_tenant(name) FROM unnest('{a,b-2}'::text[]) AS name;
SELECT ashmig_add_migration(20260101000002, 'in tenants', $$
CREATE TABLE @tenant@.t (schema text DEFAULT '#{prefix()}');
CREATE VIEW "#{prefix()}".v AS SELECT * FROM t;
INSERT INTO t DEFAULT VALUES$$, 'DROP VIEW @tenant@.v; DROP TABLE @tenant@.t', tenant => true);
SELECT scope, schema_name, applied, version, status FROM ashmig_migrate_tenants();
TABLE "b-2".v;
SELECT ashmig_create_tenant('c');
TABLE c.v;
SELECT ashmig_add_migration(20260101000002, 'in tenants', 'SELECT 1', tenant => true);
SELECT ashmig_remove_migration(20260101000002, tenant => true);
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback_tenants();
SELECT ashmig_remove_migration(20260101000002, tenant => true);

-- Several repos
SELECT ashmig_add_migration(8, 'one', 'SELECT 1', repo => 'Elixir.A.Repo'), ashmig_add_migration(8, 'two', 'SELECT 2', repo => 'B.Repo');
SELECT repo, name FROM ashmig.migrations WHERE version = 8 ORDER BY repo;
SELECT ashmig_remove_migration(8);
SELECT ashmig_remove_migration(8, repo => 'A.Repo'), ashmig_remove_migration(8);

-- A generation is removed with its snapshots, and can be generated again
\set first '[{"table": "posts", "repo": "Elixir.A.Repo", "attributes": [{"source": "id", "type": "uuid", "primary_key?": true, "allow_nil?": false}]}]'
\set second '[{"table": "posts", "repo": "Elixir.A.Repo", "attributes": [{"source": "id", "type": "uuid", "primary_key?": true, "allow_nil?": false}, {"source": "title", "type": "text"}], "custom_indexes": [{"fields": ["title"], "concurrently": true}]}]'
SELECT count(*) FROM ashmig_generate(:'first', name => 'first');
SELECT count(*) FROM ashmig_generate(:'second', name => 'second');
SELECT name, transactional FROM ashmig.migrations WHERE kind = 'generated' ORDER BY version;
SELECT count(*) FROM ashmig.snapshots;
-- not the first, which the second builds on
SELECT version AS first FROM ashmig.migrations WHERE name = 'first' \gset
\set VERBOSITY sqlstate
SELECT ashmig_remove_migration(:first);
\set VERBOSITY default
SELECT ashmig_remove_migration(version) FROM ashmig.migrations WHERE name LIKE 'second_%';
SELECT name FROM ashmig.migrations WHERE kind = 'generated' ORDER BY version;
SELECT count(*), max(version) = :first AS first FROM ashmig.snapshots;
SELECT operation, subject FROM ashmig_plan(:'second');
SELECT count(*) FROM ashmig_generate(:'second', name => 'second');
SELECT count(*) FROM ashmig_plan(:'second');
-- not after older snapshots were squashed into it
SELECT ashmig_squash_snapshots();
\set VERBOSITY sqlstate
SELECT ashmig_remove_migration(version) FROM ashmig.migrations WHERE name = 'second';
\set VERBOSITY default
SELECT count(*) FROM ashmig.migrations WHERE name LIKE 'second%';

-- Privileges
CREATE ROLE ashmig_nobody;
SET ROLE ashmig_nobody;
SELECT ashmig_add_migration(NULL, 'mine', 'SELECT 1');
SELECT ashmig_remove_migration(1);
RESET ROLE;
DROP ROLE ashmig_nobody;

\c :home
DROP DATABASE ashmig_handwritten;
