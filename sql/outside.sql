-- Statements outside a transaction: one after the other, also where one of them has something to say.
\set VERBOSITY default
CREATE DATABASE ashmig_outside;
\c ashmig_outside
SET client_min_messages = warning;
SET statement_timeout = '60s';
CREATE EXTENSION ashmig;
SELECT ashmig_add_migration(20260101000001, 'table', 'CREATE TABLE t (a integer)', 'DROP TABLE t');
SELECT ashmig_add_migration(20260101000002, 'indexes',
  'CREATE INDEX CONCURRENTLY t_one ON @default@.t (a);
   CREATE INDEX CONCURRENTLY IF NOT EXISTS t_one ON @default@.t (a);
   CREATE INDEX CONCURRENTLY t_two ON @default@.t (a)',
  'DROP INDEX CONCURRENTLY t_two; DROP INDEX CONCURRENTLY IF EXISTS t_three; DROP INDEX CONCURRENTLY t_one',
  transactional => false);
SELECT scope, schema, applied, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;
SELECT scope, schema, applied, pending, status FROM ashmig_status();
-- and back
SELECT scope, schema, status FROM ashmig_rollback();
CALL ashmig_wait();
SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass;
SELECT scope, schema, applied, pending, status FROM ashmig_status();
-- an error of a later statement is told, and what came before stays done
SELECT ashmig_add_migration(20260101000003, 'wrong',
  'CREATE INDEX CONCURRENTLY t_three ON @default@.t (a); CREATE INDEX CONCURRENTLY t_four ON @default@.t (b)',
  transactional => false);
SELECT scope, schema, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1;
