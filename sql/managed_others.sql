--
-- A row of a managed table touches no tenant but its own.
--
\set database ashmig_managed_others
\i sql/include/opening.sql

SELECT count(*) FROM apply(jsonb_build_array(resource('posts', id()) || strategy('context')));
SET client_min_messages = error;
CREATE SCHEMA app;
CREATE FUNCTION tenants() RETURNS TABLE (schema_name text, managed_by text, schema_exists boolean)
LANGUAGE sql AS 'SELECT schema_name, managed_by, schema_exists FROM ashmig_all_tenants()';

-- Two tables whose rows share a form of names, and tenants that are neither's
CREATE TABLE app.orgs (id int, slug text);
CREATE TABLE app.firms (id int, slug text);
SELECT ashmig_manage_tenant('app.orgs', '{x_,:slug}', on_delete => 'drop');
SELECT ashmig_manage_tenant('app.firms', '{x_,:slug}', on_insert => false, on_delete => 'drop');
INSERT INTO app.orgs VALUES (1, 'org');
SELECT ashmig_create_tenant('x_hand') > 0 AS created;
CREATE SCHEMA x_listed;
CREATE SCHEMA x_versions;
SELECT ashmig_set_all_tenants('VALUES (''x_listed''), (''x_versions'')');
SELECT schema_name, status FROM ashmig_migrate_tenants(only_tenants => '{x_versions}');
CREATE SCHEMA x_other;

-- A row that names another's tenant, from an insert that creates none: renamed, deleted, named anew
INSERT INTO app.firms VALUES (1, 'org'), (2, 'hand'), (3, 'listed'), (4, 'versions'), (5, 'other'), (6, 'nobody');
\set VERBOSITY default
UPDATE app.firms SET slug = 'stolen' WHERE id = 1;
UPDATE app.firms SET slug = 'stolen' WHERE id = 2;
UPDATE app.firms SET slug = 'stolen' WHERE id = 3;
UPDATE app.firms SET slug = 'stolen' WHERE id = 4;
UPDATE app.firms SET slug = 'stolen' WHERE id = 5;
UPDATE app.firms SET slug = 'stolen' WHERE id = 6;
\set VERBOSITY terse
DELETE FROM app.firms;
SELECT * FROM tenants();
SELECT nspname FROM pg_namespace WHERE nspname ~ '^x_' ORDER BY 1;
-- a name that another's tenant has
INSERT INTO app.orgs VALUES (2, 'mine');
UPDATE app.orgs SET slug = 'hand' WHERE id = 2;
UPDATE app.orgs SET slug = 'listed' WHERE id = 2;
UPDATE app.orgs SET slug = 'other' WHERE id = 2;
INSERT INTO app.orgs VALUES (3, 'hand');
INSERT INTO app.orgs VALUES (3, 'versions');
INSERT INTO app.orgs VALUES (3, 'other');
SELECT * FROM app.orgs ORDER BY id;
SELECT * FROM tenants();

-- A tenant that several rows of the table name belongs to each of them: no row renames it
SELECT ashmig_manage_tenant('app.orgs', '{x_,:slug}', on_insert => false, on_delete => 'drop');
INSERT INTO app.orgs VALUES (4, 'mine');
\set VERBOSITY default
UPDATE app.orgs SET slug = 'taken' WHERE id = 4;
\set VERBOSITY terse
DELETE FROM app.orgs WHERE id = 4;
UPDATE app.orgs SET slug = 'renamed' WHERE id = 2;
SELECT * FROM tenants() WHERE managed_by IS NOT NULL;

-- What a table owns after it is managed again: what belongs to nobody, or to a table that is gone
INSERT INTO app.orgs VALUES (5, 'hand');
SELECT ashmig_manage_tenant('app.orgs', '{x_,:slug}', on_delete => 'drop');
INSERT INTO app.firms VALUES (7, 'hand'), (8, 'hand2');
SELECT ashmig_manage_tenant('app.firms', '{x_,:slug}', on_delete => 'drop');
SELECT * FROM tenants() WHERE schema_name = 'x_hand';
UPDATE app.orgs SET slug = 'hand2' WHERE id = 5;
SELECT * FROM tenants() WHERE schema_name ~ 'x_hand';
DROP TABLE app.orgs;
UPDATE app.firms SET slug = 'hand2' WHERE id = 7;
SELECT ashmig_manage_tenant('app.firms', '{x_,:slug}', on_delete => 'drop');
DELETE FROM app.firms;
SELECT * FROM tenants() WHERE schema_name ~ 'x_hand';

-- Partitions: a row that moves keeps asking.  A note of a move that no trigger has read is not another row's.
CREATE TABLE app.parts (id int, slug text) PARTITION BY LIST (id);
CREATE TABLE app.part1 PARTITION OF app.parts FOR VALUES IN (1);
CREATE TABLE app.part2 PARTITION OF app.parts FOR VALUES IN (2);
SELECT ashmig_manage_tenant('app.parts', '{p_,:slug}', on_insert => false, on_delete => 'drop');
SELECT ashmig_create_tenant('p_hand') > 0 AS created;
INSERT INTO app.parts VALUES (1, 'hand');
UPDATE app.parts SET id = 2, slug = 'moved';
UPDATE app.parts SET id = 2;
DELETE FROM app.parts;
SELECT ashmig_manage_tenant('app.parts', '{p_,:slug}', on_delete => 'drop');
INSERT INTO app.parts VALUES (1, 'a'), (1, 'b');
ALTER TABLE app.part2 DISABLE TRIGGER ALL;
BEGIN;
UPDATE app.parts SET id = 2 WHERE slug = 'a';
CREATE TABLE app.copied (slug text);
SELECT ashmig_manage_tenant('app.copied', '{c_,:slug}');
COPY app.copied FROM stdin FREEZE;
c
\.
COMMIT;
BEGIN;
CREATE TABLE app.part3 PARTITION OF app.parts FOR VALUES IN (3);
UPDATE app.parts SET id = 2 WHERE slug = 'b';
COPY app.part3 FROM stdin FREEZE;
3	c
\.
COMMIT;
SELECT * FROM tenants() WHERE schema_name ~ '^[pc]_';

\c :home
DROP DATABASE ashmig_managed_others;
