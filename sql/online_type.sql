--
-- A change of type that rewrites the table, online: a new column that a trigger
-- and batches fill, and that takes the place of the old one.
--
\set database ashmig_online_type
\i sql/include/opening.sql
\i sql/include/online.sql
-- what a change leaves while it is under way
CREATE FUNCTION leftovers(schema text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('column %s', attname) FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid WHERE relnamespace = schema::regnamespace AND relkind = 'r' AND attname LIKE '%ashmig%'
  UNION ALL SELECT format('relation %s', relname) FROM pg_class WHERE relnamespace = schema::regnamespace AND relname LIKE '%ashmig%'
  UNION ALL SELECT format('constraint %s', conname) FROM pg_constraint WHERE connamespace = schema::regnamespace AND conname LIKE '%ashmig%'
  UNION ALL SELECT format('trigger %s', tgname) FROM pg_trigger JOIN pg_class AS c ON c.oid = tgrelid WHERE relnamespace = schema::regnamespace AND tgname LIKE '%ashmig%'
  UNION ALL SELECT format('function %s', proname) FROM pg_proc WHERE pronamespace = schema::regnamespace AND proname LIKE '%ashmig%' ORDER BY 1 $$;

SELECT ashmig_create_tenant(name) > 0 FROM unnest('{empty,full}'::text[]) AS name;
INSERT INTO wanted VALUES
  ('before', jsonb_build_array(resource('users', attr('n', 'bigint', '{"primary_key?": true, "allow_nil?": false}')) || strategy('context'),
    posts(attr('title', 'text'), attr('n', 'bigint', '{"allow_nil?": false, "default": "1"}'),
      ref('user_n', 'users.n', '{"name": "posts_user_n_fkey", "multitenancy": {"strategy": "context"}}', 'integer'))
    || unique_on('n', 'n', 'title')
    || '{"check_constraints": [{"name": "n_positive", "check": "n > 0 AND length(title) > 0", "attribute": ["n"]}],
         "custom_indexes": [{"fields": [{"type": "atom", "value": "user_n"}], "name": "posts_user_n"},
           {"fields": [{"type": "string", "value": "(n + 1)"}], "name": "posts_next", "where": "n < 100"}]}')),
  ('after', jsonb_build_array(resource('users', attr('n', 'bigint', '{"primary_key?": true, "allow_nil?": false}')) || strategy('context'),
    posts(attr('title', 'text'), attr('n', 'decimal', '{"allow_nil?": false, "default": "\"2.5\""}'),
      ref('user_n', 'users.n', '{"name": "posts_user_n_fkey", "multitenancy": {"strategy": "context"}}', 'bigint'))
    || unique_on('n', 'n', 'title')
    || '{"check_constraints": [{"name": "n_positive", "check": "n > 0 AND length(title) > 0", "attribute": ["n"]}],
         "custom_indexes": [{"fields": [{"type": "atom", "value": "user_n"}], "name": "posts_user_n"},
           {"fields": [{"type": "string", "value": "(n + 1)"}], "name": "posts_next", "where": "n < 100"}]}'));
SELECT schema_name, status FROM ashmig_apply(wanted('before'), name => 'before');
CREATE TABLE structure_before AS SELECT * FROM structure('full');
INSERT INTO "full".users SELECT generate_series(1, 3);
INSERT INTO "full".posts SELECT gen_random_uuid(), 'title ' || n, n, n FROM generate_series(1, 3) AS n;

-- The plan: in its plain form, and online
SELECT operation, subject, up, lock, rewrites, transactional, hazards, safer FROM ashmig_plan(wanted('after'));
SELECT operation, subject, up, lock, locks, scans, rewrites, transactional, hazards, notice, safer FROM ashmig_plan(wanted('after'), online => true);
SELECT pg_relation_filenode('"full".posts') AS file \gset
SELECT schema_name, status, applied FROM ashmig_apply(wanted('after'), name => 'after', online => true);
CALL ashmig_wait();
TABLE history;
TABLE partial;
SELECT * FROM structure('full') WHERE table_name = 'posts';
SELECT * FROM leftovers('full');
SELECT ashmig_create_tenant('new') > 0;
SELECT * FROM differences('full', 'empty');
SELECT * FROM differences('full', 'new');
SELECT count(*) FROM ashmig_drift();
SELECT title, n, user_n FROM "full".posts ORDER BY 1;
SELECT pg_relation_filenode('"full".posts') = :file AS not_rewritten;
SELECT schema_name, status, applied FROM ashmig_rollback_tenants();
CALL ashmig_wait();
TABLE history;
TABLE partial;
SELECT count(*) FROM (SELECT * FROM structure('full') EXCEPT TABLE structure_before) AS x;
SELECT count(*) FROM (TABLE structure_before EXCEPT SELECT * FROM structure('full')) AS x;
SELECT * FROM differences('full', 'empty');
SELECT * FROM leftovers('full');
SELECT title, n, user_n FROM "full".posts ORDER BY 1;

-- What is said of each column is so: what its statements lock, and that they write no file anew
CREATE TABLE held (number int, subject text, statement text, name text, lock text, rewritten boolean);
CREATE PROCEDURE hold(wanted text) LANGUAGE plpgsql AS $$
DECLARE
  m ashmig.migrations;
  file oid;
BEGIN
  SELECT * INTO m FROM ashmig.migrations WHERE name = wanted;
  FOR i IN 1 .. cardinality(m.up) LOOP
    CONTINUE WHEN m.up[i] NOT LIKE '/* ashmig: large table%';
    COMMIT;
    file := pg_relation_filenode('"full".posts');
    EXECUTE replace(replace(m.up[i], '@tenant@', '"full"'), ' CONCURRENTLY', '');
    INSERT INTO held SELECT i, CASE WHEN m.up[i] LIKE '%user_n%' THEN 'user_n' ELSE 'n' END, substring(m.up[i], '/ (\w+ \w*)'), relname,
      upper(regexp_replace(replace(mode, 'Lock', ''), '(\w)([A-Z])', '\1 \2', 'g')), pg_relation_filenode('"full".posts') <> file
      FROM pg_locks JOIN pg_class AS c ON c.oid = relation WHERE pid = pg_backend_pid() AND relnamespace = '"full"'::regnamespace AND relkind = 'r' AND m.up[i] NOT LIKE '%CONCURRENTLY%';
  END LOOP;
  COMMIT;
  PERFORM ashmig_mark_applied(m.version, 'full', tenant => true);
END $$;
CALL hold('after_online');
CREATE VIEW strongest AS SELECT DISTINCT ON (number, name) * FROM held
  JOIN unnest('{ACCESS EXCLUSIVE,SHARE ROW EXCLUSIVE,SHARE,SHARE UPDATE EXCLUSIVE,ROW EXCLUSIVE}'::text[]) WITH ORDINALITY AS l (lock, strength) USING (lock)
  ORDER BY number, name, strength;
SELECT number, statement, string_agg(name || ' ' || lock, ', ' ORDER BY name), bool_or(rewritten) AS rewritten FROM strongest GROUP BY 1, 2 ORDER BY 1;
SELECT subject, said, CASE WHEN truth <> said THEN truth END AS wrong
  FROM (SELECT subject, jsonb_object_agg('@tenant@.' || name, lock) AS truth
          FROM (SELECT DISTINCT ON (subject, name) subject, name, lock FROM strongest ORDER BY subject, name, strength) AS s GROUP BY 1) AS s
  JOIN (SELECT h ->> 'name' AS subject, h -> 'locks' AS said FROM ashmig.migrations, jsonb_array_elements(hazards) AS h WHERE name = 'after_online') AS h USING (subject);
SELECT schema_name, status FROM ashmig_migrate_all();
SELECT * FROM differences('full', 'new');
SELECT schema_name, status FROM ashmig_rollback_tenants();
CALL ashmig_wait();

-- What hangs on the column in one schema alone would go with it
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{empty,new}');
CREATE INDEX by_hand ON "full".posts (n DESC);
COMMENT ON COLUMN "full".posts.n IS 'counted by hand';
CREATE VIEW "full".report AS SELECT n FROM "full".posts;
GRANT SELECT (n) ON "full".posts TO pg_monitor;
ALTER TABLE "full".posts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT * FROM leftovers('full');
DROP VIEW "full".report;
REVOKE SELECT (n) ON "full".posts FROM pg_monitor;
ALTER TABLE "full".posts DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
DROP INDEX "full".by_hand;
COMMENT ON COLUMN "full".posts.n IS NULL;

SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT * FROM differences('full', 'new');

-- A value that cannot be converted: what is done stays, and other columns can be written
CREATE FUNCTION wanted_as(before text, type text, "default" text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_set(jsonb_set(wanted(before), '{1,attributes,2,type}', to_jsonb(type)), '{1,attributes,2,default}', to_jsonb("default")) $$;
UPDATE "full".posts SET n = 40000 WHERE title = 'title 3';
SELECT schema_name, table_name, problem, object_name FROM ashmig_generate(wanted_as('after', 'smallint', '3'), name => 'small', online => true), ashmig_precheck();
SELECT schema_name, status FROM ashmig_migrate_all();
\set VERBOSITY terse
CALL ashmig_wait();
TABLE partial;
SELECT * FROM leftovers('full');
UPDATE "full".posts SET title = title || '!';
INSERT INTO "full".posts VALUES (gen_random_uuid(), 'title 4', 4, 1);
INSERT INTO "full".posts VALUES (gen_random_uuid(), 'title 5', 50000, 1);
SELECT title, n, n_ashmig_new FROM "full".posts ORDER BY 1;
-- the way back from there takes away what was made, and no more
SELECT pg_relation_filenode('"full".posts') AS file \gset
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{full}');
CALL ashmig_wait();
TABLE partial;
SELECT * FROM leftovers('full');
SELECT pg_relation_filenode('"full".posts') = :file AS not_rewritten;
SELECT title, n FROM "full".posts ORDER BY 1;
-- begun again, it resumes once the data is right
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
UPDATE "full".posts SET n = 3 WHERE n = 40000;
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
TABLE history;
SELECT * FROM leftovers('full');
SELECT * FROM differences('full', 'new');
SELECT title, n, pg_typeof(n) FROM "full".posts ORDER BY 1;
-- a rollback that stopped halfway is completed before it is applied again
UPDATE "full".posts SET title = 'same', n = n + 10;
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{full}');
CREATE INDEX by_hand ON "full".posts (n);
CALL ashmig_wait();
TABLE partial;
DROP INDEX "full".by_hand;
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{full}');
CALL ashmig_wait();
TABLE partial;
SELECT * FROM leftovers('full');
SELECT * FROM differences('full', 'new');

-- Inside a transaction the table is rewritten, whatever its size: down and up,
-- and where a run in the background has begun it
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{full}', atomic => true);
SELECT pg_relation_filenode('"full".posts') = :file AS not_rewritten;
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{full}', atomic => true);
SELECT * FROM differences('full', 'new');
SELECT schema_name, status FROM ashmig_rollback_tenants();
CALL ashmig_wait();
UPDATE "full".posts SET n = 40000 WHERE n = 13;
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{full}');
CALL ashmig_wait();
SET ashmig.online_threshold = '1MB';
SELECT schema_name, status FROM ashmig_rollback_tenants(only_tenants => '{full}', atomic => true);
SELECT * FROM leftovers('full');
TABLE partial;
SET ashmig.online_threshold = 0;
SELECT schema_name, status FROM ashmig_migrate_all(only_tenants => '{full}');
CALL ashmig_wait();
UPDATE "full".posts SET n = 13 WHERE n = 40000;
SET ashmig.online_threshold = '1MB';
SELECT schema_name, status FROM ashmig_migrate_all(atomic => true);
SELECT * FROM leftovers('full');
SELECT * FROM differences('full', 'new');
-- a small table has it in the schema's transaction
SELECT schema_name, status FROM ashmig_rollback_tenants();
SELECT schema_name, status FROM ashmig_migrate_all();
TABLE history;
SELECT * FROM differences('full', 'new');
SET ashmig.online_threshold = 0;

-- The values are those of the plain form: types without an equality operator,
-- a time zone of the application's own, arrays; and no trigger of the
-- application's sees the rows being filled
INSERT INTO wanted VALUES
  ('events', jsonb_build_array(resource('events', id('number', 'integer'), id('part', 'uuid'), attr('at', 'timestamp'), attr('data', 'json'), attr('tag', 'text'), attr('first', 'array', '{"type": ["array", "integer"]}'), attr('touched', 'integer')) || strategy('context')
    || '{"custom_statements": [{"name": "touch", "up": "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END''", "down": "DROP FUNCTION touch()"},
       {"name": "touches", "up": "CREATE TRIGGER touches BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION touch()", "down": "DROP TRIGGER touches ON events"}]}')),
  ('retyped', jsonb_build_array(resource('events', id('number', 'bigint'), id('part', 'uuid'), attr('at', 'timestamptz'), attr('data', 'jsonb'), attr('tag', 'array', '{"type": ["array", "text"]}'), attr('first', 'integer'), attr('touched', 'integer')) || strategy('context')
    || '{"custom_statements": [{"name": "touch", "up": "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END''", "down": "DROP FUNCTION touch()"},
       {"name": "touches", "up": "CREATE TRIGGER touches BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION touch()", "down": "DROP TRIGGER touches ON events"}]}'));
SELECT schema_name, status FROM ashmig_apply(wanted('events'), name => 'events');
TRUNCATE structure_before;
INSERT INTO structure_before SELECT * FROM structure('full');
INSERT INTO "full".events SELECT n, gen_random_uuid(), '2026-07-01 12:00', '{"b": 1, "a": 2}', 'tag ' || n, ARRAY[n, 0], 0 FROM generate_series(1, 3) AS n;
INSERT INTO "full".events VALUES (4, gen_random_uuid(), NULL, NULL, NULL, NULL, 0), (5, gen_random_uuid(), 'infinity', 'null', '', '{}', 0);
-- what a small tenant gets, by the plain form
INSERT INTO empty.events TABLE "full".events;
SET ashmig.online_threshold = '1MB';
SELECT schema_name, status FROM ashmig_apply(wanted('retyped'), name => 'retyped', online => true, except_tenants => '{full}');
SET ashmig.online_threshold = 0;
SELECT operation, subject, rewrites, hazards, notice FROM ashmig_plan(wanted('events'), online => true);
SELECT schema_name, status FROM ashmig_migrate_all();
CALL ashmig_wait();
SELECT * FROM leftovers('full');
SELECT * FROM differences('full', 'new');
SET TimeZone = 'UTC';
(SELECT number, part, at, data::text, tag, first, touched FROM "full".events EXCEPT SELECT number, part, at, data::text, tag, first, touched FROM empty.events)
UNION ALL (SELECT number, part, at, data::text, tag, first, touched FROM empty.events EXCEPT SELECT number, part, at, data::text, tag, first, touched FROM "full".events);
SELECT number, at, data, tag, first, touched FROM "full".events ORDER BY 1;
SELECT schema_name, status FROM ashmig_rollback_tenants();
CALL ashmig_wait();
SELECT * FROM leftovers('full');
SELECT count(*) FROM (SELECT * FROM structure('full') EXCEPT TABLE structure_before) AS x;
SELECT count(*) FROM (TABLE structure_before EXCEPT SELECT * FROM structure('full')) AS x;
SELECT number, at, data, tag, first, touched FROM "full".events ORDER BY 1;

-- What keeps its plain form, and why
CREATE FUNCTION obstacles(snapshots jsonb) RETURNS TABLE (operation text, subject text, transactional boolean, rewrites boolean, safer text) LANGUAGE sql AS $$
  SELECT operation, subject, transactional, rewrites, safer FROM ashmig_plan(snapshots, online => true, renames => '[]') WHERE operation = 'alter_attribute' $$;
INSERT INTO wanted VALUES
  ('others', jsonb_build_array(resource('parents', id('n', 'integer'), attr('m', 'integer')) || strategy('context'),
     resource('children', id(), attr('serial', 'serial'), attr('a', 'integer'), attr('b', 'integer'), attr('c', 'integer'), ref('parent', 'parents.n', '{"name": "children_parent_fkey", "multitenancy": {"strategy": "context"}}', 'integer')) || strategy('context')
       || '{"check_constraints": [{"name": "a_b", "check": "a < b", "attribute": ["a"]}, {"name": "named", "check": "children.c > 0", "attribute": ["c"]}],
            "custom_statements": [{"name": "view", "up": "CREATE VIEW m AS SELECT m FROM parents", "down": "DROP VIEW m"}]}'));
SELECT schema_name, status FROM ashmig_apply(wanted('others'), name => 'others');
SELECT * FROM obstacles(replace(wanted('others')::text, '"integer"', '"bigint"')::jsonb);
SELECT * FROM obstacles(replace(wanted('others')::text, '"serial", "source"', '"bigserial", "source"')::jsonb);
SELECT operation, subject, safer FROM ashmig_plan(replace(wanted('others')::text, '"integer"', '"bigint"')::jsonb) WHERE rewrites;

-- The scripts for others hold the statements of a large table alone
SELECT format, ashmig_export_migration(version, true, format) LIKE '%small table%' AS small, ashmig_export_migration(version, true, format) LIKE '%large table%' AS large
  FROM ashmig.migrations, unnest('{ashmig,sql,ecto}'::text[]) AS format WHERE name = 'retyped_online' ORDER BY 1;
-- The directive before another statement hides nothing, and changes nothing in a transaction
SELECT ashmig_add_migration(NULL, 'forged', up => '/* ashmig: large table */ DROP TABLE @tenant@.posts', down => 'SELECT', tenant => true) IS NOT NULL;
SELECT h -> 'hazards', h ->> 'lock' FROM ashmig.migrations, jsonb_array_elements(hazards) AS h WHERE name = 'forged';
SELECT ashmig_create_tenant('newest') > 0;
SELECT count(*) FROM structure('newest') WHERE table_name = 'posts';
\c :home
DROP DATABASE ashmig_online_type;
