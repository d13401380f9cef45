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

-- Tenants that sessions with different settings make are equal.
CREATE DATABASE ashmig_settings_2;
\c ashmig_settings_2
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE ACCESS METHOD ashmig_heap TYPE TABLE HANDLER heap_tableam_handler;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE ashmig_place LOCATION '';
RESET allow_in_place_tablespaces;
CREATE FUNCTION strange() RETURNS void LANGUAGE sql AS $$
  SELECT set_config(name, value, false) FROM (VALUES
    ('DateStyle', 'SQL, DMY'), ('TimeZone', 'Asia/Kathmandu'), ('IntervalStyle', 'sql_standard'), ('xmloption', 'document'),
    ('array_nulls', 'off'), ('standard_conforming_strings', 'off'), ('transform_null_equals', 'on'), ('extra_float_digits', '-15'),
    ('bytea_output', 'escape'), ('quote_all_identifiers', 'on'), ('default_tablespace', 'ashmig_place'),
    ('default_table_access_method', 'ashmig_heap'), ('check_function_bodies', 'off'), ('row_security', 'off')) AS s (name, value) $$;
CREATE VIEW structures AS
  SELECT relnamespace::regnamespace AS schema, string_agg(replace(line, relnamespace::regnamespace || '.', ''), E'\n' ORDER BY line) AS structure
  FROM pg_class AS c CROSS JOIN LATERAL (
      SELECT format('%s access method %s, tablespace %s', relname, (SELECT amname FROM pg_am WHERE oid = relam), reltablespace)
    UNION ALL SELECT format('%s.%s %s', relname, attname, pg_get_expr(adbin, adrelid))
      FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE adrelid = c.oid
    UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid = c.oid AND contype <> 'n'
    UNION ALL SELECT format('%s', pg_get_indexdef(c.oid)) WHERE relkind = 'i') AS l (line)
  WHERE relkind IN ('r', 'i') AND relnamespace::regnamespace::text ~ '^t' GROUP BY relnamespace;
SELECT count(*) > 0 AS generated FROM ashmig_generate('{"table": "a", "multitenancy": {"strategy": "context"}, "attributes": [
    {"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false},
    {"source": "day", "type": "date", "default": "\"01/02/2020\""},
    {"source": "day2", "type": "date", "default": "fragment(\"''01/02/2020''::date\")"},
    {"source": "at", "type": "timestamptz", "default": "\"2020-01-01 00:00\""},
    {"source": "for", "type": "interval", "default": "fragment(\"''-1 2:00:00''::interval\")"},
    {"source": "some", "type": ["array", "text"], "default": "fragment(\"''{NULL,a}''::text[]\")"},
    {"source": "number", "type": "float", "default": "fragment(\"0.1::float8 + 0.2\")"}],
  "check_constraints": [{"name": "known", "check": "day < ''03/04/2030'' AND day = NULL"}],
  "custom_indexes": [{"fields": ["id"], "name": "late", "where": "at > ''2021-01-01 12:00+00''"}]}', name => 'a');
SELECT ashmig_add_migration(NULL, 'by hand', $$CREATE TABLE mine AS SELECT '01/02/2020'::date::text AS day, '\x41'::bytea::text AS bytes, 1.0::float8 / 3 AS third,
    current_setting('TimeZone') AS zone, 'a\b' AS backslash, to_timestamp(0)::text AS epoch;
  ALTER TABLE mine ADD CONSTRAINT third CHECK (third > 0.1::float8 + 0.2::float8);
  SET DateStyle = 'SQL, DMY'; SET TimeZone = 'America/New_York';
  CREATE TABLE own AS SELECT '01/02/2020'::date::text AS day, to_timestamp(0)::text AS epoch$$, '', tenant => true) > 0 AS recorded;
SELECT ashmig_add_migration(NULL, 'after it', $$CREATE TABLE after AS SELECT '01/02/2020'::date::text AS day; CREATE INDEX ON after (day)$$, '', tenant => true) > 0 AS recorded;
SELECT ashmig_add_migration(NULL, 'concurrent', $$CREATE INDEX CONCURRENTLY early ON a (id) WHERE at < '2021-01-01 12:00'$$,
  'DROP INDEX early', transactional => false, tenant => true) > 0 AS recorded;
SELECT ashmig_create_tenant('t1') > 0 AS created;
SELECT structure FROM structures;
SELECT * FROM t1.mine, t1.own, t1.after;
-- a hand-made schema that lags behind, in workers and in the background
SET DateStyle = 'SQL, DMY';
CREATE SCHEMA t2;
SELECT ashmig_set_all_tenants($$SELECT 't2' WHERE '01/02/2020'::date::text = '2020-01-02'$$);
SET client_min_messages = error;
SELECT count(strange());
SELECT count(*) > 0 AS running FROM ashmig_migrate_all();
CALL ashmig_wait();
-- in the session, which has its settings afterwards
SELECT ashmig_create_tenant('t3') > 0 AS created;
SELECT name, setting FROM pg_settings WHERE source = 'session' AND name <> 'client_min_messages'
  AND name IN (SELECT name FROM pg_settings) AND name !~ '^(application_name|lc_|client|log|plpgsql)' ORDER BY name COLLATE "C";
CREATE SCHEMA t4;
SELECT ashmig_set_all_tenants($$SELECT 't2' UNION SELECT 't4'$$);
SELECT schema_name, status FROM ashmig_migrate_all(atomic => true);
CALL ashmig_migrate_all_serial();
SHOW DateStyle;
RESET ALL;
SET client_min_messages = warning;
SELECT count(*), count(DISTINCT structure) FROM structures;
SELECT mine::text, own::text, after::text FROM t1.mine, t1.own, t1.after
  UNION SELECT mine::text, own::text, after::text FROM t2.mine, t2.own, t2.after
  UNION SELECT mine::text, own::text, after::text FROM t3.mine, t3.own, t3.after
  UNION SELECT mine::text, own::text, after::text FROM t4.mine, t4.own, t4.after;

\c postgres
DROP DATABASE ashmig_settings;
DROP DATABASE ashmig_settings_2;
DROP TABLESPACE ashmig_place;
DROP ROLE ashmig_deployer, ashmig_other, ashmig_guest;
