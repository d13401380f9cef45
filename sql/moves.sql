--
-- Renames and moves of tables.
--
\set database ashmig_moves
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
CREATE FUNCTION ask(snapshots jsonb, drop_tables boolean DEFAULT false) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  questions jsonb;
  pasted text;
BEGIN
  PERFORM ashmig_plan(snapshots, drop_tables => drop_tables);
  RETURN NEXT 'no question';
EXCEPTION WHEN SQLSTATE 'MG006' THEN
  GET STACKED DIAGNOSTICS questions = PG_EXCEPTION_DETAIL, pasted = PG_EXCEPTION_HINT;
  RETURN QUERY SELECT concat_ws(' ', q ->> 'question', q ->> 'schema', q ->> 'table', q ->> 'tenant', q ->> 'candidates')
                 FROM jsonb_array_elements(questions) AS q;
  RETURN NEXT substring(pasted FROM 'for example: renames => (E?''.*'')');
END
$$;
CREATE FUNCTION named(name text, rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  resource(name, id('id', 'bigserial'), attr('title', 'text'), ref('parent_id', name || '.id', coalesce(rest - 'table', '{}'), type => 'bigint'))
    || '{"custom_indexes": [{"fields": ["title"]}], "identities": [{"name": "title", "keys": ["title"]}]}' || rest)
$$;

-- A question where one table is lost and another gained, in the same scope
SELECT apply(named('posts'));
SELECT ask(named('articles'));
SELECT ask(named('articles'), true);
SELECT ask(named('articles') || named('letters'), true);
SELECT ask(named('articles', strategy('context')), true);
SELECT ask(named('articles', '{"schema": "archive"}'), true);
SELECT ask(named('posts', '{"schema": "archive"}'));
SELECT ask(named('posts', '{"schema": "archive"}') || named('posts', '{"schema": "b"}'));

-- Renamed: key and sequence keep their names; what is named after the table gets a new name
SELECT step(named('articles'), '[{"table": "posts", "to": "articles"}]');
SELECT * FROM structure('public');
-- those names are in use when a new table gets the old name
SELECT step(named('articles') || named('posts'));
SELECT table_name, name, definition FROM structure('public') WHERE kind = 'sequence' OR definition LIKE 'PRIMARY%';
SELECT step(named('articles'), drop_tables => true);

-- Moved: the schema is created, and stays when the table moves back
SELECT step(named('articles', '{"schema": "old things"}'), '[{"table": "articles", "to_schema": "old things"}]');
SELECT table_name, kind, name FROM structure('old things');
SELECT step(named('notes', '{"schema": "old things"}'), '[{"table": "articles", "schema": "old things", "to": "notes"}]');
SELECT step(named('notes'), '[{"table": "notes", "schema": "old things", "to_schema": "public"}]');
SELECT table_name, kind, name FROM structure('old things');
-- both at once
SELECT step(named('letters', '{"schema": "b"}'), '[{"table": "notes", "to": "letters", "to_schema": "b"}]');
SELECT table_name, kind, name FROM structure('b');

-- Not renamed: one table is dropped, another created
SELECT up FROM ashmig_plan(named('mail', '{"schema": "b"}'), renames => '[{"table": "letters", "schema": "b", "to": null}]', drop_tables => true);
SELECT up FROM ashmig_plan(named('letters'), renames => '[{"table": "letters", "schema": "b", "to_schema": null}]', drop_tables => true);
-- to a name that no snapshot has, and to one that exists
SELECT ashmig_plan(named('mail'), renames => '[{"table": "letters", "schema": "b", "to": "nothing"}]');
SELECT up FROM ashmig_plan(named('letters', '{"schema": "b"}'), renames => '[{"table": "letters", "schema": "b", "to": "nothing"}]');

-- Tables that are gone, without drop_tables: was one renamed?
SELECT apply('[]', drop_tables => true);
CREATE FUNCTION people(name text, VARIADIC columns text[] DEFAULT '{email,phone,inserted_at}') RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource(name, VARIADIC id() || ARRAY(SELECT attr(c, 'text') FROM unnest(columns) AS c)) $$;
CREATE FUNCTION tickets(target text) RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource('tickets', id(), ref('user_id', target || '.id', '{"name": "owner"}')) $$;
SELECT apply(jsonb_build_array(people('users'), tickets('users')));
-- with the same columns, or nearly; not with others
SELECT ask(jsonb_build_array(people('people'), tickets('people')));
SELECT ask(jsonb_build_array(people('people'), tickets('users')));
SELECT ask(jsonb_build_array(people('people', 'email', 'phone', 'inserted_at', 'more'), tickets('users')));
SELECT ask(jsonb_build_array(people('people', 'mail', 'phone', 'inserted_at'), tickets('users')));
SELECT ask(jsonb_build_array(people('people', 'body', 'phone', 'more'), tickets('users')));
-- whatever its columns, where a foreign key points to it instead
SELECT ask(jsonb_build_array(people('people', 'nothing'), tickets('people')));
SELECT ask(jsonb_build_array(people('people', 'nothing'), resource('tickets', id(), ref('person_id', 'people.id'))));
SELECT ask(jsonb_build_array(people('people', 'nothing'), resource('tickets', id(), ref('user_id', 'users.id'), ref('person_id', 'people.id'))));
SELECT ask(jsonb_build_array(tickets('people')));
-- several candidates, likely ones first; with drop_tables all of them
SELECT ask(jsonb_build_array(people('a'), people('people', 'nothing'), people('b', 'nothing'), tickets('people')));
SELECT ask(jsonb_build_array(people('b', 'nothing'), people('people'), tickets('people')), true);
-- a snapshot alone says nothing of other tables, but as a bundle it does
SELECT ask(people('people'));
SELECT ask(jsonb_build_array(people('people')));
SELECT ask(jsonb_build_object('snapshots', jsonb_build_array(people('people'))));
-- nor do tables of the other scope, or ones that are kept
SELECT ask(jsonb_build_array(people('people') || strategy('context'), tickets('users')));
BEGIN;
SELECT apply(people('users') || '{"drop_table_opted_out": true}');
SELECT ask(jsonb_build_array(people('people'), tickets('people')));
ROLLBACK;
-- answered
SELECT up FROM ashmig_plan(jsonb_build_array(people('people'), tickets('people')), renames => '[{"table": "users", "to": "people"}]');
SELECT operation FROM ashmig_plan(jsonb_build_array(people('people'), tickets('people')), renames => '[{"table": "users", "to": null}]');
SELECT operation FROM ashmig_plan(jsonb_build_array(people('people'), tickets('people')), renames => '[]');
SELECT operation FROM ashmig_plan(jsonb_build_array(people('people'), tickets('people')), dev => true);
-- answers that cannot be followed
SELECT ashmig_plan(jsonb_build_array(people('people'), tickets('people')), renames => '[{"table": "user", "to": "people"}]');
SELECT ashmig_plan(jsonb_build_array(people('users'), people('people'), tickets('users')), renames => '[{"table": "users", "to": "people"}]');
SELECT ashmig_plan(jsonb_build_array(people('people'), people('folk'), tickets('people')),
  renames => '[{"table": "users", "to": "people"}, {"table": "users", "to": "folk"}]');
-- two tables to one name; the answers that the HINT shows give each another
SELECT apply(jsonb_build_array(people('customers')));
SELECT ashmig_plan(jsonb_build_array(people('people'), tickets('people')),
  renames => '[{"table": "users", "to": "people"}, {"table": "customers", "to": "people"}]');
SELECT ask(jsonb_build_array(people('people'), people('clients'), tickets('people')));
SELECT ask(jsonb_build_array(people('people'), tickets('people')));
-- followed, repeated, and then there is a table of the old name again
SELECT apply(jsonb_build_array(people('people'), tickets('people')), '[{"table": "users", "to": "people"}, {"table": "customers", "to": null}]');
SELECT count(*) FROM ashmig_plan(jsonb_build_array(people('people'), tickets('people')), renames => '[{"table": "users", "to": "people"}]');
SELECT operation, table_name FROM ashmig_plan(jsonb_build_array(people('people'), people('users'), tickets('people')),
  renames => '[{"table": "users", "to": "people"}, {"table": "customers", "to": null}]');
-- to a table that is recorded
SELECT ashmig_plan(jsonb_build_array(people('people'), tickets('people')), renames => '[{"table": "customers", "to": "people"}]');

-- In tenants, with a column, and with a table that references it
CREATE FUNCTION pair(name text, title text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource(name, id(), attr(title, 'text')) || strategy('context'),
  resource('comments', id(), ref('about', name || '.id', strategy('context') || '{"name": "about"}')) || strategy('context'))
$$;
SELECT apply(pair('posts', 'title'), drop_tables => true);
SELECT step(pair('a"b', 'it''s'), '[{"table": "posts", "to": "a\"b"}, {"table": "a\"b", "column": "title", "to": "it''s"}]');
SELECT table_name, kind, name, definition FROM structure('t1');

-- Dropped: referencing tables first, along a chain of any length, and in a cycle
CREATE FUNCTION chain(length integer, last text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_agg(CASE WHEN target IS NULL THEN resource('t' || n, id()) ELSE resource('t' || n, id(), ref('r', target || '.id')) END ORDER BY n)
  FROM generate_series(1, length) AS n, LATERAL (SELECT CASE WHEN n < length THEN 't' || n + 1 ELSE last END) AS t (target)
$$;
SELECT string_agg(table_name, ' ') FROM (SELECT table_name FROM ashmig_plan('[]', drop_tables => true, renames => '[]') ORDER BY step) AS s;
SELECT count(*) FROM apply(chain(6), drop_tables => true);
SELECT string_agg(table_name, ' ' ORDER BY step) FROM ashmig_plan(named('other'), drop_tables => true, renames => '[]') WHERE operation = 'drop_table';
SELECT count(*) FROM apply(chain(6, 't3'), drop_tables => true);
SELECT string_agg(table_name, ' ' ORDER BY step) FROM ashmig_plan(named('other'), drop_tables => true, renames => '[]') WHERE operation = 'drop_table';
SELECT count(*) FROM ashmig_generate(chain(3000), drop_tables => true, renames => '[]');
SET max_stack_depth = '100kB';
SELECT string_agg(table_name, ' ' ORDER BY step) FILTER (WHERE table_name IN ('t1', 't1500', 't3000')) AS drops, count(*)
  FROM ashmig_plan(named('other'), drop_tables => true, renames => '[]') WHERE operation = 'drop_table';
RESET max_stack_depth;

\c :home
DROP DATABASE ashmig_moves;
