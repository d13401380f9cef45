-- Tenants: created, renamed, dropped, also without ashmig.
\set VERBOSITY default
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_tenants TEMPLATE :"home";
\c ashmig_tenants
SET client_min_messages = warning;
SET search_path = tools, public;
CREATE FUNCTION context() RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT strategy('context') $$;

-- One tenant runs every migration, another is created afterwards: no difference.
SELECT count(*) FROM apply(resource('owners', id()));
SELECT ashmig_create_tenant('old') IS NULL AS "no version";
CREATE FUNCTION differs() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  n integer := (SELECT count(*) FROM ashmig.tenants);
BEGIN
  PERFORM ashmig_create_tenant('new' || n);
  RETURN QUERY SELECT difference('new', facts_of('old'), facts_of('new' || n));
  IF (SELECT array_agg((repo, version, checksum)::text ORDER BY version) FROM ashmig.versions WHERE schema_name = 'old')
     IS DISTINCT FROM (SELECT array_agg((repo, version, checksum)::text ORDER BY version) FROM ashmig.versions WHERE schema_name = 'new' || n)
     OR (SELECT array_agg((repo, version, applied)::text ORDER BY repo) FROM ashmig.schema_versions WHERE schema_name = 'old')
     IS DISTINCT FROM (SELECT array_agg((repo, version, applied)::text ORDER BY repo) FROM ashmig.schema_versions WHERE schema_name = 'new' || n) THEN
    RETURN NEXT 'the versions differ';
  END IF;
END
$$;
-- Compiled from the newest state or replayed?  Only a replayed migration has a duration.
CREATE FUNCTION how(tenant text) RETURNS text LANGUAGE sql AS $$
SELECT CASE WHEN count(*) = count(elapsed) THEN 'replayed' WHEN count(elapsed) = 0 THEN 'compiled' ELSE 'mixed' END
  FROM ashmig.versions WHERE schema_name = tenant
$$;
SELECT * FROM apply(resource('posts', id(), attr('title', 'text'), ref('owner_id', 'owners.id')) || context()
  || '{"custom_indexes": [{"fields": ["title"], "concurrently": true}], "check_constraints": [{"name": "no_empty", "attribute": "title", "check": "title <> ''''"}]}');
SELECT * FROM differs();
-- serials, statements, identities, a reference inside the tenant
SELECT * FROM apply(jsonb_build_array(
  resource('posts', id(), attr('title', 'text'), ref('owner_id', 'owners.id'), attr('n', 'bigint')) || context()
  || '{"identities": [{"name": "title", "keys": ["title"]}], "custom_statements": [{"name": "v", "up": "CREATE VIEW \"#{prefix()}\".v AS SELECT id FROM \"#{prefix()}\".posts", "down": "DROP VIEW \"#{prefix()}\".v"}]}',
  resource('notes', id('id', 'bigint') , ref('post_id', 'posts.id', '{"multitenancy": {"strategy": "context", "attribute": null, "global": false}}')) || context()));
SELECT * FROM differs();
-- renames of a column and of a table; a column is dropped, another changes its type
SELECT * FROM apply(resource('posts', id(), attr('subject', 'text'), ref('owner_id', 'owners.id'), attr('n', 'text')) || context(),
  '[{"table": "posts", "column": "title", "to": "subject"}]');
SELECT * FROM differs();
SELECT * FROM apply(jsonb_build_array(resource('articles', id(), attr('subject', 'text'), ref('owner_id', 'owners.id')) || context(),
    resource('owners', id()),
    resource('notes', id('id', 'bigint') , ref('post_id', 'articles.id', '{"multitenancy": {"strategy": "context", "attribute": null, "global": false}}')) || context()),
  '[{"table": "posts", "to": "articles"}]', drop_tables => true);
SELECT * FROM differs();
SELECT how('new4');

-- Hand-written migrations: covered by the snapshots, then not
SELECT ashmig_add_migration(NULL, 'more', 'UPDATE @tenant@.articles SET subject = ''x''', '', tenant => true, covered => true) > 0 AS ok;
SELECT schema_name, applied, status FROM ashmig_migrate_all(only_tenants => '{old}');
SELECT * FROM differs();
SELECT how('new5');
SELECT ashmig_add_migration(NULL, 'more', 'CREATE TABLE @tenant@.extra (id int)', 'DROP TABLE @tenant@.extra', tenant => true) > 0 AS ok;
SELECT schema_name, applied, status FROM ashmig_migrate_all(only_tenants => '{old}');
SELECT * FROM differs();
SELECT how('new6');
SELECT ashmig_drop_tenant(schema_name, true) FROM ashmig_all_tenants();

-- In the transaction that generated its migrations, and after that is rolled back
BEGIN;
SELECT count(*) FROM ashmig_generate(jsonb_build_array(resource('late', id()) || context()), name => 'late');
SELECT ashmig_create_tenant('t1') > 0 AS created;
SELECT to_regclass('t1.late');
ROLLBACK;
SELECT ashmig_create_tenant('t1') > 0 AS created;
SELECT to_regclass('t1.late'), to_regclass('t1.articles');

-- Valid and invalid names
SELECT n, ashmig_create_tenant(n) > 0 AS created FROM unnest(ARRAY['a-b', '9lives', 'Upper', repeat('x', 63), '-', '_', 'select']) AS n;
SELECT ashmig_create_tenant(repeat('x', 64));
SELECT ashmig_create_tenant('');
SELECT ashmig_create_tenant('a b');
SELECT ashmig_create_tenant('a"b');
SELECT ashmig_create_tenant('é');
SELECT ashmig_create_tenant('pg_x');
SELECT ashmig_create_tenant('public');
SELECT ashmig_create_tenant('ashmig');
SELECT ashmig_create_tenant(E'a\n');
SELECT count(*) FROM pg_class WHERE relname = 'articles';

-- An existing schema: a tenant, one with tables, an empty one, another role's
SELECT ashmig_create_tenant('t1');
CREATE SCHEMA other;
CREATE TABLE other.t ();
SELECT ashmig_create_tenant('other');
CREATE SCHEMA empty;
SELECT ashmig_create_tenant('empty') > 0 AS created;
CREATE ROLE ashmig_owner;
GRANT CREATE ON DATABASE ashmig_tenants TO ashmig_owner;
CREATE ROLE ashmig_squatter;
CREATE SCHEMA squatted AUTHORIZATION ashmig_squatter;
GRANT USAGE, CREATE ON SCHEMA squatted TO ashmig_owner;
GRANT USAGE ON SCHEMA ashmig, tools, public TO ashmig_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ashmig TO ashmig_owner;
GRANT EXECUTE ON FUNCTION ashmig_create_tenant, ashmig_manage_tenant TO ashmig_owner;
GRANT REFERENCES ON owners TO ashmig_owner;
SET ROLE ashmig_owner;
SELECT ashmig_create_tenant('squatted');
SELECT ashmig_create_tenant('mine') > 0 AS created;
RESET ROLE;

-- Renaming
SELECT ashmig_rename_tenant('a-b', 'B-a');
SELECT ashmig_rename_tenant('a-b', 'c');
SELECT ashmig_rename_tenant('B-a', 'other');
SELECT ashmig_rename_tenant('B-a', 't1');
SELECT ashmig_rename_tenant('B-a', 'c"');
SELECT ashmig_rename_tenant('B-a', 'B-a');
SELECT schema_name, applied FROM ashmig.schema_versions WHERE schema_name = 'B-a' ORDER BY applied;
SELECT count(*) FROM ashmig_migrate_all();

-- ALTER SCHEMA and DROP SCHEMA
ALTER SCHEMA "B-a" RENAME TO elsewhere;
DROP SCHEMA "9lives" CASCADE;
SELECT schema_name, status, error FROM ashmig_status() WHERE status <> 'current';
SELECT schema_name, registered, schema_exists FROM ashmig_all_tenants() WHERE NOT schema_exists;
SELECT ashmig_create_tenant('9lives');
SELECT ashmig_add_migration(NULL, 'next', 'CREATE TABLE @tenant@.next (id int)', 'DROP TABLE @tenant@.next', tenant => true) > 0 AS ok;
SELECT schema_name, applied, status FROM ashmig_migrate_all();
SELECT ashmig_rename_tenant('9lives', 'ten');
SELECT ashmig_rename_tenant('B-a', 'elsewhere');
SELECT ashmig_drop_tenant('9lives');
SELECT schema_name, applied, status FROM ashmig_migrate_all();
SELECT schema_name, status, error FROM ashmig_status() WHERE status <> 'current';

-- Dropping
SELECT ashmig_drop_tenant('elsewhere');
SELECT ashmig_drop_tenant('elsewhere', true);
SELECT ashmig_drop_tenant('elsewhere', true);
SELECT ashmig_drop_tenant('other', true);
SELECT count(*) FROM ashmig.versions WHERE schema_name = 'elsewhere';
CALL ashmig_drop_tenant_serial('Upper', 1);
CALL ashmig_drop_tenant_serial('Upper');
CALL ashmig_drop_tenant_serial('t1', 0);
BEGIN;
CALL ashmig_drop_tenant_serial('t1');
ROLLBACK;
SELECT nspname FROM pg_namespace WHERE nspname IN ('Upper', 'elsewhere', '9lives');

-- Listed by a query: the source of each tenant, and one without a schema
CREATE TABLE orgs (slug text);
INSERT INTO orgs VALUES ('t1'), ('ghost'), (NULL);
SELECT ashmig_set_all_tenants('SELECT slug FROM tools.orgs');
SELECT * FROM ashmig_all_tenants();
SELECT schema_name, status FROM ashmig_migrate_all();
SELECT schema_name, status FROM ashmig_status() WHERE status <> 'current';
BEGIN;
CALL ashmig_create_missing_tenants();
ROLLBACK;
SET client_min_messages = notice;
CALL ashmig_create_missing_tenants();
CALL ashmig_create_missing_tenants();
SET client_min_messages = warning;
SELECT schema_name, schema_exists FROM ashmig_all_tenants() WHERE listed;
SELECT count(*) FROM ashmig_migrate_all();
INSERT INTO orgs VALUES ('a; DROP');
SELECT * FROM ashmig_all_tenants();
SELECT ashmig_set_all_tenants(NULL);

-- A hostile search path and hostile settings
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hostile'; END $$;
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, PROCEDURE = hostile.eq);
CREATE TEMP TABLE owners ();
SET search_path = hostile, pg_catalog, tools;
SET quote_all_identifiers = on;
SET standard_conforming_strings = off;
SET check_function_bodies = off;
SELECT ashmig_create_tenant('h1') > 0 AS created;
SELECT ashmig_rename_tenant('h1', 'h2');
SELECT ashmig_drop_tenant('h2', true);

\c :home
-- The query that lists tenants releases its locks before the migrations begin. A
-- temporary table does not replace the table that it reads.
CREATE DATABASE ashmig_listed;
\c ashmig_listed
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE TABLE orgs (name text);
INSERT INTO orgs VALUES ('org_1');
CREATE SCHEMA org_1;
SELECT ashmig_set_all_tenants('SELECT name FROM orgs');
SELECT ashmig_add_migration(20260101000001, 'orgs', 'ALTER TABLE orgs ADD rank integer', 'ALTER TABLE orgs DROP rank');
SELECT ashmig_add_migration(20260101000002, 'table', 'CREATE TABLE t ()', 'DROP TABLE t', tenant => true);
SELECT scope, schema_name, status FROM ashmig_migrate_all(lock_timeout => '100ms');
CREATE TEMPORARY TABLE orgs AS SELECT 'org_2'::text AS name;
SELECT schema_name FROM ashmig_all_tenants();
SELECT scope, schema_name, status FROM ashmig_rollback_tenants();
\c :home
DROP DATABASE ashmig_listed;
DROP DATABASE ashmig_tenants;
DROP ROLE ashmig_owner, ashmig_squatter;
