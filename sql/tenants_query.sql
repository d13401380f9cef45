-- The query of ashmig_set_all_tenants: its errors leave the session whole, and a
-- name that is no tenant's is one row with its reason.
CREATE DATABASE ashmig_tenants_query;
\c ashmig_tenants_query
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE TABLE orgs (name text);
CREATE TABLE log (entry text);
SELECT ashmig_create_tenant('a_registered');
SELECT ashmig_set_all_tenants('SELECT ''org_'' || name FROM public.orgs');
SELECT ashmig_add_migration(20260101000001, 'table', 'CREATE TABLE t ()', 'DROP TABLE t', tenant => true);
CREATE SCHEMA org_1;
CREATE SCHEMA "org_two three";
INSERT INTO orgs VALUES ('1'), ('Smith & Sons'), ('two three'), ('later'), (repeat('x', 60)), (repeat('x', 59) || 'y');

-- The others are migrated, in every kind of run; the schemas of the bad names are left alone
SELECT schema_name, registered, listed, schema_exists, error FROM ashmig_all_tenants();
SELECT schema_name, version, applied, pending, status, error FROM ashmig_status() WHERE scope = 'tenant';
SELECT schema_name, applied, status, error FROM ashmig_migrate_all();
SELECT applied, pending FROM ashmig_migrations();
SELECT schema_name, status, error IS NOT NULL AS has_reason FROM ashmig_rollback_tenants();
SELECT schema_name, applied, status, error FROM ashmig_migrate_all(atomic => true);
SELECT schema_name, status, error IS NOT NULL AS has_reason FROM ashmig_rollback_tenants(atomic => true);
CALL ashmig_migrate_all_serial();
SELECT schema_name, applied, status FROM ashmig_status() WHERE scope = 'tenant' AND status = 'current';
SELECT schema_name, applied, status, error FROM ashmig_migrate_tenants(only_tenants => '{org_1,"org_Smith & Sons"}');
SELECT schema_name, status, error IS NOT NULL AS has_reason FROM ashmig_migrate_tenants(except_tenants => '{"org_Smith & Sons"}');
-- a failure counts neither as theirs
SELECT ashmig_add_migration(20260101000002, 'fails', 'SELECT 1/0', '', tenant => true);
SELECT schema_name, status, error IS NOT NULL AS has_reason FROM ashmig_migrate_all(on_error => 'report');
\set VERBOSITY terse
SELECT * FROM ashmig_migrate_all();
\set VERBOSITY default
SELECT ashmig_remove_migration(20260101000002, tenant => true);
CALL ashmig_create_missing_tenants();
SELECT schema_name, status FROM ashmig_status() WHERE scope = 'tenant' ORDER BY status, schema_name COLLATE "C";

-- Names of schemas that are somebody else's
DELETE FROM orgs;
SELECT ashmig_set_all_tenants('SELECT name FROM public.orgs');
INSERT INTO orgs VALUES ('public'), ('pg_catalog'), ('ashmig'), ('information_schema'), ('');
SELECT schema_name, schema_exists, error FROM ashmig_all_tenants() WHERE NOT registered;
SELECT schema_name, status, error IS NOT NULL AS has_reason FROM ashmig_migrate_all();
SELECT scope, schema_name, status FROM ashmig_status() WHERE schema_name = 'public';

-- The query fails: caught or not, the session goes on
ALTER TABLE orgs RENAME TO organizations;
SELECT * FROM ashmig_status();
SELECT 'alive' AS session;
SELECT * FROM ashmig_all_tenants();
SELECT * FROM ashmig_migrate_all();
SELECT * FROM ashmig_migrations();
CALL ashmig_migrate_all_serial();
CALL ashmig_create_missing_tenants();
INSERT INTO log VALUES ('after errors');
DO $$ BEGIN PERFORM ashmig_migrate_all(); EXCEPTION WHEN undefined_table THEN RAISE WARNING 'caught: %', sqlerrm; END $$;
INSERT INTO log VALUES ('after a handler');
BEGIN;
INSERT INTO log VALUES ('before a savepoint');
SAVEPOINT s;
SELECT count(*) FROM ashmig_all_tenants();
ROLLBACK TO s;
INSERT INTO log VALUES ('after a savepoint');
COMMIT;
-- it is canceled, it may not read, it raises
SELECT ashmig_set_all_tenants('SELECT pg_sleep(60)::text');
SET statement_timeout = '50ms';
SELECT count(*) FROM ashmig_status();
RESET statement_timeout;
INSERT INTO log VALUES ('after a cancel');
SELECT ashmig_set_all_tenants('SELECT (1/0)::text');
DO $$ BEGIN PERFORM ashmig_status(); EXCEPTION WHEN division_by_zero THEN RAISE WARNING 'caught: %', sqlerrm; END $$;
CREATE ROLE ashmig_reader;
GRANT USAGE ON SCHEMA ashmig TO ashmig_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA ashmig TO ashmig_reader;
GRANT EXECUTE ON FUNCTION ashmig_status TO ashmig_reader;
SELECT ashmig_set_all_tenants('SELECT name FROM public.organizations');
SET ROLE ashmig_reader;
SELECT count(*) FROM ashmig_status();
SELECT current_user;
RESET ROLE;
\c
SELECT * FROM log;
-- and it can be set anew
SELECT ashmig_set_all_tenants(NULL);
SELECT schema_name, status FROM ashmig_status() WHERE scope = 'tenant' ORDER BY schema_name;

\c postgres
DROP DATABASE ashmig_tenants_query;
DROP ROLE ashmig_reader;
