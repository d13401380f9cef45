\set ECHO none
--
-- What the tests of online forms share, after opening.sql: short ways to write
-- snapshots, and to see what a change has done.
--
SET ashmig.workers = 1;
SET ashmig.online_threshold = 0; -- what has a row is large
CREATE FUNCTION posts(VARIADIC attributes jsonb[]) RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource('posts', VARIADIC id() || attributes) || strategy('context') $$;
CREATE FUNCTION unique_on(name text, VARIADIC keys text[]) RETURNS jsonb
LANGUAGE sql AS $$ SELECT jsonb_build_object('identities', jsonb_build_array(jsonb_build_object('name', name, 'index_name', 'posts_' || name || '_index', 'nils_distinct?', true, 'keys', (SELECT jsonb_agg(jsonb_build_object('type', 'atom', 'value', key)) FROM unnest(keys) AS key)))) $$;
CREATE TABLE wanted (name text PRIMARY KEY, snapshots jsonb);
CREATE FUNCTION wanted(name text) RETURNS jsonb LANGUAGE sql AS $$ SELECT snapshots FROM wanted WHERE wanted.name = $1 $$;
CREATE VIEW history AS
  SELECT v.schema_name, string_agg(m.name, ', ' ORDER BY v.version) AS applied FROM ashmig.versions AS v JOIN ashmig.migrations AS m USING (repo, scope, version)
  WHERE scope = 'tenant' GROUP BY 1 ORDER BY 1;
CREATE VIEW partial AS SELECT schema_name, down, done, started FROM ashmig.partial_migrations ORDER BY 1;
-- where two schemas differ
CREATE FUNCTION differences(a text, b text) RETURNS TABLE (schema text, table_name name, kind text, name name, definition text) LANGUAGE sql AS $$
  (SELECT a, * FROM structure(a) EXCEPT SELECT a, * FROM structure(b)) UNION ALL (SELECT b, * FROM structure(b) EXCEPT SELECT b, * FROM structure(a)) $$;
\set ECHO all
