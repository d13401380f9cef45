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

\c :home
DROP DATABASE ashmig_enums;
