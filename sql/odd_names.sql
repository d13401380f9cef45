--
-- Odd names, wherever a name is allowed, and as values.
--
\set database ashmig_odd_names
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t-1');
-- Every part of a snapshot has this name
CREATE FUNCTION odd(name text, scope text DEFAULT NULL, rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  resource(name, id(name, 'bigserial'), attr(name || '2', 'text', jsonb_build_object('default', to_jsonb(replace(to_jsonb(name)::text, '#{', '\#{')))),
           ref(name || '3', '', strategy(scope) || jsonb_build_object('table', name, 'destination_attribute', name, 'name', name || ' fk'), type => 'bigint')) || strategy(scope)
    || jsonb_build_object(
      'schema', CASE WHEN scope IS NULL THEN rest -> 'schema' END,
      'identities', jsonb_build_array(jsonb_build_object('name', name, 'index_name', name || ' i', 'keys', jsonb_build_array(jsonb_build_object('type', 'atom', 'value', name || '2')))),
      'custom_indexes', jsonb_build_array(jsonb_build_object('fields', jsonb_build_array(jsonb_build_object('type', 'atom', 'value', name || '2')), 'name', name || ' c',
                                                             'include', jsonb_build_array(name))),
      'check_constraints', jsonb_build_array(jsonb_build_object('name', name, 'check', 'true', 'attribute', '[]'::jsonb))))
$$;

-- In a tenant, in public, in a schema of that name: created, changed, rolled back
CREATE TEMP TABLE names (n integer, name text);
INSERT INTO names VALUES (1, 'say "x"'), (2, 'it''s'), (3, 'back\slash\'), (4, 'two  spaces '), (5, 'tägs ☃'), (6, 'select'), (7, 'User'),
  (8, '@tenant@'), (9, '@default@'), (10, '#{prefix()}'), (11, '@tenant@tenant@'), (12, '''; DROP SCHEMA public; --'), (13, '$$'), (14, 'a.b'), (15, '%s %I'),
  (16, E'tab\tnew\nline'), (17, '"'), (18, '\'), (19, '/* '), (20, 'U&"\0041"');
CREATE FUNCTION try_name(odd text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT lawful(tools.odd(odd, 'context'), drop_tables => true);
  RETURN QUERY SELECT lawful(jsonb_set(tools.odd(odd, 'context'), '{0,attributes,0,type}', '"identity"'));
  RETURN QUERY SELECT lawful(tools.odd(odd || '!', 'context'), drop_tables => true,
                             renames => jsonb_build_array(jsonb_build_object('table', odd, 'to', odd || '!'),
                                                          jsonb_build_object('table', odd || '!', 'column', odd, 'to', odd || '!'),
                                                          jsonb_build_object('table', odd || '!', 'column', odd || '2', 'to', NULL),
                                                          jsonb_build_object('table', odd || '!', 'column', odd || '3', 'to', odd || '!3')));
  RETURN QUERY SELECT lawful(tools.odd(odd || '!'), drop_tables => true);
  RETURN QUERY SELECT lawful(tools.odd(odd || '!', rest => jsonb_build_object('schema', odd)),
                             renames => jsonb_build_array(jsonb_build_object('table', odd || '!', 'to_schema', odd)));
  RETURN QUERY SELECT lawful(tools.odd(odd || '!', rest => jsonb_build_object('schema', odd)) || tools.odd('other', rest => jsonb_build_object('schema', odd)));
  IF NOT EXISTS (SELECT FROM structure(odd) AS s WHERE s.name = odd || '!2') THEN
    RETURN NEXT 'not there';
  END IF;
END
$$;
SELECT n, name, (SELECT array_agg(t) FROM try_name(name) AS t) FROM names WHERE n IN (1, 2, 3, 4, 5, 6, 8, 10, 12, 16) ORDER BY n;
SELECT count(*) FROM ashmig_rollback_tenants(all_versions => true);
SELECT count(*) FROM ashmig_rollback(all_versions => true);
DELETE FROM ashmig.migrations;
DELETE FROM ashmig.snapshots;

-- As values
SELECT n, lawful(jsonb_build_array(resource('values' || n, attr('x', 'text', jsonb_build_object('default', to_jsonb(replace(to_jsonb(name)::text, '#{', '\#{')))),
         attr('m', 'map', jsonb_build_object('default', format('%%{%s => [%1$s]}', replace(to_jsonb(name)::text, '#{', '\#{'))))) || strategy('context')), drop_tables => true)
  FROM names ORDER BY n;
SELECT apply((SELECT jsonb_agg(resource('values' || n, attr('x', 'text', jsonb_build_object('default', to_jsonb(replace(to_jsonb(name)::text, '#{', '\#{')))),
         attr('m', 'map', jsonb_build_object('default', format('%%{%s => [%1$s]}', replace(to_jsonb(name)::text, '#{', '\#{'))))) || strategy('context')) FROM names),
  drop_tables => true);
SELECT n, definition FROM names JOIN structure('t-1') AS s ON table_name = 'values' || n WHERE kind = 'column' ORDER BY n, s.name;

-- 63 bytes and more: truncated as PostgreSQL does, and refused if two become the same
CREATE FUNCTION long(bytes integer, tail text DEFAULT '') RETURNS text LANGUAGE sql AS $$ SELECT repeat('x', bytes - octet_length(tail)) || tail $$;
SELECT lawful(jsonb_build_array(resource(long(63), id(), attr(long(63), 'text'), ref('parent', long(63) || '.id'))
  || jsonb_build_object('identities', jsonb_build_array(jsonb_build_object('name', long(70), 'index_name', 'i', 'keys', jsonb_build_array(long(63)))))), drop_tables => true);
SELECT length(table_name) AS table_name, kind, length(name) AS name, replace(definition, long(60), '~60~') FROM structure('public');
SELECT lawful(jsonb_build_array(resource(long(70), id('id', 'bigserial'), attr(long(62, 'é'), 'text'), attr(long(64, 'é') , 'text'))), drop_tables => true);
SELECT kind, length(name), octet_length(name) FROM structure('public');
SELECT step(jsonb_build_array(resource(long(64), id(), attr('y', 'text'))), drop_tables => true);
SELECT ashmig_plan(jsonb_build_array(resource(long(64), id()), resource(long(65), id())));
SELECT ashmig_plan(jsonb_build_array(resource('t', id(), attr(long(64), 'text'), attr(long(65), 'text'))));
SELECT ashmig_plan(jsonb_build_array(resource('t', id(), attr('x', 'text'))
  || jsonb_build_object('identities', jsonb_build_array(jsonb_build_object('name', 'a', 'index_name', long(64), 'keys', '["x"]'::jsonb),
                                                        jsonb_build_object('name', 'b', 'index_name', long(65), 'keys', '["id"]'::jsonb)))));
-- equal names collide only in the same place
SELECT ashmig_operations('[]', jsonb_build_array(resource('z', id()) || '{"schema": "x y"}', resource('y z', id()) || '{"schema": "x"}')) ->> 'operation';
SELECT ashmig_operations('[]', jsonb_build_array(resource('a', id(), attr('b c', 'text')), resource('a b', id(), attr('c', 'text')))) ->> 'operation';
SELECT ashmig_operations('[]', jsonb_build_array(resource('a', id()) || '{"custom_indexes": [{"fields": ["id"], "name": "i"}]}',
                                                 resource('b', id()) || '{"custom_indexes": [{"fields": ["id"], "name": "i", "prefix": "there"}]}')) ->> 'operation';
SELECT ashmig_operations('[]', jsonb_build_array(resource('a', id()) || '{"schema": "there", "custom_indexes": [{"fields": ["id"], "name": "i"}]}',
                                                 resource('b', id()) || '{"custom_indexes": [{"fields": ["id"], "name": "i", "prefix": "there"}]}'));
SELECT ashmig_operations('[]', jsonb_build_array(resource('a', id()) || '{"custom_indexes": [{"fields": ["id"], "name": "b"}]}', resource('b', id())));

\c :home
DROP DATABASE ashmig_odd_names;
