-- Running migrations: order, limits, options, rows, and what is refused.
\set VERBOSITY default
CREATE DATABASE ashmig_run;
\c ashmig_run
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
INSERT INTO ashmig.migrations (repo, scope, version, name, up, down) VALUES
  ('', 'public', 20260101000000, 'orgs', '{"CREATE TABLE @default@.orgs (id bigint PRIMARY KEY)"}', '{"DROP TABLE @default@.orgs"}'),
  ('', 'public', 20260103000000, 'plans', '{"CREATE TABLE @default@.plans (id bigint PRIMARY KEY)"}', '{"DROP TABLE @default@.plans"}'),
  ('', 'tenant', 20260102000000, 'posts', '{"CREATE TABLE @tenant@.posts (id bigint PRIMARY KEY, org_id bigint REFERENCES @default@.orgs, prefix text DEFAULT ''#{prefix()}'')","CREATE INDEX ON @tenant@.posts (org_id)"}', '{"DROP TABLE @tenant@.posts"}'),
  ('', 'tenant', 20260104000000, 'tags', '{"CREATE TABLE @tenant@.tags (id bigint PRIMARY KEY)","SELECT 1; ALTER TABLE tags ADD COLUMN post_id bigint REFERENCES posts"}', '{"DROP TABLE @tenant@.tags"}'),
  ('Other.Repo', 'tenant', 20260105000000, 'other', '{"CREATE TABLE @tenant@.other ()"}', '{"DROP TABLE @tenant@.other"}');

-- Public first, then tenants by name; a second run does nothing
SELECT scope, schema_name, applied, version, status, error FROM ashmig_migrate(to_version => 20260101000000);
SELECT ashmig_create_tenant('org_1');
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260106000000, 'last', '{"ALTER TABLE @tenant@.posts ADD COLUMN last int"}', '{"ALTER TABLE @tenant@.posts DROP COLUMN last"}');
SELECT ashmig_create_tenant('0-Org');
SELECT scope, schema_name, applied, version, status, error FROM ashmig_migrate_all();
SELECT * FROM ashmig_migrate_all();
SELECT scope, repo, schema_name, version, applied, pending, status FROM ashmig_status();
SELECT scope, repo, version, name, applied, pending FROM ashmig_migrations();
INSERT INTO "0-Org".posts VALUES (1) RETURNING prefix;

-- to_version, step, only_tenants, except_tenants, repo
SELECT schema_name, applied, version, status FROM ashmig_rollback_tenants(all_versions => true);
SELECT schema_name, applied, version, status FROM ashmig_migrate_tenants(step => 1);
SELECT schema_name, applied, version, status FROM ashmig_migrate_tenants(to_version => 20260104000000, only_tenants => '{org_1}');
SELECT schema_name, applied, version, status FROM ashmig_migrate_tenants(repo => 'Other.Repo', except_tenants => '{org_1}');
SELECT schema_name, applied, version, status FROM ashmig_migrate_tenants(repo => '');
SELECT scope, repo, schema_name, version, applied, pending, status FROM ashmig_status() WHERE scope = 'tenant';
SELECT * FROM ashmig_migrate_tenants(only_tenants => '{}');

-- An older version recorded after a newer one
SELECT schema_name, applied, version, status FROM ashmig_migrate_tenants();
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260103000000, 'late', '{"CREATE TABLE @tenant@.late ()"}', '{"DROP TABLE @tenant@.late"}');
SELECT schema_name, applied, version, status, error FROM ashmig_migrate_tenants(strict_version_order => true, on_error => 'report');
SELECT schema_name, applied, version, status, error FROM ashmig_migrate_tenants(log_sql => true, only_tenants => '{org_1}', workers => 0);
SELECT schema_name, applied, version, status, error FROM ashmig_migrate_tenants();

-- In another schema
CREATE SCHEMA elsewhere;
SELECT schema_name, applied, version, status, error FROM ashmig_migrate(prefix => 'elsewhere');
SELECT to_regclass('elsewhere.orgs'), to_regclass('elsewhere.plans');
SELECT schema_name, applied, version, status, error FROM ashmig_migrate(prefix => 'nowhere', atomic => true);
SET ashmig.default_schema = 'elsewhere';
SELECT * FROM ashmig_migrate();
SELECT ashmig_create_tenant('beside');
SELECT conrelid::regclass, confrelid::regclass FROM pg_constraint WHERE conrelid = 'beside.posts'::regclass AND contype = 'f';
RESET ashmig.default_schema;
SET ashmig.default_schema = 'a"b';

-- Arguments that make no sense
SELECT * FROM ashmig_migrate(step => 0);
SELECT * FROM ashmig_migrate(to_version => 1, step => 1);
SELECT * FROM ashmig_migrate_tenants(only_tenants => '{org_9}');
SELECT * FROM ashmig_migrate_tenants(only_tenants => '{org_1}', except_tenants => '{org_1}');
SELECT * FROM ashmig_migrate_tenants(only_tenants => '{NULL}');
SELECT * FROM ashmig_migrate_all(on_error => 'ignore');
SELECT * FROM ashmig_migrate_all(workers => 100);
SELECT * FROM ashmig_migrate_all(lock_timeout => '-1 s');

-- Statements that a migration cannot contain
INSERT INTO ashmig.migrations (scope, version, name, up) VALUES ('tenant', 20260201000000, 'bad', '{"BEGIN"}');
SELECT schema_name, error FROM ashmig_migrate_all(on_error => 'report', only_tenants => '{org_1}');
UPDATE ashmig.migrations SET up = '{"COPY posts FROM STDIN"}' WHERE name = 'bad';
SELECT schema_name, error FROM ashmig_migrate_all(on_error => 'report', only_tenants => '{org_1}');
UPDATE ashmig.migrations SET up = '{"VACUUM posts"}' WHERE name = 'bad';
SELECT schema_name, error FROM ashmig_migrate_all(on_error => 'report', only_tenants => '{org_1}');
UPDATE ashmig.migrations SET up = '{"CREATE TABLE t (); SELECT 1/0"}' WHERE name = 'bad';
SELECT schema_name, error FROM ashmig_migrate_all(on_error => 'report', only_tenants => '{org_1}');
SELECT schema_name, error FROM ashmig_migrate_all(only_tenants => '{org_1}');
\echo :LAST_ERROR_SQLSTATE
UPDATE ashmig.migrations SET up = '{"CREATE TABLE t (); SELEC 1"}' WHERE name = 'bad';
SELECT schema_name, error FROM ashmig_migrate_all(only_tenants => '{org_1}', workers => 0);
SELECT to_regclass('org_1.t');
SELECT schema_name, version, status, error FROM ashmig_status() WHERE schema_name = 'org_1' AND repo = '';

-- The environment does not depend on the caller.
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT 1/0 = 1';
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.eq);
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
CREATE TABLE hostile.posts (hostile int);
UPDATE ashmig.migrations SET up = ARRAY['ALTER TABLE posts ADD COLUMN path text DEFAULT ''a\b'''] WHERE name = 'bad';
SET search_path = hostile, pg_catalog, public;
SET standard_conforming_strings = off;
SET default_transaction_isolation = 'serializable';
SET quote_all_identifiers = on;
SELECT scope, schema_name, status FROM ashmig_migrate_all();
RESET ALL;
SELECT schema_name, status FROM ashmig_status() WHERE scope = 'tenant' AND repo = '';
SELECT table_schema, column_default FROM information_schema.columns WHERE column_name = 'path' AND table_schema <> 'pg_catalog' ORDER BY 1;
SELECT operation, schemas, status, error FROM ashmig.runs ORDER BY run DESC LIMIT 2;

-- Foreign keys to public tables are added at the end, unless something may depend on them.
DELETE FROM ashmig.migrations WHERE name = 'bad';
DELETE FROM ashmig.versions WHERE version = 20260201000000;
UPDATE ashmig.schema_versions SET applied = applied - 1, version = 20260106000000 WHERE version = 20260201000000;
INSERT INTO ashmig.migrations (kind, scope, version, name, up) VALUES
  ('generated', 'tenant', 20260301000000, 'fk1', '{"CREATE TABLE @tenant@.x (a bigint, b bigint)",
    "ALTER TABLE @tenant@.x ADD CONSTRAINT x_a FOREIGN KEY (a) REFERENCES @default@.orgs (id)","CREATE INDEX x_a_index ON @tenant@.x (a)"}'),
  ('generated', 'tenant', 20260302000000, 'fk2', '{"ALTER TABLE @tenant@.x ADD COLUMN c int","ALTER TABLE @tenant@.x ADD CONSTRAINT x_b FOREIGN KEY (b) REFERENCES @default@.plans (id)",
    "CREATE TABLE @tenant@.y ()","ALTER TABLE @tenant@.x RENAME COLUMN a TO aa","ALTER TABLE @tenant@.x ADD CONSTRAINT x_bb FOREIGN KEY (b) REFERENCES @default@.orgs (id)","ALTER TABLE @tenant@.y ADD COLUMN z int"}');
SELECT schema_name, applied, status FROM ashmig_migrate_tenants(log_sql => true, workers => 0, only_tenants => '{org_1}');

-- A DO block or a function is all or nothing, as always in PostgreSQL.
SELECT ashmig_add_migration(20260401000000, 'nested', 'CREATE TABLE nested ()', 'DROP TABLE nested', tenant => true);
DO $$ BEGIN PERFORM ashmig_migrate_all(only_tenants => '{org_1}'); RAISE 'stop'; END $$;
SELECT to_regclass('org_1.nested');
CREATE FUNCTION deploy() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT count(*) + 1/0 FROM ashmig_migrate_all(only_tenants => '{org_1}') $$;
\set SHOW_CONTEXT never
SELECT deploy();
COPY (SELECT deploy()) TO STDOUT;
DO $$ DECLARE c CURSOR FOR SELECT * FROM ashmig_migrate_all(); BEGIN OPEN c; MOVE c; RAISE 'stop'; END $$;
\set SHOW_CONTEXT errors
SELECT to_regclass('org_1.nested');

-- An argument that names nothing is an error, not a run with nothing to do.
SELECT * FROM ashmig_migrate_all(repo => 'Nope');
SELECT * FROM ashmig_rollback_tenants(to_version => 20260101);
SELECT scope, schema_name FROM ashmig_migrate_all(repo => 'Elixir.Other.Repo');
