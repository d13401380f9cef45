-- A version that is never released: 002_upgrade.pl updates to it. It does what
-- update scripts do: a new column, table and function, and one that changes.
\echo Use "ALTER EXTENSION ashmig UPDATE TO '1.0.1'" to load this file. \quit

ALTER TABLE ashmig.tenants ADD COLUMN upgrade_note text NOT NULL DEFAULT 'new';
UPDATE ashmig.tenants SET upgrade_note = 'known to 1.0';

CREATE TABLE ashmig.upgrade_notes (note text PRIMARY KEY);
SELECT pg_catalog.pg_extension_config_dump('ashmig.upgrade_notes', '');

CREATE FUNCTION ashmig_upgrade_notes()
    RETURNS SETOF text
    LANGUAGE sql STABLE AS 'SELECT DISTINCT upgrade_note FROM ashmig.tenants ORDER BY 1';
COMMENT ON FUNCTION ashmig_upgrade_notes() IS 'The notes of all tenants, once each';
REVOKE EXECUTE ON FUNCTION ashmig_upgrade_notes() FROM PUBLIC;

ALTER FUNCTION ashmig_all_tenants() ROWS 100;
