-- Settings that a migration makes end with it, however it is run.
\set VERBOSITY default
CREATE DATABASE ashmig_settings;
\c ashmig_settings
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
SELECT ashmig_create_tenant('org_' || i) FROM generate_series(1, 2) AS i;
CREATE ROLE ashmig_other;
SELECT ashmig_add_migration(20260101000001, 'seen', $$CREATE TABLE seen AS
  SELECT current_setting('search_path') AS path, current_setting('work_mem') AS work_mem, CURRENT_USER::text AS role$$,
  'DROP TABLE seen', tenant => true);
SELECT ashmig_add_migration(20260101000002, 'sets', $$SET search_path = public; SET work_mem = '123MB';
  SELECT set_config('ashmig.lock_timeout', '9h', false); SET ROLE ashmig_other$$, '', tenant => true);
SELECT ashmig_add_migration(20260101000003, 'seen again', $$CREATE TABLE again AS
  SELECT current_setting('search_path') AS path, current_setting('work_mem') AS work_mem, CURRENT_USER::text AS role$$,
  'DROP TABLE again', tenant => true);

CREATE FUNCTION seen() RETURNS TABLE (tenant text, path text, work_mem text, role text) LANGUAGE plpgsql AS $$
BEGIN
  FOR tenant IN SELECT schema_name FROM ashmig.tenants ORDER BY 1 LOOP
    RETURN QUERY EXECUTE format('SELECT %L || t, path, work_mem, role FROM (SELECT ''.seen'' AS t, * FROM %1$I.seen
      UNION ALL SELECT ''.again'', * FROM %1$I.again) AS s', tenant);
  END LOOP;
END
$$;

CREATE ROLE ashmig_deployer SUPERUSER;
SET ROLE ashmig_deployer;
SET work_mem = '5MB';
-- in workers
SELECT schema_name, applied, status FROM ashmig_migrate_tenants(workers => 1);
SELECT * FROM seen();
SELECT schema_name, applied, status FROM ashmig_rollback_tenants(all_versions => true);
-- in the session
SELECT schema_name, applied, status FROM ashmig_migrate_tenants(workers => 0);
SELECT * FROM seen();
SHOW search_path;
SHOW work_mem;
SELECT CURRENT_USER;
SELECT schema_name, applied, status FROM ashmig_rollback_tenants(all_versions => true);
CALL ashmig_migrate_all_serial();
SELECT * FROM seen();
SHOW search_path;
SHOW work_mem;
SELECT CURRENT_USER;
-- also where it fails
SELECT ashmig_add_migration(20260101000004, 'fails', 'SET ROLE ashmig_other; SET work_mem = ''7MB''; SELECT 1/0', '', tenant => true);
SELECT schema_name, applied, version, status, error FROM ashmig_migrate_tenants(workers => 1, on_error => 'report');
SHOW work_mem;
SELECT ashmig_remove_migration(20260101000004, tenant => true);
RESET work_mem;
RESET ROLE;

-- A role without USAGE on a tenant's schema gets an error that says so.
CREATE ROLE ashmig_guest;
GRANT USAGE ON SCHEMA ashmig TO ashmig_guest;
GRANT ALL ON ALL TABLES IN SCHEMA ashmig TO ashmig_guest;
GRANT ALL ON ALL SEQUENCES IN SCHEMA ashmig TO ashmig_guest;
GRANT USAGE, CREATE ON SCHEMA org_1 TO ashmig_guest;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO ashmig_guest;
SELECT ashmig_add_migration(20260101000005, 'more', 'CREATE TABLE more ()', 'DROP TABLE more', tenant => true);
SET ROLE ashmig_guest;
SELECT schema_name, applied, status, error FROM ashmig_migrate_tenants(on_error => 'report');
SELECT schema_name, status, applied, version, sqlstate, elapsed > '0' AS took_time FROM ashmig.run_schemas
 WHERE run = (SELECT max(run) FROM ashmig.runs) ORDER BY 1;
RESET ROLE;

-- A temporary table is gone before the worker's next tenant.
SELECT ashmig_add_migration(20260101000006, 'temporary', 'CREATE TEMPORARY TABLE ids AS SELECT 1 AS id; CREATE TABLE ids_seen AS SELECT * FROM ids', 'DROP TABLE ids_seen', tenant => true);
SELECT schema_name, applied, status FROM ashmig_migrate_tenants(workers => 1);
SELECT schema_name, applied, status FROM ashmig_rollback_tenants(step => 2);
SELECT ashmig_remove_migration(20260101000006, tenant => true);

-- A read-only session gets an error that says so.
SET default_transaction_read_only = on;
SELECT * FROM ashmig_migrate_all();
SELECT * FROM ashmig_migrate_all(atomic => true);
CALL ashmig_migrate_all_serial();
SELECT * FROM ashmig_rollback_tenants();
RESET default_transaction_read_only;
-- with nothing to do there is no error
SELECT schema_name, status FROM ashmig_migrate_all();
SET default_transaction_read_only = on;
SELECT schema_name, status FROM ashmig_migrate_all();
RESET default_transaction_read_only;

-- A run that was interrupted is removed from the journal like others.
SELECT count(*) FROM ashmig.runs;
UPDATE ashmig.runs SET started_at = started_at - interval '1 year';
UPDATE ashmig.runs SET status = 'running' WHERE run = (SELECT min(run) FROM ashmig.runs);
SELECT schema_name, status FROM ashmig_rollback_tenants(step => 1);
SELECT count(*) FROM ashmig.runs;

\c postgres
DROP DATABASE ashmig_settings;
DROP ROLE ashmig_deployer, ashmig_other, ashmig_guest;
