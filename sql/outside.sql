-- Statements outside a transaction: one after the other, also where one of them has something to say.
\set VERBOSITY default
CREATE DATABASE ashmig_outside;
\c ashmig_outside
SET client_min_messages = warning;
SET statement_timeout = '60s';
CREATE EXTENSION ashmig;
SELECT ashmig_add_migration(20260101000001, 'table', 'CREATE TABLE t (a integer)', 'DROP TABLE t');
SELECT ashmig_add_migration(20260101000002, 'indexes',
  'CREATE INDEX CONCURRENTLY t_one ON @default@.t (a);
   CREATE INDEX CONCURRENTLY IF NOT EXISTS t_one ON @default@.t (a);
   CREATE INDEX CONCURRENTLY t_two ON @default@.t (a)',
  'DROP INDEX CONCURRENTLY t_two; DROP INDEX CONCURRENTLY IF EXISTS t_three; DROP INDEX CONCURRENTLY t_one',
  transactional => false);
SELECT scope, schema, applied, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;
SELECT scope, schema, applied, pending, status FROM ashmig_status();
-- and back
SELECT scope, schema, status FROM ashmig_rollback();
CALL ashmig_wait();
SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass;
SELECT scope, schema, applied, pending, status FROM ashmig_status();
-- an error of a later statement is told, and what came before stays done
SELECT ashmig_add_migration(20260101000003, 'wrong',
  'CREATE INDEX CONCURRENTLY t_three ON @default@.t (a); CREATE INDEX CONCURRENTLY t_four ON @default@.t (b)',
  transactional => false);
SELECT scope, schema, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;
-- What is done counts statements, so these keep their text; the others may be mended.
SELECT ashmig_add_migration(20260101000003, 'wrong',
  'CREATE INDEX CONCURRENTLY t_other ON @default@.t (a); CREATE INDEX CONCURRENTLY t_four ON @default@.t (a)',
  transactional => false);
SELECT ashmig_add_migration(20260101000003, 'wrong',
  'CREATE INDEX CONCURRENTLY t_three ON @default@.t (a)', transactional => false);
SELECT ashmig_remove_migration(20260101000003);
SELECT ashmig_add_migration(20260101000003, 'mended',
  'CREATE INDEX CONCURRENTLY t_three ON @default@.t (a); CREATE INDEX CONCURRENTLY t_four ON @default@.t (a)',
  'DROP INDEX CONCURRENTLY t_four; DROP INDEX CONCURRENTLY t_three', transactional => false);
SELECT scope, schema, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;

-- Tenants need what public has in the background: they go on after it.
SELECT ashmig_create_tenant('org_' || i) FROM generate_series(1, 2) AS i;
SELECT ashmig_create_enum('mood', '{sad,happy}');
SELECT scope, schema, status FROM ashmig_migrate_all();
SELECT ashmig_add_enum_value('mood', 'fine') > 0 AS recorded;
SELECT ashmig_add_migration(20290101000001, 'after', 'ALTER TABLE t ADD n integer UNIQUE', 'ALTER TABLE t DROP n');
SELECT ashmig_add_migration(20290101000002, 'tenants', $$CREATE TABLE moods (mood public.mood DEFAULT 'fine', n integer REFERENCES @default@.t (n))$$,
  'DROP TABLE moods', tenant => true);
SELECT scope, schema, status, error FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT scope, schema, pending, status FROM ashmig_status();
SELECT column_default FROM information_schema.columns WHERE table_name = 'moods' AND column_name = 'mood' ORDER BY table_schema;
-- in the session they stay pending
SELECT scope, schema, status FROM ashmig_rollback_tenants();
SELECT scope, schema, status FROM ashmig_rollback(step => 1);
SELECT ashmig_remove_migration(20290101000002, tenant => true);
SELECT ashmig_add_enum_value('mood', 'glad') > 0 AS recorded;
SELECT ashmig_add_migration(20290101000007, 'tenants', $$CREATE TABLE moods (mood public.mood DEFAULT 'glad')$$,
  'DROP TABLE moods', tenant => true);
CALL ashmig_migrate_all_serial();
SELECT scope, schema, pending, status FROM ashmig_status();
-- a failure that has nothing to do with that is told in the end
CREATE TABLE org_2.moods ();
SELECT scope, schema, status, error FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT scope, schema, pending, status FROM ashmig_status();

-- An index on what cannot have one is PostgreSQL's error, in a transaction as well.
CREATE VIEW v AS SELECT 1 AS a;
SELECT ashmig_add_migration(20290101000008, 'view', 'CREATE INDEX CONCURRENTLY ON @tenant@.v (a)', '', tenant => true, transactional => false);
CREATE VIEW org_1.v AS SELECT 1 AS a;
DROP TABLE org_2.moods;
SELECT scope, schema, status, error FROM ashmig_migrate_tenants(atomic => true, "only" => '{org_1}');
