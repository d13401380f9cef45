--
-- Columns that change: type, size, default, null, sequence.
--
\set database ashmig_alter
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
CREATE FUNCTION has(type jsonb, rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('t', id('id', 'serial'), attr('x', 'text') || jsonb_build_object('type', type) || rest))
$$;
-- Size, precision, scale: larger, smaller, none
SELECT step(has('"string"'));
SELECT step(has('"string"', '{"size": 12}'));
SELECT step(has('"string"', '{"size": null}'));
SELECT step(has('"text"'));
SELECT step(has('"decimal"', '{"precision": 10, "scale": 2}'));
SELECT step(has('"decimal"', '{"precision": 10}'));
SELECT step(has('"decimal"'));
SELECT step(has('"utc_datetime_usec"', '{"precision": 3}'));
SELECT step(has('"utc_datetime_usec"'));
SELECT step(has('"utc_datetime"'));
-- another spelling of the same type is no change
SELECT step(has('"naive_datetime"'));
SELECT step(has('["array", "map"]'));
SELECT step(has('["array", ["map", "text"]]'));

-- Type changes of a table with rows, by cast or through text, with the default
SELECT step(has('"integer"', '{"default": "7"}'));
INSERT INTO public.t DEFAULT VALUES;
INSERT INTO public.t (x) VALUES (NULL);
SELECT step(has('"text"', '{"default": "\"7\""}'));
SELECT step(has('"float"', '{"default": "0.5"}'));
SELECT step(has('"boolean"', '{"default": "true"}'));
SELECT step(has('"map"', '{"default": "%{}"}'));
SELECT step(has('["array", "text"]', '{"default": "[\"a\"]"}'));
SELECT x FROM public.t ORDER BY id;
SELECT step(has('"uuid"', '{"default": "fragment(\"gen_random_uuid()\")"}'));

-- Defaults and null alone
TRUNCATE public.t;
SELECT step(has('"text"', '{"default": "\"it''s\"", "allow_nil?": false}'));
SELECT step(has('"text"', '{"default": "\"other\"", "allow_nil?": false}'));
SELECT step(has('"text"', '{"default": "nil", "allow_nil?": false}'));
SELECT step(has('"text"', '{"default": "fragment(\"upper(''x'')\")"}'));
SELECT step(has('"text"', '{"default": "nil"}'));
INSERT INTO public.t DEFAULT VALUES;
SELECT apply(has('"text"', '{"allow_nil?": false}'));
SELECT name, definition FROM structure('public') WHERE kind = 'column';
-- a type changes and its default does not: the default is set again all the same
DELETE FROM public.t;
SELECT step(has('"integer"', '{"default": "7"}'));
SELECT step(has('"bigint"', '{"default": "7"}'));
-- serial gained and lost by generated?
SELECT step(has('"bigint"', '{"generated?": true}'));
SELECT step(has('"bigint"'));

-- What a plan says about them
SELECT operation, lock, rewrites, scans, destroys, note, notice FROM ashmig_plan(has('"text"'));
SELECT operation, lock, rewrites, scans, destroys, note, notice FROM ashmig_plan(has('"bigint"', '{"allow_nil?": false}'));
SELECT operation, lock, rewrites, scans, destroys, note, notice FROM ashmig_plan(has('"bigint"', '{"generated?": true}'));
SELECT apply(has('"string"', '{"size": 20}'));
SELECT size, rewrites, scans, destroys, note, notice FROM unnest('{10,30,255}'::int[]) AS size, ashmig_plan(has('"string"', jsonb_build_object('size', size)));
SELECT rewrites, scans, destroys, note, notice FROM ashmig_plan(has('"text"'));
-- a default that differs from row to row rewrites the table
SELECT d, rewrites
  FROM unnest(ARRAY['"draft (new)"', '["f(x)"]', 'fragment("''f(x)''")', 'fragment("now()")', 'fragment("current_timestamp")', 'fragment("(now() AT TIME ZONE ''utc'')")',
                    'fragment("''5''::numeric(5,2)")', 'fragment("gen_random_uuid()")', 'fragment("coalesce(NULL, random())::text")', 'fragment("''now()'' || random()")']) AS d,
       ashmig_plan(jsonb_build_array(resource('t', id('id', 'serial'), attr('x', 'string', '{"size": 20}'), attr('y', 'text', jsonb_build_object('default', d)))));

\c :home
DROP DATABASE ashmig_alter;
