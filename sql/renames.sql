--
-- Renames of columns: questions, answers, and dependent objects.
--
\set database ashmig_renames
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
CREATE FUNCTION posts(VARIADIC names text[]) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('posts', VARIADIC id() || ARRAY(SELECT attr(n, 'text') FROM unnest(names) AS n)))
$$;

-- Columns: questions, and the answers as the HINT shows them
SELECT apply(posts('title', 'body'));
SELECT * FROM ashmig_plan(posts('subject', 'body'));
SELECT * FROM ashmig_plan(posts('subject', 'text', 'more'));
SELECT up, down FROM ashmig_plan(posts('subject', 'body'), renames => '[{"table": "posts", "column": "title", "to": "subject"}]');
SELECT up, down FROM ashmig_plan(posts('subject', 'body'), renames => '[{"table": "posts", "column": "title", "to": null}]', drop_columns => true);
SELECT up, down FROM ashmig_plan(posts('subject', 'body'), renames => '[]', drop_columns => true);
-- only lost or only gained: no question
SELECT up FROM ashmig_plan(posts('body'));
SELECT up FROM ashmig_plan(posts('title', 'body', 'more'));
-- one answered, the other still open
SELECT up FROM ashmig_plan(posts('subject', 'text'), renames => '[{"table": "posts", "column": "title", "to": "subject"}]');
-- dev generations do not ask, a check does
SELECT up FROM ashmig_plan(posts('subject', 'body'), dev => true, drop_columns => true);
SELECT ashmig_check(posts('subject', 'body'));

-- The questions for a program, and the answers of the HINT pasted unchanged
CREATE FUNCTION ask(snapshots jsonb, drop_tables boolean DEFAULT false, OUT questions jsonb, OUT pasted text)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ashmig_plan(snapshots, drop_tables => drop_tables);
EXCEPTION WHEN SQLSTATE 'MG006' THEN
  GET STACKED DIAGNOSTICS questions = PG_EXCEPTION_DETAIL, pasted = PG_EXCEPTION_HINT;
  pasted := substring(pasted FROM 'for example: renames => (E?''.*'')');
END
$$;
SELECT q ->> 'table' AS table_name, q ->> 'column' AS "column", q -> 'candidates' AS candidates
  FROM ask(posts('it''s', 'back\slash "quoted"')), jsonb_array_elements(questions) AS q;
SELECT format('SELECT up FROM ashmig_plan(posts(''it''''s'', ''back\slash "quoted"''), renames => %s)', pasted)
  FROM ask(posts('it''s', 'back\slash "quoted"')) \gexec

-- Answers that make no sense
SELECT ashmig_plan(posts('subject', 'body'), renames => '{}');
SELECT ashmig_plan(posts('subject', 'body'), renames => '[1]');
SELECT ashmig_plan(posts('subject', 'body'), renames => '[{"table": "posts", "column": "title"}]');
SELECT ashmig_plan(posts('subject', 'body'), renames => '[{"column": "title", "to": "subject"}]');
SELECT ashmig_plan(posts('subject', 'body'), renames => '[{"table": "posts", "column": "title", "to": 3}]');
SELECT ashmig_plan(posts('subject', 'body'), renames => '[{"table": "posts", "column": "title", "to": "nothing"}]');
SELECT ashmig_plan(posts('subject', 'body'), renames => '[{"table": "posts", "column": "title", "to": "body"}]');
SELECT ashmig_plan(posts('subject', 'body'), renames => '[{"table": "posts", "column": "title", "into": "subject"}]');
-- two columns into one
SELECT ashmig_plan(posts('subject'), renames => '[{"table": "posts", "column": "title", "to": "subject"}, {"table": "posts", "column": "body", "to": "subject"}]');
-- answers that cannot be followed
SELECT ashmig_plan(posts('title', 'body', 'x'), renames => '[{"table": "posts", "column": "title", "to": "subject"}]');
SELECT ashmig_plan(posts('title', 'body', 'x'), renames => '[{"table": "nowhere", "to": "else"}]');
SELECT ashmig_plan(posts('title', 'body', 'x'), renames => '[{"table": "nowhere", "column": "title", "to": "else"}]');
SELECT ashmig_plan(posts('title', 'body', 'x'), renames => '[{"table": "posts", "column": "headline", "to": "x"}]');
SELECT ashmig_plan(posts('title', 'body') || resource('notes', id(), attr('x', 'text')), renames => '[{"table": "notes", "column": "y", "to": "x"}]');
-- also where nothing else is to do
SELECT ashmig_plan(posts('title', 'body'), renames => '[{"table": "posts", "to": "articles"}]');
-- "not a rename" always can; one that was followed before can be repeated, and so can one in an empty database
SELECT count(*) FROM ashmig_plan(posts('title', 'body'), renames => '[{"table": "nowhere", "to": null}, {"table": "posts", "column": "nothing", "to": null}]');
BEGIN;
SELECT apply(posts('subject', 'body'), '[{"table": "posts", "column": "title", "to": "subject"}]');
SELECT count(*) FROM ashmig_plan(posts('subject', 'body'), renames => '[{"table": "posts", "column": "title", "to": "subject"}]');
SELECT up FROM ashmig_plan(posts('subject', 'body', 'title'), renames => '[{"table": "posts", "column": "title", "to": "subject"}]');
ROLLBACK;
SELECT ashmig_operations('[]', posts('subject'), '[{"table": "posts", "column": "title", "to": "subject"}, {"table": "news", "to": "posts"}]') ->> 'operation';
-- a retired column does not come back under another name
BEGIN;
SELECT apply(posts('body'), drop_columns => false);
SELECT ashmig_plan(posts('body', 'subject'), renames => '[{"table": "posts", "column": "title", "to": "subject"}]');
ROLLBACK;

-- A column with many dependent objects, in a tenant: all of them follow, in both directions
CREATE FUNCTION article(name text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  resource('articles', id(), attr(name, 'bigint', '{"generated?": true}'), attr('body', 'text')) || strategy('context')
    || jsonb_build_object(
      'identities', jsonb_build_array(jsonb_build_object('name', 'n', 'index_name', 'n', 'keys', jsonb_build_array(name))),
      'custom_indexes', jsonb_build_array(
        jsonb_build_object('fields', jsonb_build_array(name, 'body')),
        jsonb_build_object('fields', jsonb_build_array('body'), 'include', jsonb_build_array(name), 'where', format('%I > 0', name), 'name', 'w')),
      'check_constraints', jsonb_build_array(jsonb_build_object('name', 'c', 'check', format('%I > 0', name), 'attribute', '[]'::jsonb))),
  resource('comments', id(), ref('article', 'articles.' || name, strategy('context') || '{"primary_key?": false}', type => 'bigint')) || strategy('context'))
$$;
SELECT apply('[]', drop_tables => true);
SELECT apply(article('number'));
SELECT step(article('No 1'), '[{"table": "articles", "column": "number", "to": "No 1"}]');
SELECT * FROM structure('t1');
SELECT step(article('number'), '[{"table": "articles", "column": "No 1", "to": "number"}]');
-- a new column of the old name: the sequence's name is in use
SELECT step(article('n'), '[{"table": "articles", "column": "number", "to": "n"}]');
SELECT step(jsonb_set(article('n'), '{0,attributes,3}', attr('number', 'bigint', '{"generated?": true}')));
SELECT table_name, name, definition FROM structure('t1') WHERE kind = 'sequence';

\c :home
DROP DATABASE ashmig_renames;
