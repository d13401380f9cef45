-- Enums, as AshPostgres.Migration makes them.
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_enums;
\c ashmig_enums
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE VIEW enums AS
  SELECT typnamespace::regnamespace AS schema, typname AS name, array_agg(enumlabel ORDER BY enumsortorder) AS labels
  FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid GROUP BY typnamespace, typname ORDER BY typnamespace::regnamespace::text, typname;

SELECT name, ashmig_create_tenant(name) FROM unnest('{t1,t-2}'::text[]) AS name;
SELECT ashmig_create_enum('Kind', ARRAY['a', 'it''s', 'back\slash', '@tenant@', '']) > 0 AS recorded;
SELECT ashmig_create_enum('status', '{open,closed}', tenant => true) > 0 AS recorded;
SELECT scope, kind, name, transactional, up, down FROM ashmig.migrations ORDER BY version;
SELECT scope, schema_name, applied, status FROM ashmig_migrate_all();
SELECT * FROM enums;

-- Values added later
SELECT ashmig_add_enum_value('Kind', 'b', after => 'a') > 0 AS recorded;
SELECT ashmig_add_enum_value('status', 'new', before => 'open', tenant => true) > 0 AS recorded;
SELECT scope, kind, name, transactional, up, down FROM ashmig.migrations WHERE NOT transactional ORDER BY version;

-- They are added in the background, outside the caller's transaction
SELECT count(*) > 0 AS running FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT * FROM enums;
-- Rolling back leaves them, as PostgreSQL cannot remove them; the next run finds them
SELECT scope, schema_name, applied FROM ashmig_rollback_tenants(only_tenants => '{t1}');
CALL ashmig_wait();
SELECT count(*) > 0 AS running FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT * FROM enums;
SELECT scope, schema_name, applied, pending FROM ashmig_status();

-- Dropped; the down restores all values
SELECT ashmig_drop_enum('Kind') > 0 AS recorded;
SELECT ashmig_drop_enum('status', tenant => true) > 0 AS recorded;
SELECT up, down FROM ashmig.migrations WHERE name LIKE 'drop%' ORDER BY version;

-- Hand-written migrations count as well
SELECT ashmig_add_migration(NULL, 'by hand', $$
CREATE TYPE size AS ENUM ('s', 'l');
ALTER TYPE @default@.size ADD VALUE 'm' AFTER 's';
ALTER TYPE public.size RENAME VALUE 'l' TO 'large';
CREATE TYPE other.size AS ENUM ('x')$$) > 0 AS recorded;
SELECT ashmig_drop_enum('size') > 0 AS recorded;
SELECT down FROM ashmig.migrations WHERE name = 'drop_enum_size';
SELECT ashmig_drop_enum('size', schema => 'other') > 0 AS recorded;
SELECT up, down FROM ashmig.migrations ORDER BY version DESC LIMIT 1;

-- So do types without a migration, and labels given in the call
CREATE TYPE t1.live AS ENUM ('l1', 'l2');
SELECT ashmig_drop_enum('live', tenant => true) > 0 AS recorded;
SELECT down FROM ashmig.migrations ORDER BY version DESC LIMIT 1;
SELECT ashmig_drop_enum('given', labels => '{g}') > 0 AS recorded;
SELECT down FROM ashmig.migrations ORDER BY version DESC LIMIT 1;

-- Refused
SELECT ashmig_drop_enum('unknown');
SELECT ashmig_create_enum('twice', '{a,b,a}');
SELECT ashmig_create_enum('long', ARRAY[repeat('x', 64)]);
SELECT ashmig_create_enum('', '{a}');
SELECT ashmig_create_enum(NULL, '{a}');
SELECT ashmig_create_enum('null', NULL);
SELECT ashmig_create_enum('where', '{a}', tenant => true, schema => 'other');
SELECT ashmig_add_enum_value('status', 'x', before => 'a', after => 'b');

-- Roll back everything
SELECT count(ashmig_remove_migration(version, scope = 'tenant')) FROM ashmig.migrations WHERE name ~ 'hand|size|live|given|^drop';
DROP TYPE t1.live;
SELECT count(*) > 0 AS running FROM ashmig_rollback_tenants(all_versions => true);
CALL ashmig_wait();
SELECT count(*) > 0 AS running FROM ashmig_rollback(all_versions => true);
CALL ashmig_wait();
SELECT * FROM enums;
SELECT scope, schema_name, applied, pending FROM ashmig_status();

-- A new tenant has the values that were added later, wherever they are used: it equals those that ran history
CREATE VIEW tenants AS
  SELECT replace(coalesce(string_agg(line, '; ' ORDER BY line), ''), schema || '.', '') AS structure, schema
  FROM (SELECT name AS line, schema FROM (
      SELECT 'type ' || name || ' ' || labels::text, schema::text FROM enums
    UNION ALL SELECT 'default ' || attname || ' ' || pg_get_expr(adbin, adrelid), relnamespace::regnamespace::text
      FROM pg_attrdef JOIN pg_class c ON c.oid = adrelid JOIN pg_attribute a ON attrelid = c.oid AND attnum = adnum
    UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid), connamespace::regnamespace::text
      FROM pg_constraint WHERE contype = 'c'
    UNION ALL SELECT 'index ' || pg_get_indexdef(oid), relnamespace::regnamespace::text
      FROM pg_class WHERE relkind = 'i') AS s (name, schema)) AS l
  WHERE schema IN (SELECT schema_name FROM ashmig.tenants) GROUP BY schema;
CREATE FUNCTION people(wish text, more jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('table', 'people', 'multitenancy', '{"strategy": "context"}'::jsonb, 'attributes', jsonb_build_array(
    '{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}'::jsonb,
    jsonb_build_object('source', 'mood', 'type', 'mood', 'default', to_json('"' || wish || '"')))) || more $$;
SELECT count(ashmig_remove_migration(version, scope = 'tenant')) FROM ashmig.migrations;
SELECT ashmig_create_enum('mood', '{sad,happy}', tenant => true) > 0 AS recorded;
SELECT ashmig_create_enum('gone', '{a,b}', tenant => true) > 0 AS recorded;
SELECT count(*) > 0 AS running FROM ashmig_migrate_all();
SELECT scope, count(*) FROM ashmig_apply(people('sad', '{}'), name => 'people') GROUP BY scope;
SELECT ashmig_add_enum_value('mood', 'fine', after => 'sad', tenant => true) > 0 AS recorded;
SELECT ashmig_add_enum_value('mood', 'it''s', before => 'sad', tenant => true) > 0 AS recorded;
SELECT ashmig_drop_enum('gone', tenant => true) > 0 AS recorded;
SELECT ashmig_create_enum('gone', '{back}', tenant => true) > 0 AS recorded;
SELECT count(*) > 0 AS running FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT scope, count(*) FROM ashmig_apply(people('fine', '{
  "check_constraints": [{"name": "not_its", "check": "mood <> ''it\u0027\u0027s''"}],
  "custom_indexes": [{"name": "fine_ones", "fields": ["id"], "where": "mood = ''fine''"}]}'), name => 'fine by default') GROUP BY scope;
SELECT ashmig_create_tenant('t3') > 0 AS created;
SELECT structure FROM tenants WHERE schema = 't3';
SELECT count(*), count(DISTINCT structure) FROM tenants;
-- so does the tenant of a row
CREATE TABLE orgs (id int PRIMARY KEY);
SELECT ashmig_manage_tenant('orgs', ARRAY['org_', ':id']);
INSERT INTO orgs VALUES (1);
SELECT count(*), count(DISTINCT structure) FROM tenants;

-- Where a hand-written migration makes it replay history, it does that in one transaction
SELECT ashmig_add_migration(NULL, 'by hand', $$ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
  CREATE TYPE size AS ENUM ('s', 'l'); CREATE TABLE mine (size size)$$, tenant => true) > 0 AS recorded;
SELECT ashmig_add_enum_value('mood', 'sad', tenant => true) > 0 AS recorded;
SELECT ashmig_add_enum_value('size', 'm', after => 's', tenant => true) > 0 AS recorded;
SELECT ashmig_add_migration(NULL, 'uses them', $$ALTER TABLE mine ALTER COLUMN size SET DEFAULT 'm';
  ALTER TYPE size RENAME TO "my size";
  ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'sad'$$, tenant => true) > 0 AS recorded;
SELECT ashmig_add_migration(NULL, 'more', $$ALTER TYPE @tenant@."my size" ADD VALUE 'xl'$$, transactional => false, tenant => true) > 0 AS recorded;
SELECT count(*) > 0 AS running FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT ashmig_create_tenant('t4') > 0 AS created;
SELECT structure FROM tenants WHERE schema = 't4';
SELECT count(*), count(DISTINCT structure) FROM tenants;
-- and a tenant that has nothing yet, where the whole run is one transaction
SELECT ashmig_set_all_tenants($$SELECT 't5'$$);
CREATE SCHEMA t5;
BEGIN;
SELECT schema_name, status FROM ashmig_migrate_tenants();
COMMIT;
SELECT count(DISTINCT labels) FROM enums WHERE name = 'mood';
SELECT ashmig_set_all_tenants(NULL);

-- An enum that a statement of a snapshot creates is left to that
CREATE DATABASE ashmig_enums_2;
\c ashmig_enums_2
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE FUNCTION hues(default_hue text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('table', 'hues', 'multitenancy', '{"strategy": "context"}'::jsonb,
    'custom_statements', '[{"name": "hue", "up": "CREATE TYPE hue AS ENUM (''red'')", "down": "DROP TYPE hue"}]'::jsonb,
    'attributes', '[{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}]'::jsonb
      || CASE WHEN default_hue IS NULL THEN '[]' ELSE jsonb_build_array(
      jsonb_build_object('source', 'hue', 'type', 'hue', 'default', to_json('"' || default_hue || '"'))) END) $$;
SELECT ashmig_create_tenant('t1');
SELECT scope, count(*) FROM ashmig_apply(hues(NULL), name => 'hues') GROUP BY scope;
SELECT ashmig_add_enum_value('hue', 'blue', before => 'red', tenant => true) > 0 AS recorded;
SELECT count(*) > 0 AS running FROM ashmig_migrate_all();
CALL ashmig_wait();
SET ashmig.prove = off;  -- it knows the statement's values alone
SELECT scope, count(*) FROM ashmig_apply(hues('blue'), name => 'blue') GROUP BY scope;
SELECT ashmig_create_tenant('t2') > 0 AS created;
SELECT schema, enum_range(NULL::t1.hue) AS t1, enum_range(NULL::t2.hue) AS t2, pg_get_expr(adbin, adrelid)
  FROM (VALUES ('t2')) AS s (schema) JOIN pg_attrdef ON adrelid = 't2.hues'::regclass;

-- A value that one transaction would add and use is refused before anything is done, whichever way it is asked for
CREATE FUNCTION people(mood text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('table', 'people', 'repo', 'Elixir.App.Repo', 'multitenancy', '{"strategy": "context"}'::jsonb, 'attributes', jsonb_build_array(
    '{"source": "id", "type": "uuid", "primary_key?": true, "allow_nil?": false, "default": "nil"}'::jsonb,
    jsonb_build_object('source', 'mood', 'type', 'mood', 'default', to_json(mood)::text)))
$$;
CREATE FUNCTION attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE command;
  RETURN 'no error';
EXCEPTION WHEN SQLSTATE 'MG033' THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN regexp_replace(concat_ws(E'\n', SQLERRM, detail, hint), '\d{14}', 'VERSION', 'g');
END
$$;
SELECT ashmig_create_enum('mood', '{sad,happy}') > 0 AS recorded;
SELECT count(*) FROM ashmig_generate(people('sad'));
SELECT count(*) > 0 AS migrated FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT count(*) FROM ashmig_migrate_all();
SELECT ashmig_add_enum_value('mood', 'fine') > 0 AS recorded;
SELECT count(*) FROM ashmig_generate(people('fine'));
SET ashmig.workers = 0;
SELECT attempt('SELECT ashmig_migrate_all()');
RESET ashmig.workers;
SELECT attempt('SELECT ashmig_migrate_all(atomic => true)');
-- where only PostgreSQL sees the use
SELECT ashmig_add_migration(NULL, 'by hand', $up$DO $d$ BEGIN PERFORM ('fi' || 'ne')::public.mood; END $d$$up$, '', tenant => true) > 0 AS recorded;
SELECT ashmig_remove_migration(version, tenant => true) FROM ashmig.migrations WHERE scope = 'tenant' AND kind = 'generated' ORDER BY version DESC LIMIT 1;
SELECT attempt('SELECT ashmig_migrate_all()');
-- in two transactions, or with workers, which commit in between
BEGIN;
SELECT count(*) > 0 AS migrated FROM ashmig_migrate();
COMMIT;
BEGIN;
SELECT count(*) FROM ashmig_migrate_tenants();
COMMIT;
SELECT ashmig_add_enum_value('mood', 'so so') > 0 AS recorded;
SELECT count(*) FROM ashmig_generate(people('so so'));
SELECT count(*) > 0 AS migrated FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT count(*) FROM ashmig_status() WHERE pending > 0;
SELECT column_default FROM information_schema.columns WHERE table_schema = 't1' AND table_name = 'people' AND column_name = 'mood';

\c :home
DROP DATABASE ashmig_enums_2;
DROP DATABASE ashmig_enums;
