-- Who runs what as whom: what somebody could have written never runs with more
-- rights than his.
SELECT current_database() AS home \gset
CREATE ROLE ashmig_super SUPERUSER;
CREATE ROLE ashmig_mallory;
CREATE ROLE ashmig_deployer;
CREATE ROLE ashmig_application;
CREATE DATABASE ashmig_rights OWNER ashmig_super;
\c ashmig_rights
SET SESSION AUTHORIZATION ashmig_super;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION ashmig;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE TABLE ran (way text, role name DEFAULT current_user);
GRANT INSERT ON ran TO PUBLIC;
CREATE TABLE orgs (slug text);
GRANT INSERT ON orgs TO ashmig_mallory;
CREATE FUNCTION code() RETURNS text LANGUAGE sql AS $$ SELECT 'a code' $$;
SELECT ashmig_set_all_tenants('SELECT slug FROM public.orgs');
SELECT ashmig_add_migration(20260101000001, 'codes',
  'CREATE TABLE @tenant@.codes (id int, name varchar)', 'DROP TABLE @tenant@.codes', tenant => true);
SELECT ashmig_add_migration(20260101000002, 'a function that the schema has as well',
  'ALTER TABLE @tenant@.codes ADD code text DEFAULT code(); INSERT INTO @tenant@.codes VALUES (1, code())',
  'DELETE FROM @tenant@.codes WHERE code() IS NOT NULL; ALTER TABLE @tenant@.codes DROP code', tenant => true);

--
-- A schema that somebody else owns, and has put functions into
--
CREATE SCHEMA hers AUTHORIZATION ashmig_mallory;
SET ROLE ashmig_mallory;
CREATE FUNCTION hers.attack(way text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.ran VALUES (way);
  BEGIN
    EXECUTE 'SET ROLE NONE';
    INSERT INTO public.ran VALUES (way || ', after SET ROLE');
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  BEGIN
    ALTER ROLE ashmig_mallory SUPERUSER;
  EXCEPTION WHEN insufficient_privilege THEN NULL;
  END;
END $$;
CREATE FUNCTION hers.code() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hers.attack('call');
  BEGIN
    EXECUTE 'DECLARE later CURSOR WITH HOLD FOR SELECT hers.attack(''cursor'')';
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  RETURN 'hers';
END $$;
CREATE FUNCTION hers.at_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM hers.attack('trigger'); RETURN new; END $$;
CREATE FUNCTION hers.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hers.attack('deferred trigger');
  BEGIN
    EXECUTE 'DECLARE later CURSOR WITH HOLD FOR SELECT hers.attack(''cursor of a deferred trigger'')';
  EXCEPTION WHEN insufficient_privilege THEN NULL;
  END;
  BEGIN
    SET CONSTRAINTS ALL DEFERRED;
    INSERT INTO hers.codes VALUES (2);
  EXCEPTION WHEN insufficient_privilege THEN NULL;
  END;
  RETURN NULL;
END $$;
CREATE FUNCTION hers.indexed(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM hers.attack('index'); RETURN $1; END $$;
INSERT INTO public.orgs VALUES ('hers');
RESET ROLE;

-- It is no tenant, and stops nobody else's migrations
SELECT ashmig_create_tenant('mine') > 0 AS created;
SELECT schema_name, status, error FROM ashmig_migrate_all();
SELECT schema_name, status FROM ashmig_migrate_all(atomic => true);
CALL ashmig_migrate_all_serial();
SELECT schema_name, status, error FROM ashmig_status() WHERE scope = 'tenant';
SELECT schema_name, schema_exists, error FROM ashmig_all_tenants();
SELECT * FROM ran;

CALL ashmig_create_missing_tenants();

-- unless one says so; then the migrations run as she
SET ashmig.allow_foreign_owner = on;
SELECT schema_name, applied, status FROM ashmig_migrate_all(to_version => 20260101000001);
SELECT tableowner FROM pg_tables WHERE schemaname = 'hers';
SET ROLE ashmig_mallory;
CREATE TRIGGER at_once BEFORE INSERT ON hers.codes FOR EACH ROW EXECUTE FUNCTION hers.at_once();
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON hers.codes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION hers.at_commit();
CREATE INDEX ON hers.codes (hers.indexed(name));
RESET ROLE;
SELECT schema_name, applied, status FROM ashmig_migrate_all();
SELECT way COLLATE "C" AS way, role, count(*) > 0 AS did FROM ran GROUP BY 1, 2 ORDER BY 1, 2;
TRUNCATE ran;
SELECT schema_name, applied, status FROM ashmig_rollback_tenants(step => 1, only_tenants => '{hers}', atomic => true);
-- in the caller's session nothing of hers is left to happen later
SELECT schema_name, status FROM ashmig_migrate_all(atomic => true);
ALTER TABLE hers.codes DISABLE TRIGGER at_commit;
SELECT schema_name, status FROM ashmig_migrate_all(atomic => true);
SELECT schema_name, status FROM ashmig_rollback_tenants(step => 1, only_tenants => '{hers}');
CALL ashmig_migrate_all_serial();
SELECT ashmig_add_migration(20260101000003, 'outside a transaction',
  'CREATE INDEX CONCURRENTLY again ON @tenant@.codes (lower(name), code)', 'DROP INDEX CONCURRENTLY @tenant@.again',
  tenant => true, transactional => false);
SELECT count(*) FROM ashmig_migrate_all(only_tenants => '{hers}');
CALL ashmig_wait();
SELECT DISTINCT way COLLATE "C" AS way, role FROM ran ORDER BY 1;
SELECT relname, relowner::regrole FROM pg_class WHERE relname = 'again' AND relnamespace = 'hers'::regnamespace;
SELECT rolsuper FROM pg_roles WHERE rolname = 'ashmig_mallory';
SELECT count(*) FROM ashmig_rollback_tenants(to_version => 20260101000003);
CALL ashmig_wait();
SELECT ashmig_remove_migration(20260101000003, tenant => true);
RESET ashmig.allow_foreign_owner;

-- A schema of hers, empty so far
CREATE SCHEMA bait AUTHORIZATION ashmig_mallory;
SELECT ashmig_create_tenant('bait');
SET ROLE ashmig_mallory;
SELECT ashmig_create_tenant('bait');
RESET ROLE;
SET ashmig.allow_foreign_owner = on;
SELECT ashmig_create_tenant('bait') > 0 AS created;
RESET ashmig.allow_foreign_owner;
SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'bait';

--
-- Functions of hers in a schema that everybody may write
--
DELETE FROM orgs;
TRUNCATE ran;
GRANT CREATE ON SCHEMA public TO PUBLIC;
SET ROLE ashmig_mallory;
CREATE FUNCTION public.note(way text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran VALUES (way); END $$;
CREATE FUNCTION public.lower(varchar) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  PERFORM public.note('lower');
  RETURN pg_catalog.lower($1::text);
END $$;
CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE plpgsql SET DateStyle = 'ISO' AS $$
BEGIN
  INSERT INTO public.ran VALUES ('upper');
  RETURN 'X';
END $$;
CREATE FUNCTION public.md5(varchar) RETURNS text LANGUAGE sql AS $$ SELECT pg_catalog.query_to_xml('SELECT 1', true, true, '')::text $$;
CREATE FUNCTION public.same(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran VALUES ('operator'); RETURN true; END $$;
CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.same);
CREATE FUNCTION public.as_owner() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT current_user::text $$;
RESET ROLE;
CREATE FUNCTION pg_temp.try(up text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  message text;
BEGIN
  PERFORM ashmig_add_migration(20260101000004, 'tried', up, '', tenant => true);
  PERFORM ashmig_migrate_tenants(only_tenants => '{mine}', atomic => true);
  RAISE EXCEPTION USING errcode = 'ZZ000', message = 'it ran';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
  RETURN concat(sqlstate, ': ', message);
END $$;
SELECT pg_temp.try('CREATE INDEX ON @tenant@.codes (lower(name))');
SELECT pg_temp.try('UPDATE @tenant@.codes SET code = upper(name)');
SELECT pg_temp.try('UPDATE @tenant@.codes SET code = md5(name)');
SELECT pg_temp.try('DELETE FROM @tenant@.codes WHERE name = name');
SELECT pg_temp.try('DO $x$ BEGIN PERFORM lower(name) FROM codes; END $x$');
SELECT pg_temp.try('ALTER TABLE @tenant@.codes ADD more text DEFAULT upper(''x''::varchar)');
SELECT pg_temp.try('UPDATE @tenant@.codes SET code = pg_catalog.lower(name)');
SELECT pg_temp.try('UPDATE @tenant@.codes SET code = as_owner()');
SELECT * FROM ran;
-- the error has the remedy
SELECT ashmig_add_migration(20260101000004, 'index', 'CREATE INDEX ON @tenant@.codes (lower(name))', '', tenant => true);
SELECT ashmig_migrate_tenants(atomic => true);
ALTER ROUTINE public.lower(character varying) OWNER TO ashmig_super;
ALTER ROUTINE public.note(text) OWNER TO ashmig_super;
SELECT schema_name, status FROM ashmig_migrate_tenants(only_tenants => '{mine}', atomic => true);
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DROP INDEX mine.codes_lower_idx;
DROP ROUTINE public.lower(varchar), public.upper(varchar), public.md5(varchar);
DROP OPERATOR public.= (varchar, varchar);
SELECT * FROM ran;

--
-- The query that lists tenants runs as the role that set it
--
SELECT count(*) FROM ashmig_grant('ashmig_deployer');
CREATE SCHEMA deployer AUTHORIZATION ashmig_deployer;
SET ROLE ashmig_deployer;
CREATE FUNCTION deployer.list() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RAISE WARNING 'the query runs as %', current_user;
  BEGIN
    CREATE TEMPORARY TABLE orgs (slug text);
  EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', sqlerrm;
  END;
  RETURN NULL;
END $$;
UPDATE ashmig.settings SET value = 'SELECT deployer.list()', set_by = 'ashmig_super' WHERE name = 'all_tenants';
RESET ROLE;
SELECT count(*) > 0 AS ran FROM ashmig_status();
SET ROLE ashmig_deployer;
DELETE FROM ashmig.settings WHERE name = 'all_tenants';
INSERT INTO ashmig.settings VALUES ('all_tenants', 'SELECT deployer.list()', 'ashmig_super');
RESET ROLE;
SELECT count(*) > 0 AS ran FROM ashmig_all_tenants();
-- a superuser who sets it does not run what others put behind it
SELECT ashmig_set_all_tenants('SELECT deployer.list()');
SELECT set_by = current_user AS mine FROM ashmig.settings WHERE name = 'all_tenants';
SELECT count(*) FROM ashmig_all_tenants();
-- who restores a dump keeps the role; who writes another query is its author
DELETE FROM ashmig.settings WHERE name = 'all_tenants';
INSERT INTO ashmig.settings VALUES ('all_tenants', 'SELECT slug FROM public.orgs', 'ashmig_deployer');
SELECT set_by FROM ashmig.settings WHERE name = 'all_tenants';
SELECT count(*) FROM ashmig_all_tenants();
UPDATE ashmig.settings SET value = 'SELECT slug FROM orgs' WHERE name = 'all_tenants';
SELECT set_by = current_user AS mine FROM ashmig.settings WHERE name = 'all_tenants';
-- and it runs for whoever asks, without rights of his own
SET ROLE ashmig_deployer;
SELECT count(*) FROM ashmig_all_tenants();
RESET ROLE;
INSERT INTO ashmig.settings VALUES ('all_tenants', '', 'ashmig_nobody') ON CONFLICT (name) DO UPDATE SET set_by = excluded.set_by;
SELECT count(*) FROM ashmig_all_tenants();
SELECT ashmig_set_all_tenants(NULL);

--
-- The application's role owns database and tenants, others migrate
--
CREATE DATABASE ashmig_rights_2 OWNER ashmig_application;
\c ashmig_rights_2
SET SESSION AUTHORIZATION ashmig_super;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION ashmig;
SET ROLE ashmig_application;
CREATE FUNCTION code() RETURNS text LANGUAGE sql AS $$ SELECT current_user::text $$;
CREATE SCHEMA theirs;
RESET ROLE;
SELECT ashmig_add_migration(20260101000001, 'users', 'CREATE TABLE users (id int PRIMARY KEY, code text DEFAULT code()); INSERT INTO users VALUES (1)', 'DROP TABLE users');
SELECT ashmig_add_migration(20260101000002, 'notes', 'CREATE TABLE notes (id int REFERENCES users, code text DEFAULT code()); INSERT INTO notes VALUES (1)', 'DROP TABLE notes', tenant => true);
SELECT schema_name, status FROM ashmig_migrate_all();
SELECT ashmig_create_tenant('org_1') > 0 AS created;
SELECT ashmig_create_tenant('theirs') > 0 AS created;
SELECT schemaname, tablename, tableowner FROM pg_tables WHERE tablename IN ('users', 'notes') ORDER BY 1;
SELECT code FROM users UNION SELECT code FROM org_1.notes UNION SELECT code FROM theirs.notes;
-- an extension is for the superuser who migrates
SELECT ashmig_add_migration(20260101000003, 'extension', 'CREATE EXTENSION pageinspect', 'DROP EXTENSION pageinspect');
SELECT schema_name, status FROM ashmig_migrate();
SELECT schema_name, status FROM ashmig_rollback();
SELECT ashmig_remove_migration(20260101000003);

-- a deploy role
SELECT left(g, 70) AS statement FROM ashmig_grant('ashmig_deployer') AS g;
SET ROLE ashmig_deployer;
SELECT ashmig_add_migration(20260101000004, 'more', 'ALTER TABLE notes ADD more text', 'ALTER TABLE notes DROP more', tenant => true);
SELECT schema_name, status, error FROM ashmig_migrate_all(on_error => 'report') ORDER BY 1;
RESET ROLE;
GRANT ashmig_application TO ashmig_deployer;
SET ROLE ashmig_deployer;
SELECT schema_name, status, error FROM ashmig_migrate_all(on_error => 'report') ORDER BY 1;
SELECT ashmig_create_tenant('org_2') > 0 AS created;
RESET ROLE;
REVOKE ashmig_application FROM ashmig_deployer;
SELECT nspname, nspowner::regrole FROM pg_namespace WHERE nspname ~ '^(org_|theirs)' ORDER BY 1;

-- an owner who may not do what a migration does
CREATE SCHEMA customer AUTHORIZATION ashmig_mallory;
SET ashmig.allow_foreign_owner = on;
SELECT ashmig_create_tenant('customer');
GRANT REFERENCES, SELECT ON users TO ashmig_mallory;
SELECT ashmig_create_tenant('customer') > 0 AS created;
RESET ashmig.allow_foreign_owner;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
SELECT ashmig_add_migration(20260101000005, 'last', 'ALTER TABLE notes ADD last text', 'ALTER TABLE notes DROP last', tenant => true);
SELECT schema_name, status, error FROM ashmig_migrate_tenants(on_error => 'report') ORDER BY 1;

-- a granted role in a database of its own application does all there is to do
CREATE DATABASE ashmig_rights_3 OWNER ashmig_application;
\c ashmig_rights_3
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION ashmig;
SELECT count(*) FROM ashmig_grant('ashmig_deployer');
SET ROLE ashmig_deployer;
\set posts '{"table": "posts", "multitenancy": {"strategy": "context"}, "attributes": [{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}, {"source": "title", "type": "text"}]}'
\set users '{"table": "users", "attributes": [{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}]}'
SELECT count(*) > 0 AS planned FROM ashmig_plan(jsonb_build_array(:'users'::jsonb, :'posts'::jsonb));
SELECT schema_name, status FROM ashmig_apply(jsonb_build_array(:'users'::jsonb, :'posts'::jsonb), name => 'first');
SELECT ashmig_check(jsonb_build_array(:'users'::jsonb, :'posts'::jsonb));
SELECT ashmig_create_enum('mood', '{sad,ok}') > 0 AS recorded;
SELECT count(*) FROM ashmig_install_extensions('{ash-functions}');
SELECT ashmig_create_tenant('org_0') > 0 AS created;
CREATE TABLE orgs (id int, slug text);
SELECT ashmig_manage_tenant('orgs', '{org_,:slug}', on_delete => 'drop');
INSERT INTO orgs VALUES (1, '1'), (2, '2');
UPDATE orgs SET slug = '3' WHERE id = 2;
DELETE FROM orgs WHERE id = 1;
SELECT ashmig_set_all_tenants('SELECT unnest(''{org_4}''::text[])');
CALL ashmig_create_missing_tenants();
SELECT count(*) FROM ashmig_generate(jsonb_set(:'posts', '{attributes,1,source}', '"name"'), name => 'second', renames => '[]');
SELECT schema_name, status FROM ashmig_migrate_all();
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{org_0}');
CALL ashmig_migrate_all_serial();
SELECT count(*) FROM ashmig_drop_retired();
SELECT schema_name, status FROM ashmig_migrate_all(atomic => true);
SELECT ashmig_rename_tenant('org_4', 'org_5');
SELECT ashmig_drop_tenant('org_5', cascade => true);
CALL ashmig_drop_tenant_serial('org_3');
SELECT schema_name, status, error FROM ashmig_status();
SELECT count(*) FROM ashmig_check_migrations();
SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname ~ '^(org_|public)';
\c ashmig_rights_2
SET SESSION AUTHORIZATION ashmig_super;

-- what was granted is revoked
SELECT left(r, 70) AS statement FROM ashmig_revoke('ashmig_deployer') AS r;
SELECT has_database_privilege('ashmig_deployer', current_database(), 'CREATE') AS database,
  has_schema_privilege('ashmig_deployer', 'ashmig', 'USAGE') AS catalog,
  has_function_privilege('ashmig_deployer', 'ashmig_status()', 'EXECUTE') AS status;
SELECT ashmig_grant('no such role');
SELECT ashmig_grant('public');
SET ROLE ashmig_application;
SELECT ashmig_grant('ashmig_application');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ashmig_grant TO ashmig_application;
SET ROLE ashmig_application;
SELECT ashmig_grant('ashmig_application');
RESET ROLE;

\c :home
DROP DATABASE ashmig_rights;
DROP DATABASE ashmig_rights_2;
DROP DATABASE ashmig_rights_3;
DROP ROLE ashmig_super, ashmig_mallory, ashmig_deployer, ashmig_application;
