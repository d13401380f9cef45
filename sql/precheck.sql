-- Which tenants' data would break what is pending, before anything runs.
\set VERBOSITY default
CREATE DATABASE ashmig_precheck;
\c ashmig_precheck
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('public', 20260101000000, 'plans', '{"CREATE TABLE @default@.plans (id bigint PRIMARY KEY)","INSERT INTO @default@.plans VALUES (1), (2)"}', '{"DROP TABLE @default@.plans"}'),
  ('tenant', 20260101000001, 'users', '{"CREATE TABLE @tenant@.users (id bigint PRIMARY KEY, email text, age text, plan bigint, nick text, note varchar(100))","CREATE TABLE @tenant@.logins (id bigint PRIMARY KEY, user_id bigint)"}', '{"DROP TABLE @tenant@.users","DROP TABLE @tenant@.logins"}');
SELECT count(*) FROM ashmig_migrate_all();
SELECT count(ashmig_create_tenant('t' || n)) FROM generate_series(100, 149) AS n;
DO $$
BEGIN
  FOR n IN 100..149 LOOP
    EXECUTE format('INSERT INTO %I.users SELECT i, ''e'' || i, i::text, 1 + i %% 2, NULLIF(''n'' || i, ''n3''), ''x'' FROM generate_series(1, 20) AS i', 't' || n);
    EXECUTE format('INSERT INTO %I.logins SELECT i, i FROM generate_series(1, 20) AS i', 't' || n);
  END LOOP;
END $$;
SELECT * FROM ashmig_precheck();

-- Five kinds of failure, in generated and hand-written forms
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260102000000, 'strict', ARRAY[
     'ALTER TABLE @tenant@.users ALTER COLUMN email SET NOT NULL',
     'CREATE UNIQUE INDEX users_nick_index ON @tenant@.users (lower(nick)) WHERE id > 0',
     'ALTER TABLE @tenant@.users ALTER COLUMN age TYPE integer USING age::integer, ADD CONSTRAINT adult CHECK (age >= 0)',
     'ALTER TABLE @tenant@.users ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan) REFERENCES @default@.plans(id)',
     'ALTER TABLE @tenant@.logins ADD CONSTRAINT logins_user_fkey FOREIGN KEY (user_id) REFERENCES @tenant@.users(id) NOT VALID',
     'ALTER TABLE @tenant@.logins VALIDATE CONSTRAINT logins_user_fkey'],
   '{}');
SELECT * FROM ashmig_precheck();
UPDATE t103.users SET email = NULL WHERE id IN (7, 9);
UPDATE t111.users SET nick = 'N5' WHERE id = 6;
UPDATE t111.users SET email = NULL WHERE id = 20;
UPDATE t120.users SET age = 'forty' WHERE id = 12;
UPDATE t121.users SET age = '-1' WHERE id = 12;
UPDATE t130.users SET plan = 3 WHERE id = 13;
DELETE FROM t140.users WHERE id = 4;
UPDATE t149.logins SET user_id = 99 WHERE id = 4;
\pset expanded on
SELECT * FROM ashmig_precheck();
\pset expanded off

-- What the queries show is what breaks it
SELECT query AS show FROM ashmig_precheck(only_tenants => '{t103}') \gset
:show;
SELECT query AS show FROM ashmig_precheck(only_tenants => '{t120}') WHERE problem = 'type' \gset
:show;

-- It holds no lock but ACCESS SHARE while it looks (this check would fail), and none afterwards
CREATE FUNCTION others() RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = relation
 WHERE pid = pg_backend_pid() AND (mode <> 'AccessShareLock' AND relnamespace::regnamespace::text ~ '^t1|public') $$;
CREATE FUNCTION shared() RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = relation
 WHERE pid = pg_backend_pid() AND relnamespace::regnamespace::text ~ '^t1' $$;
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260102000001, 'locks', '{"ALTER TABLE @tenant@.logins ADD CHECK (public.others() = 0 AND public.shared() BETWEEN 1 AND 9)"}', '{}');
BEGIN;
SELECT count(*) FROM ashmig_precheck();
SELECT others(), shared();
COMMIT;
SELECT ashmig_remove_migration(20260102000001, tenant => true);

-- It says what the run will find
SELECT array_agg(DISTINCT schema_name) = (SELECT array_agg(schema_name) FROM ashmig_migrate_all(on_error => 'report') WHERE status = 'failed')
  FROM ashmig_precheck();

-- The canary stops in time; after the repair the run resumes
SELECT schema_name, status FROM ashmig_migrate_all(canary => 1, on_error => 'report');
UPDATE t103.users SET email = 'e' WHERE email IS NULL;
UPDATE t111.users SET email = 'e', nick = 'n6' WHERE id IN (6, 20);
SELECT schema_name, problem, object_name, sample FROM ashmig_precheck(except_tenants => '{t120,t121,t130,t140,t149}');
UPDATE t111.users SET nick = 'n20' WHERE id = 20;
UPDATE t120.users SET age = '40' WHERE id = 12;
UPDATE t121.users SET age = '1' WHERE id = 12;
UPDATE t130.users SET plan = 2 WHERE id = 13;
UPDATE t149.logins SET user_id = 9 WHERE id = 4;
DELETE FROM t140.logins WHERE user_id = 4;
SELECT * FROM ashmig_precheck();
SELECT status, count(*) FROM ashmig_migrate_all(canary => 1) GROUP BY 1;

-- Statements before it may rename, fill, delete, convert: what will be there counts
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260103000000, 'chain', ARRAY[
     'ALTER TABLE @tenant@.users RENAME COLUMN nick TO handle',
     'ALTER TABLE @tenant@.users RENAME TO people',
     'UPDATE @tenant@.people SET handle = ''none'' || id WHERE handle IS NULL',
     'ALTER TABLE @tenant@.people ALTER COLUMN handle SET NOT NULL',
     'DELETE FROM @tenant@.people WHERE age > 900',
     'ALTER TABLE @tenant@.people ADD CHECK (people.age < 500)',
     'ALTER TABLE @tenant@.people ALTER COLUMN age TYPE text, ADD COLUMN level integer NOT NULL DEFAULT 1',
     'ALTER TABLE @tenant@.people ADD CONSTRAINT short CHECK (length(age) < 3), ADD CHECK (level > 0)',
     'ALTER TABLE @tenant@.people ALTER COLUMN note TYPE varchar(5)',
     'ALTER TABLE @tenant@.people ADD COLUMN code text NOT NULL, ADD COLUMN serial bigserial NOT NULL',
     'CREATE TABLE @tenant@.teams (id bigint PRIMARY KEY)',
     'ALTER TABLE @tenant@.people ADD CONSTRAINT people_team FOREIGN KEY (plan) REFERENCES @tenant@.teams(id)'],
   '{}');
INSERT INTO t149.users VALUES (200, 'e', 901, NULL, NULL, 'y'), (201, 'e', 600, NULL, NULL, 'y'), (202, 'e', 100, NULL, NULL, 'too long');
\pset expanded on
SELECT * FROM ashmig_precheck(only_tenants => '{t149}');
\pset expanded off
SELECT ashmig_remove_migration(20260103000000, tenant => true);

-- What is added NOT VALID and validated later, with and without a run between
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260103000001, 'not valid', ARRAY[
     'ALTER TABLE @tenant@.users ADD CONSTRAINT young CHECK (age > 0) NOT VALID, ADD CONSTRAINT old CHECK (age < 0) NOT VALID',
     'ALTER TABLE @tenant@.users DROP CONSTRAINT old, ADD CONSTRAINT old CHECK (age < 500) NOT VALID',
     'ALTER TABLE @tenant@.users ADD CONSTRAINT nick_there CHECK (nick IS NOT NULL) NOT VALID, ADD COLUMN token uuid, ADD COLUMN code int DEFAULT 5'],
   '{"ALTER TABLE @tenant@.users DROP CONSTRAINT young, DROP CONSTRAINT old, DROP CONSTRAINT nick_there, DROP COLUMN token, DROP COLUMN code"}'),
  ('tenant', 20260103000002, 'valid', ARRAY[
     'ALTER TABLE @tenant@.users ALTER COLUMN token SET DEFAULT gen_random_uuid()',
     'UPDATE @tenant@.users SET token = DEFAULT, code = DEFAULT WHERE id <> 201',
     'ALTER TABLE @tenant@.users ADD CHECK (code <> 5)',
     'ALTER TABLE @tenant@.users ALTER COLUMN token SET NOT NULL',
     'ALTER TABLE @tenant@.users VALIDATE CONSTRAINT young',
     'ALTER TABLE @tenant@.users VALIDATE CONSTRAINT old',
     'ALTER TABLE @tenant@.users VALIDATE CONSTRAINT nick_there',
     'ALTER TABLE @tenant@.users ALTER COLUMN nick SET NOT NULL'],
   '{}');
SELECT version, problem, object_name, sample ->> 'id' AS id, error FROM ashmig_precheck(only_tenants => '{t149}');
SELECT status FROM ashmig_migrate_tenants(only_tenants => '{t149}', to_version => 20260103000001);
SELECT version, problem, object_name, sample ->> 'id' AS id, error FROM ashmig_precheck(only_tenants => '{t149}');
-- where DEFAULT takes values of a sequence, nobody asks for them
CREATE SEQUENCE numbers;
UPDATE ashmig.migrations SET up = ARRAY['ALTER TABLE @tenant@.users ALTER COLUMN code SET DEFAULT nextval(''public.numbers'')', 'UPDATE @tenant@.users SET code = DEFAULT', 'ALTER TABLE @tenant@.users ALTER COLUMN code SET NOT NULL']
 WHERE version = 20260103000002;
SET client_min_messages = notice;
SELECT version, problem FROM ashmig_precheck(only_tenants => '{t149}');
SET client_min_messages = warning;
SELECT is_called FROM numbers;
SELECT status FROM ashmig_rollback_tenants(only_tenants => '{t149}');
SELECT ashmig_remove_migration(version, tenant => true) FROM unnest('{20260103000001,20260103000002}'::bigint[]) AS version;

-- What cannot be followed is said, and not guessed
SET client_min_messages = notice;
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260104000000, 'opaque', ARRAY[
     'DO $do$ BEGIN UPDATE users SET nick = id::text WHERE nick IS NULL; END $do$',
     'ALTER TABLE @tenant@.users ALTER COLUMN nick SET NOT NULL',
     'ALTER TABLE @tenant@.logins ADD UNIQUE (user_id)'],
   '{}');
UPDATE t149.logins SET user_id = 2;
SELECT schema_name, table_name, problem, object_name, sample FROM ashmig_precheck();
SET client_min_messages = warning;

-- Public migrations count for what comes after them, and are looked at as well
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('public', 20260105000000, 'public', '{"ALTER TABLE @default@.plans RENAME COLUMN id TO plan_id","ALTER TABLE @default@.plans ADD CHECK (plan_id < 2)"}', '{}'),
  ('tenant', 20260106000000, 'again', '{"ALTER TABLE @tenant@.users ADD FOREIGN KEY (plan) REFERENCES @default@.plans(plan_id)"}', '{}');
UPDATE ashmig.migrations SET up = '{"SELECT 1"}' WHERE version = 20260104000000;
SELECT scope, schema_name, table_name, problem, object_name, sample, query FROM ashmig_precheck();

-- The time for one look
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('tenant', 20260107000000, 'slow', '{"ALTER TABLE @tenant@.users ADD CHECK (pg_sleep(1) IS NOT NULL)"}', '{}');
SET ashmig.precheck_timeout = '200 ms';
SELECT schema_name, problem, error FROM ashmig_precheck(only_tenants => '{t100,t101}') WHERE scope = 'tenant';
SELECT * FROM ashmig_precheck(only_tenants => '{none}');
RESET ashmig.precheck_timeout;
DELETE FROM ashmig.migrations WHERE version > 20260104000000;

-- Values that cannot be converted, in partitions and in tables that inherit
CREATE TABLE parts (id integer, n text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 (gone integer, n text, id integer);
ALTER TABLE parts_2 DROP COLUMN gone;
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (10) TO (20);
INSERT INTO parts VALUES (1, '1'), (11, 'eleven');
CREATE TABLE parent (id integer, n text);
CREATE TABLE child (more text) INHERITS (parent);
INSERT INTO parent VALUES (1, '1');
INSERT INTO child VALUES (2, 'two');
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('public', 20260108000000, 'parts', '{"ALTER TABLE @default@.parts ALTER COLUMN n TYPE integer USING n::integer",
     "ALTER TABLE @default@.parent ALTER COLUMN n TYPE integer USING n::integer"}', '{}');
SELECT table_name, problem, sample, error FROM ashmig_precheck() WHERE version = 20260108000000;
DELETE FROM ashmig.migrations WHERE version = 20260108000000;

-- Nobody is shown, or can have evaluated, what ALTER TABLE would refuse
CREATE ROLE ashmig_owner_of_public;
GRANT CREATE ON SCHEMA public TO ashmig_owner_of_public;
ALTER SCHEMA public OWNER TO ashmig_owner_of_public;
CREATE FUNCTION tell(secret text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'secret: %', secret; RETURN secret; END $$;
ALTER FUNCTION tell OWNER TO ashmig_owner_of_public;
CREATE TABLE secrets (secret text);
INSERT INTO secrets VALUES ('1234');
INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
  ('public', 20260108000000, 'steal', '{"ALTER TABLE @default@.secrets ALTER COLUMN secret TYPE text USING public.tell(secret)"}', '{}');
SELECT table_name, problem, sample, error FROM ashmig_precheck() WHERE scope = 'public';
\c postgres
DROP DATABASE ashmig_precheck;
DROP ROLE ashmig_owner_of_public;
