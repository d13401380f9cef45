--
-- Primary keys on other columns, and of other types.
--
\set database ashmig_primary_keys
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
-- Other columns become the key; referencing tables follow
CREATE FUNCTION users(VARIADIC keys text[]) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('users', VARIADIC ARRAY(
    SELECT attr(n, 'uuid', jsonb_build_object('primary_key?', n = ANY (keys))) FROM unnest('{a,b,c}'::text[]) AS n)) || strategy('context')
  || '{"identities": [{"name": "a", "index_name": "a", "keys": ["a"]}]}',
  resource('posts', ref('user', 'users.a', strategy('context'))) || strategy('context'))
$$;
SELECT step(users('a'));
SELECT step(users('b'));
SELECT step(users('a', 'b'));
SELECT step(users('b', 'a'));
SELECT step(users('b', 'c'));
SELECT step(users(VARIADIC '{}'::text[]));
SELECT step(users('c'));
SELECT table_name, name, definition FROM structure('t1') WHERE kind IN ('constraint', 'column');

-- The key's column is removed, another added
CREATE FUNCTION things(id jsonb, rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('things', id, attr('name', 'text')) || rest,
  resource('parts', id(), ref('thing', 'things.' || (id ->> 'source'), type => CASE id ->> 'type' WHEN 'identity' THEN 'bigint' ELSE id ->> 'type' END)))
$$;
SELECT step(things(id('id', 'bigserial')), drop_tables => true);
SELECT step(things(id('uid')));
SELECT step(things(id('uid', 'text')));
SELECT step(things(id('uid', 'integer')));
-- other types: serial, identity, plain; values stay, and the sequence continues after them
SELECT step(things(id('uid', 'identity')));
INSERT INTO public.things (uid) VALUES (41);
SELECT step(things(id('uid', 'serial')));
INSERT INTO public.things DEFAULT VALUES;
SELECT step(things(id('uid', 'bigserial')));
INSERT INTO public.things DEFAULT VALUES;
SELECT step(things(id('uid', 'identity')));
INSERT INTO public.things DEFAULT VALUES;
SELECT step(things(id('uid', 'bigint')));
SELECT step(things(id('uid', 'text')));
SELECT uid, pg_typeof(uid) FROM public.things ORDER BY uid;
SELECT table_name, name, definition FROM structure('public') WHERE kind = 'sequence';
-- after rolling back everything, the values are still numbers
SELECT count(*) > 0 FROM ashmig_rollback(step => 4);
INSERT INTO public.things DEFAULT VALUES;
SELECT uid, pg_typeof(uid) FROM public.things ORDER BY uid;

\c :home
DROP DATABASE ashmig_primary_keys;
