--
-- Statements that change many rows, batch by batch.
--
\set database ashmig_batch
\i sql/include/opening.sql
SET ashmig.workers = 1;
SET ashmig.online_threshold = 0; -- what has a row is large
\set VERBOSITY default
CREATE VIEW progress AS SELECT schema_name, done, batch_rows, batch_block > 0 AS walks FROM ashmig.partial_migrations ORDER BY 1;
SELECT ashmig_create_tenant(name) > 0 FROM unnest('{empty,full}'::text[]) AS name;

-- What cannot be run in batches
SELECT ashmig_add_migration(NULL, 'm');
SELECT ashmig_add_migration(NULL, 'm', batch => 'UPDATE posts SET n = 1');
SELECT ashmig_add_migration(NULL, 'm', batch => 'SELECT 1');
SELECT ashmig_add_migration(NULL, 'm', batch => 'DELETE FROM posts WHERE n = 1; DELETE FROM posts WHERE n = 2');
SELECT ashmig_add_migration(NULL, 'm', batch => 'UPDATE @tenant@.posts SET n = 1 WHERE n = 0');

-- An UPDATE: each row once, by blocks, and the whole statement in the end
SELECT ashmig_add_migration(1, 'posts', 'CREATE TABLE posts (id int PRIMARY KEY, n int, fills int DEFAULT 0, pad text DEFAULT repeat(''x'', 500))', 'DROP TABLE posts', tenant => true);
SELECT schema_name, status FROM ashmig_migrate_all();
INSERT INTO "full".posts SELECT i FROM generate_series(1, 3000) AS i;
SELECT ashmig_add_migration(2, 'index', up => 'CREATE INDEX posts_n ON posts (n)',
  batch => 'UPDATE posts AS p SET n = x.id, fills = p.fills + 1 FROM posts AS x WHERE x.id = p.id AND p.n IS NULL', down => 'DROP INDEX posts_n', tenant => true);
SELECT up, transactional FROM ashmig.migrations WHERE version = 2;
SELECT h ->> 'lock' AS lock, h ->> 'hazards' AS hazards, h ->> 'notice' AS notice, h ->> 'safer' AS safer FROM ashmig.migrations, jsonb_array_elements(hazards) AS h WHERE version = 2;
SELECT schema_name, status, applied FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT count(*), sum(fills), bool_and(n = id) FROM "full".posts;
TABLE progress;
-- a script carries it to another database
SELECT ashmig_export_migration(2, tenant => true) ~ E'/\\* ashmig: batch \\*/ UPDATE posts';

-- A DELETE with a LIMIT of its own, and an INSERT, are repeated
SELECT ashmig_add_migration(3, 'trim', batch => 'WITH batch AS (SELECT id FROM posts WHERE id > 100 LIMIT 1000) DELETE FROM posts USING batch WHERE posts.id = batch.id', tenant => true);
SELECT ashmig_add_migration(4, 'copy', batch => 'INSERT INTO posts (id) SELECT -id FROM posts AS p WHERE id > 0 AND NOT EXISTS (SELECT FROM posts WHERE id = -p.id) LIMIT 30', tenant => true);
SELECT schema_name, status, applied FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT count(*) FILTER (WHERE id > 0), count(*) FILTER (WHERE id < 0) FROM "full".posts;

-- A tenant that is created runs it in its transaction, unless it is covered; so does an atomic run
SELECT ashmig_create_tenant('new');
SELECT ashmig_add_migration(5, 'trim', batch => 'DELETE FROM posts WHERE id IN (SELECT id FROM posts WHERE id < 0 LIMIT 30)', tenant => true);
SELECT schema_name, status, applied FROM ashmig_migrate_all(atomic => true);
SELECT count(*) FROM "full".posts;

-- An error leaves the batches before it; the next run goes on from there
INSERT INTO "full".posts SELECT i FROM generate_series(1001, 4000) AS i;
UPDATE "full".posts SET n = NULL;
SELECT ashmig_add_migration(6, 'divide', batch => 'UPDATE posts SET n = 1 / (4000 - id), fills = fills + 1 WHERE n IS NULL', tenant => true);
SELECT schema_name, status FROM ashmig_migrate_all();
\set VERBOSITY terse
CALL ashmig_wait();
SELECT schema_name, done, batch_rows = (SELECT count(*) FROM "full".posts WHERE n IS NOT NULL), walks FROM progress;
UPDATE "full".posts SET id = 5000 WHERE id = 4000;
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT count(*) FILTER (WHERE n IS NULL) AS left, max(fills) AS times FROM "full".posts WHERE id > 1000;
TABLE progress;

-- One that never ends is told
SELECT ashmig_add_migration(7, 'endless', batch => 'UPDATE posts SET fills = fills + 1 WHERE id > 0', tenant => true);
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT schema_name, regexp_replace(split_part(error, E'\n', 1), '\d+', 'N', 'g') FROM ashmig.run_schemas WHERE status = 'failed' ORDER BY run DESC, schema_name LIMIT 1;

\c :home
DROP DATABASE ashmig_batch;
