-- Extensions, and ash-functions in all its versions.
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_extensions;
\c ashmig_extensions
SET client_min_messages = warning;
CREATE EXTENSION ashmig;

CREATE FUNCTION ash_functions() RETURNS TABLE (name text, volatility "char", safe "char", config text[], source text)
LANGUAGE sql AS $$
SELECT oid::regprocedure::text, provolatile, proparallel, proconfig, substring(prosrc from '''([^'']*%)')
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND (proname LIKE 'ash\_%' AND proname <> 'ash_functions' OR proname LIKE 'uuid%')
ORDER BY oid::regprocedure::text COLLATE "C"
$$;

-- Existing objects stay: an extension, and a function of the same name
CREATE EXTENSION ltree;
CREATE FUNCTION uuid_generate_v7() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()';

SELECT name FROM ashmig_install_extensions('{citext,ltree,citext}');
SELECT name FROM ashmig_install_extensions('{ltree,citext}');
SELECT name FROM ashmig_install_extensions('{ltree,hstore,citext}');
SELECT name, kind, up, down FROM ashmig.migrations ORDER BY version;
SELECT status, applied FROM ashmig_migrate();
SELECT extname FROM pg_extension ORDER BY extname;
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT extname FROM pg_extension ORDER BY extname;

-- From each version to the next, and back to none
SELECT name FROM ashmig_install_extensions('{ash-functions}', 1);
SELECT name FROM ashmig_install_extensions('{ash-functions}', 1);
SELECT name FROM ashmig_install_extensions('{ash-functions}', 2);
SELECT name FROM ashmig_install_extensions('{ash-functions}', 3);
SELECT name FROM ashmig_install_extensions('{ash-functions}', 4);
SELECT name FROM ashmig_install_extensions('{ash-functions}', 5);
SELECT name FROM ashmig_install_extensions('{ash-functions}');
SELECT name FROM ashmig_install_extensions('{ash-functions}', 3);
SELECT name FROM ashmig_install_extensions('{ash-functions}', 7);
SELECT name FROM ashmig_install_extensions('{ash-functions}', 0);
SELECT name FROM ashmig_install_extensions('{citext,""}');
SELECT status, applied FROM ashmig_migrate();
SELECT * FROM ash_functions();
SELECT status FROM ashmig_rollback();
SELECT status FROM ashmig_rollback();
SELECT * FROM ash_functions() WHERE name LIKE 'ash_r%';
SELECT status FROM ashmig_rollback();
SELECT prosrc FROM pg_proc WHERE proname = 'uuid_generate_v7';
SELECT status FROM ashmig_rollback();
SELECT * FROM ash_functions() WHERE name LIKE 'ash_r%';
SELECT status FROM ashmig_rollback();
SELECT name FROM ash_functions();
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT name FROM ash_functions();
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;

-- Installing the newest version at once gives the same result
SELECT name FROM ashmig_install_extensions('{ash-functions}');
SELECT status, applied FROM ashmig_migrate();
SELECT md5(string_agg(f::text, ',')) AS at_once FROM ash_functions() f \gset
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;
SELECT count(*) FROM generate_series(1, 6) v, ashmig_install_extensions('{ash-functions}', v);
SELECT status, applied FROM ashmig_migrate();
SELECT md5(string_agg(f::text, ',')) = :'at_once' AS same FROM ash_functions() f;

-- What they do, whatever search_path is
SET search_path = '';
SELECT public.ash_elixir_or(true, false), public.ash_elixir_or(NULL::boolean, true), public.ash_elixir_or(false, false),
  public.ash_elixir_or(NULL::text, 'b'::text), public.ash_elixir_or(1, 2.5);
SELECT public.ash_elixir_and(true, false), public.ash_elixir_and(NULL::boolean, true), public.ash_elixir_and(false, true),
  public.ash_elixir_and('a'::text, 'b'::text), public.ash_elixir_and(NULL::integer, 2.5);
SELECT "array", public.ash_trim_whitespace("array")
FROM (VALUES (NULL::text[]), ('{}'), ('{"",""}'), ('{"",a,"",b,""}'), ('{a}'), ('{"",NULL,""}')) v ("array");
SELECT public.ash_raise_error('{"input": 1}');
SELECT public.ash_raise_error('{"input": 1}', 1);
SELECT public.ash_raise_error(NULL, 'a'::text);
SELECT public.ash_required('given'::text, '{"input": 1}'), public.ash_required(ARRAY[1], '{}');
SELECT public.ash_required(NULL::integer, '{"field": "title"}');
SELECT count(DISTINCT id), bool_and(id > before) AS grow, bool_and(id::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]') AS format,
  bool_and(abs(extract(epoch FROM now()) * 1000 - ('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint) < 60000) AS now
FROM (SELECT id, lag(id) OVER (ORDER BY i) AS before
      FROM (SELECT i, public.uuid_generate_v7() AS id FROM generate_series(1, 1000) i) a) b;
RESET search_path;

-- In another default schema
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;
CREATE SCHEMA "my app";
SET ashmig.default_schema = 'my app';
SELECT name FROM ashmig_install_extensions('{ash-functions}');
SELECT status, applied FROM ashmig_migrate();
SELECT count(*) FROM pg_proc WHERE pronamespace = '"my app"'::regnamespace;
SELECT status, applied FROM ashmig_rollback();
SELECT count(*) FROM pg_proc WHERE pronamespace = '"my app"'::regnamespace;
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;
RESET ashmig.default_schema;

-- A name that is already in use
DROP FUNCTION uuid_generate_v7();
CREATE FUNCTION uuid_generate_v7() RETURNS text LANGUAGE sql AS 'SELECT 1';
SELECT name FROM ashmig_install_extensions('{ash-functions}');
SELECT name FROM ashmig_install_extensions('{ash-functions}', 3);
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;
DROP FUNCTION uuid_generate_v7();

-- A function that belongs to an extension is left alone
CREATE FUNCTION uuid_generate_v7() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()';
ALTER EXTENSION ltree ADD FUNCTION uuid_generate_v7();
SELECT name FROM ashmig_install_extensions('{ash-functions}');
SELECT count(*) FROM ashmig.migrations, unnest(up || down) AS u (statement) WHERE statement LIKE '%uuid_generate_v7%';
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;
DROP EXTENSION ltree;

-- The application's own modules are Elixir
SELECT name FROM ashmig_install_extensions('{demo-functions_v1,citext}');
SELECT ashmig_add_migration(1, 'install_demo-functions_v1_extension', 'SELECT 1', '');
SELECT name FROM ashmig_install_extensions('{demo-functions_v1,citext}');
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;

-- In a bundle, before the tables
\set bundle '{"extensions": {"installed": ["ash-functions", "citext"], "ash_functions_version": 5}, "snapshots": [{"table": "users", "repo": "Elixir.A.Repo", "attributes": [{"source": "id", "type": "uuid", "default": "fragment(\\"uuid_generate_v7()\\")", "primary_key?": true, "allow_nil?": false}, {"source": "email", "type": "citext", "allow_nil?": false}]}]}'
SELECT operation, subject FROM ashmig_plan(:'bundle');
SELECT ashmig_check(:'bundle');
SELECT scope, schema_name, applied, status FROM ashmig_apply(:'bundle', name => 'users');
SELECT repo, name, kind FROM ashmig.migrations ORDER BY version;
SELECT count(*) FROM ashmig_plan(:'bundle');
SELECT ashmig_check(:'bundle');
SELECT operation, subject FROM ashmig_plan('{"extensions": ["ash-functions", "citext", "hstore"]}');
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT extname FROM pg_extension ORDER BY extname;
SELECT count(*) FROM ash_functions();
SELECT count(ashmig_remove_migration(version, repo => repo)) FROM ashmig.migrations;

-- In a development migration, and in the named one that replaces it
SELECT scope, schema_name, applied, status FROM ashmig_apply(:'bundle', dev => true);
SELECT count(*) FROM ashmig_plan(:'bundle', dev => true);
SELECT scope, schema_name, applied, status FROM ashmig_apply(:'bundle', name => 'users');
SELECT name, dev, down[array_upper(down, 1)] AS last_down FROM ashmig.migrations ORDER BY version;
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT extname FROM pg_extension ORDER BY extname;
SELECT count(*) FROM ash_functions();

\c :home
DROP DATABASE ashmig_extensions;
