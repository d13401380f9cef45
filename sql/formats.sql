--
-- Older formats: what AshPostgres has written since 2022 means the same as today's
-- spelling of it.
--
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_formats;
\c ashmig_formats
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
\pset format unaligned
\pset tuples_only on

-- No row if both give the same structure; otherwise the difference.
CREATE FUNCTION pg_temp.same(old jsonb, new jsonb) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT 'down: ' || (operation->>'up') FROM ashmig_operations(new, old) AS operation
	UNION ALL
	SELECT 'up: ' || (operation->>'up') FROM ashmig_operations(old, new) AS operation
$$;
-- A table "posts" with these attributes and other members
CREATE FUNCTION pg_temp.posts(attributes text, other text DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
	SELECT jsonb_build_object('table', 'posts', 'attributes', attributes::jsonb) || other::jsonb
$$;
CREATE FUNCTION pg_temp.reference(members text) RETURNS jsonb
LANGUAGE sql AS $$
	SELECT pg_temp.posts(format('[{"source": "user_id", "type": "uuid", "references": %s}]', members))
$$;

-- Missing keys have defaults
SELECT pg_temp.same(
	'{"table": "posts", "attributes": [{"source": "id", "type": "uuid"}]}',
	'{"table": "posts", "schema": null, "repo": null, "hash": "ABC", "base_filter": null, "has_create_action": true,
	  "create_table_options": null, "drop_table_opted_out": false, "identities": [], "custom_indexes": [],
	  "custom_statements": [], "check_constraints": [],
	  "multitenancy": {"attribute": null, "global": null, "strategy": null},
	  "attributes": [{"source": "id", "type": "uuid", "allow_nil?": true, "default": "nil", "generated?": false,
		"precision": null, "primary_key?": false, "references": null, "scale": null, "size": null}]}');
SELECT pg_temp.same(
	'{"table": "posts", "attributes": [{"source": "id", "type": "uuid"}]}',
	'{"table": "posts", "attributes": [{"source": "id", "type": "uuid", "default": null}], "identities": null,
	  "custom_indexes": null, "custom_statements": null, "check_constraints": null, "multitenancy": null}');

-- One snapshot, a list, a bundle
SELECT pg_temp.same('[{"table": "posts", "attributes": [{"source": "id", "type": "uuid"}]}]',
	'{"table": "posts", "attributes": [{"source": "id", "type": "uuid"}]}');
SELECT pg_temp.same('[{"table": "posts", "attributes": [{"source": "id", "type": "uuid"}]}]',
	'{"snapshots": [{"table": "posts", "attributes": [{"source": "id", "type": "uuid"}]}]}');

-- Attributes: "name" is now "source", which wins if both are given
SELECT pg_temp.same(pg_temp.posts('[{"name": "title", "type": "text"}]'),
	pg_temp.posts('[{"source": "title", "type": "text"}]'));
SELECT pg_temp.same(pg_temp.posts('[{"name": "title", "source": "headline", "type": "text"}]'),
	pg_temp.posts('[{"source": "title", "type": "text"}]'));
SELECT pg_temp.same(pg_temp.posts('[{"source": "data", "type": ["map", {"fields": 1}]}]'),
	pg_temp.posts('[{"source": "data", "type": "map"}]'));

-- References
SELECT pg_temp.same(
	pg_temp.reference('{"table": "users", "destination_field": "id", "destination_field_default": "nil", "destination_field_generated": false}'),
	pg_temp.reference('{"table": "users", "destination_attribute": "id", "destination_attribute_default": null, "destination_attribute_generated": null,
		"name": "posts_user_id_fkey", "schema": null, "on_delete": null, "on_update": "nothing", "match_with": null, "match_type": null,
		"match_tenant?": false, "deferrable": false, "index?": false, "index_where": null, "ignore?": false, "primary_key?": true,
		"multitenancy": {"attribute": null, "global": null, "strategy": null}}'));
SELECT pg_temp.same(
	pg_temp.reference('{"table": "users", "destination_attribute": "id", "name": "_owner"}'),
	pg_temp.reference('{"table": "users", "destination_attribute": "id", "name": "posts_owner"}'));
SELECT pg_temp.same(
	pg_temp.reference('{"table": "users", "destination_attribute": "id", "ignore": true}'),
	pg_temp.reference('{"table": "users", "destination_attribute": "id", "ignore?": true}'));
SELECT pg_temp.same(
	pg_temp.reference('{"table": "users", "destination_attribute": "id", "ignore?": true}'),
	pg_temp.posts('[{"source": "user_id", "type": "uuid"}]'));

-- Identities: bare keys, derived names; an expression has a parenthesis
SELECT pg_temp.same(
	pg_temp.posts('[{"source": "title", "type": "text"}]', '{"identities": [{"name": "title", "keys": ["title"]}]}'),
	pg_temp.posts('[{"source": "title", "type": "text"}]', '{"identities": [{"name": "title", "index_name": "posts_title_unique_index",
		"keys": [{"type": "atom", "value": "title"}], "all_tenants?": false, "base_filter": null, "nils_distinct?": true, "where": null}]}'));
SELECT pg_temp.same(
	pg_temp.posts('[{"source": "title", "type": "text"}]', '{"identities": [{"name": "title", "keys": ["(lower(title))"]}]}'),
	pg_temp.posts('[{"source": "title", "type": "text"}]', '{"identities": [{"name": "title", "keys": [{"type": "string", "value": "(lower(title))"}]}]}'));

-- Custom indexes: bare fields; a plain name is a column
SELECT pg_temp.same(
	pg_temp.posts('[{"source": "title", "type": "text"}]', '{"custom_indexes": [{"fields": ["title"]}]}'),
	pg_temp.posts('[{"source": "title", "type": "text"}]', '{"custom_indexes": [{"fields": [{"type": "atom", "value": "title"}], "table": null,
		"name": null, "unique": false, "concurrently": false, "using": null, "prefix": null, "where": null, "include": null, "message": null,
		"error_fields": ["title"], "nulls_distinct": true, "all_tenants?": false, "include_base_filter?": true}]}'));
-- A printed key: columns in quotes, SQL as it is
SELECT operation->'up'->>0 FROM ashmig_operations('[]', pg_temp.posts(
	'[{"source": "Title", "type": "text"}, {"source": "two words", "type": "text"}, {"source": "user", "type": "text"}]',
	'{"custom_indexes": [
		{"name": "a", "fields": ["Title"]},
		{"name": "b", "fields": [{"type": "string", "value": "two words"}]},
		{"name": "c", "fields": ["user"]},
		{"name": "d", "fields": ["lower(\"Title\")"]},
		{"name": "e", "fields": ["\"Title\" text_pattern_ops"]},
		{"name": "f", "fields": [{"type": "atom", "value": "f(x)"}]},
		{"name": "g", "fields": [{"type": "directed", "order": "desc", "value": "Title"}]},
		{"name": "h", "fields": [{"type": "directed", "order": "asc_nulls_first", "value": "lower(\"Title\")"}]}]}')) AS operation
WHERE operation->>'operation' LIKE '%index%';

-- Checks: one attribute or a list
SELECT pg_temp.same(
	pg_temp.posts('[{"source": "price", "type": "integer"}]', '{"check_constraints": [{"name": "positive", "check": "price > 0", "attribute": "price"}]}'),
	pg_temp.posts('[{"source": "price", "type": "integer"}]', '{"check_constraints": [{"name": "positive", "check": "price > 0", "attribute": ["price"], "base_filter": null}]}'));

\c :home
DROP DATABASE ashmig_formats;
