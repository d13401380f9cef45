--
-- What hangs on what: texts that use a column whose type changes or a name that
-- is no more, statements that need each other, parts of tables that use what a
-- statement makes.  step() checks after each generation that the way back, a
-- new tenant and an empty database have the same structure.
--
\set database ashmig_dependencies
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
-- A table of each tenant: its columns beside id, and what else it has
CREATE FUNCTION own(name text, columns jsonb[], rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT resource(name, VARIADIC id() || columns) || strategy('context') || rest
$$;
CREATE FUNCTION statement(name text, up text, down text DEFAULT '') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_object('name', name, 'up', up, 'down', down)
$$;
CREATE FUNCTION statements(VARIADIC statements jsonb[]) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_object('custom_statements', to_jsonb(statements))
$$;
CREATE FUNCTION notes(snapshots jsonb, renames jsonb DEFAULT '[]') RETURNS TABLE (operation text, name text, note text)
LANGUAGE sql AS $$
SELECT p.operation, p.subject, p.note FROM ashmig_plan(snapshots, renames => renames, drop_columns => true) AS p ORDER BY p.step
$$;
CREATE FUNCTION clear() RETURNS SETOF text
LANGUAGE sql AS $$
SELECT lawful('[]', drop_tables => true)
$$;

--
-- Types: what uses the column is taken down before, and made again after
--

CREATE TYPE public.mood AS ENUM ('ok', 'bad');
CREATE FUNCTION tickets(type text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT own('tickets', ARRAY[attr('status', type, '{"default": "\"ok\""}'), attr('title', 'text')], $json${
  "check_constraints": [{"name": "known", "check": "status IN ('ok', 'bad')", "attribute": ["status"]},
                        {"name": "titled", "check": "title <> 'status'", "attribute": ["title"]}],
  "custom_indexes": [{"fields": ["title"], "name": "bad_ones", "where": "status = 'bad'"},
                     {"fields": [{"type": "string", "value": "(status = 'ok')"}], "name": "ok_ones"},
                     {"fields": ["status"], "name": "by_status"}],
  "identities": [{"name": "one_bad", "keys": ["title"], "index_name": "one_bad", "base_filter": "status = 'bad'"}]}$json$)
$$;
SELECT step(tickets('text'));
INSERT INTO t1.tickets (id, title) VALUES (gen_random_uuid(), 'a');
SELECT * FROM notes(tickets('mood'));
SELECT apply(tickets('mood'));
SELECT pg_get_indexdef('t1.ok_ones'::regclass);
SELECT status FROM ashmig_rollback_tenants();
SELECT pg_get_indexdef('t1.ok_ones'::regclass);
SELECT ashmig_remove_migration((SELECT max(version) FROM ashmig.migrations), tenant => true);
SELECT step(tickets('varchar'));
SELECT clear();

-- A check that is as right for a text as for a number
CREATE FUNCTION numbers(type text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT own('numbers', ARRAY[attr('n', type)],
           '{"check_constraints": [{"name": "short", "check": "length(n::text) < 9", "attribute": ["n"]}]}')
$$;
SELECT lawful(numbers('bigint'));
SELECT lawful(numbers('text'));
SELECT lawful(numbers('bigint'));
SELECT clear();

-- Views, one on another, a generated column with an index, a trigger, a rule of
-- the table itself, a view of another table; and what stays: a table that a
-- statement makes, a function, a data fix
CREATE FUNCTION hanging(type text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  own('posts', ARRAY[attr('n', type), attr('title', 'text')], statements(
    statement('numbers', 'CREATE VIEW numbers AS SELECT id, n FROM posts', 'DROP VIEW numbers'),
    statement('higher', 'CREATE VIEW higher AS SELECT * FROM numbers WHERE true', 'DROP VIEW higher'),
    statement('all_of_it', 'CREATE VIEW all_of_it AS SELECT * FROM posts', 'DROP VIEW all_of_it'),
    statement('titles', 'CREATE VIEW titles AS SELECT title AS n FROM posts', 'DROP VIEW titles'),
    statement('doubled', 'ALTER TABLE posts ADD COLUMN doubled numeric GENERATED ALWAYS AS (n * 2) STORED',
              'ALTER TABLE posts DROP COLUMN doubled'),
    statement('touch', 'CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.n := 1; RETURN NEW; END $f$',
              'DROP FUNCTION touch()'),
    statement('touched', 'CREATE TRIGGER touched BEFORE UPDATE OF n ON posts FOR EACH ROW EXECUTE FUNCTION touch()',
              'DROP TRIGGER touched ON posts'),
    statement('log', 'CREATE TABLE log (n text, note text)', 'DROP TABLE log'),
    statement('fill', 'UPDATE posts SET n = 3')))
  || '{"custom_indexes": [{"fields": ["doubled"], "name": "by_doubled"}]}',
  own('readers', ARRAY[]::jsonb[], statements(
    statement('read', 'CREATE VIEW read AS SELECT p.n FROM posts AS p CROSS JOIN readers', 'DROP VIEW read'))))
$$;
SELECT step(hanging('integer'));
INSERT INTO t1.log VALUES ('kept');
SELECT * FROM notes(hanging('bigint') -> 0);
SELECT step(hanging('bigint'));
-- by the snapshot of the table alone
SELECT lawful(hanging('numeric'), hanging('numeric') -> 0);
SELECT n FROM t1.log;
SELECT clear();

--
-- Arrays: a value becomes an array of one, an array its first element
--
CREATE FUNCTION tags(type jsonb) RETURNS jsonb
LANGUAGE sql AS $$
SELECT own('tags', ARRAY[attr('x', '') || jsonb_build_object('type', type), attr('s', 'text')])
$$;
SELECT lawful(tags('"integer"'));
INSERT INTO t1.tags VALUES (gen_random_uuid(), 7, 'a'), (gen_random_uuid(), NULL, 'b');
SELECT step(tags('["array", "integer"]'));
SELECT s, x FROM t1.tags ORDER BY s;
SELECT * FROM notes(tags('"bigint"'));
SELECT step(tags('"bigint"'));
SELECT s, x FROM t1.tags ORDER BY s;
SELECT lawful(tags('"text"'));
UPDATE t1.tags SET x = '{a,b}' WHERE s = 'a';
SELECT step(tags('["array", "text"]'));
SELECT s, x[1] FROM t1.tags ORDER BY s;
SELECT * FROM planned(tags('"jsonb"'));
SELECT clear();

--
-- Statements that need each other
--

-- A function under a trigger, with a right on it, and a data fix
CREATE FUNCTION touching(body text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT own('a', ARRAY[attr('n', 'bigint')], statements(
  statement('first', 'CREATE VIEW first AS SELECT 1 AS one', 'DROP VIEW first'),
  statement('touch', format('CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN %s; RETURN NEW; END $f$', body),
            'DROP FUNCTION touch()'),
  statement('trigger', 'CREATE TRIGGER touch BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION touch()', 'DROP TRIGGER touch ON a'),
  statement('right', 'GRANT EXECUTE ON FUNCTION touch() TO CURRENT_USER', 'REVOKE EXECUTE ON FUNCTION touch() FROM CURRENT_USER'),
  statement('fix', 'UPDATE a SET n = 2 WHERE ''touch()'' = ''''')))
$$;
SELECT lawful(touching('NEW.n := 1'));
SELECT * FROM notes(touching('NEW.n := 2'));
SELECT step(touching('NEW.n := 2'));
SELECT clear();

-- Triggers of two tables, with the name of the function; what is declared after
-- the trigger of the table and does not need it stays
CREATE FUNCTION twice(body text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  own('b', ARRAY[attr('n', 'bigint')], statements(
    statement('trigger', 'CREATE TRIGGER touch BEFORE UPDATE ON b FOR EACH ROW EXECUTE FUNCTION touch()', 'DROP TRIGGER touch ON b'))),
  own('a', ARRAY[attr('n', 'bigint')], statements(
    statement('touch', format('CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN %s; RETURN NEW; END $f$', body), 'DROP FUNCTION touch()'),
    statement('trigger', 'CREATE TRIGGER touch BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION touch()', 'DROP TRIGGER touch ON a'),
    statement('comment', 'COMMENT ON TRIGGER touch ON a IS ''sets n''', 'COMMENT ON TRIGGER touch ON a IS NULL'),
    statement('view', 'CREATE VIEW v AS SELECT n FROM a', 'DROP VIEW v'))))
$$;
SELECT lawful(twice('NEW.n := 1'));
SELECT step(twice('NEW.n := 2'));
SELECT clear();

-- An index, a check, a default, an identity and another table's view use the
-- function that changes
CREATE FUNCTION slugged(body text, uses boolean DEFAULT true) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  own('posts', ARRAY[attr('title', 'text', jsonb_build_object('default', CASE WHEN uses THEN 'fragment("slug(''A B'')")' ELSE 'nil' END))],
      CASE WHEN uses THEN '{
    "check_constraints": [{"name": "slugged", "check": "slug(title) <> ''no''", "attribute": ["title"]}],
    "custom_indexes": [{"fields": [{"type": "string", "value": "slug(title)"}], "name": "by_slug"}],
    "identities": [{"name": "one", "keys": ["title"], "index_name": "one_slug", "where": "slug(title) <> ''''"}]}'::jsonb ELSE '{}' END)
  || statements(statement('slug', format('CREATE FUNCTION slug(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT %s $f$', body),
                          'DROP FUNCTION slug(text)')),
  own('others', ARRAY[attr('title', 'text')],
      CASE WHEN uses THEN '{"custom_indexes": [{"fields": [{"type": "string", "value": "slug(title)"}], "name": "other_slugs"}]}'::jsonb ELSE '{}' END)
  || statements(statement('slugs', 'CREATE VIEW slugs AS SELECT slug(title) FROM others', 'DROP VIEW slugs')))
$$;
-- the function first, then what uses it
SELECT lawful(slugged('lower(t)', false));
SELECT step(slugged('lower(t)'));
SELECT step(slugged('upper(t)'));
SELECT clear();
-- all in one generation, and away again
SELECT step(slugged('lower(t)'));
SELECT clear();

-- The type of a column is what changes: values go through text meanwhile
CREATE FUNCTION labelled(labels text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  own('a', ARRAY[attr('s', 'mood', '{"default": "\"x\"", "allow_nil?": false}'), attr('all', '', '{"type": ["array", "mood"]}')],
      '{"check_constraints": [{"name": "c", "check": "s <> ''y''", "attribute": ["s"]}], "custom_indexes": [{"name": "i", "fields": ["s"], "where": "s = ''x''"}]}')
  || statements(
    statement('mood', format('CREATE TYPE mood AS ENUM (%s)', labels), 'DROP TYPE mood'),
    statement('code', format('CREATE DOMAIN code AS text CHECK (VALUE <> %s)', left(labels, 3)), 'DROP DOMAIN code'),
    statement('view', 'CREATE VIEW v AS SELECT s FROM a', 'DROP VIEW v')),
  own('k', ARRAY[]::jsonb[]) || jsonb_build_object('attributes', jsonb_build_array(id('id', 'code'))),
  own('r', ARRAY[ref('k_id', 'k.id', strategy('context'), 'code')]))
$$;
SELECT lawful(labelled($$'x', 'y'$$));
INSERT INTO t1.a VALUES (gen_random_uuid(), 'x', '{x,y,NULL}');
INSERT INTO t1.k VALUES ('one');
INSERT INTO t1.r VALUES (gen_random_uuid(), 'one');
SELECT step(labelled($$'w', 'x', 'y'$$));
SELECT a.s, a.all, r.k_id FROM t1.a, t1.r;
SELECT clear();

-- A domain and an enum of statements, a column that is added with a gin index on
-- it, a function that needs the table and is used by its check
CREATE FUNCTION made(steps integer) RETURNS jsonb
LANGUAGE sql AS $$
SELECT own('docs', ARRAY[attr('title', 'text')]
    || CASE WHEN steps > 1 THEN ARRAY[attr('size', 'positive'), attr('state', 'doc_state', '{"default": "\"new\""}'), attr('kind', 'text', '{"default": "fragment(\"newest()\")"}')] ELSE '{}' END,
    CASE WHEN steps > 1 THEN '{
  "custom_indexes": [{"fields": ["search"], "name": "by_search", "using": "gin"}],
  "check_constraints": [{"name": "kinds", "check": "kind_of(docs) <> title", "attribute": ["title"]}]}'::jsonb ELSE '{}' END)
  || statements(
    statement('positive', 'CREATE DOMAIN positive AS integer CHECK (VALUE > 0)', 'DROP DOMAIN positive'),
    statement('state', 'DO $f$ BEGIN CREATE TYPE doc_state AS ENUM (''new'', ''old''); EXCEPTION WHEN duplicate_object THEN NULL; END $f$', 'DROP TYPE doc_state'),
    statement('search', 'ALTER TABLE docs ADD COLUMN search tsvector GENERATED ALWAYS AS (to_tsvector(''simple'', title)) STORED', 'ALTER TABLE docs DROP COLUMN search'),
    statement('newest', 'CREATE FUNCTION newest() RETURNS text LANGUAGE sql AS $f$ SELECT max(title) FROM docs $f$', 'DROP FUNCTION newest()'),
    statement('kind', 'CREATE FUNCTION kind_of(d docs) RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT d.title || ''!'' $f$', 'DROP FUNCTION kind_of(docs)'))
$$;
SELECT lawful(made(1));
SELECT step(made(2));
SELECT clear();
SELECT step(made(2));
SELECT clear();

--
-- Texts that name what is no more
--
CREATE FUNCTION search(column_name text, text_column text DEFAULT 'subject', table_name text DEFAULT 'tickets', down text DEFAULT 'DROP INDEX tickets_search') RETURNS jsonb
LANGUAGE sql AS $$
SELECT own(table_name, ARRAY[attr(column_name, 'text')], statements(
  statement('search', format('CREATE INDEX tickets_search ON %I (lower(%I))', table_name, text_column), down)))
$$;
\set title '[{"table": "tickets", "column": "subject", "to": "title"}]'
SELECT lawful(search('subject'));
SELECT apply(search('title'), renames => :'title');
\echo :LAST_ERROR_SQLSTATE
SELECT apply(search('title'), drop_columns => false);
SELECT apply(search('title'), drop_columns => true);
-- with the new name in the text it goes
SELECT step(search('title', 'title'), renames => :'title');
SELECT apply(search('title', 'title') || '{"table": "cases"}', renames => '[{"table": "tickets", "to": "cases"}]');
SELECT step(search('title', 'title', 'cases'), renames => '[{"table": "tickets", "to": "cases"}]');
-- a data fix counts as well, a body too; an alias, a string and another table's column do not
SELECT lawful(search('title', 'title', 'cases') || own('cases', ARRAY[attr('title', 'text'), attr('body', 'text')], statements(
  statement('fix', 'UPDATE cases SET title = lower(body)'))));
SELECT apply(own('cases', ARRAY[attr('title', 'text')], statements(statement('fix', 'UPDATE cases SET title = lower(body)'))));
SELECT lawful(own('cases', ARRAY[attr('title', 'text'), attr('body', 'text')], statements(
  statement('body', 'CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.body := 1; RETURN NEW; END $f$', 'DROP FUNCTION touch()'))));
SELECT apply(own('cases', ARRAY[attr('title', 'text')], statements(
  statement('body', 'CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.body := 1; RETURN NEW; END $f$', 'DROP FUNCTION touch()'))));
SELECT lawful(own('cases', ARRAY[attr('title', 'text'), attr('body', 'text')], statements(
  statement('view', 'CREATE VIEW v AS SELECT title AS body, ''body'' AS word FROM cases', 'DROP VIEW v'),
  statement('function', 'CREATE FUNCTION f(body text) RETURNS text LANGUAGE sql AS $f$ SELECT body $f$', 'DROP FUNCTION f(text)'))));
SELECT lawful(own('cases', ARRAY[attr('title', 'text')], statements(
  statement('view', 'CREATE VIEW v AS SELECT title AS body, ''body'' AS word FROM cases', 'DROP VIEW v'),
  statement('function', 'CREATE FUNCTION f(body text) RETURNS text LANGUAGE sql AS $f$ SELECT body $f$', 'DROP FUNCTION f(text)'))));
SELECT clear();
-- checks and indexes, too
SELECT lawful(own('cases', ARRAY[attr('a', 'text')], '{"check_constraints": [{"name": "full", "check": "a <> ''''", "attribute": ["a"]}]}'));
SELECT apply(own('cases', ARRAY[attr('b', 'text')], '{"check_constraints": [{"name": "full", "check": "a <> ''''", "attribute": ["b"]}]}'),
             renames => '[{"table": "cases", "column": "a", "to": "b"}]');
SELECT lawful(own('cases', ARRAY[attr('b', 'text')], '{"check_constraints": [{"name": "full", "check": "b <> ''''", "attribute": ["b"]}]}'),
              renames => '[{"table": "cases", "column": "a", "to": "b"}]');
SELECT clear();

--
-- Tenants let go of what public takes away, and point to it again, each in its turn
--
SELECT ashmig_create_tenant('t2') IS NOT NULL;
CREATE FUNCTION accounts(type text, view text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  resource('accounts', id('id', type), attr('plan', 'text')),
  own('invoices', ARRAY[ref('account_id', 'accounts.id', '{}', type), attr('total', 'integer')], statements(
    statement('owed', view, 'DROP VIEW owed'))))
$$;
CREATE FUNCTION generated() RETURNS TABLE (scope text, name text, up text[], down text[])
LANGUAGE sql AS $$
SELECT m.scope, m.name, m.up, m.down FROM ashmig.migrations AS m
 WHERE version > (SELECT max(version) FROM ashmig.versions) ORDER BY version
$$;
CREATE FUNCTION forget() RETURNS bigint
LANGUAGE sql AS $$
SELECT sum(ashmig_remove_migration(version, tenant => scope = 'tenant')) FROM (
  SELECT DISTINCT ON (scope) scope, version FROM ashmig.migrations
   WHERE version > (SELECT max(version) FROM ashmig.versions) ORDER BY scope, version DESC) AS m
$$;
\set owed 'CREATE VIEW owed AS SELECT a.plan, i.total FROM invoices AS i JOIN public.accounts AS a ON a.id = i.account_id'
SELECT apply(accounts('integer', :'owed'));
INSERT INTO public.accounts VALUES (1, 'free');
INSERT INTO t1.invoices VALUES (gen_random_uuid(), 1, 7);
CREATE TABLE tools.facts AS SELECT everything() AS fact;
SELECT count(*) FROM ashmig_generate(accounts('bigint', :'owed'), name => 'wider');
\x on
SELECT * FROM generated();
\x off
SELECT version AS first FROM ashmig.migrations WHERE name = 'wider_release' \gset
SELECT max(version) AS last FROM ashmig.migrations \gset
SELECT scope, schema_name, applied, status FROM ashmig_migrate_all();
SELECT * FROM t1.owed;
SELECT laws(accounts('bigint', :'owed'));
-- and back, in the opposite order
SELECT schema_name, status FROM ashmig_rollback_tenants(to_version => :last);
SELECT schema_name, status FROM ashmig_rollback();
SELECT schema_name, status FROM ashmig_rollback_tenants(to_version => :first);
SELECT difference('down', ARRAY(SELECT fact FROM tools.facts), ARRAY(SELECT everything()));
SELECT * FROM t1.owed;
SELECT forget();
-- the public table goes, or its column
SELECT count(*) FROM ashmig_generate(jsonb_build_array(own('invoices', ARRAY[attr('account_id', 'integer'), attr('total', 'integer')])), drop_tables => true, name => 'gone');
SELECT scope, name, up FROM generated();
SELECT forget();
SELECT count(*) FROM ashmig_generate(jsonb_build_array(resource('accounts', id('id', 'integer')), accounts('integer', 'CREATE VIEW owed AS SELECT i.total FROM invoices AS i') -> 1), drop_columns => true, name => 'gone');
SELECT scope, name, up FROM generated();
SELECT forget();
-- a function of a public table's statement that indexes of the tenants use
CREATE FUNCTION public_slug(body text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  resource('accounts', id('id', 'integer'), attr('plan', 'text')) || statements(
    statement('slug', format('CREATE FUNCTION slug(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT %s $f$', body), 'DROP FUNCTION slug(text)')),
  accounts('integer', 'CREATE VIEW owed AS SELECT 1 AS one') -> 1
    || '{"custom_indexes": [{"fields": [{"type": "string", "value": "slug(total::text)"}], "name": "slugs"}]}')
$$;
SELECT apply(public_slug('lower(t)'));
SELECT * FROM planned(public_slug('upper(t)'));
SELECT scope, schema_name, status FROM ashmig_apply(public_slug('upper(t)'));
SELECT laws(public_slug('upper(t)'));
-- all goes
SELECT * FROM planned('[]', drop_tables => true);
SELECT apply('[]', drop_tables => true);
SELECT everything();

-- A column whose name has to be written with escapes
CREATE FUNCTION escaped(type text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT own('odd', ARRAY[attr('@tenant@', type)]) || statements(
  statement('seen', 'CREATE VIEW seen AS SELECT U&"\0040tenant@" FROM odd', 'DROP VIEW seen'))
$$;
SELECT apply(escaped('text'));
SELECT * FROM planned(escaped('float'));
SELECT scope, schema_name, status FROM ashmig_apply(escaped('float'));
SELECT laws(escaped('float'));
SELECT * FROM planned(own('odd', ARRAY[attr('tenants', 'float')]) || (escaped('float') - 'attributes' - 'table'), '[{"table": "odd", "column": "@tenant@", "to": "tenants"}]');
SELECT apply('[]', drop_tables => true);

--
-- Notes
--

-- A key that looks optional and is not
SELECT note FROM ashmig_plan(jsonb_build_array(
  resource('users', id(), attr('org_id', 'uuid', '{"allow_nil?": false}')) || strategy('attribute', 'org_id')
    || '{"identities": [{"name": "id", "index_name": "users_id", "keys": ["id"]}]}',
  resource('posts', id(), attr('org_id', 'uuid', '{"allow_nil?": false}'),
    ref('author_id', 'users.id', '{"match_tenant?": true, "on_delete": "nilify", "multitenancy": {"strategy": "attribute", "attribute": "org_id", "global": false}}')) || strategy('attribute', 'org_id')))
 WHERE operation = 'add_foreign_key';
-- Tenants' keys to a public table, and a column that names tenants
CREATE FUNCTION billed(slug text DEFAULT 'text') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('plans', id(), attr('slug', slug)), own('bills', ARRAY[ref('plan_id', 'plans.id')]))
$$;
SELECT note FROM ashmig_plan(billed()) WHERE operation = 'add_foreign_key';
SELECT apply(billed());
SELECT note FROM ashmig_plan(billed() || own('refunds', ARRAY[ref('plan_id', 'plans.id')])) WHERE operation = 'add_foreign_key';
SELECT operation, note FROM ashmig_plan('[]', drop_tables => true) WHERE table_name = 'plans';
SELECT ashmig_manage_tenant('plans', ARRAY['plan_', ':slug']);
SELECT operation, note FROM ashmig_plan(billed('varchar')) WHERE table_name = 'plans';
SELECT operation, note FROM ashmig_plan(resource('plans', id())) WHERE table_name = 'plans';

\c :home
DROP DATABASE ashmig_dependencies;
