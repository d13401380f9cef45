--
-- What is tried before a generation is recorded.
--
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_proof TEMPLATE :"home";
\c ashmig_proof
SET client_min_messages = notice;
SET search_path = tools, public;
SET ashmig.workers = 0;
\set SHOW_CONTEXT never
\pset format unaligned
\pset fieldsep ' | '
\pset tuples_only on

-- A tenant's table with custom statements, each of name, up and down
CREATE FUNCTION tickets(attributes jsonb[], VARIADIC statements text[] DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT resource('tickets', VARIADIC id() || attributes) || strategy('context') || jsonb_build_object('custom_statements',
  (SELECT coalesce(jsonb_agg(jsonb_build_object('name', statements[i], 'up', statements[i + 1], 'down', statements[i + 2]) ORDER BY i), '[]')
     FROM generate_series(1, cardinality(statements), 3) AS i))
$$;
-- How many migrations a generation records
CREATE FUNCTION generate(snapshots jsonb, renames jsonb DEFAULT '[]', drop_columns boolean DEFAULT true) RETURNS bigint
LANGUAGE sql AS $$ SELECT count(*) FROM ashmig_generate(snapshots, renames => renames, drop_columns => drop_columns) $$;
SELECT ashmig_create_tenant('t1');

-- A column is renamed, and a statement puts the old name together itself
\set search 'DO $d$ BEGIN EXECUTE format(''CREATE INDEX tickets_search ON %I (lower(%I))'', ''tickets'', ''sub'' || ''ject''); END $d$'
SELECT apply(tickets(ARRAY[attr('subject', 'text')], 'search', :'search', 'DROP INDEX tickets_search'));
SELECT generate(tickets(ARRAY[attr('title', 'text')], 'search', :'search', 'DROP INDEX tickets_search'),
  '[{"table": "tickets", "column": "subject", "to": "title"}]');
SELECT count(*) FROM ashmig.migrations;
-- with a text that fits
SELECT generate(tickets(ARRAY[attr('title', 'text')], 'search', 'CREATE INDEX tickets_search ON tickets (lower(title))', 'DROP INDEX tickets_search'),
  '[{"table": "tickets", "column": "subject", "to": "title"}]');
SELECT scope, schema_name, status FROM ashmig_migrate_all();
SELECT ashmig_create_tenant('t2') > 0 AS created;
-- a function's body counts
SELECT generate(tickets(ARRAY[attr('title', 'text')], 'search', 'CREATE INDEX tickets_search ON tickets (lower(title))', 'DROP INDEX tickets_search',
  'titles', 'CREATE FUNCTION titles() RETURNS SETOF text LANGUAGE sql AS ''SELECT subject FROM tickets''', 'DROP FUNCTION titles()'));
-- and data fills do
SELECT generate(tickets(ARRAY[attr('title', 'text')], 'fill', 'UPDATE tickets SET title = lower(subject)', ''));

-- A view of all columns does not get a new one
SELECT apply(tickets(ARRAY[attr('title', 'text')], 'v', 'CREATE VIEW v AS SELECT * FROM tickets', 'DROP VIEW v'));
-- (PostgreSQL 18 prints views otherwise)
\set VERBOSITY terse
SELECT generate(tickets(ARRAY[attr('title', 'text'), attr('body', 'text')], 'v', 'CREATE VIEW v AS SELECT * FROM tickets', 'DROP VIEW v'));
\set VERBOSITY default
-- made again it does, whatever the order of the columns
SELECT apply(tickets(ARRAY[attr('body', 'text'), attr('title', 'text')], 'v', 'CREATE VIEW v AS SELECT * FROM tickets -- with a body', 'DROP VIEW v'));
-- a retired column is no difference
SELECT generate(tickets(ARRAY[attr('title', 'text')], 'v', 'CREATE VIEW v AS SELECT title FROM tickets', 'DROP VIEW v'), drop_columns => false);
SELECT count(*) FROM ashmig_drop_retired();

-- The way back
SELECT generate(tickets(ARRAY[attr('title', 'text')], 'w', 'CREATE VIEW w AS SELECT title FROM tickets', 'DROP VIEW x'));
SELECT generate(tickets(ARRAY[attr('title', 'text')], 'w', 'CREATE VIEW w AS SELECT title FROM tickets; CREATE TABLE y ()', 'DROP VIEW w'));
-- a down that says nothing means it
SELECT generate(tickets(ARRAY[attr('title', 'text')], 'w', 'CREATE FUNCTION w() RETURNS int LANGUAGE sql AS ''SELECT 1''', ''));
SELECT generate(tickets(ARRAY[attr('title', 'text')]));
SELECT scope, schema_name, status FROM ashmig_migrate_all();

-- An index that a column's new type does not have
SELECT generate(tickets(ARRAY[attr('title', 'json')]) || '{"identities": [{"name": "title", "keys": ["title"], "index_name": "by_title"}]}');

-- Keys that point to tables which the generation does not touch, or of which no snapshot speaks; nothing of it stays
CREATE TABLE public.legacy (id uuid PRIMARY KEY, note text);
SELECT apply(jsonb_build_array(resource('users', id(), attr('email', 'text')), tickets(ARRAY[attr('title', 'text'), ref('user_id', 'users.id')])));
BEGIN;
SELECT generate(jsonb_build_array(resource('users', id(), attr('email', 'varchar')), tickets(ARRAY[attr('title', 'text', '{"allow_nil?": false}'), ref('user_id', 'users.id'), ref('legacy_id', 'legacy.id')])
  || '{"check_constraints": [{"name": "c", "attribute": [], "check": "length(title) > 0"}]}'));
ROLLBACK;
SELECT nspname FROM pg_namespace WHERE nspname ~ 'proof';

-- A statement that needs a table of which no snapshot speaks cannot be tried; the rest is
BEGIN;
SELECT generate(tickets(ARRAY[attr('title', 'text'), ref('user_id', 'users.id')],
  'l', 'CREATE VIEW l AS SELECT note FROM legacy', 'DROP VIEW l', 'r', 'CREATE ROLE r', 'DROP ROLE r'));
-- nor what needs it
SELECT generate(tickets(ARRAY[attr('title', 'text'), ref('user_id', 'users.id')],
  'l', 'CREATE VIEW l AS SELECT note FROM legacy', 'DROP VIEW l', 'm', 'CREATE VIEW m AS SELECT * FROM l', 'DROP VIEW m'));
ROLLBACK;
SELECT generate(tickets(ARRAY[attr('title', 'text'), ref('user_id', 'users.id')],
  'l', 'CREATE VIEW l AS SELECT note FROM legacy', 'DROP VIEW l',
  'bad', 'CREATE VIEW bad AS SELECT missing FROM tickets', 'DROP VIEW bad'));

-- The default schema by its name, in statements and in function bodies
SELECT apply(jsonb_build_array(resource('users', id(), attr('email', 'text')) || '{"custom_statements": [
  {"name": "touch", "up": "CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END''", "down": "DROP FUNCTION public.touch()"},
  {"name": "mails", "up": "CREATE FUNCTION mails() RETURNS SETOF text LANGUAGE sql AS ''SELECT email FROM public.users''", "down": "DROP FUNCTION mails()"},
  {"name": "trigger", "up": "CREATE TRIGGER touch BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.touch()", "down": "DROP TRIGGER touch ON public.users"}]}'));
-- a function of another table's statement, and a table that stands in another one's statement
SELECT apply(jsonb_build_array(resource('notes', id(), attr('touched', 'timestamp')) || '{"custom_statements": [
  {"name": "trigger", "up": "CREATE TRIGGER touch BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch()", "down": "DROP TRIGGER touch ON notes"},
  {"name": "view", "up": "CREATE VIEW mail AS SELECT email FROM users", "down": "DROP VIEW mail"}]}'));
SELECT generate(resource('users', id(), attr('email', 'varchar')) || '{"custom_statements": [
  {"name": "touch", "up": "CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END''", "down": "DROP FUNCTION public.touch()"},
  {"name": "mails", "up": "CREATE FUNCTION mails() RETURNS SETOF text LANGUAGE sql AS ''SELECT email FROM public.users''", "down": "DROP FUNCTION mails()"},
  {"name": "trigger", "up": "CREATE TRIGGER touch BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.touch()", "down": "DROP TRIGGER touch ON public.users"}]}');

-- Tables in a schema that they name
SELECT apply(resource('old', id('id', 'bigint') || '{"generated?": true}', attr('n', 'integer')) || '{"schema": "archive", "custom_statements": [
  {"name": "v", "up": "CREATE VIEW archive.v AS SELECT n FROM archive.old", "down": "DROP VIEW archive.v"}]}');
SELECT apply(resource('old', id('id', 'bigint') || '{"generated?": true}', attr('n', 'integer'), attr('m', 'integer')) || '{"schema": "archive", "custom_statements": [
  {"name": "v", "up": "CREATE VIEW archive.v AS SELECT n, m FROM \"archive\".\"old\"", "down": "DROP VIEW archive.v"}]}');
SELECT generate(resource('old', id('id', 'bigint') || '{"generated?": true}', attr('m', 'integer')) || '{"schema": "archive", "custom_statements": [
  {"name": "v", "up": "CREATE VIEW archive.v AS SELECT n, m FROM \"archive\".\"old\"", "down": "DROP VIEW archive.v"}]}');

-- Enums of the tenants, with a value that came later
SELECT ashmig_create_enum('mood', '{sad,happy}', tenant => true) > 0 AS recorded;
SELECT apply(resource('people', id(), attr('mood', 'mood', '{"default": "\"sad\""}')) || strategy('context'));
SELECT ashmig_add_enum_value('mood', 'fine', tenant => true) > 0 AS recorded;
SELECT generate(resource('people', id(), attr('mood', 'mood', '{"default": "\"fine\""}')) || strategy('context'));
-- What a migration written by hand may have made is not missed
SELECT ashmig_add_migration(NULL, 'by hand', 'CREATE FUNCTION @tenant@.by_hand() RETURNS integer LANGUAGE sql AS ''SELECT 1''', '', tenant => true) > 0 AS recorded;
SELECT generate(resource('people', id(), attr('n', 'integer', '{"default": "fragment(\"by_hand()\")"}')) || strategy('context'));
SELECT ashmig_remove_migration(version, tenant => true) FROM ashmig.migrations WHERE name = 'by hand';

-- An extension that is not there
-- (its message has a path in 14)
SET client_min_messages = warning;
SELECT generate(jsonb_build_object('snapshots', jsonb_build_array(resource('places', id(), attr('at', 'point'))), 'extensions', '{"installed": ["earthdistance"]}'::jsonb));
SET client_min_messages = notice;
SELECT generate(jsonb_build_object('snapshots', jsonb_build_array(resource('places', id(), attr('at', 'not_there'))), 'extensions', '{"installed": ["earthdistance"]}'::jsonb));

-- Untried where it is asked for, or must be; and what says nothing of the generation is not taken for its fault
SET ashmig.prove = off;
SELECT generate(resource('posts', id(), attr('n', 'integer')) || '{"check_constraints": [{"name": "c", "attribute": [], "check": "m > 0"}]}');
RESET ashmig.prove;
SET statement_timeout = '200ms';
SELECT generate(resource('slow', id()) || '{"custom_statements": [{"name": "s", "up": "SELECT pg_sleep(10)", "down": ""}]}');
RESET statement_timeout;
CREATE ROLE ashmig_proof_role;
GRANT USAGE ON SCHEMA ashmig, tools TO ashmig_proof_role;
GRANT ALL ON ALL TABLES IN SCHEMA ashmig TO ashmig_proof_role;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tools TO ashmig_proof_role;
SET ROLE ashmig_proof_role;
SELECT generate(resource('mine', id()));
RESET ROLE;
DROP OWNED BY ashmig_proof_role;
DROP ROLE ashmig_proof_role;

\c :home
DROP DATABASE ashmig_proof;
