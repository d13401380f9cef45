-- What a run in the background has begun, a run inside a transaction takes up
-- where it stands.
\set VERBOSITY default
CREATE DATABASE ashmig_resume;
\c ashmig_resume
SET client_min_messages = warning;
SET statement_timeout = '60s';
CREATE EXTENSION ashmig;
CREATE TABLE switch (works boolean);
INSERT INTO switch VALUES (false);
-- fails while the switch is off
CREATE FUNCTION switched() RETURNS void LANGUAGE plpgsql AS
$$ BEGIN IF NOT works FROM public.switch THEN RAISE 'switched off'; END IF; END $$;
SELECT ashmig_create_tenant('org_' || i) FROM generate_series(1, 2) AS i;
CREATE VIEW progress AS SELECT schema_name, version, down, done, started FROM ashmig.partial_migrations ORDER BY 1, 2;
CREATE VIEW indexes AS
  SELECT indexrelid::regclass AS index, indisvalid AS valid, indisunique AS is_unique FROM pg_index
  WHERE indrelid IN (SELECT oid FROM pg_class WHERE relname = 'posts') ORDER BY indexrelid::regclass::text;

-- Tables and indexes: the second statement leaves an INVALID index.
SELECT ashmig_add_migration(20260101000001, 'posts',
  'CREATE TABLE posts (a integer); INSERT INTO posts VALUES (1), (1);
   CREATE UNIQUE INDEX CONCURRENTLY posts_a ON posts (a);
   CREATE INDEX CONCURRENTLY posts_b ON posts (a)',
  'DROP INDEX CONCURRENTLY posts_b; SELECT public.switched(); DROP INDEX CONCURRENTLY posts_a; DROP TABLE posts',
  tenant => true, transactional => false);
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{org_1}');
CALL ashmig_wait();
TABLE progress;
TABLE indexes;
TRUNCATE org_1.posts;
-- nothing is changed where the transaction is rolled back
BEGIN;
SELECT schema_name, applied, status FROM ashmig_migrate_all(only_tenants => '{org_1}');
TABLE progress;
ROLLBACK;
TABLE progress;
TABLE indexes;
SELECT schema_name, applied, status FROM ashmig_migrate_all(atomic => true, only_tenants => '{org_1}');
TABLE progress;
TABLE indexes;

-- Likewise when it is rolled back: the first statement is done.
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{org_1}');
CALL ashmig_wait();
TABLE progress;
UPDATE switch SET works = true;
SELECT schema_name, applied, status FROM ashmig_rollback_tenants(atomic => true, only_tenants => '{org_1}');
TABLE progress;
SELECT to_regclass('org_1.posts');

-- An error counts the statements of the migration, whichever of them are run.
SELECT ashmig_remove_migration(20260101000001, tenant => true);
UPDATE switch SET works = false;
SELECT ashmig_add_migration(20260101000002, 'posts',
  'CREATE TABLE posts (a integer); SELECT public.switched(); CREATE INDEX CONCURRENTLY posts_a ON posts (a)',
  'DROP TABLE posts', tenant => true, transactional => false);
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT schema_name, applied, status FROM ashmig_migrate_all(atomic => true);
UPDATE switch SET works = true;
SELECT schema_name, applied, status FROM ashmig_migrate_all(atomic => true);
TABLE progress;
TABLE indexes;

-- The interrupted statement had done its work, but not yet said so.
SELECT ashmig_add_migration(20260101000003, 'index',
  'CREATE INDEX CONCURRENTLY posts_b ON posts (a); CREATE INDEX CONCURRENTLY posts_c ON posts (a)',
  'DROP INDEX CONCURRENTLY posts_c; DROP INDEX CONCURRENTLY posts_b', tenant => true, transactional => false);
CREATE INDEX posts_b ON org_1.posts (a);
INSERT INTO ashmig.partial_migrations VALUES ('org_1', '', 'tenant', 20260101000003, false, 0, true);
SELECT schema_name, applied, status FROM ashmig_migrate_all(atomic => true);
DROP INDEX org_2.posts_c;
INSERT INTO ashmig.partial_migrations VALUES ('org_2', '', 'tenant', 20260101000003, true, 0, true);
SELECT schema_name, applied, status FROM ashmig_rollback_tenants(atomic => true);
TABLE indexes;

-- Enums: the type has been made, so that the new value is added to it.
UPDATE switch SET works = false;
SELECT ashmig_add_migration(20260101000004, 'mood',
  $$CREATE TYPE mood AS ENUM ('sad'); ALTER TYPE mood ADD VALUE 'fine'; SELECT public.switched(); ALTER TYPE mood ADD VALUE 'happy'$$,
  'DROP TYPE mood', tenant => true, transactional => false);
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{org_1}');
CALL ashmig_wait();
UPDATE switch SET works = true;
SELECT schema_name, applied, status FROM ashmig_migrate_all(atomic => true);
SELECT enumtypid::regtype AS type, string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum GROUP BY 1 ORDER BY 1::text;
TABLE progress;

-- A migration that a schema has in part can go either way: applied again while it
-- is half rolled back, or rolled back while it is half applied; in the background
-- and in one transaction.  A version row stands for all of it.
SELECT count(*) FROM ashmig_rollback_tenants(all_versions => true, atomic => true, quiet => true);
SELECT ashmig_remove_migration(version, tenant => true) FROM ashmig.migrations ORDER BY version;
SELECT ashmig_add_migration(20260101000011, 'posts', 'CREATE TABLE posts (a integer, b integer)', 'DROP TABLE posts', tenant => true);
SELECT ashmig_add_migration(20260101000012, 'indexes',
  'CREATE INDEX CONCURRENTLY posts_a ON posts (a); SELECT public.switched(); CREATE INDEX CONCURRENTLY posts_b ON posts (b)',
  'DROP INDEX CONCURRENTLY posts_b; SELECT public.switched(); DROP INDEX CONCURRENTLY posts_a', tenant => true, transactional => false);
CREATE VIEW state AS
  SELECT t.schema_name, coalesce((SELECT string_agg(right(version::text, 2), ' ' ORDER BY version) FROM ashmig.versions AS v WHERE v.schema_name = t.schema_name), '') AS versions,
    coalesce((SELECT string_agg(right(version::text, 2) || CASE WHEN down THEN ' down ' ELSE ' up ' END || done, ' ') FROM ashmig.partial_migrations AS p WHERE p.schema_name = t.schema_name), '') AS partial,
    (SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = to_regclass(t.schema_name || '.posts')) AS indexes,
    (SELECT status FROM ashmig_status() AS s WHERE s.schema_name = t.schema_name)
  FROM ashmig.tenants AS t ORDER BY 1;

-- in the background: half rolled back, then applied
UPDATE switch SET works = true;
SELECT count(*) FROM ashmig_migrate_all(quiet => true);
CALL ashmig_wait();
UPDATE switch SET works = false;
SELECT count(*) FROM ashmig_rollback_tenants(only_tenants => '{org_1}', quiet => true);
CALL ashmig_wait();
TABLE state;
SELECT ashmig_remove_migration(20260101000012, tenant => true);
UPDATE switch SET works = true;
SELECT schema_name, status, error FROM ashmig_migrate_all(quiet => true);
CALL ashmig_wait();
TABLE state;

-- half applied, then rolled back with what it needs, and applied again
SELECT count(*) FROM ashmig_rollback_tenants(all_versions => true, quiet => true);
CALL ashmig_wait();
UPDATE switch SET works = false;
SELECT count(*) FROM ashmig_migrate_all(quiet => true);
CALL ashmig_wait();
TABLE state;
SELECT ashmig_remove_migration(20260101000012, tenant => true);
UPDATE switch SET works = true;
SELECT schema_name, status, error FROM ashmig_rollback_tenants(only_tenants => '{org_1}', quiet => true);
CALL ashmig_wait();
TABLE state;
SELECT schema_name, status, error FROM ashmig_rollback_tenants(step => 2, quiet => true);
CALL ashmig_wait();
TABLE state;
SELECT schema_name, status, error FROM ashmig_migrate_all(quiet => true);
CALL ashmig_wait();
TABLE state;

-- in one transaction: half rolled back, then applied
UPDATE switch SET works = false;
SELECT count(*) FROM ashmig_rollback_tenants(only_tenants => '{org_1}', quiet => true);
CALL ashmig_wait();
TABLE state;
SELECT ashmig_remove_migration(20260101000012, tenant => true);
UPDATE switch SET works = true;
SELECT schema_name, status, error FROM ashmig_migrate_all(quiet => true, atomic => true);
TABLE state;

-- half applied, then rolled back with what it needs, and applied again
SELECT count(*) FROM ashmig_rollback_tenants(all_versions => true, quiet => true, atomic => true);
UPDATE switch SET works = false;
SELECT count(*) FROM ashmig_migrate_all(quiet => true);
CALL ashmig_wait();
TABLE state;
SELECT ashmig_remove_migration(20260101000012, tenant => true);
UPDATE switch SET works = true;
SELECT schema_name, status, error FROM ashmig_rollback_tenants(only_tenants => '{org_1}', quiet => true, atomic => true);
TABLE state;
SELECT schema_name, status, error FROM ashmig_rollback_tenants(step => 2, quiet => true, atomic => true);
TABLE state;
SELECT schema_name, status, error FROM ashmig_migrate_all(quiet => true, atomic => true);
TABLE state;
