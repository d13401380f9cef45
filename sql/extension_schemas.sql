-- Types, functions and operator classes of extensions that lie in a schema of
-- their own are found when a generation is planned, and when it runs.
\set VERBOSITY default
CREATE DATABASE ashmig_extension_schemas;
\c ashmig_extension_schemas
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE SCHEMA extensions;
CREATE SCHEMA "More Extensions";
CREATE EXTENSION citext SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA "More Extensions";
CREATE FUNCTION users(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('table', 'users', 'attributes', '[{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false},
    {"source": "email", "type": "citext", "default": "\"nobody\""}, {"source": "tags", "type": ["array", "citext"]}]'::jsonb,
    'custom_indexes', '[{"fields": ["email"], "index_name": "similar", "using": "gin"}]'::jsonb) || more $$;
CREATE FUNCTION bundle(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('snapshots', jsonb_build_array(
    public.users(more || '{"custom_indexes": [{"fields": ["email gin_trgm_ops"], "name": "similar", "using": "gin"}],
      "check_constraints": [{"name": "close", "check": "similarity(email::text, ''x'') < 2"}],
      "multitenancy": {"strategy": "context"}}'),
    jsonb_build_object('table', 'admins', 'attributes', '[{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false},
      {"source": "email", "type": "citext"}]'::jsonb)),
    'extensions', '{"installed": ["citext", "pg_trgm", "hstore"]}'::jsonb) $$;
CREATE VIEW columns AS
  SELECT attrelid::regclass AS relation, attname, format_type(atttypid, atttypmod), pg_get_expr(adbin, adrelid) AS "default"
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attnum > 1 AND relname IN ('users', 'admins') AND relkind = 'r' ORDER BY attrelid::regclass::text, attnum;
SELECT ashmig_create_tenant('t1');

-- They are known to the database, whatever the session looks for
SELECT scope, operation, up FROM ashmig_plan(bundle() - 'extensions');
SET search_path = pg_catalog;
SELECT count(*) > 0 AS planned FROM public.ashmig_plan(public.bundle() - 'extensions');
RESET search_path;

-- Extensions that are there stay where they lie; one that is not goes to the default schema
SELECT scope, schema_name, status FROM ashmig_apply(bundle(), name => 'users');
SELECT extname, extnamespace::regnamespace FROM pg_extension WHERE extname IN ('citext', 'pg_trgm', 'hstore') ORDER BY 1;
SELECT * FROM columns;
SELECT ashmig_create_tenant('t2') > 0 AS created;
SELECT DISTINCT replace(pg_get_indexdef(indexrelid), indrelid::regclass::text, 'users') FROM pg_index
  WHERE indrelid IN ('t1.users'::regclass, 't2.users'::regclass) AND NOT indisprimary;
SELECT DISTINCT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'close';
-- again: nothing
SELECT count(*) FROM ashmig_plan(bundle());
-- a tenant's schema is not looked at
CREATE EXTENSION ltree SCHEMA t1;
SELECT scope, operation FROM ashmig_plan('[{"table": "admins", "attributes": [{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false},
  {"source": "email", "type": "citext"}, {"source": "path", "type": "ltree"}]}]');
-- in the background, in the session, and back
SELECT ashmig_add_migration(NULL, 'concurrent', $$CREATE INDEX CONCURRENTLY more ON users USING gin ((email::text) gin_trgm_ops)$$,
  'DROP INDEX more', transactional => false, tenant => true) > 0 AS recorded;
SELECT count(*) > 0 AS running FROM ashmig_migrate_all();
CALL ashmig_wait();
CALL ashmig_migrate_all_serial();
SELECT ashmig_add_migration(NULL, 'path', $$CREATE TABLE seen AS SELECT current_setting('search_path') AS path$$,
  'DROP TABLE seen', tenant => true) > 0 AS recorded;
SELECT schema_name, status FROM ashmig_migrate_all(atomic => true);
SELECT path FROM t1.seen UNION SELECT path FROM t2.seen ORDER BY 1;

-- Nothing in the schema of an extension comes before the application's own
CREATE DOMAIN extensions.short AS text;
CREATE DOMAIN public.short AS varchar(5);
SELECT scope, schema_name, status FROM ashmig_apply('[{"table": "admins", "attributes": [{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false},
  {"source": "email", "type": "citext"}, {"source": "nick", "type": "short"}]}]', name => 'nick');
SELECT * FROM columns WHERE attname = 'nick';
-- One that is renamed is found by its new name
ALTER SCHEMA extensions RENAME TO "ext";
SELECT ashmig_create_tenant('t3') > 0 AS created;
SELECT path FROM t3.seen;
-- Nor is a schema looked at that somebody else could fill
CREATE ROLE ashmig_stranger;
CREATE SCHEMA strange AUTHORIZATION ashmig_stranger;
CREATE EXTENSION unaccent SCHEMA strange;
SELECT ashmig_create_tenant('t4') > 0 AS created;
SELECT path FROM t4.seen;

-- Back
SELECT count(*) FROM ashmig_rollback_tenants(step => 2, only_tenants => '{t1,t2}');
CALL ashmig_wait();
SELECT DISTINCT relation FROM columns;

\c postgres
DROP DATABASE ashmig_extension_schemas;
DROP ROLE ashmig_stranger;
