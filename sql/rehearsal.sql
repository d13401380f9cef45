-- What is pending in a schema, run there and rolled back: what it really does.
\set VERBOSITY default
CREATE DATABASE ashmig_rehearsal;
\c ashmig_rehearsal
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('public', 20260101000000, 'plans', '{"CREATE TABLE @default@.plans (id bigint PRIMARY KEY)"}', '{}'),
  ('tenant', 20260101000001, 'users', '{"CREATE TABLE @tenant@.users (id bigint PRIMARY KEY, email varchar(50), age text, plan bigint)"}', '{}');
SELECT count(*) FROM ashmig_migrate_all();
SELECT count(ashmig_create_tenant('t' || n)) FROM generate_series(1, 3) AS n;
INSERT INTO t1.users SELECT i, 'e' || i, i, NULL FROM generate_series(1, 1000) AS i;
SELECT * FROM ashmig_try('t1');

INSERT INTO ashmig.migrations (scope, version, name, transactional, up, down) VALUES
  ('tenant', 20260102000000, 'several', true, ARRAY[
     'ALTER TABLE @tenant@.users ADD COLUMN note text',
     'ALTER TABLE @tenant@.users ALTER COLUMN email TYPE text',
     'ALTER TABLE @tenant@.users ALTER COLUMN age TYPE integer USING age::integer',
     'CREATE INDEX users_email_index ON @tenant@.users (email)',
     'ALTER TABLE @tenant@.users ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan) REFERENCES @default@.plans(id)',
     'UPDATE @tenant@.users SET note = ''x'''], '{}'),
  ('tenant', 20260103000000, 'concurrent', false, ARRAY['CREATE INDEX CONCURRENTLY users_age_index ON @tenant@.users (age)'], '{}'),
  ('tenant', 20260104000000, 'later', true, ARRAY['ALTER TABLE @tenant@.users DROP COLUMN note'], '{}');
CREATE FUNCTION facts(schema text, with_public boolean DEFAULT false)
  RETURNS TABLE (version bigint, n int, status text, locks text[], rewritten text[], wal text, error text, sql text) LANGUAGE sql AS $$
SELECT version, statement, status, locks, rewritten,
       CASE WHEN wal_bytes = 0 THEN '0' WHEN wal_bytes < 30000 THEN 'some' WHEN wal_bytes > 30000 THEN 'much' END, error, left(sql, 60)
  FROM ashmig_try(schema, with_public => with_public) WHERE elapsed > '0' OR status = 'not_tried' $$;
\pset expanded on
SELECT * FROM facts('t1');
\pset expanded off

-- Nothing of it is left: no column, no version, no lock
BEGIN;
SELECT count(*) FROM ashmig_try('t1');
SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 't1.users'::regclass;
COMMIT;
\d t1.users
SELECT schema_name, version, pending FROM ashmig_status() WHERE scope = 'tenant';

-- Where a statement fails, it says at which one, and what was before it
UPDATE t1.users SET age = 'old' WHERE id = 500;
SELECT version, n, status, error FROM facts('t1');
SELECT version, n, status, error FROM facts('t2');

-- With what is pending in public
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('public', 20260105000000, 'teams', '{"CREATE TABLE @default@.teams (id bigint PRIMARY KEY)"}', '{}'),
  ('tenant', 20260106000000, 'teams', '{"ALTER TABLE @tenant@.users ADD COLUMN team bigint REFERENCES @default@.teams"}', '{}');
DELETE FROM ashmig.migrations WHERE version IN (20260102000000, 20260103000000, 20260104000000);
SELECT version, n, status, locks, error FROM facts('t2');
SELECT version, n, status, locks, error FROM facts('t2', true);
SELECT scope, schema_name, version, status, locks FROM ashmig_try('public');
SELECT to_regclass('teams');

-- What cannot be tried
SELECT * FROM ashmig_try('nobody');
SELECT * FROM ashmig_try(NULL);
CREATE SCHEMA stranger;
SELECT * FROM ashmig_try('stranger');
BEGIN READ ONLY;
SELECT * FROM ashmig_try('t1');
ROLLBACK;
\c postgres
DROP DATABASE ashmig_rehearsal;
