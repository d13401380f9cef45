-- Saying what is applied without running it, and keeping Ecto's table in step.
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_mark;
\c ashmig_mark
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE FUNCTION ecto(schema text) RETURNS TABLE (versions text) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT string_agg(right(version::text, 2), '' '' ORDER BY version) FROM %I.schema_migrations', schema);
END $$;
CREATE VIEW applied AS
SELECT v.schema_name, v.scope, string_agg(right(v.version::text, 2), ' ' ORDER BY v.version) AS versions, s.applied, right(s.version::text, 2) AS newest
FROM ashmig.versions v JOIN ashmig.schema_versions s USING (schema_name, scope) GROUP BY v.schema_name, v.scope, s.applied, s.version ORDER BY 1, 2;
SELECT ashmig_create_tenant('org_1'), ashmig_create_tenant('org_2');
SELECT ashmig_add_migration(20260101000001, 'one', 'CREATE TABLE @default@.one ()', 'DROP TABLE @default@.one');
SELECT ashmig_add_migration(20260101000002, 'two', 'CREATE TABLE @tenant@.two (id int)', 'DROP TABLE @tenant@.two', tenant => true);
SELECT ashmig_add_migration(20260101000003, 'three', 'CREATE INDEX CONCURRENTLY ON @tenant@.two (id)', 'DROP INDEX @tenant@.two_id_idx', tenant => true, transactional => false);

-- Nothing runs, and both summaries follow
SELECT ashmig_mark_applied(20260101000002, 'org_1', tenant => true);
SELECT ashmig_mark_applied(20260101000002, 'org_1', tenant => true) AS again;
SELECT ashmig_mark_applied(20260101000003, 'org_1', true), ashmig_mark_applied(20260101000001);
SELECT * FROM applied;
SELECT to_regclass('org_1.two'), to_regclass('one');
SELECT schema_name, applied, pending, status FROM ashmig_status();
SELECT ashmig_mark_rolled_back(20260101000003, 'org_1', true), ashmig_mark_rolled_back(20260101000003, 'org_1', true) AS again;
SELECT ashmig_mark_rolled_back(20260101000001, 'public');
SELECT * FROM applied;
-- a migration that stopped halfway is forgotten
INSERT INTO ashmig.partial_migrations VALUES ('org_1', '', 'tenant', 20260101000003, false, 0, true);
SELECT ashmig_mark_applied(20260101000003, 'org_1', true);
SELECT count(*) FROM ashmig.partial_migrations;
-- what does not exist
SELECT ashmig_mark_applied(20260101000009, 'org_1', true);
SELECT ashmig_mark_applied(20260101000002, 'org_1');
SELECT ashmig_mark_applied(20260101000002, 'org_9', true);
SELECT ashmig_mark_applied(20260101000002, tenant => true);
SELECT ashmig_mark_applied(20260101000001, 'org_1');
SELECT ashmig_mark_applied(20260101000001, 'nowhere');
SELECT ashmig_mark_rolled_back(20260101000001);
SELECT ashmig_mark_rolled_back(20260101000003, 'org_1', true), ashmig_mark_rolled_back(20260101000002, 'org_1', true);

-- With the setting, each version is in Ecto's table too, in the same transaction
SELECT scope, schema_name, applied, status FROM ashmig_migrate_all(only_tenants => '{org_2}', to_version => 20260101000002);
SELECT to_regclass('schema_migrations'), to_regclass('org_2.schema_migrations');
SET ashmig.ecto_schema_migrations = on;
SELECT schema_name, applied, status FROM ashmig_migrate_tenants(to_version => 20260101000002);
SELECT * FROM ecto('org_1');
\d org_1.schema_migrations
CALL ashmig_migrate_all_serial();
SELECT count(*) FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT o, e.versions FROM unnest('{org_1,org_2}'::text[]) AS o, ecto(o) AS e;
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{org_1}');
CALL ashmig_wait();
SELECT * FROM ecto('org_1');
SELECT ashmig_mark_applied(20260101000003, 'org_1', true);
SELECT * FROM ecto('org_1');
SELECT ashmig_mark_rolled_back(20260101000003, 'org_1', true);
SELECT * FROM ecto('org_1');
SELECT ashmig_create_tenant('org_3');
SELECT * FROM ecto('org_3');
BEGIN;
SELECT status FROM ashmig_rollback_tenants(only_tenants => '{org_1}');
SELECT * FROM ecto('org_1');
ROLLBACK;
SELECT * FROM ecto('org_1');

-- Under the name that the repo's migration_source says
SET ashmig.ecto_migration_source = 'our_versions';
SELECT ashmig_create_tenant('org_4');
SELECT right(version::text, 2) AS version, inserted_at IS NOT NULL AS dated FROM org_4.our_versions ORDER BY 1;
CREATE VIEW org_1.our_versions AS SELECT 1;
SELECT ashmig_mark_applied(20260101000003, 'org_1', true);
SET ashmig.ecto_migration_source = '';
RESET ashmig.ecto_migration_source;

-- A tenant's owner cannot make the caller run what he wrote
CREATE ROLE regress_ashmig_owner;
ALTER TABLE org_1.schema_migrations OWNER TO regress_ashmig_owner;
CREATE FUNCTION org_1.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'runs as %', current_user; RETURN NEW; END $$;
CREATE TRIGGER spy BEFORE INSERT ON org_1.schema_migrations FOR EACH ROW EXECUTE FUNCTION org_1.spy();
GRANT USAGE ON SCHEMA org_1 TO regress_ashmig_owner;
SELECT ashmig_mark_applied(20260101000003, 'org_1', true);
SELECT current_user = session_user AS still_me;

-- Giving it all back: what Ecto has stays
RESET ashmig.ecto_schema_migrations;
INSERT INTO org_2.schema_migrations VALUES (20250101000000, now());
DELETE FROM org_2.schema_migrations WHERE version = 20260101000002;
SELECT * FROM ashmig_release();
SELECT * FROM ashmig_release();
SELECT o, e.versions FROM unnest('{public,org_1,org_2,org_3,org_4}'::text[]) AS o, ecto(o) AS e;
DROP TABLE org_2.schema_migrations;
SET client_min_messages = notice;
CALL ashmig_release_serial();

\c :home
DROP DATABASE ashmig_mark;
DROP ROLE regress_ashmig_owner;
