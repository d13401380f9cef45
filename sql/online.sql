--
-- Online forms: changes of large tables that let others read and write
-- meanwhile, and end in the same structure.
--
\set database ashmig_online
\i sql/include/opening.sql
\i sql/include/online.sql

SELECT ashmig_create_tenant(name) > 0 FROM unnest('{empty,full}'::text[]) AS name;
INSERT INTO wanted VALUES
  ('before', jsonb_build_array(resource('users', id()) || strategy('context'),
    posts(attr('title', 'text'), attr('user_id', 'uuid'), attr('n', 'bigint')))),
  ('after', jsonb_build_array(resource('users', id()) || strategy('context'),
    posts(attr('title', 'text', '{"allow_nil?": false, "default": "\"none\""}'),
      ref('user_id', 'users.id', '{"name": "posts_user_id_fkey", "multitenancy": {"strategy": "context"}}'), attr('n', 'bigint'),
      attr('token', 'uuid', '{"allow_nil?": false, "default": "fragment(\"gen_random_uuid()\")"}'))
    || unique_on('title', 'title')
    || '{"check_constraints": [{"name": "n_positive", "check": "n > 0", "attribute": ["n"]}],
         "custom_indexes": [{"fields": [{"type": "atom", "value": "n"}], "name": "posts_n"}]}'));
SELECT schema_name, status FROM ashmig_apply(wanted('before'), name => 'before');
CREATE TABLE structure_before AS SELECT * FROM structure('full');
INSERT INTO "full".users SELECT gen_random_uuid();
INSERT INTO "full".posts SELECT gen_random_uuid(), 'title ' || n, (SELECT id FROM "full".users), n FROM generate_series(1, 3) AS n;

-- The plan: what is quick in a transaction, and the rest outside
SELECT operation, subject, up, lock, scans, rewrites, transactional FROM ashmig_plan(wanted('after'), online => true);
SELECT operation, subject, hazards, notice, safer FROM ashmig_plan(wanted('after'), online => true);
SELECT operation, subject, transactional, hazards, safer FROM ashmig_plan(wanted('after'));
-- the gate: no step reads or writes a table while others wait
SELECT count(*) FROM ashmig_plan(wanted('after'), online => true, allow => '{constraint,not_null,data_change}') WHERE NOT allowed;
SELECT ashmig_generate(wanted('after'), online => true, allow => '{constraint}');
SET ashmig.online = on;
SELECT count(*) FILTER (WHERE NOT transactional) FROM ashmig_plan(wanted('after'));
SELECT count(*) FILTER (WHERE NOT transactional) FROM ashmig_plan(wanted('after'), online => false);
RESET ashmig.online;
SELECT operation FROM ashmig_operations(wanted('before'), wanted('after')) AS o, LATERAL (SELECT o ->> 'operation') AS x (operation);

-- The empty tenant has it in its transaction; in the full one it goes on in the background
SELECT pg_relation_filenode('"full".posts') AS file \gset
SELECT schema_name, status, applied FROM ashmig_apply(wanted('after'), name => 'after', online => true);
CALL ashmig_wait();
TABLE history;
TABLE partial;
SELECT * FROM structure('full');
SELECT ashmig_create_tenant('new') > 0;
SELECT * FROM differences('full', 'empty');
SELECT * FROM differences('full', 'new');
SELECT count(*) FROM ashmig_drift();
SELECT count(*), count(DISTINCT token) FROM "full".posts;
SELECT pg_relation_filenode('"full".posts') = :file AS not_rewritten;
SELECT count(*) FROM ashmig_plan(wanted('after'));
-- and back, by the same ways
SELECT schema_name, status, applied FROM ashmig_rollback_tenants(step => 2);
CALL ashmig_wait();
TABLE history;
SELECT count(*) FROM (SELECT * FROM structure('full') EXCEPT TABLE structure_before) AS x;
SELECT count(*) FROM (TABLE structure_before EXCEPT SELECT * FROM structure('full')) AS x;
SELECT * FROM differences('full', 'empty');

-- Data that breaks it: what is done stays, and the repaired table resumes
UPDATE "full".posts SET title = 'title 1' WHERE n = 2;
UPDATE "full".posts SET title = NULL WHERE n = 3;
INSERT INTO empty.posts SELECT gen_random_uuid(), 'title', NULL, 1;
SELECT schema_name, table_name, problem, object_name, sample - 'id' - 'user_id' AS sample FROM ashmig_precheck();
SELECT schema_name, status, applied FROM ashmig_migrate_all();
\set VERBOSITY terse
CALL ashmig_wait();
TABLE history;
TABLE partial;
SELECT schema_name, table_name, problem, object_name, sample - 'id' - 'user_id' AS sample FROM ashmig_precheck();
UPDATE "full".posts SET title = 'title 3' WHERE n = 3;
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
TABLE partial;
SELECT kind, name, definition FROM structure('full') WHERE kind IN ('index', 'constraint') AND table_name = 'posts';
-- it can be rolled back from there
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{full}');
CALL ashmig_wait();
TABLE history;
TABLE partial;
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{full}');
SELECT count(*) FROM (SELECT * FROM structure('full') EXCEPT TABLE structure_before) AS x;
-- a rollback that stopped halfway is completed before it is applied again
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{full}');
CALL ashmig_wait();
UPDATE ashmig.partial_migrations SET down = true, done = 0, started = true;
UPDATE "full".posts SET title = 'title 2' WHERE n = 2;
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{full}');
CALL ashmig_wait();
TABLE partial;
SELECT * FROM differences('full', 'new');
-- the same inside a transaction, where indexes of large tables are refused
SELECT schema_name, status FROM ashmig_rollback_tenants(step => 2, only_tenants => '{full}');
CALL ashmig_wait();
UPDATE "full".posts SET title = 'title 1' WHERE n = 2;
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{full}');
CALL ashmig_wait();
SELECT schema_name FROM ashmig_rollback_tenants(only_tenants => '{full}', atomic => true);
SET ashmig.online_threshold = '1MB';
SELECT schema_name, status, applied FROM ashmig_rollback_tenants(only_tenants => '{full}', atomic => true);
TABLE partial;
UPDATE "full".posts SET title = 'title 2' WHERE n = 2;
SELECT schema_name, status, applied FROM ashmig_migrate_all(only_tenants => '{full}', atomic => true);
SELECT * FROM differences('full', 'new');
SET ashmig.online_threshold = 0;

-- What stays as it is: types, keys that replace others, unique indexes that do
SELECT operation, subject, transactional, safer FROM ashmig_plan(jsonb_build_array(
  posts(attr('title', 'text'), attr('user_id', 'uuid', '{"primary_key?": true, "allow_nil?": false}'), attr('n', 'text', '{"allow_nil?": false}'),
    attr('token', 'uuid', '{"allow_nil?": false, "default": "fragment(\"gen_random_uuid()\")"}')) || unique_on('title', 'title', 'n')),
  online => true, renames => '[]');
BEGIN;
SELECT count(*) FROM ashmig_generate(jsonb_build_array(
  posts(attr('title', 'text'), attr('user_id', 'uuid', '{"primary_key?": true, "allow_nil?": false}'), attr('n', 'text', '{"allow_nil?": false}'),
    attr('token', 'uuid', '{"allow_nil?": false, "default": "fragment(\"gen_random_uuid()\")"}')) || unique_on('title', 'title', 'n')),
  name => 'stays', online => true, renames => '[]');
ROLLBACK;
-- a table of the same generation, and a partitioned one
SELECT operation, subject, transactional FROM ashmig_plan(jsonb_build_array(
  resource('notes', id(), attr('body', 'text'), ref('post_id', 'posts.id', '{"multitenancy": {"strategy": "context"}}')) || strategy('context')), online => true);

-- A new column of a key that replaces another, with a value of its own for each row: up and down
INSERT INTO wanted VALUES
  ('codes', jsonb_build_array(resource('codes', id(), attr('n', 'bigint')) || strategy('context'))),
  ('coded', jsonb_build_array(resource('codes', id(), attr('n', 'bigint'),
    attr('code', 'uuid', '{"primary_key?": true, "allow_nil?": false, "default": "fragment(\"gen_random_uuid()\")"}')) || strategy('context')));
SELECT schema_name, status FROM ashmig_apply(wanted('codes'), name => 'codes');
INSERT INTO "full".codes SELECT gen_random_uuid(), n FROM generate_series(1, 3) AS n;
SELECT operation, subject, transactional, safer FROM ashmig_plan(wanted('coded'));
SELECT schema_name, status, applied FROM ashmig_apply(wanted('coded'), name => 'coded', online => true);
CALL ashmig_wait();
SELECT * FROM differences('full', 'new');
SELECT kind, name, definition FROM structure('full') WHERE table_name = 'codes' AND kind <> 'index';
SELECT count(DISTINCT code) FROM "full".codes;
SELECT schema_name, status FROM ashmig_rollback_tenants();
CALL ashmig_wait();
SELECT kind, name, definition FROM structure('full') WHERE table_name = 'codes' AND kind <> 'index';
SELECT * FROM differences('full', 'new');
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();

-- A key that a table did not have; statements that may need it come after
SELECT schema_name, status FROM ashmig_apply(jsonb_build_array(resource('logs', attr('id', 'uuid'), attr('at', 'timestamp')) || strategy('context')), name => 'logs');
INSERT INTO "full".logs SELECT gen_random_uuid(), now();
SELECT schema_name, status FROM ashmig_apply(jsonb_build_array(resource('logs', id(), attr('at', 'timestamp')) || strategy('context')
  || '{"custom_statements": [{"name": "replica", "up": "ALTER TABLE logs REPLICA IDENTITY USING INDEX logs_pkey", "down": "ALTER TABLE logs REPLICA IDENTITY DEFAULT"}]}'), name => 'key', online => true);
CALL ashmig_wait();
SELECT name, transactional, up FROM ashmig.migrations WHERE name LIKE 'key%' ORDER BY version;
SELECT * FROM differences('full', 'new');
SELECT schema_name, status FROM ashmig_rollback_tenants(step => 2, only_tenants => '{full}');
CALL ashmig_wait();
SELECT kind, name, definition FROM structure('full') WHERE table_name = 'logs';
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();

-- A foreign key to a public key that is built online; and a tenant that is
-- behind when public has gone on
SELECT schema_name, status FROM ashmig_apply(jsonb_build_array(resource('plans', id(), attr('code', 'text'))), name => 'plans');
INSERT INTO public.plans VALUES (gen_random_uuid(), 'a');
SELECT schema_name, status FROM ashmig_apply(jsonb_build_array(
  resource('plans', id(), attr('code', 'text')) || '{"identities": [{"name": "code", "index_name": "plans_code_index", "nils_distinct?": true, "keys": [{"type": "atom", "value": "code"}]}]}',
  resource('logs', id(), attr('at', 'timestamp'), ref('plan', 'plans.code', '{"name": "logs_plan_fkey"}', 'text')) || strategy('context')
  || '{"custom_statements": [{"name": "replica", "up": "ALTER TABLE logs REPLICA IDENTITY USING INDEX logs_pkey", "down": "ALTER TABLE logs REPLICA IDENTITY DEFAULT"}]}'),
  name => 'plan', online => true, except_tenants => '{full}');
CALL ashmig_wait();
SELECT schema_name, status FROM ashmig_migrate_all(except_tenants => '{full}');
CALL ashmig_wait();
SELECT name, transactional, up FROM ashmig.migrations WHERE name LIKE 'plan\_%' ORDER BY version;
SELECT schema_name, status FROM ashmig_apply(jsonb_build_array(
  resource('tariffs', id(), attr('code', 'text')) || '{"identities": [{"name": "code", "index_name": "plans_code_index", "nils_distinct?": true, "keys": [{"type": "atom", "value": "code"}]}]}',
  resource('logs', id(), attr('at', 'timestamp'), ref('plan', 'tariffs.code', '{"name": "logs_plan_fkey"}', 'text')) || strategy('context')
  || '{"custom_statements": [{"name": "replica", "up": "ALTER TABLE logs REPLICA IDENTITY USING INDEX logs_pkey", "down": "ALTER TABLE logs REPLICA IDENTITY DEFAULT"}]}'),
  name => 'tariffs', renames => '[{"table": "plans", "to": "tariffs"}]', except_tenants => '{full}');
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT name, definition FROM structure('full') WHERE table_name = 'logs' AND kind = 'constraint';
SELECT * FROM differences('full', 'new');

\c :home
DROP DATABASE ashmig_online;
