-- Rolling back: the last migration, some, down to a version, all; and what cannot be rolled back.
\set VERBOSITY default
CREATE DATABASE ashmig_rollback;
\c ashmig_rollback
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
INSERT INTO ashmig.migrations (scope, version, name, up, down)
SELECT scope, 20260101000000 + i, 'm' || i, ARRAY[format('CREATE TABLE %s.m%s ()', place, i)], ARRAY[format('DROP TABLE %s.m%s', place, i)]
  FROM generate_series(1, 4) AS i, (VALUES ('public', '@default@'), ('tenant', '@tenant@')) AS s (scope, place);
SELECT ashmig_create_tenant(t) FROM unnest('{a,b,c}'::text[]) AS t;
SELECT scope, schema_name, applied, version, status FROM ashmig_migrate_all();

-- The last one; some; down to a version, inclusive; all
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback();
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback(step => 2);
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback(all_versions => true);
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback(all_versions => true);
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback_tenants(to_version => 20260101000003, only_tenants => '{a}');
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback_tenants(except_tenants => '{a}');
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback_tenants(to_version => 20260101000002);
SELECT schema_name, version FROM ashmig.versions ORDER BY 1, 2;
SELECT schema_name, version, applied FROM ashmig.schema_versions ORDER BY 1;
SELECT nspname, string_agg(relname, ' ' ORDER BY relname) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
 WHERE relname ~ '^m\d' GROUP BY 1 ORDER BY 1;
SELECT scope, schema_name, applied, version, status FROM ashmig_migrate_all();

-- A migration that cannot be rolled back stops the run before anything changes.
UPDATE ashmig.migrations SET down = NULL WHERE version = 20260101000002 AND scope = 'tenant';
SELECT * FROM ashmig_rollback_tenants(all_versions => true);
SELECT * FROM ashmig_rollback_tenants(step => 3);
SELECT * FROM ashmig_rollback_tenants(to_version => 20260101000002);
SELECT count(*) FROM ashmig.versions WHERE scope = 'tenant';
SELECT count(*) FROM ashmig_rollback_tenants(step => 2);
SELECT count(*) FROM ashmig_rollback_tenants();
UPDATE ashmig.migrations SET down = '{}' WHERE version = 20260101000002 AND scope = 'tenant';
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback_tenants();

-- A failure leaves its tenant unchanged.
DROP TABLE b.m1;
SELECT scope, schema_name, applied, version, status, error FROM ashmig_rollback_tenants(all_versions => true, on_error => 'report');
SELECT scope, schema_name, version, applied, pending, status, error FROM ashmig_status();
BEGIN;
SELECT scope, schema_name, applied, version, status FROM ashmig_rollback(all_versions => true);
ROLLBACK;
SELECT count(*) FROM ashmig.versions WHERE scope = 'public';
SELECT * FROM ashmig_rollback(all_versions => true, step => 1);
