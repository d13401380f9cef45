-- Managed tables: which role runs what, and how names are compared.
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_manage_roles TEMPLATE :"home";
\c ashmig_manage_roles
SET client_min_messages = warning;
SET search_path = tools, public;
SELECT count(*) FROM apply(jsonb_build_array(resource('posts', id()) || strategy('context')));
CREATE FUNCTION tenants() RETURNS TABLE (schema_name text, managed_by text)
LANGUAGE sql AS 'SELECT schema_name, managed_by FROM tools.ashmig_all_tenants()';

--
-- A table's owner, whose casts and index expressions run whenever the table is
-- read, tries to gain the rights of the superuser who manages its tenants.
--
CREATE ROLE ashmig_app;
CREATE ROLE ashmig_writer;
CREATE SCHEMA app AUTHORIZATION ashmig_app;
GRANT USAGE ON SCHEMA app TO ashmig_writer;
SET ROLE ashmig_app;
CREATE TABLE app.orgs (id int, slug text);
GRANT SELECT, INSERT, DELETE ON app.orgs TO ashmig_writer;
RESET ROLE;
SELECT ashmig_manage_tenant('app.orgs', ARRAY['org_', ':slug'], on_delete => 'drop');
SET ROLE ashmig_app;
INSERT INTO app.orgs VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE app.ran (way text, role name);
CREATE TABLE app.later (way text);
GRANT INSERT ON app.ran, app.later TO PUBLIC;
CREATE FUNCTION app.attack(way text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO app.ran VALUES (way, current_user);
  ALTER ROLE ashmig_app SUPERUSER;
EXCEPTION WHEN insufficient_privilege THEN
  INSERT INTO app.ran VALUES (way, current_user);
END $$;
-- deferred triggers run at commit, as the current role
CREATE FUNCTION app.attack_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.attack('deferred after ' || new.way);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON app.later DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION app.attack_later();
CREATE FUNCTION app.attack_now(way text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.attack(way);
  PERFORM set_config('search_path', 'evil', false), set_config('ashmig.default_schema', 'evil', false);
  BEGIN
    INSERT INTO app.later VALUES (way);
  EXCEPTION WHEN insufficient_privilege THEN NULL;
  END;
  RETURN true;
END $$;
CREATE FUNCTION app.attack_immutably(way text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'SELECT app.attack($1)' USING way;
  RETURN true;
END $$;
DROP TRIGGER ashmig_tenant_update ON app.orgs;
CREATE TYPE app.evil AS ENUM ('one', 'two', 'three', 'four');
ALTER TABLE app.orgs ALTER slug TYPE app.evil USING slug::app.evil;
CREATE FUNCTION app.evil_text(value app.evil) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.attack_now('cast');
  RETURN textin(enum_out(value));
END $$;
CREATE CAST (app.evil AS text) WITH FUNCTION app.evil_text(app.evil);
-- another row with the same name
ALTER TABLE app.orgs DISABLE TRIGGER ashmig_tenant_insert;
INSERT INTO app.orgs VALUES (4, 'two');
ALTER TABLE app.orgs ENABLE TRIGGER ashmig_tenant_insert;
CREATE INDEX ON app.orgs ((slug = 'one' AND app.attack_immutably('index')));
TRUNCATE app.ran, app.later;

-- Another role deletes rows.
\c
SET ROLE ashmig_writer;
DELETE FROM app.orgs WHERE id = 1;
DELETE FROM app.orgs WHERE id = 2;
RESET ROLE;
SELECT rolsuper FROM pg_roles WHERE rolname = 'ashmig_app';
SELECT DISTINCT way COLLATE "C", role FROM app.ran ORDER BY 1, 2;
SELECT * FROM tools.tenants();

-- Settings that a function makes end with it.
SET ROLE ashmig_writer;
SET search_path = tools;
DELETE FROM app.orgs WHERE id = 4;
SHOW search_path;
SHOW ashmig.default_schema;
SELECT * FROM app.orgs;
RESET ROLE;
SELECT * FROM tenants();

-- The table is managed again, with a row that has a tenant and one that has none.
SELECT ashmig_unmanage_tenant('app.orgs');
SET ROLE ashmig_writer;
INSERT INTO app.orgs VALUES (5, 'four');
RESET ROLE;
TRUNCATE app.ran, app.later;
\c
SELECT tools.ashmig_manage_tenant('app.orgs', ARRAY['org_', ':slug'], on_delete => 'drop');
SHOW search_path;
SELECT rolsuper FROM pg_roles WHERE rolname = 'ashmig_app';
SELECT DISTINCT way COLLATE "C", role FROM app.ran ORDER BY 1, 2;
SELECT * FROM tools.tenants();
SELECT tools.ashmig_unmanage_tenant('app.orgs');

--
-- A manager who cannot read the table, and policies that hide rows from its owner
--
CREATE ROLE ashmig_manager;
GRANT CREATE ON DATABASE ashmig_manage_roles TO ashmig_manager;
GRANT USAGE ON SCHEMA ashmig, tools, app TO ashmig_manager;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ashmig TO ashmig_manager;
GRANT EXECUTE ON FUNCTION tools.ashmig_manage_tenant, ashmig.tenant_row_inserted, ashmig.tenant_row_updated, ashmig.tenant_row_deleted TO ashmig_manager;
SET ROLE ashmig_app;
CREATE TABLE app.hidden (id int, slug text);
GRANT TRIGGER ON app.hidden TO ashmig_manager;
CREATE POLICY hidden ON app.hidden USING (id = current_setting('app.id')::int);
ALTER TABLE app.hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SET app.id = 1;
INSERT INTO app.hidden VALUES (1, 'before');
SET app.id = 0;
SET ROLE ashmig_manager;
SELECT tools.ashmig_manage_tenant('app.hidden', ARRAY['hid_', ':slug'], on_delete => 'drop');
SET ROLE ashmig_app;
SET app.id = 1;
INSERT INTO app.hidden VALUES (1, 'x');
ALTER TABLE app.hidden DISABLE TRIGGER ashmig_tenant_insert;
SET app.id = 2;
INSERT INTO app.hidden VALUES (2, 'x');
ALTER TABLE app.hidden ENABLE TRIGGER ashmig_tenant_insert;
DELETE FROM app.hidden;
SELECT nspname FROM pg_namespace WHERE nspname ~ '^hid_';
SET app.id = 1;
SELECT * FROM app.hidden;
DELETE FROM app.hidden WHERE slug = 'x';
SELECT nspname FROM pg_namespace WHERE nspname ~ '^hid_';
RESET ROLE;

--
-- A registration for a role that the caller cannot SET ROLE to is refused.
--
CREATE ROLE ashmig_member;
GRANT USAGE ON SCHEMA ashmig TO ashmig_member;
GRANT SELECT, INSERT, UPDATE, DELETE ON ashmig.managed_tables TO ashmig_member;
SELECT current_setting('server_version_num')::int >= 160000 AS set_false \gset
\if :set_false
GRANT ashmig_manager TO ashmig_member WITH INHERIT TRUE, SET FALSE;
\endif
SET ROLE ashmig_member;
INSERT INTO ashmig.managed_tables VALUES ('ashmig.tenants', '{o_,:slug}', true, true, NULL, 'public', 'ashmig_manager');
UPDATE ashmig.managed_tables SET owner = current_user WHERE owner = 'ashmig_manager';
DELETE FROM ashmig.managed_tables WHERE owner = 'ashmig_manager';
RESET ROLE;
\if :set_false
GRANT ashmig_manager TO ashmig_member WITH SET TRUE;
\else
GRANT ashmig_manager TO ashmig_member;
\endif
SET ROLE ashmig_member;
UPDATE ashmig.managed_tables SET owner = current_user WHERE owner = 'ashmig_manager';
RESET ROLE;

--
-- Names are compared byte by byte, whatever the columns' collations (here a
-- case-insensitive one, if the server has ICU).
--
SELECT CASE WHEN EXISTS (SELECT FROM pg_collation WHERE collname LIKE '%-x-icu')
  THEN 'provider = icu, locale = ''und-u-ks-level2'', deterministic = false' ELSE 'locale = ''C''' END AS options \gset
CREATE COLLATION app.blind (:options);
CREATE TABLE app.firms (id int, slug text COLLATE app.blind, suffix text COLLATE "POSIX");
INSERT INTO app.firms VALUES (0, 'b', ''), (0, NULL, ''), (0, 'C', '');
SELECT tools.ashmig_create_tenant('firm_B') > 0 AS created;
SELECT tools.ashmig_manage_tenant('app.firms', ARRAY['firm_', ':slug'], on_delete => 'drop');
INSERT INTO app.firms VALUES (1, 'acme', '_1'), (2, 'Acme', '_1');
SELECT * FROM tools.tenants() WHERE schema_name ~ '^firm_';
DELETE FROM app.firms WHERE id = 1;
SELECT * FROM tools.tenants() WHERE schema_name ~ '^firm_';
UPDATE app.firms SET slug = 'ACME' WHERE id = 2;
SELECT * FROM tools.tenants() WHERE schema_name ~ '^firm_';
-- columns of two collations; then only a row without a name
SELECT tools.ashmig_manage_tenant('app.firms', ARRAY['firm_', ':slug', ':suffix'], on_delete => 'drop');
INSERT INTO app.firms VALUES (3, 'two', '_collations');
DELETE FROM app.firms WHERE id = 3;
SELECT * FROM tools.tenants() WHERE schema_name ~ '^firm_';
DELETE FROM app.firms WHERE slug IS NOT NULL;
SELECT tools.ashmig_manage_tenant('app.firms', ARRAY['firm_', ':slug', ':suffix'], on_delete => 'drop');

\c :home
DROP DATABASE ashmig_manage_roles;
DROP ROLE ashmig_app, ashmig_writer, ashmig_manager, ashmig_member;
