--
-- References: which foreign key, to which table, and its index.
--
\set database ashmig_references
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');

-- Foreign keys between tables of two strategies: none, by attribute, by context
CREATE FUNCTION snapshots_of(from_strategy text, target_strategy text, rest jsonb, target_rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  resource('users', id(), attr('org_id', 'uuid'), attr('number', 'integer'))
    || strategy(target_strategy, CASE target_strategy WHEN 'attribute' THEN 'org_id' END)
    || jsonb '{"identities": [{"name": "id", "index_name": "users_id", "keys": ["id"]},
                              {"name": "number", "index_name": "users_number", "keys": ["number"]},
                              {"name": "both", "index_name": "users_both", "keys": ["id", "number"], "all_tenants?": true}]}' || target_rest,
  resource('posts', id(), attr('tenant_id', 'uuid'), attr('author_number', 'integer'),
    ref('author_id', 'users.id', (strategy(target_strategy, CASE target_strategy WHEN 'attribute' THEN 'org_id' END)) || rest))
    || strategy(from_strategy, CASE from_strategy WHEN 'attribute' THEN 'tenant_id' END))
$$;
CREATE FUNCTION foreign_key(from_strategy text, target_strategy text, rest jsonb DEFAULT '{}') RETURNS SETOF text
LANGUAGE sql AS $$
SELECT replace(replace(statement, 'ALTER TABLE ', ''), 'CONSTRAINT "posts_author_id_fkey" ', '')
  FROM ashmig_operations('[]', snapshots_of(from_strategy, target_strategy, rest)) AS o, jsonb_array_elements_text(o -> 'up') AS statement
 WHERE o ->> 'operation' = 'add_foreign_key'
$$;

-- Across strategies
SELECT f, t, foreign_key(f, t) FROM unnest(ARRAY[NULL, 'attribute', 'context']) AS f, unnest(ARRAY[NULL, 'attribute', 'context']) AS t;
-- the destination is not the primary key, or the tenant must match
SELECT f, t, foreign_key(f, t, '{"primary_key?": false}') FROM unnest(ARRAY[NULL, 'attribute', 'context']) AS f, unnest(ARRAY[NULL, 'attribute', 'context']) AS t;
SELECT f, t, foreign_key(f, t, '{"match_tenant?": true}') FROM unnest(ARRAY[NULL, 'attribute', 'context']) AS f, unnest(ARRAY[NULL, 'attribute', 'context']) AS t;
-- the tenant's column itself
SELECT foreign_key('attribute', 'attribute', '{"match_tenant?": true, "destination_attribute": "org_id"}');

-- Named schemas
SELECT f, t, foreign_key(f, t, '{"schema": "crm"}') FROM unnest(ARRAY[NULL, 'context']) AS f, unnest(ARRAY[NULL, 'context']) AS t;
SELECT jsonb_path_query(ashmig_operations('[]', resource('posts', id(), ref('author_id', 'users.id')) || '{"schema": "crm"}'),
                        '$ ? (@.operation == "add_foreign_key").up[0]');
SELECT jsonb_path_query(ashmig_operations('[]', resource('posts', id(), ref('author_id', 'users.id', '{"schema": "public"}')) || '{"schema": "crm"}'),
                        '$ ? (@.operation == "add_foreign_key").up[0]');

-- ON DELETE, ON UPDATE, MATCH, DEFERRABLE
SELECT word, foreign_key(NULL, NULL, jsonb_build_object('on_delete', word))
  FROM jsonb_array_elements('[null, "nothing", "restrict", "delete", "nilify"]') AS word;
SELECT word, foreign_key(NULL, NULL, jsonb_build_object('on_update', word)) FROM jsonb_array_elements('[null, "nothing", "restrict", "update", "nilify"]') AS word;
SELECT word, foreign_key(NULL, NULL, jsonb_build_object('match_type', word)) FROM jsonb_array_elements('[null, "simple", "full"]') AS word;
\set VERBOSITY terse
SELECT foreign_key(NULL, NULL, '{"match_type": "partial"}');
\set VERBOSITY default
SELECT word, foreign_key(NULL, NULL, jsonb_build_object('deferrable', word)) FROM jsonb_array_elements('[null, false, true, "initially"]') AS word;
SELECT foreign_key(NULL, NULL, '{"on_delete": "delete", "on_update": "update", "match_type": "full", "deferrable": true}');

-- Composite keys, names, no foreign key at all
SELECT foreign_key(NULL, NULL, '{"match_with": {"author_number": "number"}}');
SELECT foreign_key('attribute', 'attribute', '{"match_with": {"author_number": "number"}, "match_tenant?": true}');
SELECT foreign_key('attribute', 'attribute', '{"match_with": {"tenant_id": "org_id"}, "match_tenant?": true}');
SELECT foreign_key(NULL, NULL, '{"name": "written_by"}');
SELECT foreign_key(NULL, NULL, '{"name": "_written_by"}');
SELECT foreign_key(NULL, NULL, '{"ignore?": true}');

-- On real tables
SELECT lawful(snapshots_of('context', 'context', '{"on_delete": "restrict", "match_with": {"author_number": "number"}}'));
SELECT table_name, name, definition FROM structure('t1') WHERE kind = 'constraint';
SELECT lawful(snapshots_of('context', 'context', '{"on_delete": "delete", "deferrable": "initially"}'));
SELECT table_name, name, definition FROM structure('t1') WHERE kind = 'constraint';
SELECT lawful(snapshots_of('context', 'context', '{"on_delete": "delete", "name": "author"}'));
SELECT table_name, name, definition FROM structure('t1') WHERE kind = 'constraint';
SELECT lawful(snapshots_of('context', 'context', '{"ignore?": true}'));
SELECT table_name, name, definition FROM structure('t1') WHERE kind = 'constraint';

-- From one strategy to another: drop_tables drops the recorded table
SELECT f, t, lawful(snapshots_of(f, t, '{"match_tenant?": true, "index?": true}'), drop_tables => true, renames => '[]')
  FROM (VALUES (1, NULL, NULL), (2, 'attribute', 'attribute'), (3, 'context', 'context')) AS step (n, f, t) ORDER BY n;

-- Only deferrability changes: no key is checked again
SELECT lawful(snapshots_of(NULL, NULL, '{}'), drop_tables => true);
SELECT up, down FROM planned(snapshots_of(NULL, NULL, '{"deferrable": "initially"}'));
SELECT lawful(snapshots_of(NULL, NULL, '{"deferrable": "initially"}'));
SELECT up, down FROM planned(snapshots_of(NULL, NULL, '{"deferrable": true}'));
-- only the name
SELECT up, down FROM planned(snapshots_of(NULL, NULL, '{"deferrable": "initially", "name": "author"}'));
-- both, and rolled back
SELECT up, down FROM planned(snapshots_of(NULL, NULL, '{"name": "author"}'));
SELECT lawful(snapshots_of(NULL, NULL, '{"name": "author"}'));

-- Tables that reference each other, and themselves
SELECT lawful(jsonb_build_array(
  resource('eggs', id(), ref('hen_id', 'hens.id', '{"deferrable": "initially"}'), ref('twin_id', 'eggs.id')),
  resource('hens', id(), ref('egg_id', 'eggs.id'))), drop_tables => true);
SELECT table_name, name, definition FROM structure('public') WHERE kind = 'constraint' AND definition LIKE 'FOREIGN%';

-- A column has the type that it references, without its sequence
SELECT a -> 'type' AS type, ashmig_operations('[]', resource('posts', a || '{"source": "x", "generated?": true}')) #>> '{up,0}'
  FROM unnest(ARRAY[
    ref('x', 'users.id', type => 'identity'), ref('x', 'users.id', type => 'bigint'), ref('x', 'users.id', type => 'bigserial'),
    ref('x', 'users.id', type => 'serial'), ref('x', 'users.id', type => 'binary_id'), ref('x', 'users.id', type => 'integer'),
    ref('x', 'users.id', '{"destination_attribute_generated": true}', type => 'integer') || '{"default": "3"}',
    ref('x', 'users.id', type => 'integer') || '{"default": "3"}']) AS a
 WHERE a IS NOT NULL;

-- index?
SELECT strategy, where_, o ->> 'name', o #>> '{up,0}'
  FROM unnest(ARRAY[NULL, 'attribute', 'context']) AS strategy, unnest(ARRAY[NULL, 'author_id IS NOT NULL']) AS where_,
       ashmig_operations('[]', snapshots_of(strategy, NULL, jsonb_build_object('index?', true, 'index_where', where_))) AS o
 WHERE o ->> 'operation' = 'add_reference_index';
SELECT up, down FROM planned(snapshots_of(NULL, NULL, '{"index?": true, "ignore?": true}'));

-- Not without the referenced table or column
SELECT apply(resource('posts', id(), ref('author_id', 'nowhere.id')));
SELECT apply(snapshots_of(NULL, NULL, '{"destination_attribute": "org_id", "primary_key?": false}'));

\c :home
DROP DATABASE ashmig_references;
