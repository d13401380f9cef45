-- Non-transactional statements: one after the other, notices included.
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
SELECT scope, schema_name, applied, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;
SELECT scope, schema_name, applied, pending, status FROM ashmig_status();
-- and rolled back
SELECT scope, schema_name, status FROM ashmig_rollback();
CALL ashmig_wait();
SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass;
SELECT scope, schema_name, applied, pending, status FROM ashmig_status();
-- a later statement fails: its error is reported, and earlier ones stay applied
SELECT ashmig_add_migration(20260101000003, 'wrong',
  'CREATE INDEX CONCURRENTLY t_three ON @default@.t (a); CREATE INDEX CONCURRENTLY t_four ON @default@.t (b)',
  transactional => false);
SELECT scope, schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;
-- Completed statements keep their text; the others may be corrected.
SELECT ashmig_add_migration(20260101000003, 'wrong',
  'CREATE INDEX CONCURRENTLY t_other ON @default@.t (a); CREATE INDEX CONCURRENTLY t_four ON @default@.t (a)',
  transactional => false);
SELECT ashmig_add_migration(20260101000003, 'wrong',
  'CREATE INDEX CONCURRENTLY t_three ON @default@.t (a)', transactional => false);
SELECT ashmig_remove_migration(20260101000003);
SELECT ashmig_add_migration(20260101000003, 'corrected',
  'CREATE INDEX CONCURRENTLY t_three ON @default@.t (a); CREATE INDEX CONCURRENTLY t_four ON @default@.t (a)',
  'DROP INDEX CONCURRENTLY t_four; DROP INDEX CONCURRENTLY t_three', transactional => false);
SELECT scope, schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;

-- Tenants wait for a public migration in the background.
SELECT ashmig_create_tenant('org_' || i) FROM generate_series(1, 2) AS i;
SELECT ashmig_create_enum('mood', '{sad,happy}') > 0 AS recorded;
SELECT scope, schema_name, status FROM ashmig_migrate_all();
SELECT ashmig_add_enum_value('mood', 'fine') > 0 AS recorded;
SELECT ashmig_add_migration(20290101000001, 'after', 'ALTER TABLE t ADD n integer UNIQUE', 'ALTER TABLE t DROP n');
SELECT ashmig_add_migration(20290101000002, 'tenants', $$CREATE TABLE moods (mood public.mood DEFAULT 'fine', n integer REFERENCES @default@.t (n))$$,
  'DROP TABLE moods', tenant => true);
SELECT scope, schema_name, status, error FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT scope, schema_name, pending, status FROM ashmig_status();
SELECT column_default FROM information_schema.columns WHERE table_name = 'moods' AND column_name = 'mood' ORDER BY table_schema;
-- in the calling session they stay pending
SELECT scope, schema_name, status FROM ashmig_rollback_tenants();
SELECT scope, schema_name, status FROM ashmig_rollback(step => 1);
SELECT ashmig_remove_migration(20290101000002, tenant => true);
SELECT ashmig_add_enum_value('mood', 'glad') > 0 AS recorded;
SELECT ashmig_add_migration(20290101000007, 'tenants', $$CREATE TABLE moods (mood public.mood DEFAULT 'glad')$$,
  'DROP TABLE moods', tenant => true);
CALL ashmig_migrate_all_serial();
SELECT scope, schema_name, pending, status FROM ashmig_status();
-- an unrelated failure is reported at the end
CREATE TABLE org_2.moods ();
SELECT scope, schema_name, status, error FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT scope, schema_name, pending, status FROM ashmig_status();

-- An index on something that cannot have one is PostgreSQL's error, in a transaction as well.
CREATE VIEW v AS SELECT 1 AS a;
SELECT ashmig_add_migration(20290101000008, 'view', 'CREATE INDEX CONCURRENTLY ON @tenant@.v (a)', '', tenant => true, transactional => false);
CREATE VIEW org_1.v AS SELECT 1 AS a;
DROP TABLE org_2.moods;
\set VERBOSITY sqlstate
SELECT scope, schema_name, status, error FROM ashmig_migrate_tenants(atomic => true, only_tenants => '{org_1}');
\set VERBOSITY default

-- The background is waited for even if other schemas failed at once; tenants that
-- are renamed meanwhile get every migration.
SELECT ashmig_remove_migration(20290101000008, tenant => true);
SELECT scope, schema_name, status FROM ashmig_migrate_all();
SELECT ashmig_create_tenant('org_3');
CREATE TABLE org_2.late ();
SELECT ashmig_add_migration(20290101000009, 'slow', 'CREATE INDEX CONCURRENTLY ON @default@.t (a); SELECT pg_sleep(2)', '', transactional => false);
SELECT ashmig_add_migration(20290101000010, 'late', 'CREATE TABLE late ()', 'DROP TABLE late', tenant => true);
SELECT ashmig_add_migration(20290101000011, 'last', 'CREATE INDEX CONCURRENTLY ON @tenant@.moods (mood); SELECT pg_sleep(0.2)', '', tenant => true, transactional => false);
SELECT scope, schema_name, status FROM ashmig_migrate_tenants(on_error => 'report', except_tenants => '{org_1,org_3}');
SELECT scope, schema_name, status FROM ashmig_migrate_all();
-- the tenants of a run wait if another run has public in the background
SELECT ashmig_create_tenant('org_4');
SELECT ashmig_add_migration(20290101000012, 'more', 'CREATE TABLE more ()', 'DROP TABLE more', tenant => true);
SELECT scope, schema_name, status FROM ashmig_migrate_all();
SELECT ashmig_rename_tenant('org_3', 'renamed');
CALL ashmig_wait();
SELECT scope, schema_name, pending, status FROM ashmig_status();
SELECT schema_name, status FROM ashmig.run_schemas WHERE run = (SELECT max(run) FROM ashmig.run_schemas WHERE schema_name = 'org_2') ORDER BY 1;

-- Tenants also wait for public migrations that change tables in the background.
DROP TABLE org_2.late;
SELECT scope, schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
TRUNCATE t CASCADE;
SELECT ashmig_add_migration(20290101000021, 'index', 'CREATE INDEX CONCURRENTLY t_before ON @default@.t (a)', '', transactional => false);
SELECT ashmig_add_migration(20290101000022, 'row', 'INSERT INTO t (a) VALUES (1)', 'DELETE FROM t');
SELECT ashmig_add_migration(20290101000023, 'copy', 'CREATE TABLE copied AS SELECT a FROM @default@.t', 'DROP TABLE copied', tenant => true);
SELECT scope, schema_name, status, error FROM ashmig_migrate_all(except_tenants => '{org_2}');
CALL ashmig_wait();
SELECT count(*) FROM org_1.copied, org_4.copied AS four, renamed.copied AS three;
SELECT ashmig_add_migration(20290101000024, 'index', 'CREATE INDEX CONCURRENTLY t_after ON @default@.t (a)', '', transactional => false);
CALL ashmig_migrate_all_serial(except_tenants => '{org_1}');
SELECT scope, schema_name, pending, status FROM ashmig_status();
SELECT scope, schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();

-- A failed build leaves an INVALID index, which is dropped before the next attempt, named or not.
INSERT INTO org_2.moods VALUES ('glad'), ('glad');
SELECT ashmig_add_migration(20290101000031, 'unnamed', 'CREATE UNIQUE INDEX CONCURRENTLY ON moods (mood)', 'DROP INDEX CONCURRENTLY moods_mood_idx1', tenant => true, transactional => false);
SELECT scope, schema_name, status, error FROM ashmig_migrate_tenants(only_tenants => '{org_2}');
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 'org_2.moods'::regclass ORDER BY 1;
DELETE FROM org_2.moods;
SELECT scope, schema_name, status, error FROM ashmig_migrate_tenants(only_tenants => '{org_2}');
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 'org_2.moods'::regclass ORDER BY 1;
