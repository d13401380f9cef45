--
-- Where names and texts are cut: between characters, in any encoding of the
-- database.
--
\set database ashmig_bytes
\i sql/include/opening.sql

-- Texts of ashmig's tables that are not valid in the database's encoding
CREATE FUNCTION broken() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  line record;
BEGIN
  FOR line IN SELECT 'snapshots' AS what, textsend(s::text) AS bytes FROM ashmig.snapshots AS s UNION ALL SELECT 'migrations', textsend(m::text) FROM ashmig.migrations AS m
    UNION ALL SELECT 'run_schemas', textsend(r::text) FROM ashmig.run_schemas AS r UNION ALL SELECT 'runs', textsend(r::text) FROM ashmig.runs AS r
    UNION ALL SELECT 'names', textsend(string_agg(s::text, ' ')) FROM everything() AS s UNION ALL SELECT 'schemas', textsend(string_agg(nspname, ' ')) FROM pg_namespace
    UNION ALL SELECT 'activity', textsend(a::text) FROM pg_stat_activity AS a
  LOOP
    BEGIN
      PERFORM convert_from(line.bytes, getdatabaseencoding());
    EXCEPTION WHEN character_not_in_repertoire THEN
      RETURN NEXT line.what;
    END;
  END LOOP;
END
$$;
CREATE FUNCTION long(prefix integer, letter text) RETURNS text LANGUAGE sql AS $$ SELECT repeat('x', prefix) || repeat(letter, 40) $$;

-- Every name of a table at each position of a character across the limit
CREATE FUNCTION long_names(prefix integer, letter text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('t' || long(prefix, letter), id('i' || long(prefix, letter), 'bigserial'), attr('a' || long(prefix, letter), 'text'),
         ref('r' || long(prefix, letter), '', jsonb_build_object('name', 'f' || long(prefix, letter), 'table', 't' || long(prefix, letter), 'destination_attribute', 'i' || long(prefix, letter), 'index?', true), type => 'bigint'))
    || jsonb_build_object('schema', 's' || long(prefix, letter),
      'identities', jsonb_build_array(jsonb_build_object('name', 'n' || long(prefix, letter), 'index_name', 'u' || long(prefix, letter), 'keys', jsonb_build_array('a' || long(prefix, letter)))),
      'custom_indexes', jsonb_build_array(jsonb_build_object('name', 'c' || long(prefix, letter), 'fields', jsonb_build_array('a' || long(prefix, letter)))),
      'check_constraints', jsonb_build_array(jsonb_build_object('name', 'k' || long(prefix, letter), 'check', 'true', 'attribute', '[]'::jsonb))))
$$;
SELECT prefix, letter, lawful(long_names(prefix, letter), drop_tables => true)
  FROM (VALUES (57, 'é'), (58, 'é'), (58, '☃'), (59, '☃'), (60, '😀'), (61, '😀')) AS c (prefix, letter);
SELECT broken();
SELECT DISTINCT octet_length(nspname) AS bytes FROM pg_namespace WHERE nspname LIKE 'sx%' ORDER BY 1;

-- Errors and activity of a run in workers, with long lines
SELECT ashmig_create_tenant('t1') IS NULL AS created;
SET ashmig.workers = 1;
CREATE FUNCTION fail(prefix integer) RETURNS text LANGUAGE sql AS $$ SELECT format('DO $x$ BEGIN RAISE EXCEPTION %L USING DETAIL = %1$L, HINT = %1$L; END $x$ /* %s */', repeat('y', prefix) || repeat('☃', 2000), repeat('é', 500)) $$;
SELECT ashmig_add_migration(20990101000000, long(0, '☃'), fail(0), tenant => true) > 0 AS added;
SELECT schema_name, status FROM ashmig_migrate_tenants(on_error => 'report');
SELECT ashmig_remove_migration(20990101000000, tenant => true);
SELECT ashmig_add_migration(20990101000000, long(1, '☃'), fail(1), tenant => true) > 0 AS added;
SELECT schema_name, status FROM ashmig_migrate_tenants(on_error => 'report');
SELECT ashmig_remove_migration(20990101000000, tenant => true);
SELECT ashmig_add_migration(20990101000000, long(2, '☃'), fail(2), tenant => true) > 0 AS added;
SELECT schema_name, status FROM ashmig_migrate_tenants(on_error => 'report');
SELECT ashmig_remove_migration(20990101000000, tenant => true);
SELECT count(*) FROM ashmig.run_schemas WHERE error LIKE '%☃%';
SELECT broken();
-- names that differ only after the limit are two
SELECT ashmig_set_all_tenants('SELECT repeat(''n'', 64) || i FROM generate_series(1, 2) AS i');
SELECT ashmig_add_migration(20990101000000, 'any', 'SELECT 1', tenant => true) > 0 AS added;
SELECT right(schema_name, 2), status FROM ashmig_migrate_all() ORDER BY 1;
SELECT ashmig_migrate_tenants(only_tenants => ARRAY[repeat('n', 64) || '3']);

-- Databases of other encodings: of one byte for each character, and of any bytes
CREATE DATABASE ashmig_bytes_latin1 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE ashmig_bytes_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
\set one '[{"table": "%1$s", "repo": "R", "multitenancy": {"strategy": "context", "attribute": null, "global": null}, "attributes": [{"source": "%1$s", "type": "text", "default": "\\"%1$s\\"", "primary_key?": true, "allow_nil?": false}]}]'
\c ashmig_bytes_latin1
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
SELECT ashmig_create_tenant('t1') IS NULL AS created;
SELECT status FROM ashmig_apply(format(:'one', repeat(chr(233), 62) || 'xyz')::jsonb);
SELECT relname = repeat(chr(233), 62) || 'x' AS cut FROM pg_class WHERE relnamespace = 't1'::regnamespace AND relkind = 'r';
SELECT count(*) FROM ashmig_check_migrations();
SELECT status FROM ashmig_rollback_tenants();
-- a character that the encoding lacks
\set VERBOSITY sqlstate
SELECT status FROM ashmig_apply('[{"table": "\u2603", "repo": "R", "attributes": []}]');
\set VERBOSITY default
\c ashmig_bytes_ascii
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
SELECT ashmig_create_tenant('t1') IS NULL AS created;
SELECT status FROM ashmig_apply(format(:'one', repeat(E'\xC3\xA9', 40))::jsonb);
SELECT relname = left(repeat(E'\xC3\xA9', 40), 63) AS cut FROM pg_class WHERE relnamespace = 't1'::regnamespace AND relkind = 'r';
SELECT count(*) FROM ashmig_check_migrations();
SELECT status FROM ashmig_rollback_tenants();

\c :home
DROP DATABASE ashmig_bytes;
DROP DATABASE ashmig_bytes_latin1;
DROP DATABASE ashmig_bytes_ascii;
