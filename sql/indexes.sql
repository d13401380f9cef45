--
-- Identities and custom indexes.
--
\set database ashmig_indexes
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
-- The index of an identity, or of a custom index, on a table with a tenant column
CREATE FUNCTION identity(rest jsonb, strategy text DEFAULT NULL) RETURNS SETOF text
LANGUAGE sql AS $$
SELECT replace(o #>> '{up,0}', 'CREATE ', '')
  FROM ashmig_operations('[]', resource('posts', id(), attr('title', 'text'), attr('Body', 'text'), attr('org_id', 'uuid'))
         || strategy(strategy, CASE strategy WHEN 'attribute' THEN 'org_id' END)
         || CASE WHEN rest ? 'of_table' THEN rest -> 'of_table' ELSE '{}' END
         || CASE WHEN rest ? 'fields' THEN jsonb_build_object('custom_indexes', jsonb_build_array(rest - 'of_table'))
                 ELSE jsonb_build_object('identities', jsonb_build_array(rest - 'of_table')) END) AS o
 WHERE o ->> 'operation' IN ('add_unique_index', 'add_custom_index')
$$;

-- Identities: keys
SELECT identity('{"name": "title", "index_name": "i", "keys": ["title"]}');
SELECT identity('{"name": "title", "keys": ["title", "Body"]}');
SELECT identity('{"name": "title", "keys": [{"type": "atom", "value": "title"}, {"type": "string", "value": "lower(title)"}]}');
SELECT identity('{"name": "title", "keys": [{"type": "string", "value": "Body"}, "lower(title)"]}');
-- the tenant's column
SELECT s, identity('{"name": "t", "keys": ["title"]}', s) FROM unnest(ARRAY[NULL, 'attribute', 'context']) AS s;
SELECT identity('{"name": "t", "keys": ["title"], "all_tenants?": true}', 'attribute');
SELECT identity('{"name": "t", "keys": ["title", "org_id"]}', 'attribute');
-- a string is not the atom of that name: to AshPostgres, the tenant's column is missing
SELECT identity('{"name": "t", "keys": ["title", {"type": "atom", "value": "org_id"}, "title"]}', 'attribute');
SELECT identity('{"name": "t", "keys": [{"type": "string", "value": "org_id"}, "title"]}', 'attribute');
SELECT identity('{"fields": [{"type": "atom", "value": "org_id"}, {"type": "atom", "value": "title"}]}', 'attribute');
SELECT identity('{"fields": [{"type": "string", "value": "org_id"}, {"type": "string", "value": "title"}]}', 'attribute');
SELECT identity('{"fields": ["title", "org_id", "title"]}', 'attribute');
SELECT identity('{"fields": ["title", "org_id", "title"], "name": "two titles"}');
SELECT identity('{"fields": [{"type": "directed", "order": "asc", "value": "org_id"}, "title"]}', 'attribute');
-- conditions
SELECT identity('{"name": "t", "keys": ["title"], "where": "title <> ''x'' OR true"}');
SELECT identity('{"name": "t", "keys": ["title"], "base_filter": "org_id IS NOT NULL"}');
SELECT identity('{"name": "t", "keys": ["title"], "where": "a OR b", "base_filter": "c OR d"}');
SELECT identity('{"name": "t", "keys": ["title"], "where": "a -- why"}');

-- Custom indexes: fields
SELECT identity('{"fields": ["title"]}');
SELECT identity('{"fields": [{"type": "atom", "value": "title"}, {"type": "atom", "value": "Body"}]}');
SELECT identity('{"fields": [{"type": "string", "value": "lower(title)"}]}');
SELECT identity('{"fields": [{"type": "string", "value": "title text_pattern_ops DESC NULLS LAST"}]}');
SELECT identity('{"fields": [{"type": "string", "value": "(title || ''x'')"}, "Body"], "name": "expr"}');
SELECT o, identity(jsonb_build_object('fields', jsonb_build_array(jsonb_build_object('type', 'directed', 'order', o, 'value', 'title'))))
  FROM unnest(ARRAY['asc', 'desc', 'asc_nulls_first', 'asc_nulls_last', 'desc_nulls_first', 'desc_nulls_last']) AS o;
-- the order follows the text, whatever the text ends in
SELECT o, identity(jsonb_build_object('name', 'i', 'fields', jsonb_build_array(jsonb_build_object('type', 'directed', 'order', o, 'value', 'lower(title) -- of all'))))
  FROM unnest(ARRAY['asc', 'desc', 'desc_nulls_last']) AS o;
SELECT identity('{"name": "i", "fields": [{"type": "directed", "order": "desc", "value": "title COLLATE \"C\""}, {"type": "directed", "order": "asc", "value": "Body"}]}');
SELECT identity('{"name": "i", "fields": [{"type": "directed", "order": "desc", "value": "lower(title) DESC"}]}');
-- other options
SELECT identity('{"fields": ["title"], "unique": true, "include": ["Body", "org_id"], "name": "named one"}');
SELECT identity('{"fields": ["title"], "using": "hash", "where": "title IS NOT NULL"}');
SELECT identity('{"fields": ["title"], "concurrently": true}');
-- what Ecto prints without quotes, as PostgreSQL reads it
SELECT u, identity(jsonb_build_object('fields', '["title"]'::jsonb, 'using', u)) FROM unnest(ARRAY['GIN', 'Hash', '"Own"', ' btree ']) AS u;
SELECT identity('{"fields": ["title"], "include": ["Body", "TITLE", "Other", "\"Quoted\""]}');
SELECT identity('{"fields": ["TITLE", "Body"], "name": "i"}');
SELECT identity('{"name": "t", "keys": [{"type": "string", "value": "TITLE"}, {"type": "string", "value": "Body"}, "TITLE", "two words"]}');
SELECT f, i, identity(jsonb_build_object('fields', jsonb_build_array(f), 'include', jsonb_build_array(i), 'name', 'i', 'of_table',
         jsonb_build_object('attributes', jsonb_build_array(id(), attr('Title', 'text'), attr('title', 'text')))))
  FROM (VALUES ('title'), ('Title')) AS f (f), (VALUES ('title'), ('Title')) AS i (i);
-- a prefix: the table of that name in another schema, unless the snapshot names a schema
SELECT identity('{"fields": ["title"], "prefix": "elsewhere", "of_table": {"schema": "here"}}');
SELECT identity('{"fields": ["title"], "prefix": "public"}');
SELECT identity('{"fields": ["title"], "prefix": "elsewhere"}', 'context');
SELECT identity('{"fields": ["title"], "prefix": "elsewhere"}');
SELECT s, a, identity(jsonb_build_object('fields', '["title"]'::jsonb, 'all_tenants?', a), s)
  FROM unnest(ARRAY[NULL, 'attribute', 'context']) AS s, unnest(ARRAY[false, true]) AS a;
SELECT b, identity(jsonb_build_object('fields', '["title"]'::jsonb, 'where', 'a OR b', 'include_base_filter?', b, 'of_table', '{"base_filter": "c OR d"}'::jsonb))
  FROM unnest(ARRAY[false, true]) AS b;
SELECT identity('{"fields": ["title"], "of_table": {"base_filter": "c OR d"}}');
-- derived names
SELECT identity('{"fields": ["(lower(title))", {"type": "atom", "value": "tägs!"}], "of_table": {"table": "line items"}}');

-- Not a single index element, or not a single condition
SELECT identity('{"fields": ["lower(title"]}');
SELECT identity('{"fields": ["lower(title)) INCLUDE (id"]}');
SELECT identity('{"fields": ["lower(title), id"]}');
SELECT identity('{"fields": ["title"], "where": "true; DROP TABLE posts"}');
SELECT identity('{"name": "t", "keys": ["title"], "where": "true) OR (true"}');
SELECT identity('{"fields": ["title"], "using": "btree; DROP"}');
SELECT identity('{"fields": ["title"], "include": ["Body) WHERE (true"]}');
SELECT identity('{"fields": ["title"], "include": ["title", ""]}');

-- From one to the next: an index that differs only in its name is renamed, any other is rebuilt
CREATE FUNCTION posts(parts jsonb, strategy text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('posts', id(), attr('title', 'text'), attr('body', 'text'), attr('org_id', 'uuid'))
  || strategy(strategy, CASE strategy WHEN 'attribute' THEN 'org_id' END) || parts)
$$;
CREATE FUNCTION step_with(parts jsonb, strategy text DEFAULT NULL) RETURNS SETOF text
LANGUAGE sql AS $$
SELECT concat_ws(' | ', nullif(up, ''), nullif(down, '')) FROM planned(posts(parts, strategy)) UNION ALL SELECT lawful(posts(parts, strategy))
$$;
SELECT step_with('{"identities": [{"name": "title", "index_name": "a", "keys": ["title"]}]}');
SELECT step_with('{"identities": [{"name": "title", "index_name": "b", "keys": ["title"]}]}');
SELECT step_with('{"identities": [{"name": "title", "index_name": "b", "keys": ["title", "body"]}]}');
SELECT step_with('{"identities": [{"name": "title", "index_name": "b", "keys": ["title", "body"], "where": "body IS NOT NULL"}]}');
-- two swap their names
SELECT step_with('{"identities": [{"name": "x", "index_name": "b", "keys": ["title"]}, {"name": "y", "index_name": "c", "keys": ["body"]}]}');
SELECT step_with('{"identities": [{"name": "x", "index_name": "c", "keys": ["title"]}, {"name": "y", "index_name": "b", "keys": ["body"]}]}');
-- an index of that name in another schema does not matter
SELECT o ->> 'operation' FROM ashmig_operations(
  jsonb_build_array(resource('a', id()) || '{"custom_indexes": [{"fields": ["id"], "name": "old"}]}', resource('b', id()) || '{"custom_indexes": [{"fields": ["id"], "name": "new", "prefix": "there"}]}'),
  jsonb_build_array(resource('a', id()) || '{"custom_indexes": [{"fields": ["id"], "name": "new"}]}', resource('b', id()) || '{"custom_indexes": [{"fields": ["id"], "name": "new", "prefix": "there"}]}')) AS o;
-- one of each kind, and they swap their names
SELECT step_with('{"custom_indexes": [{"name": "c", "fields": ["title"], "unique": true}]}');
SELECT step_with('{"custom_indexes": [{"fields": ["title"], "include": ["body"]}]}');
SELECT step_with('{"custom_indexes": [{"fields": ["title"], "include": ["org_id"]}]}');
SELECT step_with('{"custom_indexes": [{"fields": ["title", "body"]}]}');
-- the access method in upper case is no change
SELECT step_with('{"custom_indexes": [{"name": "hashed", "fields": ["title"], "using": "HASH"}]}');
SELECT step_with('{"custom_indexes": [{"name": "hashed", "fields": ["title"], "using": "hash"}]}');
-- the order is applied after a comment as well
SELECT step_with('{"custom_indexes": [{"name": "i", "fields": [{"type": "directed", "order": "desc", "value": "lower(title) -- c"}]}]}');
SELECT name, definition FROM structure('public') WHERE kind = 'index';
-- the strategy decides the keys, except with all_tenants?
SELECT step_with('{"custom_indexes": [{"fields": ["title", "body"]}, {"fields": ["body"], "all_tenants?": true}]}', 'attribute');
SELECT step_with('{"custom_indexes": [{"fields": ["title", "body"]}, {"fields": ["body"], "all_tenants?": true}]}');
SELECT step_with('{"custom_indexes": [{"name": "later", "fields": ["title"], "concurrently": true}]}');
SELECT name, definition FROM structure('public') WHERE kind = 'index';
-- the tenant's column again, as a string
SELECT step_with('{"custom_indexes": [{"name": "twice", "fields": [{"type": "string", "value": "org_id"}, {"type": "string", "value": "title"}]}]}', 'attribute');
SELECT name, definition FROM structure('public') WHERE kind = 'index';
SELECT step_with('{"custom_indexes": [{"name": "twice", "fields": [{"type": "atom", "value": "org_id"}, {"type": "atom", "value": "title"}]}]}', 'attribute');
-- two identities that differ only in all_tenants? both stay
SELECT step_with('{"identities": [{"name": "x", "index_name": "x", "keys": ["title"], "all_tenants?": true}, {"name": "y", "index_name": "y", "keys": ["title"]}]}', 'attribute');

\c :home
DROP DATABASE ashmig_indexes;
