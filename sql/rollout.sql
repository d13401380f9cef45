-- Careful runs: canaries, a limit of failures, a time, pauses.
\set VERBOSITY default
CREATE DATABASE ashmig_rollout;
\c ashmig_rollout
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260101000000, 'users', '{"CREATE TABLE @tenant@.users (id bigint, email text)"}', '{"DROP TABLE @tenant@.users"}');
SELECT count(ashmig_create_tenant('t' || n)) FROM generate_series(10, 29) AS n;
INSERT INTO t11.users VALUES (1, 'a'), (2, 'a');
INSERT INTO t15.users VALUES (1, 'a'), (2, 'a');
INSERT INTO t16.users VALUES (1, 'a'), (2, 'a');
INSERT INTO t21.users VALUES (1, 'a'), (2, 'a');
INSERT INTO t25.users VALUES (1, 'a'), (2, 'a');
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260102000000, 'unique', '{"CREATE UNIQUE INDEX users_email ON @tenant@.users (email)"}', '{"DROP INDEX @tenant@.users_email"}');

CREATE FUNCTION indexed() RETURNS text LANGUAGE sql AS $$
SELECT string_agg(schema_name, ' ' ORDER BY schema_name) FROM ashmig.versions WHERE version = 20260102000000 $$;
CREATE VIEW last_run AS
SELECT operation, status, error, schemas, workers, canary, max_failures, run_until, pause, paused_since, paused
  FROM ashmig.runs ORDER BY run DESC LIMIT 1;

-- A canary fails, and the rest is not begun
SELECT schema_name, applied, status, split_part(error, E'\n', 1) AS error
  FROM ashmig_migrate_all(canary => 3, on_error => 'report', workers => 1);
SELECT indexed();
SELECT * FROM last_run;
-- with more workers than canaries, too; t11 may fail before the others begin
SELECT count(*) FILTER (WHERE status <> 'skipped') AS others FROM ashmig_migrate_all(canary => 2, on_error => 'report', workers => 4)
 WHERE schema_name > 't12';
SELECT status FROM ashmig_migrate_tenants(only_tenants => '{t12}') WHERE status <> 'applied';
SELECT * FROM ashmig_migrate_all(canary => 1, only_tenants => '{t11,t13,t14}');
DELETE FROM t11.users WHERE id = 2;

-- So many failures, and no further schema; a single worker takes them in order
SELECT schema_name, applied, status, split_part(error, E'\n', 1) AS error
  FROM ashmig_migrate_all(canary => 1, max_failures => 2, on_error => 'report', workers => 1);
SELECT indexed();
SELECT * FROM last_run;
-- the same in the calling session
DELETE FROM t15.users WHERE id = 2;
CALL ashmig_migrate_all_serial(canary => 1, max_failures => 2, on_error => 'report');
SELECT indexed();
SELECT * FROM last_run;
CALL ashmig_migrate_all_serial(canary => 1);
SELECT * FROM last_run;
DELETE FROM t16.users WHERE id = 2;

-- A time that has passed: what is not begun stays pending, and that is no failure
SELECT status, error, count(*) FROM ashmig_migrate_all(run_until => '2026-01-01 00:00 UTC') GROUP BY 1, 2;
SELECT * FROM last_run;
CALL ashmig_migrate_all_serial(run_until => '2026-01-01 00:00 UTC');
SELECT * FROM last_run;
BEGIN;
SELECT status, error, count(*) FROM ashmig_migrate_all(run_until => '2026-01-01 00:00 UTC') GROUP BY 1, 2;
ROLLBACK;
CALL ashmig_wait();
SELECT status, count(*) FROM ashmig_status() WHERE scope = 'tenant' GROUP BY 1 ORDER BY 1;

-- A time in which one schema can be begun, but no second
CREATE FUNCTION public.slow() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(2)';
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260103000000, 'slow', '{"SELECT public.slow()"}', '{"SELECT 1"}');
SELECT schema_name, applied, status, error
  FROM ashmig_migrate_all(run_until => clock_timestamp() + '1.5 s', workers => 1, only_tenants => '{t16,t17}');
DROP FUNCTION public.slow();
CREATE FUNCTION public.slow() RETURNS void LANGUAGE sql AS 'SELECT';

-- After the repair the run resumes
DELETE FROM t21.users WHERE id = 2;
DELETE FROM t25.users WHERE id = 2;
SELECT status, count(*) FROM ashmig_migrate_all(canary => 2, max_failures => 1, run_until => 'infinity') GROUP BY 1;
SELECT status, count(*) FROM ashmig_status() WHERE scope = 'tenant' GROUP BY 1 ORDER BY 1;
SELECT * FROM last_run;

-- Rolling back goes the same way
INSERT INTO t10.users VALUES (3, 'c');
UPDATE ashmig.migrations SET down = '{"SELECT 1/(SELECT count(*) - 1 FROM @tenant@.users)"}' WHERE version = 20260103000000;
SELECT schema_name, applied, status, split_part(error, E'\n', 1) AS error
  FROM ashmig_rollback_tenants(canary => 1, on_error => 'report', only_tenants => '{t10,t12,t14}');

-- A canary whose index is built in the background: the others follow there
INSERT INTO ashmig.migrations (scope, version, name, transactional, up, down) VALUES
  ('tenant', 20260104000000, 'concurrent', false, '{"CREATE UNIQUE INDEX CONCURRENTLY users_id ON @tenant@.users (id)"}', '{"DROP INDEX CONCURRENTLY @tenant@.users_id"}');
INSERT INTO t13.users VALUES (9, 'x'), (9, 'y');
SELECT status, count(*) FROM ashmig_migrate_all(canary => 4, quiet => true) GROUP BY 1;
\set VERBOSITY sqlstate
CALL ashmig_wait();
\set VERBOSITY default
SELECT string_agg(schema_name, ' ' ORDER BY schema_name) FROM ashmig.versions WHERE version = 20260104000000;
SELECT * FROM last_run;
DELETE FROM t13.users WHERE id = 9;
SELECT status, count(*) FROM ashmig_migrate_all(canary => 4, quiet => true) GROUP BY 1;
CALL ashmig_wait();
SELECT count(*) FROM ashmig.versions WHERE version = 20260104000000;

-- Arguments that make no sense
SELECT * FROM ashmig_migrate_all(canary => 0);
SELECT * FROM ashmig_migrate_all(max_failures => -1);
SELECT * FROM ashmig_migrate_all(canary => 1, atomic => true);
SELECT * FROM ashmig_migrate_all(run_until => now(), atomic => true);
SELECT * FROM ashmig_migrate_all(run_until => 'infinity', atomic => true);
\c postgres
DROP DATABASE ashmig_rollout;
