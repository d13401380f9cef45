--
-- What the proof is for: where the structure that a new tenant would get is not the
-- one that the migrations lead to, the generation cannot be recorded.  An event
-- trigger breaks the compiler's work on purpose, in one aspect after the other.
--
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_sabotage TEMPLATE :"home";
\c ashmig_sabotage
SET client_min_messages = warning;
SET search_path = tools, public;
SET ashmig.workers = 0;

-- Statements that follow a command, in the scratch schemas of the proof; %s is the schema
CREATE TABLE sabotage (command text, only_where text, does text);
CREATE FUNCTION sabotage() RETURNS event_trigger
LANGUAGE plpgsql AS $$
DECLARE
  command record;
  act record;
  applies boolean;
BEGIN
  FOR command IN SELECT DISTINCT command_tag, schema_name FROM pg_event_trigger_ddl_commands()
                  WHERE schema_name LIKE 'ashmig\_proof\_tenant\_%' AND command_tag = tg_tag LOOP
    FOR act IN SELECT * FROM tools.sabotage WHERE sabotage.command = command.command_tag LOOP
      EXECUTE format('SELECT ' || act.only_where, quote_literal(command.schema_name)) INTO applies;
      IF applies THEN
        -- once: what it does is a command as well
        PERFORM set_config('session_replication_role', 'replica', true);
        EXECUTE format(act.does, quote_ident(command.schema_name));
        PERFORM set_config('session_replication_role', 'origin', true);
      END IF;
    END LOOP;
  END LOOP;
END
$$;
CREATE EVENT TRIGGER sabotage ON ddl_command_end EXECUTE FUNCTION sabotage();

CREATE FUNCTION tickets(VARIADIC attributes jsonb[] DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT resource('tickets', VARIADIC ARRAY[id(), attr('title', 'text')] || attributes) || strategy('context')
  || '{"check_constraints": [{"name": "titled", "attribute": ["title"], "check": "length(title) > 0"}], "custom_indexes": [{"name": "by_title", "fields": ["title"]}]}'
$$;
-- What a generation that adds a column says
CREATE FUNCTION attempt(command text, only_where text, does text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  before text := (SELECT md5(string_agg(m::text, ',' ORDER BY version)) FROM ashmig.migrations AS m) || (SELECT md5(string_agg(s::text, ',' ORDER BY s::text)) FROM ashmig.snapshots AS s);
  code text;
  message text;
  detail text;
BEGIN
  DELETE FROM tools.sabotage;
  INSERT INTO tools.sabotage VALUES (command, only_where, does);
  BEGIN
    PERFORM ashmig_generate(tickets(attr('body', 'text')));
    RETURN 'no error';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  END;
  IF before <> (SELECT md5(string_agg(m::text, ',' ORDER BY version)) FROM ashmig.migrations AS m) || (SELECT md5(string_agg(s::text, ',' ORDER BY s::text)) FROM ashmig.snapshots AS s) THEN
    RETURN 'something was recorded';
  END IF;
  RETURN concat_ws(E'\n', code, message, detail);
END
$$;
SELECT ashmig_create_tenant('t1');
SELECT apply(tickets());
\pset format unaligned
\pset fieldsep ' | '
\pset tuples_only on

-- The compiled DDL makes the table with all its columns at once, history adds
-- the new one to a table that is there and its down takes it away
\set compiled 'EXISTS (SELECT FROM information_schema.columns WHERE table_schema = %s AND column_name = ''body'')'
\set added :compiled
\set taken 'NOT EXISTS (SELECT FROM information_schema.columns WHERE table_schema = %s AND column_name = ''body'')'
SELECT attempt('CREATE TABLE', :'compiled', 'ALTER TABLE %s.tickets DROP body');
SELECT attempt('CREATE TABLE', :'compiled', 'ALTER TABLE %s.tickets ADD updated_at timestamp');
SELECT attempt('CREATE TABLE', :'compiled', 'ALTER TABLE %s.tickets ALTER body TYPE varchar(9)');
SELECT attempt('CREATE TABLE', :'compiled', 'ALTER TABLE %s.tickets ALTER body SET DEFAULT ''x''');
SELECT attempt('CREATE TABLE', :'compiled', 'CREATE INDEX extra ON %s.tickets (body)');
SELECT attempt('CREATE TABLE', :'compiled', 'ALTER TABLE %s.tickets ADD CONSTRAINT extra CHECK (body <> title)');
SELECT attempt('CREATE TABLE', :'compiled', 'ALTER TABLE %s.tickets ADD CONSTRAINT extra FOREIGN KEY (id) REFERENCES %1$s.tickets (id)');
SELECT attempt('CREATE TABLE', :'compiled', 'ALTER TABLE %s.tickets ENABLE ROW LEVEL SECURITY');
SELECT attempt('CREATE TABLE', :'compiled', 'ALTER TABLE %s.tickets SET (fillfactor = 50)');
SELECT attempt('CREATE TABLE', :'compiled', 'CREATE VIEW %s.extra AS SELECT 1 AS one');
SELECT attempt('CREATE TABLE', :'compiled', 'CREATE SEQUENCE %s.extra');
SELECT attempt('CREATE TABLE', :'compiled', 'CREATE FUNCTION %s.extra() RETURNS integer LANGUAGE sql AS ''SELECT 1''');
SELECT attempt('CREATE TABLE', :'compiled', 'CREATE TYPE %s.extra AS ENUM (''a'')');
SELECT attempt('CREATE TABLE', :'compiled', 'DROP TABLE %s.tickets');
-- The same on the side of history
SELECT attempt('ALTER TABLE', :'added', 'ALTER TABLE %s.tickets ALTER body SET DEFAULT ''y''');
SELECT attempt('ALTER TABLE', :'added', 'DROP INDEX %s.by_title');
-- The way back
SELECT attempt('ALTER TABLE', :'taken', 'ALTER TABLE %s.tickets DROP CONSTRAINT titled');
-- Unbroken it is recorded, and new tenants equal the others
SELECT attempt('CREATE TABLE', 'false', '');
DROP EVENT TRIGGER sabotage;
SELECT scope, schema_name, status FROM ashmig_migrate_all();
SELECT ashmig_create_tenant('t2') > 0 AS created;
SELECT * FROM difference('t2', facts_of('t1'), facts_of('t2'));

\c :home
DROP DATABASE ashmig_sabotage;
