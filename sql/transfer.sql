-- All migrations as one script, and a tenant that moves to another database.
-- (t/060_servers.pl moves one with its rows.)
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_transfer;
CREATE DATABASE ashmig_transfer_to;
\c ashmig_transfer
SET client_min_messages = warning;
SET ashmig.workers = 0;
CREATE EXTENSION ashmig;
\set posts '[{"table": "plans", "repo": "Elixir.A.Repo", "attributes": [{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}]}, {"table": "posts", "repo": "Elixir.A.Repo", "multitenancy": {"strategy": "context"}, "attributes": [{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}, {"source": "title", "type": "text"}]}]'
\set more '[{"table": "posts", "repo": "Elixir.A.Repo", "multitenancy": {"strategy": "context"}, "attributes": [{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}, {"source": "body", "type": "text"}]}]'
SELECT count(*) FROM ashmig_generate(:'posts', name => 'posts');
-- with versions that are the same in every run of this test
UPDATE ashmig.snapshots SET version = 20260101000001;
UPDATE ashmig.migrations SET version = 20260101000001, generation = 20260101000001;
SELECT ashmig_add_migration(20261231000001, E'by hand; $ashmig$', 'CREATE INDEX posts_by_hand ON @tenant@.posts (id DESC)', 'DROP INDEX @tenant@.posts_by_hand', tenant => true);
SELECT ashmig_add_migration(20261231000002, 'batches', $$-- ashmig: batch
UPDATE @tenant@.posts SET title = '' WHERE title IS NULL$$, '', tenant => true, transactional => false);
SELECT ashmig_add_migration(20261231000003, 'reported', 'CREATE TABLE @default@.reported (id int)', 'DROP TABLE @default@.reported');
SELECT count(*) FROM ashmig_create_enum('status', '{a,b}', tenant => true);
SELECT ashmig_create_tenant('org_1') = max(version) AS newest FROM ashmig.migrations WHERE scope = 'tenant';
SELECT count(*) FROM ashmig_migrate();

\pset format unaligned
\pset tuples_only on
SELECT ashmig_export_migrations() \g results/transfer_all.sql
SELECT ashmig_export_migrations(since => 20261231000002) \g results/transfer_since.sql
SELECT ashmig_export_migrations(since => 20261231000003);
SELECT ashmig_export_migrations(since => 20991231000000);
SELECT ashmig_export_migrations(repo => 'None');
SELECT ashmig_export_migrations(repo => 'Elixir.A.Repo') ~ 'posts' AND ashmig_export_migrations(repo => 'A.Repo') !~ 'reported' AS of_repo;
SELECT regexp_replace(regexp_replace(ashmig_export_tenant('org_1'), '"20[0-9-]+T[^"]+"|"applied_by": "[^"]*"', '...', 'g'), '"elapsed": [0-9.]+', '...', 'g');
\pset format aligned
\pset tuples_only off
-- what the script passes on
SELECT substring(ashmig_export_tenant('org_1') FROM 'tenant\(\$ashmig1\$(.*)\$ashmig1\$\);') AS tenant \gset
SELECT ashmig_export_tenant('org_1', on_drift => 'record') LIKE '%ashmig_import_tenant(on_drift => ''record'', tenant => $ashmig1$%' AS says_so;
\set record 'SELECT md5((SELECT string_agg((repo, scope, version, name, kind, transactional, up, down, checksum, generation, covered, hazards)::text, \',\' ORDER BY version, scope) FROM ashmig.migrations) || (SELECT string_agg((repo, scope, schema_name, table_name, version, snapshot, state)::text, \',\' ORDER BY version, scope, table_name) FROM ashmig.snapshots)) AS record'
\set versions 'SELECT md5(string_agg(v::text, \',\' ORDER BY version)) AS versions FROM ashmig.versions AS v WHERE scope = \'tenant\''
:record \gset from_
:versions \gset from_

-- What cannot be exported
SELECT ashmig_export_tenant('org_2');
SELECT ashmig_export_tenant('no; name');
SELECT ashmig_export_tenant(NULL);
SELECT ashmig_export_tenant('org_1', on_drift => 'repair');
INSERT INTO ashmig.partial_migrations VALUES ('org_1', '', 'tenant', 20261231000009, false, 1, true);
SELECT ashmig_export_tenant('org_1');
DELETE FROM ashmig.partial_migrations;
BEGIN;
UPDATE ashmig.migrations SET dev = true WHERE version = 20261231000002;
SAVEPOINT a;
SELECT ashmig_export_migrations();
ROLLBACK TO a;
SELECT ashmig_export_tenant('org_1');
ROLLBACK;
BEGIN;
DELETE FROM ashmig.migrations WHERE version = 20261231000002;
SELECT ashmig_export_tenant('org_1');
ROLLBACK;
BEGIN;
SELECT ashmig_create_tenant('gone') > 0 AS created;
DROP SCHEMA gone CASCADE;
SELECT ashmig_export_tenant('gone');
ROLLBACK;

-- Another database: the migrations come first
\c ashmig_transfer_to
SET client_min_messages = warning;
SET ashmig.workers = 0;
CREATE EXTENSION ashmig;
SELECT ashmig_import_tenant(:'tenant');
CREATE SCHEMA org_1;
SELECT ashmig_import_tenant(:'tenant');
DROP SCHEMA org_1;
\set ECHO none
\i results/transfer_since.sql
\set ON_ERROR_STOP off
\set ECHO all
SELECT scope, version, name FROM ashmig.migrations WHERE kind <> 'enum' ORDER BY version;
CREATE SCHEMA org_1;
SELECT ashmig_import_tenant(:'tenant');
DROP SCHEMA org_1;
\set ECHO none
\i results/transfer_all.sql
\i results/transfer_all.sql
\set ECHO all
\set ON_ERROR_STOP off
:record \gset to_
SELECT :'from_record' = :'to_record' AS same_migrations;
SELECT * FROM ashmig_check_migrations();
SELECT count(*) FROM ashmig_plan(:'posts');

-- One that is recorded with another text
SELECT ashmig_remove_migration(20261231000003);
SELECT ashmig_add_migration(20261231000003, 'other', 'SELECT 1', '');
\i results/transfer_since.sql
\set ON_ERROR_STOP off
ROLLBACK;

-- A schema as a dump brings it: what is in it, and nothing that ashmig knows
SELECT ashmig_create_tenant('org_1') > 0 AS created;
DELETE FROM ashmig.tenants;
DELETE FROM ashmig.versions;
DELETE FROM ashmig.schema_versions;
SELECT ashmig_import_tenant(:'tenant');
SELECT ashmig_import_tenant(:'tenant');
:versions \gset to_
SELECT :'from_versions' = :'to_versions' AS same_versions;
SELECT schema_name, pending, status FROM ashmig_status() WHERE scope = 'tenant' ORDER BY repo;
SELECT count(*) FROM ashmig_drift(public => false);
SELECT * FROM ashmig_migrate_tenants();

-- It has other versions by now
SELECT schema_name, applied, status FROM ashmig_rollback_tenants();
SELECT ashmig_import_tenant(:'tenant');
SELECT schema_name, applied, status FROM ashmig_migrate_tenants();

-- Another structure
DELETE FROM ashmig.tenants;
DELETE FROM ashmig.versions WHERE scope = 'tenant';
DELETE FROM ashmig.schema_versions WHERE scope = 'tenant';
DROP INDEX org_1.posts_by_hand;
ALTER TABLE org_1.posts ADD extra int;
SELECT ashmig_import_tenant(:'tenant');
SELECT count(*) FROM ashmig.tenants;
SELECT count(*) FROM ashmig.versions WHERE scope = 'tenant';
SELECT ashmig_import_tenant(:'tenant', on_drift => 'record');
SELECT table_name, object_kind, object_name, difference FROM ashmig.known_drift ORDER BY object_name;
SELECT count(*) FROM ashmig_drift(public => false);

-- It goes on from here with all that is known of it
SELECT count(*) FROM ashmig_repair('{org_1}');
CREATE INDEX posts_title ON org_1.posts (title);
SELECT difference, object_name FROM ashmig_drift(public => false);
SELECT schema_name, status FROM ashmig_repair('{org_1}');
INSERT INTO ashmig.adopted_schemas (schema_name, scope, ecto_version) VALUES ('org_1', 'tenant', 20200101000000);
CREATE TABLE known AS SELECT r.*, a.ecto_version AS adopted, (SELECT count(*) FROM ashmig.known_drift) AS known
  FROM ashmig.repairs AS r, ashmig.adopted_schemas AS a;
SELECT substring(ashmig_export_tenant('org_1') FROM 'tenant\(\$ashmig1\$(.*)\$ashmig1\$\);') AS tenant \gset
BEGIN;
DELETE FROM ashmig.tenants;
DELETE FROM ashmig.versions WHERE scope = 'tenant';
DELETE FROM ashmig.schema_versions WHERE scope = 'tenant';
DELETE FROM ashmig.adopted_schemas;
DELETE FROM ashmig.known_drift;
DELETE FROM ashmig.repairs;
SET intervalstyle = iso_8601;
SET datestyle = 'SQL, DMY';
SELECT ashmig_import_tenant(:'tenant');
SELECT to_jsonb(k) - 'repair' = to_jsonb(n) - 'repair' AS same_repair, k.repair <> n.repair AS new_number FROM known AS k,
  (SELECT r.*, a.ecto_version AS adopted, (SELECT count(*) FROM ashmig.known_drift) AS known
   FROM ashmig.repairs AS r, ashmig.adopted_schemas AS a) AS n;
SELECT count(*) FROM ashmig_drift(public => false);
COMMIT;

-- What is no export
SELECT ashmig_import_tenant(NULL);
SELECT ashmig_import_tenant('[]');
SELECT ashmig_import_tenant('{"format": 1, "schema": "org_1", "versions": [{"repo": 1}], "adopted": [], "known_drift": [], "repairs": []}');
SELECT ashmig_import_tenant('{"format": 2, "schema": "org_1", "versions": [], "adopted": [], "known_drift": [], "repairs": []}');
SELECT ashmig_import_tenant('{"format": 1, "schema": "public", "versions": [], "adopted": [], "known_drift": [], "repairs": []}');

-- Whose schema it is not
CREATE SCHEMA org_3;
CREATE ROLE ashmig_transfer_role;
SELECT count(*) FROM ashmig_grant('ashmig_transfer_role');
SET ROLE ashmig_transfer_role;
SELECT ashmig_import_tenant('{"format": 1, "schema": "org_3", "versions": [], "adopted": [], "known_drift": [], "repairs": []}');
RESET ROLE;
SELECT ashmig_import_tenant('{"format": 1, "schema": "org_3", "versions": [], "adopted": [], "known_drift": [], "repairs": []}', on_drift => 'ignore');
SELECT registered, managed_by FROM ashmig_all_tenants() WHERE schema_name = 'org_3';

\c :home
DROP DATABASE ashmig_transfer;
DROP DATABASE ashmig_transfer_to;
DROP ROLE ashmig_transfer_role;
