--
-- What PostgreSQL 15 can do, and 14 refuses (expected/version_15_1.out).
--
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_version_15 TEMPLATE :"home";
\c ashmig_version_15
SET client_min_messages = warning;
SET search_path = tools, public;
SET ashmig.workers = 0;
\set VERBOSITY terse
\pset format unaligned
\pset fieldsep ' | '
\pset tuples_only on

SELECT ashmig_create_tenant('t1');
CREATE FUNCTION step_parts(parts jsonb) RETURNS SETOF text
LANGUAGE sql AS $$
SELECT concat_ws(' | ', nullif(up, ''), nullif(down, ''))
  FROM planned(resource('posts', id(), attr('title', 'text'), attr('body', 'text')) || parts)
UNION ALL
SELECT lawful(resource('posts', id(), attr('title', 'text'), attr('body', 'text')) || parts)
$$;

-- NULLS NOT DISTINCT: an identity, a custom index
SELECT step_parts('{"identities": [{"name": "title", "index_name": "a", "keys": ["title"]}]}');
SELECT step_parts('{"identities": [{"name": "title", "index_name": "a", "keys": ["title"], "nils_distinct?": false}]}');
SELECT step_parts('{"custom_indexes": [{"fields": ["title"], "unique": true, "nulls_distinct": false, "include": ["body"], "name": "named one"}]}');
-- of two resources with different keys, the other one's key becomes an identity
SELECT count(*) FROM ashmig_apply(resource('keys', id('a'), attr('b', 'uuid')));
SELECT up FROM planned(jsonb_build_array(resource('keys', id('a'), attr('b', 'uuid')), resource('keys', attr('a', 'uuid'), id('b'))));

-- ON DELETE SET NULL of some columns
CREATE FUNCTION posts_of_users(rest jsonb) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  resource('users', id(), attr('number', 'integer')) || strategy('context')
    || jsonb '{"identities": [{"name": "both", "index_name": "users_both", "keys": ["id", "number"]}]}',
  resource('posts_of_users', id(), attr('author_number', 'integer'), ref('author_id', 'users.id', strategy('context') || rest))
    || strategy('context'))
$$;
SELECT count(*) FROM ashmig_apply(posts_of_users('{"on_delete": ["nilify", ["author_id"]], "match_with": {"author_number": "number"}}'));
SELECT table_name, name, definition FROM structure('t1') WHERE kind = 'constraint';
