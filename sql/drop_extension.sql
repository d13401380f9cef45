--
-- DROP EXTENSION has to be meant: it removes the record of what is applied.
--
SET client_min_messages = warning;
CREATE ROLE ashmig_owner SUPERUSER;
CREATE ROLE ashmig_guest;
CREATE DATABASE ashmig_drop_extension;
\c ashmig_drop_extension
SET client_min_messages = warning;
SET ROLE ashmig_owner;
CREATE EXTENSION ashmig;
RESET ROLE;
SELECT ashmig_add_migration(1, 'a', 'CREATE TABLE @tenant@.a ()', 'DROP TABLE @tenant@.a', tenant => true);

-- recorded, but applied nowhere
BEGIN;
DROP EXTENSION ashmig;
ROLLBACK;

-- applied: a plain DROP is refused, also among others, and as what a role owns
SELECT ashmig_create_tenant(t) FROM unnest('{t1,t2}'::text[]) AS t;
DROP EXTENSION ashmig;
DROP EXTENSION IF EXISTS no_extension, ashmig;
DROP OWNED BY ashmig_owner;
DROP SCHEMA ashmig;

-- what is not about ashmig works, and a stranger is told what the server tells
DROP EXTENSION IF EXISTS no_extension;
DROP OWNED BY ashmig_guest;
SET ROLE ashmig_guest;
DROP EXTENSION ashmig;
DROP EXTENSION ashmig CASCADE;
RESET ROLE;

-- tables that are gone, as after "pg_restore --clean": nothing is forgotten
BEGIN;
DROP TABLE t1.a;
DROP EXTENSION ashmig;
ROLLBACK;
BEGIN;
DROP TABLE t1.a, t2.a;
DROP EXTENSION ashmig;
ROLLBACK;

-- rolled back everywhere
BEGIN;
SELECT count(*) FROM ashmig_rollback_tenants();
DROP EXTENSION ashmig;
ROLLBACK;

-- meant
BEGIN;
DROP OWNED BY ashmig_owner CASCADE;
SELECT extname FROM pg_extension WHERE extname = 'ashmig';
ROLLBACK;
DROP EXTENSION ashmig CASCADE;
SELECT oid::regclass FROM pg_class WHERE relname = 'a' ORDER BY oid::regclass::text;
SELECT evtname FROM pg_event_trigger;

\c postgres
DROP DATABASE ashmig_drop_extension;
DROP ROLE ashmig_owner, ashmig_guest;
