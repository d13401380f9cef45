-- Managed tables: each row has its tenant.
\set VERBOSITY default
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_manage TEMPLATE :"home";
\c ashmig_manage
SET client_min_messages = warning;
SET search_path = tools, public;
CREATE SCHEMA app;
SELECT count(*) FROM apply(jsonb_build_array(resource('owners', id()),
  resource('posts', id(), attr('title', 'text'), ref('owner_id', 'owners.id')) || strategy('context')));
-- Tenants, and whether each is at the newest version
CREATE VIEW tenants AS SELECT t.schema_name, managed_by, schema_exists, v.version IS NOT DISTINCT FROM (SELECT max(version) FROM ashmig.migrations WHERE scope = 'tenant') AS current
  FROM ashmig_all_tenants() AS t LEFT JOIN ashmig.schema_versions AS v ON v.schema_name = t.schema_name AND v.scope = 'tenant';

CREATE TABLE app.orgs (id bigserial PRIMARY KEY, slug text, n int);
SELECT ashmig_manage_tenant('app.orgs', ARRAY['org_', ':slug']);
INSERT INTO app.orgs (slug) VALUES ('a'), ('9-B');
COPY app.orgs (slug) FROM stdin;
copied
COPIED
\.
WITH new AS (INSERT INTO app.orgs (slug) VALUES ('with') RETURNING slug) SELECT * FROM new;
ALTER TABLE app.orgs ADD UNIQUE (slug);
INSERT INTO app.orgs (slug) VALUES ('a'), ('upserted') ON CONFLICT (slug) DO UPDATE SET n = 1;
INSERT INTO app.orgs (slug) VALUES ('a') ON CONFLICT (slug) DO UPDATE SET slug = 'aa';
INSERT INTO app.orgs (slug) VALUES ('aa') ON CONFLICT DO NOTHING;
SELECT * FROM tenants;

-- A row and its tenant are created in one transaction.
BEGIN;
INSERT INTO app.orgs (slug) VALUES ('gone');
SELECT to_regclass('org_gone.posts');
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO app.orgs (slug) VALUES ('gone');
ROLLBACK TO s;
INSERT INTO app.orgs (slug) VALUES ('stays');
COMMIT;
SELECT to_regclass('org_gone.posts'), to_regclass('org_stays.posts');

-- Errors on the row
INSERT INTO app.orgs (slug) VALUES ('b"; DROP SCHEMA app CASCADE; --');
INSERT INTO app.orgs (slug) VALUES ('');
INSERT INTO app.orgs (slug) VALUES (repeat('x', 60));
INSERT INTO app.orgs (slug) VALUES (NULL);
INSERT INTO app.orgs (slug) VALUES ('@tenant@'), ('#{prefix()}');
CREATE SCHEMA org_taken;
INSERT INTO app.orgs (slug) VALUES ('taken');
SELECT ashmig_create_tenant('org_other') > 0 AS created;
INSERT INTO app.orgs (slug) VALUES ('other');
ALTER TABLE app.orgs DROP CONSTRAINT orgs_slug_key;
INSERT INTO app.orgs (slug) VALUES ('twice'), ('twice');
SELECT slug FROM app.orgs ORDER BY id;

-- A change of the column renames the tenant; other changes do nothing.
UPDATE app.orgs SET n = 2, slug = slug;
UPDATE app.orgs SET slug = 'renamed' WHERE slug = 'aa';
UPDATE app.orgs SET slug = 'taken' WHERE slug = 'renamed';
UPDATE app.orgs SET slug = 'stays' WHERE slug = 'renamed';
UPDATE app.orgs SET slug = 'a b' WHERE slug = 'renamed';
UPDATE app.orgs SET slug = NULL WHERE slug = 'renamed';
-- two rows that swap names: an error in one statement, possible over a third name
UPDATE app.orgs SET slug = CASE slug WHEN 'renamed' THEN 'stays' ELSE 'renamed' END WHERE slug IN ('renamed', 'stays');
BEGIN;
UPDATE app.orgs SET slug = 'third' WHERE slug = 'renamed';
UPDATE app.orgs SET slug = 'renamed' WHERE slug = 'stays';
UPDATE app.orgs SET slug = 'stays' WHERE slug = 'third';
COMMIT;
SELECT * FROM tenants;
SELECT DISTINCT schema_name FROM ashmig.versions WHERE scope = 'tenant' EXCEPT SELECT 'org_' || slug FROM app.orgs;

-- Deleting a row leaves its tenant, which another row cannot take over.
DELETE FROM app.orgs WHERE slug = 'with';
INSERT INTO app.orgs (slug) VALUES ('with');
SELECT to_regclass('org_with.posts');
-- With on_delete => 'drop' it is dropped, unless another row has its name.
SELECT ashmig_manage_tenant('app.orgs', ARRAY['org_', ':slug'], on_delete => 'drop');
DELETE FROM app.orgs WHERE slug IN ('copied', 'COPIED');
SELECT schema_name FROM tenants WHERE schema_name ILIKE '%copied';
ALTER TABLE app.orgs DISABLE TRIGGER ashmig_tenant_insert;
INSERT INTO app.orgs (slug) VALUES ('9-B');
ALTER TABLE app.orgs ENABLE TRIGGER ashmig_tenant_insert;
DELETE FROM app.orgs WHERE id = (SELECT max(id) FROM app.orgs);
SELECT schema_name FROM tenants WHERE schema_name = 'org_9-B';
SELECT ashmig_unmanage_tenant('app.orgs');
SELECT tgname FROM pg_trigger WHERE tgname ~ 'ashmig';
SELECT * FROM tenants WHERE managed_by IS NOT NULL;
SELECT ashmig_unmanage_tenant('app.orgs');
INSERT INTO app.orgs (slug) VALUES ('quiet');

-- Existing rows: their tenants are taken over; a warning counts the missing ones.
DELETE FROM app.orgs WHERE slug = 'aa';
SELECT ashmig_manage_tenant('app.orgs', '{org_,:slug}', on_update => false);
SELECT * FROM tenants;
UPDATE app.orgs SET slug = 'no-rename' WHERE slug = '9-B';
SELECT schema_name FROM tenants WHERE schema_name IN ('org_9-B', 'org_no-rename');
SELECT ashmig_manage_tenant('app.orgs', '{org_,:slug}', on_insert => false);
INSERT INTO app.orgs (slug) VALUES ('not-created');
UPDATE app.orgs SET slug = 'never' WHERE slug = 'not-created';
SELECT schema_name FROM tenants WHERE schema_name = 'org_not-created';

-- Tables that cannot be managed
SELECT ashmig_manage_tenant('app.orgs', NULL);
SELECT ashmig_manage_tenant('app.orgs', '{}');
SELECT ashmig_manage_tenant('app.orgs', '{org_}');
SELECT ashmig_manage_tenant('app.orgs', '{o rg_,:slug}');
SELECT ashmig_manage_tenant('app.orgs', '{org_,:nothing}');
SELECT ashmig_manage_tenant('app.orgs', '{org_,NULL}');
SELECT ashmig_manage_tenant('app.orgs', '{org_,:}');
SELECT ashmig_manage_tenant('app.orgs', '{org_,:ctid}');
SELECT ashmig_manage_tenant('app.orgs', '{org_,:slug}', on_delete => 'cascade');
SELECT ashmig_manage_tenant('tenants', '{:schema_name}');
CREATE TEMP TABLE temporary (id int);
SELECT ashmig_manage_tenant('temporary', '{:id}');
SELECT ashmig.tenant_row_inserted();

-- Columns of any type; several; odd names; generated ones
CREATE TYPE app.tier AS ENUM ('gold', 'silver');
CREATE DOMAIN app.code AS char(8);
CREATE TABLE app."Odd ""Table""" ("a ""b""" uuid, tier app.tier, born date, big boolean, code app.code, f float8,
  twice text GENERATED ALWAYS AS (upper(code::text)) STORED);
SELECT ashmig_manage_tenant('app."Odd ""Table"""', ARRAY[':tier', '_', ':born', '_', ':big', '-', ':code', ':twice', '_', ':a "b"']);
SET DateStyle = 'German'; SET extra_float_digits = -10;
INSERT INTO app."Odd ""Table""" VALUES ('00000000-0000-0000-0000-000000000001', 'gold', '2026-01-31', true, 'x', 1);
RESET DateStyle; RESET extra_float_digits;
SELECT schema_name, managed_by FROM tenants WHERE schema_name ~ '^gold';
SELECT ashmig_manage_tenant('app."Odd ""Table"""', ARRAY['f', ':code', '_', ':f']);
UPDATE app."Odd ""Table""" SET f = 2;
SELECT ashmig_manage_tenant('app."Odd ""Table"""', ARRAY['f', ':code', '_', ':f']) IS NULL;
SELECT ashmig_create_tenant('fx_2') > 0 AS created;
SELECT ashmig_unmanage_tenant('app."Odd ""Table"""');

-- A dropped column: the triggers depend on it.
CREATE TABLE app.changing (id int, slug text);
SELECT ashmig_manage_tenant('app.changing', '{c_,:slug}');
ALTER TABLE app.changing DROP COLUMN slug;
ALTER TABLE app.changing RENAME COLUMN slug TO name;
INSERT INTO app.changing VALUES (1, 'x');
SELECT ashmig_manage_tenant('app.changing', '{c_,:name}');
INSERT INTO app.changing VALUES (1, 'x');
DROP TABLE app.changing;
SELECT count(*) FROM ashmig_all_tenants() WHERE schema_name = 'c_x';

-- Partitions: the registration counts for all of them; a move between them is no deletion.
CREATE TABLE app.parts (id int, region text, slug text) PARTITION BY LIST (region);
CREATE TABLE app.parts_a PARTITION OF app.parts FOR VALUES IN ('a');
CREATE TABLE app.parts_b (slug text, junk int, region text, id int);
ALTER TABLE app.parts_b DROP COLUMN junk;
SELECT ashmig_manage_tenant('app.parts', '{part_,:slug}', on_delete => 'drop');
ALTER TABLE app.parts ATTACH PARTITION app.parts_b FOR VALUES IN ('b');
INSERT INTO app.parts VALUES (1, 'a', 'one'), (2, 'b', 'two');
INSERT INTO app.parts_b (id, region, slug) VALUES (3, 'b', 'three');
INSERT INTO part_two.posts (id, title) VALUES (gen_random_uuid(), 'kept');
UPDATE app.parts SET region = 'a';
SELECT schema_name FROM tenants WHERE schema_name ~ '^part_';
UPDATE app.parts SET region = 'b', slug = 'moved-' || slug;
SELECT schema_name, managed_by FROM tenants WHERE schema_name ~ '^part_';
SELECT title FROM "part_moved-two".posts;
DELETE FROM app.parts_b WHERE slug = 'moved-one';
DELETE FROM app.parts WHERE slug = 'moved-two';
SELECT schema_name FROM tenants WHERE schema_name ~ '^part_';
SELECT ashmig_manage_tenant('app.parts_a', '{part_,:slug}');

-- Inheritance: existing children
CREATE TABLE app.parent (id int, slug text);
CREATE TABLE app.child (more int) INHERITS (app.parent);
SELECT ashmig_manage_tenant('app.parent', '{heir_,:slug}', on_delete => 'drop');
INSERT INTO app.child VALUES (1, 'c', 1);
INSERT INTO app.parent VALUES (1, 'p');
UPDATE app.parent SET slug = slug || slug;
SELECT schema_name, managed_by FROM tenants WHERE schema_name ~ '^heir_';
DELETE FROM app.parent;
SELECT schema_name FROM tenants WHERE schema_name ~ '^heir_';
SELECT ashmig_unmanage_tenant('app.parent');
INSERT INTO app.child VALUES (1, 'c', 1);
SELECT schema_name FROM tenants WHERE schema_name ~ '^heir_';

-- Privileges: an application that can write rows and nothing else
CREATE ROLE ashmig_app;
CREATE ROLE ashmig_dba;
GRANT CREATE ON DATABASE ashmig_manage TO ashmig_dba;
GRANT USAGE ON SCHEMA ashmig, tools, public, app TO ashmig_dba;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ashmig TO ashmig_dba;
GRANT EXECUTE ON FUNCTION ashmig_manage_tenant, ashmig.tenant_row_inserted, ashmig.tenant_row_updated, ashmig.tenant_row_deleted TO ashmig_dba;
GRANT REFERENCES ON owners TO ashmig_dba;
GRANT REFERENCES ON public.owners TO ashmig_dba;
CREATE TABLE app.customers (id int, slug text);
ALTER TABLE app.customers OWNER TO ashmig_dba;
GRANT USAGE ON SCHEMA app TO ashmig_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.customers TO ashmig_app;
SET ROLE ashmig_dba;
SELECT ashmig_manage_tenant('app.customers', '{cust_,:slug}', on_delete => 'drop');
-- nobody can make triggers work as another role
\set VERBOSITY sqlstate
INSERT INTO ashmig.managed_tables VALUES ('app.parent', '{p_,:slug}', true, true, NULL, 'public', session_user);
UPDATE ashmig.managed_tables SET default_schema = 'app' WHERE owner <> current_user;
UPDATE ashmig.managed_tables SET owner = current_user WHERE owner <> current_user;
DELETE FROM ashmig.managed_tables WHERE owner <> current_user;
\set VERBOSITY default
RESET ROLE;
CREATE SCHEMA evil AUTHORIZATION ashmig_app;
GRANT TEMPORARY ON DATABASE ashmig_manage TO ashmig_app;
SET ROLE ashmig_app;
-- the search path, default schema and temporary objects of an attacker
CREATE FUNCTION evil.gen_random_uuid() RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil as %', current_user; END $$;
CREATE FUNCTION evil.bad() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil as %', current_user; END $$;
CREATE TABLE evil.owners (id uuid PRIMARY KEY CHECK (evil.bad()));
CREATE DOMAIN pg_temp.uuid AS text CHECK (evil.bad());
CREATE DOMAIN pg_temp.text AS varchar CHECK (evil.bad());
SET search_path = evil, pg_temp;
SET ashmig.default_schema = 'evil';
SET ashmig.log_sql = on;
SET ROLE ashmig_app;
INSERT INTO app.customers VALUES (1, 'c1'), (2, 'c2');
UPDATE app.customers SET slug = 'c3' WHERE slug = 'c1';
DELETE FROM app.customers WHERE slug = 'c2';
SELECT current_user;
SELECT nspname, nspowner::regrole FROM pg_namespace WHERE nspname ~ '^cust';
SELECT conrelid::regclass, confrelid::regclass FROM pg_constraint WHERE contype = 'f' AND conrelid = (SELECT oid FROM pg_class WHERE relname = 'posts' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'cust_c3'));
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = (SELECT oid FROM pg_class WHERE relname = 'posts' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'cust_c3')) AND attnum > 0;
SELECT * FROM cust_c3.posts;
SELECT tools.ashmig_create_tenant('own');
-- a trigger made by hand
CREATE TABLE evil.orgs (slug text);
CREATE TRIGGER t AFTER INSERT ON evil.orgs FOR EACH ROW EXECUTE FUNCTION ashmig.tenant_row_inserted();
CREATE TABLE evil.heir () INHERITS (app.customers);
RESET ROLE;
RESET search_path; RESET ashmig.default_schema; RESET ashmig.log_sql;
CREATE TRIGGER t AFTER INSERT ON evil.orgs FOR EACH ROW EXECUTE FUNCTION ashmig.tenant_row_inserted();
INSERT INTO evil.orgs VALUES ('x');
-- a role that was dropped
SET search_path = tools, public;
ALTER ROLE ashmig_dba RENAME TO ashmig_dba2;
INSERT INTO app.customers VALUES (4, 'c4');
ALTER ROLE ashmig_dba2 RENAME TO ashmig_dba;

\c :home
DROP DATABASE ashmig_manage;
DROP ROLE ashmig_app, ashmig_dba;
