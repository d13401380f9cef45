--
-- Bad input: one error each, with a SQLSTATE of class MG, the JSON path and a
-- hint, and nothing recorded.
--
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_errors;
\c ashmig_errors
SET client_min_messages = notice;
CREATE EXTENSION ashmig;
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION pg_temp.refused(snapshots text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	PERFORM ashmig_operations('[]', snapshots::jsonb);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', sqlstate || ': ' || message, nullif(detail, ''), nullif(hint, ''));
END $$;

-- A part of a snapshot, inside a valid one
CREATE FUNCTION pg_temp.refused(part text, body text) RETURNS text
LANGUAGE sql AS $$
	SELECT pg_temp.refused((jsonb '{"table": "posts", "attributes": [{"source": "id", "type": "uuid"}]}'
		|| jsonb_build_object(part, body::jsonb))::text)
$$;
CREATE FUNCTION pg_temp.refused_attribute(members text) RETURNS text
LANGUAGE sql AS $$
	SELECT pg_temp.refused('attributes', jsonb_build_array(jsonb '{"source": "title", "type": "text"}' || members::jsonb)::text)
$$;
CREATE FUNCTION pg_temp.refused_reference(members text) RETURNS text
LANGUAGE sql AS $$
	SELECT pg_temp.refused_attribute(jsonb_build_object('references',
		jsonb '{"table": "users", "destination_attribute": "id"}' || members::jsonb)::text)
$$;

-- The argument itself
SELECT pg_temp.refused('null');
SELECT pg_temp.refused('3');
SELECT pg_temp.refused('"posts"');
SELECT pg_temp.refused('[3]');
SELECT pg_temp.refused('[[]]');
SELECT pg_temp.refused('{}');
SELECT pg_temp.refused('{"snapshots": 3}');
SELECT pg_temp.refused('{"snapshots": {"table": "posts"}}');
SELECT pg_temp.refused('{"snapshots": [], "extensions": 3}');
SELECT pg_temp.refused('{"snapshots": [], "extensions": [3]}');
SELECT pg_temp.refused('{"snapshots": [], "extensions": {"installed": "citext"}}');
SELECT pg_temp.refused('{"snapshots": [], "extensions": {"installed": [""]}}');
SELECT pg_temp.refused('{"extensions": {"ash_functions_version": 1.5}}');
SELECT pg_temp.refused('[{"table": "a", "attributes": []}, {"table": "b", "attributes": [{"source": "id"}]}]');
SELECT pg_temp.refused('{"snapshots": [{"table": "a", "attributes": [null]}]}');
SELECT pg_temp.refused('{"files": ["repo/a/1.json"], "snapshots": [{"table": "a"}]}');

-- The snapshot
SELECT pg_temp.refused('{"attributes": []}');
SELECT pg_temp.refused('{"table": "posts"}');
SELECT pg_temp.refused('{"table": "", "attributes": []}');
SELECT pg_temp.refused('{"table": 3, "attributes": []}');
SELECT pg_temp.refused('{"table": "posts", "attributes": {}}');
SELECT pg_temp.refused('schema', '5');
SELECT pg_temp.refused('schema', '""');
SELECT pg_temp.refused('repo', '["Elixir.Repo"]');
SELECT pg_temp.refused('base_filter', 'true');
SELECT pg_temp.refused('has_create_action', '"true"');
SELECT pg_temp.refused('drop_table_opted_out', '0');
SELECT pg_temp.refused('multitenancy', '"context"');
SELECT pg_temp.refused('multitenancy', '{"strategy": "schema"}');
SELECT pg_temp.refused('multitenancy', '{"strategy": "attribute", "attribute": null}');
SELECT pg_temp.refused('multitenancy', '{"strategy": "attribute", "attribute": ""}');
SELECT pg_temp.refused('multitenancy', '{"strategy": null, "global": "yes"}');
SELECT pg_temp.refused('create_table_options', '["x"]');
SELECT pg_temp.refused('create_table_options', '"; DROP TABLE posts"');
SELECT pg_temp.refused('create_table_options', '"PARTITION BY"');
SELECT pg_temp.refused('identities', '{}');
SELECT pg_temp.refused('custom_indexes', '"title"');
SELECT pg_temp.refused('check_constraints', '[3]');
SELECT pg_temp.refused('custom_statements', 'true');

-- Attributes
SELECT pg_temp.refused('attributes', '[{"type": "text"}]');
SELECT pg_temp.refused('attributes', '[{"source": "title"}]');
SELECT pg_temp.refused('attributes', '[{"source": "a", "type": "text"}, {"source": "a", "type": "uuid"}]');
SELECT pg_temp.refused_attribute('{"source": ""}');
SELECT pg_temp.refused_attribute('{"source": 7}');
SELECT pg_temp.refused_attribute('{"type": ""}');
SELECT pg_temp.refused_attribute('{"type": 5}');
SELECT pg_temp.refused_attribute('{"type": {}}');
SELECT pg_temp.refused_attribute('{"type": []}');
SELECT pg_temp.refused_attribute('{"type": ["array"]}');
SELECT pg_temp.refused_attribute('{"type": ["array", "text", "text"]}');
SELECT pg_temp.refused_attribute('{"type": ["array", 5]}');
SELECT pg_temp.refused_attribute('{"type": "text; DROP TABLE posts"}');
SELECT pg_temp.refused_attribute('{"type": "text NOT NULL"}');
SELECT pg_temp.refused_attribute('{"type": "text --"}');
SELECT pg_temp.refused_attribute('{"type": "SETOF text"}');
SELECT pg_temp.refused_attribute('{"type": "posts.title%TYPE"}');
SELECT pg_temp.refused_attribute('{"size": "255"}');
SELECT pg_temp.refused_attribute('{"size": 1.5}');
SELECT pg_temp.refused_attribute('{"size": -1}');
SELECT pg_temp.refused_attribute('{"precision": 1e20}');
SELECT pg_temp.refused_attribute('{"scale": []}');
SELECT pg_temp.refused_attribute('{"allow_nil?": "false"}');
SELECT pg_temp.refused_attribute('{"generated?": 1}');
SELECT pg_temp.refused_attribute('{"primary_key?": {}}');
SELECT pg_temp.refused_attribute('{"default": 5}');
SELECT pg_temp.refused_attribute('{"default": ""}');
SELECT pg_temp.refused_attribute('{"default": "Foo.bar()"}');
SELECT pg_temp.refused_attribute('{"default": "\"#{x}\""}');
SELECT pg_temp.refused_attribute('{"default": "1 +"}');
SELECT pg_temp.refused_attribute('{"default": "\"open"}');
SELECT pg_temp.refused_attribute('{"default": "fragment(\"1) + (2\")"}');
SELECT pg_temp.refused_attribute('{"default": "fragment(\"1, 2\")"}');
SELECT pg_temp.refused_attribute('{"default": "fragment(\"\")"}');
SELECT pg_temp.refused_attribute('{"default": "fragment(\"now(\")"}');

-- References
SELECT pg_temp.refused_attribute('{"references": "users"}');
SELECT pg_temp.refused_attribute('{"references": {"destination_attribute": "id"}}');
SELECT pg_temp.refused_attribute('{"references": {"table": "users"}}');
SELECT pg_temp.refused_reference('{"name": ""}');
SELECT pg_temp.refused_reference('{"schema": 3}');
SELECT pg_temp.refused_reference('{"on_delete": "cascade"}');
SELECT pg_temp.refused_reference('{"on_delete": true}');
SELECT pg_temp.refused_reference('{"on_delete": ["nilify"]}');
SELECT pg_temp.refused_reference('{"on_delete": ["nilify", []]}');
SELECT pg_temp.refused_reference('{"on_delete": ["nilify", ["a", 3]]}');
SELECT pg_temp.refused_reference('{"on_delete": ["delete", ["a"]]}');
SELECT pg_temp.refused_reference('{"on_update": "delete"}');
SELECT pg_temp.refused_reference('{"match_type": "FULL"}');
SELECT pg_temp.refused_reference('{"match_with": ["a", "b"]}');
SELECT pg_temp.refused_reference('{"match_with": {"a": null}}');
SELECT pg_temp.refused_reference('{"match_with": {"a b": ""}}');
SELECT pg_temp.refused_reference('{"deferrable": "immediately"}');
SELECT pg_temp.refused_reference('{"index?": "yes"}');
SELECT pg_temp.refused_reference('{"index?": true, "index_where": "a; b"}');
SELECT pg_temp.refused_reference('{"multitenancy": {"strategy": "other"}}');

-- Identities and custom indexes
SELECT pg_temp.refused('identities', '[{"keys": ["id"]}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": []}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": "id"}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": [5]}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": [""]}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": [{"value": "id"}]}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": [{"type": "column", "value": "id"}]}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": ["lower(id"]}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": ["id"], "where": "a) OR (b"}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": ["id"], "base_filter": "a b"}]');
SELECT pg_temp.refused('identities', '[{"name": "unique", "keys": ["id"], "nils_distinct?": "no"}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": []}]');
SELECT pg_temp.refused('custom_indexes', '[{}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": ["id) WHERE (true"]}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": ["id, title"]}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": [{"type": "directed", "value": "id"}]}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": [{"type": "directed", "order": "down", "value": "id"}]}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": ["id"], "include": "title"}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": ["id"], "where": "; DROP TABLE posts"}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": ["id"], "name": ""}]');
SELECT pg_temp.refused('custom_indexes', '[{"fields": ["id"], "concurrently": 1}]');

-- Checks and statements
SELECT pg_temp.refused('check_constraints', '[{"name": "positive"}]');
SELECT pg_temp.refused('check_constraints', '[{"check": "true"}]');
SELECT pg_temp.refused('check_constraints', '[{"name": "positive", "check": "a > 0) OR (true"}]');
SELECT pg_temp.refused('check_constraints', '[{"name": "positive", "check": "a > 0 /*"}]');
SELECT pg_temp.refused('check_constraints', '[{"name": "positive", "check": "a > 0, b"}]');
SELECT pg_temp.refused('check_constraints', '[{"name": "positive", "check": "a > 0", "base_filter": "SELECT 1"}]');
SELECT pg_temp.refused('check_constraints', '[{"name": "positive", "check": "a > 0", "attribute": 3}]');
SELECT pg_temp.refused('custom_statements', '[{"name": "x", "up": "SELECT 1"}]');
SELECT pg_temp.refused('custom_statements', '[{"up": "SELECT 1", "down": ""}]');
SELECT pg_temp.refused('custom_statements', '[{"name": "x", "up": ["SELECT 1"], "down": ""}]');
SELECT pg_temp.refused('custom_statements', '[{"name": "x", "up": "alter(table(:posts))", "down": "", "code?": true}]');
SELECT pg_temp.refused('custom_statements', '[{"name": "x", "up": "SELECT 1", "down": "", "after_tables": "posts"}]');

-- Names and whole sets
SELECT pg_temp.refused('attributes', jsonb_build_array(
	jsonb_build_object('source', repeat('x', 63), 'type', 'text'),
	jsonb_build_object('source', repeat('x', 64), 'type', 'text'))::text);
SELECT pg_temp.refused('[{"table": "posts", "attributes": [{"source": "a", "type": "text"}]},
	{"table": "posts", "attributes": [{"source": "a", "type": "uuid"}]}]');

-- Unknown keys: one warning, and the result all the same
SELECT ashmig_operations('[]', '[
	{"table": "posts", "color": 1, "attributes": [{"source": "id", "type": "uuid", "hue": 1}, {"source": "a", "type": "text", "hue": 2}]},
	{"table": "users", "color": 2, "attributes": [{"source": "id", "type": "uuid", "odd key": null}]}]')->'up'->>0;

-- Nothing is recorded or changed
SELECT ashmig_apply('[{"table": "first", "attributes": [{"source": "id", "type": "uuid"}]}, {"table": "posts"}]', name => 'bad');
SELECT to_regclass('public.first'), (SELECT count(*) FROM ashmig.migrations), (SELECT count(*) FROM ashmig.snapshots);
\c :home
DROP DATABASE ashmig_errors;
