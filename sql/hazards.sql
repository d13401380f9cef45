--
-- What the steps of a plan, and the statements of a hand-written migration, are
-- said to do is what PostgreSQL does: the locks of pg_locks, the files of the
-- tables, and the scans of the statistics, on tables with rows.
--
\set database ashmig_hazards
\i sql/include/opening.sql
SET ashmig.prove = off;

-- The tables of the application, as they are now
CREATE TABLE tools.seen (oid oid, name text, filenode oid, scans bigint);
CREATE FUNCTION tools.look() RETURNS SETOF tools.seen
LANGUAGE sql AS $$
SELECT c.oid, nspname || '.' || relname, pg_relation_filenode(c.oid), pg_stat_get_xact_numscans(c.oid)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
 WHERE nspname IN ('public', 't1') AND relkind = 'r'
$$;
-- What the statements do to the tables that there were before, and what was
-- said of them that is not so.  Locks that keep neither writers nor others from
-- altering the table are not looked at.
CREATE PROCEDURE tools.hold(statements text, locks jsonb, rewrites boolean, scans boolean, known oid[], INOUT wrong text)
LANGUAGE plpgsql AS $$
DECLARE
  real jsonb;
  said jsonb;
  rewritten boolean;
  scanned boolean;
BEGIN
  COMMIT;
  DELETE FROM tools.seen;
  COMMIT;
  INSERT INTO tools.seen SELECT * FROM tools.look() WHERE oid = ANY (known);
  EXECUTE replace(replace(replace(statements, '@tenant@', 't1'), '@default@', 'public'), '#{prefix()}', 'public');
  SELECT jsonb_object_agg(name, mode) INTO real
    FROM (SELECT name, (array_agg(mode ORDER BY array_position(ARRAY['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock', 'RowExclusiveLock'], mode)))[1] AS mode
            FROM pg_locks JOIN tools.seen ON seen.oid = relation
           WHERE pid = pg_backend_pid() AND mode NOT IN ('AccessShareLock', 'RowShareLock') GROUP BY name) AS l;
  SELECT coalesce(bool_or(pg_relation_filenode(oid) <> filenode), false),
         bool_or(pg_stat_get_xact_numscans(oid) > seen.scans) INTO rewritten, scanned FROM tools.seen;
  SELECT jsonb_object_agg(name, mode) INTO said
    FROM (SELECT replace(replace(replace(key, '@tenant@', 't1'), '@default@', 'public'), '#{prefix()}', 'public') AS name,
                 replace(initcap(value), ' ', '') || 'Lock' AS mode FROM jsonb_each_text(locks)) AS l
   WHERE name IN (SELECT name FROM tools.seen);
  wrong := nullif(concat_ws('; ',
    CASE WHEN said IS DISTINCT FROM real THEN format('locks %s, not %s', real, said) END,
    CASE WHEN rewritten IS DISTINCT FROM rewrites AND known <> '{}' THEN CASE WHEN rewritten THEN 'rewrites' ELSE 'does not rewrite' END END,
    CASE WHEN scanned IS DISTINCT FROM scans AND known <> '{}' THEN CASE WHEN scanned THEN 'scans' ELSE 'does not scan' END END), '');
  COMMIT;
END
$$;
CREATE TABLE tools.held (step int, operation text, subject text, lock text, rewrites boolean, scans boolean, hazards text, wrong text);

-- Hold each step of a plan, then record the plan as applied.
CREATE PROCEDURE tools.hold_plan(snapshots jsonb, renames jsonb DEFAULT '[]', drop_columns boolean DEFAULT true, drop_tables boolean DEFAULT false)
LANGUAGE plpgsql AS $$
DECLARE
  planned jsonb := (SELECT jsonb_agg(p ORDER BY step) FROM ashmig_plan(snapshots, renames => renames, drop_columns => drop_columns, drop_tables => drop_tables) AS p);
  known oid[] := ARRAY(SELECT oid FROM tools.look());
  p jsonb;
  wrong text;
BEGIN
  TRUNCATE tools.held;
  FOR p IN SELECT jsonb_array_elements(planned) LOOP
    wrong := NULL;
    CALL tools.hold(p ->> 'up', p -> 'locks', (p -> 'rewrites')::boolean, (p -> 'scans')::boolean, known, wrong);
    INSERT INTO tools.held VALUES ((p -> 'step')::int, p ->> 'operation', concat_ws('.', p ->> 'table_name', p ->> 'subject'), p ->> 'lock',
      (p -> 'rewrites')::boolean, (p -> 'scans')::boolean, (SELECT string_agg(w, ' ') FROM jsonb_array_elements_text(p -> 'hazards') AS w), wrong);
  END LOOP;
  PERFORM ashmig_mark_applied(version, CASE scope WHEN 'tenant' THEN 't1' END, tenant => scope = 'tenant')
     FROM ashmig_generate(snapshots, 'held', renames => renames, drop_columns => drop_columns, drop_tables => drop_tables);
END
$$;
-- The same for statements
CREATE PROCEDURE tools.hold_statements(up text)
LANGUAGE plpgsql AS $$
DECLARE
  added bigint := ashmig_add_migration(NULL, 'by hand', up);
  statements text[] := (SELECT m.up FROM ashmig.migrations AS m WHERE m.version = added);
  steps jsonb := (SELECT m.hazards FROM ashmig.migrations AS m WHERE m.version = added);
  known oid[] := ARRAY(SELECT oid FROM tools.look());
  s jsonb;
  wrong text;
BEGIN
  TRUNCATE tools.held;
  FOR i IN 1 .. cardinality(statements) LOOP
    s := coalesce((SELECT step FROM jsonb_array_elements(steps) AS step WHERE (step -> 'statement')::int = i), '{"lock": "none", "locks": {}, "rewrites": false, "scans": false, "hazards": []}');
    wrong := NULL;
    CALL tools.hold(statements[i], s -> 'locks', (s -> 'rewrites')::boolean, (s -> 'scans')::boolean, known, wrong);
    INSERT INTO tools.held VALUES (i, left(regexp_replace(statements[i], '\s+', ' ', 'g'), 70), NULL, s ->> 'lock',
      (s -> 'rewrites')::boolean, (s -> 'scans')::boolean, (SELECT string_agg(w, ' ') FROM jsonb_array_elements_text(s -> 'hazards') AS w), wrong);
  END LOOP;
END
$$;

--
-- Generated: a public table and a tenant's, with rows
--
SELECT ashmig_create_tenant('t1') IS NOT NULL AS created;
CREATE FUNCTION tools.users(VARIADIC more jsonb[] DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource('users', VARIADIC ARRAY[id(), attr('email', 'text'), attr('age', 'integer'), attr('code', 'string', '{"size": 10}')] || more) $$;
CREATE FUNCTION tools.posts(VARIADIC more jsonb[] DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource('posts', VARIADIC ARRAY[id(), attr('title', 'text'), attr('user_id', 'uuid')] || more) || strategy('context') $$;

CALL tools.hold_plan(jsonb_build_array(users(), posts()));
TABLE tools.held ORDER BY step;
INSERT INTO public.users SELECT gen_random_uuid(), 'user' || i, i, 'c' || i FROM generate_series(1, 2000) AS i;
INSERT INTO t1.posts SELECT id, email, id FROM public.users;
ANALYZE public.users, t1.posts;

-- Columns: with no value, a constant, one of their own for each row, none that may be missing
CALL tools.hold_plan(jsonb_build_array(
  users(attr('a', 'text'), attr('b', 'integer', '{"default": "7", "allow_nil?": false}'), attr('c', 'uuid', '{"default": "fragment(\"gen_random_uuid()\")"}'),
        attr('d', 'utc_datetime', '{"default": "fragment(\"now()\")", "allow_nil?": false}'), attr('n', 'bigint', '{"generated?": true}')),
  posts(attr('a', 'text'))));
TABLE tools.held ORDER BY step;

-- They change: type, NOT NULL, default, sequence
CALL tools.hold_plan(jsonb_build_array(
  resource('users', id(), attr('email', 'text', '{"allow_nil?": false}'), attr('age', 'bigint', '{"default": "0"}'), attr('code', 'string', '{"size": 20}'),
           attr('a', 'text'), attr('b', 'integer'), attr('c', 'uuid'), attr('d', 'utc_datetime_usec', '{"default": "fragment(\"now()\")", "allow_nil?": false}'),
           attr('n', 'bigint', '{"allow_nil?": false}')),
  posts(attr('a', 'citext'))));
TABLE tools.held ORDER BY step;
-- text types, numbers and times, wider and narrower; values that are cut off are lost
CREATE FUNCTION tools.retyped(VARIADIC types jsonb[]) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('types', VARIADIC ARRAY[id()] || ARRAY(
  SELECT attr('c' || n, 'text') || jsonb_build_object('type', t ->> 0) || coalesce(t -> 1, '{}') FROM unnest(types) WITH ORDINALITY AS u (t, n))), users(), posts())
$$;
CALL tools.hold_plan(retyped('["string", {"size": 10}]', '["string", {"size": 10}]', '["string"]', '["decimal", {"precision": 10, "scale": 2}]',
  '["decimal", {"precision": 10, "scale": 2}]', '["decimal"]', '["utc_datetime"]', '["utc_datetime_usec"]', '["integer"]', '["text"]'));
INSERT INTO public.types SELECT gen_random_uuid(), i, i, i, i, i, i, now(), now(), i, gen_random_uuid() FROM generate_series(1, 1000) AS i;
CALL tools.hold_plan(retyped('["string"]', '["string", {"size": 5}]', '["string", {"size": 10}]', '["decimal", {"precision": 12, "scale": 2}]',
  '["decimal", {"precision": 12, "scale": 3}]', '["decimal", {"precision": 20, "scale": 1}]', '["utc_datetime_usec"]', '["utc_datetime"]', '["text"]', '["uuid"]'));
TABLE tools.held ORDER BY step;
-- sequences: added to a column that has values, and removed
CREATE FUNCTION tools.people(VARIADIC more jsonb[] DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT resource('users', VARIADIC ARRAY[id(), attr('email', 'text', '{"allow_nil?": false}'), attr('n', 'bigint')] || more)
$$;
CALL tools.hold_plan(jsonb_build_array(people(attr('age', 'bigint', '{"generated?": true}'), attr('a', 'text')), posts()), drop_columns => false);
TABLE tools.held ORDER BY step;
CALL tools.hold_plan(jsonb_build_array(people(attr('age', 'bigint'), attr('a', 'text', '{"default": "\"x\""}'), attr('b', 'integer')), posts()), drop_columns => true);
TABLE tools.held ORDER BY step;

-- Keys, indexes and checks: added, changed, taken away
CREATE FUNCTION tools.keyed(reference jsonb, rest jsonb, of_posts jsonb) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(people(attr('age', 'bigint')) || rest,
  resource('posts', id(), attr('title', 'text'), CASE WHEN reference IS NULL THEN attr('user_id', 'uuid') ELSE ref('user_id', 'users.id', reference) END) || strategy('context') || of_posts)
$$;
CALL tools.hold_plan(keyed('{"name": "posts_user_fkey", "index?": true}',
  '{"identities": [{"name": "email", "keys": ["email"]}], "check_constraints": [{"name": "age_ok", "attribute": ["age"], "check": "age >= 0"}]}',
  '{"custom_indexes": [{"fields": ["title"]}, {"fields": ["user_id", "title"], "unique": true, "name": "u"}]}'));
TABLE tools.held ORDER BY step;
CALL tools.hold_plan(keyed('{"name": "posts_user_key", "index?": true, "deferrable": true}',
  '{"identities": [{"name": "email", "keys": ["email"], "index_name": "users_by_email"}], "check_constraints": [{"name": "age_ok", "attribute": ["age"], "check": "age >= 1"}]}',
  '{"custom_indexes": [{"fields": ["title"], "name": "by_title"}]}'));
TABLE tools.held ORDER BY step;
CALL tools.hold_plan(keyed('{"name": "posts_user_key", "deferrable": "initially"}', '{}', '{"custom_statements": [{"name": "s",
  "up": "ALTER TABLE @tenant@.posts ADD CONSTRAINT titled CHECK (title <> ''x'') NOT VALID", "down": "ALTER TABLE @tenant@.posts DROP CONSTRAINT titled"}]}'));
TABLE tools.held ORDER BY step;
CALL tools.hold_plan(keyed(NULL, '{}', '{}'), drop_columns => false);
TABLE tools.held ORDER BY step;
-- another primary key
CALL tools.hold_plan(jsonb_build_array(resource('users', id('email', 'text'), attr('id', 'uuid', '{"allow_nil?": false}'), attr('age', 'bigint')), posts()), drop_columns => false);
TABLE tools.held ORDER BY step;
-- retired columns: taken up again, and dropped
CALL tools.hold_plan(jsonb_build_array(resource('users', id('email', 'text'), attr('id', 'uuid', '{"allow_nil?": false}'), attr('n', 'bigint')), posts()), drop_columns => false);
TABLE tools.held ORDER BY step;

-- Names; what goes
CALL tools.hold_plan(jsonb_build_array(resource('members', id('email', 'text'), attr('id', 'uuid', '{"allow_nil?": false}'), attr('number', 'bigint')), posts()),
  renames => '[{"table": "users", "to": "members"}, {"table": "members", "column": "n", "to": "number"}]');
TABLE tools.held ORDER BY step;
CALL tools.hold_plan(jsonb_build_array(resource('members', id('email', 'text'), attr('id', 'uuid', '{"allow_nil?": false}'), attr('number', 'bigint')) || '{"schema": "archive"}', posts()),
  renames => '[{"table": "members", "to_schema": "archive"}]');
TABLE tools.held ORDER BY step;
CALL tools.hold_plan('[]', drop_tables => true, renames => '[]');
TABLE tools.held ORDER BY step;

--
-- Written by hand
--
CREATE TABLE public.a (id int PRIMARY KEY, b_id int, t text NOT NULL, n int);
CREATE TABLE public.b (id int PRIMARY KEY, t text, n int);
CREATE TABLE public.e (id int);
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
INSERT INTO public.a SELECT i, i, i, i FROM generate_series(1, 1000) AS i;
INSERT INTO public.b SELECT i, i, i FROM generate_series(1, 1000) AS i;
CALL tools.hold_statements($$
  ALTER TABLE @default@.a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES @default@.b NOT VALID;
  ALTER TABLE @default@.a VALIDATE CONSTRAINT a_b;
  ALTER TABLE @default@.a ADD CONSTRAINT n_there CHECK (n IS NOT NULL) NOT VALID;
  ALTER TABLE @default@.a VALIDATE CONSTRAINT n_there;
  ALTER TABLE @default@.a ALTER COLUMN n SET NOT NULL;
  ALTER TABLE @default@.a ADD CONSTRAINT t_short CHECK (length(t) < 100);
  ALTER TABLE @default@.b ALTER COLUMN n SET NOT NULL, ADD COLUMN x int NOT NULL DEFAULT 1;
  ALTER TABLE @default@.b ADD COLUMN r uuid DEFAULT gen_random_uuid();
  ALTER TABLE @default@.b ADD COLUMN s serial;
  ALTER TABLE @default@.b ADD COLUMN i int GENERATED ALWAYS AS IDENTITY;
  ALTER TABLE @default@.b ADD COLUMN g int GENERATED ALWAYS AS (n + 1) STORED;
  ALTER TABLE @default@.b ADD COLUMN a_id int REFERENCES @default@.a;
  ALTER TABLE @default@.b ADD COLUMN a_one int DEFAULT 1 REFERENCES @default@.a;
  ALTER TABLE @default@.b ADD UNIQUE (n);
  ALTER TABLE @default@.b ADD COLUMN u int UNIQUE, ADD COLUMN c int CHECK (c > 0);
  CREATE UNIQUE INDEX b_t ON @default@.b (t);
  ALTER TABLE @default@.b ADD CONSTRAINT b_t UNIQUE USING INDEX b_t;
  ALTER TABLE @default@.b ALTER COLUMN n DROP NOT NULL, ALTER COLUMN t SET DEFAULT 'x';
  ALTER TABLE @default@.b ALTER COLUMN t SET STATISTICS 100;
  ALTER TABLE @default@.b SET (fillfactor = 90);
  ALTER TABLE @default@.b ALTER CONSTRAINT b_a_id_fkey DEFERRABLE;
  ALTER TABLE @default@.b ENABLE ROW LEVEL SECURITY;
  ALTER TABLE @default@.b DROP COLUMN g;
  ALTER TABLE @default@.b RENAME COLUMN x TO y;
  ALTER TABLE @default@.b RENAME CONSTRAINT b_t TO b_unique;
  CREATE TRIGGER f BEFORE INSERT ON @default@.b FOR EACH ROW EXECUTE FUNCTION @default@.f();
  ALTER TABLE @default@.b DISABLE TRIGGER f;
  DROP TRIGGER f ON @default@.b;
  CREATE POLICY p ON @default@.b USING (true);
  DROP POLICY p ON @default@.b;
  CREATE STATISTICS @default@.b_stats ON t, n FROM @default@.b;
  COMMENT ON TABLE @default@.b IS 'b';
  COMMENT ON COLUMN @default@.b.t IS 't';
  REINDEX TABLE @default@.b;
  CLUSTER @default@.b USING b_pkey;
  LOCK TABLE @default@.b IN EXCLUSIVE MODE;
  INSERT INTO @default@.b (id, n, t) VALUES (0, 0, '0'), (-1, -1, '-1'), (-2, -2, '-2');
  UPDATE @default@.b SET t = t || 'x';
  DELETE FROM @default@.b WHERE n + 0 = -2;
  WITH gone AS (DELETE FROM @default@.b WHERE n + 0 = -1 RETURNING id) INSERT INTO @default@.a SELECT id, NULL, 't', 1 FROM gone;
  CREATE TABLE @default@.c (id int PRIMARY KEY, a_id int REFERENCES @default@.a, b_id int REFERENCES @default@.b);
  CREATE INDEX c_a ON @default@.c (a_id);
  ALTER TABLE @default@.c ADD COLUMN n int NOT NULL;
  CREATE VIEW @default@.v AS SELECT * FROM @default@.a;
  DROP VIEW @default@.v;
  DO 'BEGIN NULL; END';
  ALTER TABLE @default@.e SET UNLOGGED;
  SELECT count(*) FROM @default@.a;
  ALTER TABLE @default@.b RENAME TO d;
  DROP TABLE @default@.e
$$);
SELECT step, operation, lock, rewrites, scans, hazards, wrong FROM tools.held ORDER BY step;
-- A wrong word would show
CREATE TABLE public.g (id int);
INSERT INTO public.g VALUES (1);
CALL tools.hold('ALTER TABLE public.g ALTER id TYPE bigint', '{"@default@.g": "SHARE"}', false, false, '{public.g}'::regclass[]::oid[], NULL);
CALL tools.hold('ALTER TABLE public.g ALTER id SET DEFAULT 1', '{}', true, true, '{public.g}'::regclass[]::oid[], NULL);

--
-- What a session cannot see of itself, and what syntax alone does not tell
--
CREATE FUNCTION tools.judged(up text, tenant boolean DEFAULT false, transactional boolean DEFAULT true)
RETURNS TABLE (n int, lock text, locks jsonb, rewrites boolean, scans boolean, hazards text, notice text)
LANGUAGE plpgsql AS $$
DECLARE
  added bigint := ashmig_add_migration(NULL, 'judged', up, tenant => tenant, transactional => transactional);
BEGIN
  RETURN QUERY SELECT h.* FROM ashmig.migrations AS m, LATERAL jsonb_to_recordset(m.hazards)
    AS h (statement int, lock text, locks jsonb, rewrites boolean, scans boolean, hazards text, notice text) WHERE m.version = added;
END
$$;
SELECT * FROM judged('CREATE INDEX CONCURRENTLY i ON @tenant@.posts (title); CREATE UNIQUE INDEX CONCURRENTLY u ON @tenant@.posts (title);
  DROP INDEX CONCURRENTLY @tenant@.i; REINDEX TABLE CONCURRENTLY @tenant@.posts; VACUUM FULL @tenant@.posts; VACUUM @tenant@.posts', true, false);
SELECT * FROM judged('DROP INDEX @tenant@.i; ALTER TABLE @tenant@.posts DROP CONSTRAINT k; ALTER INDEX @tenant@.i RENAME TO j;
  ALTER TABLE @tenant@.posts ALTER title TYPE varchar(20); DROP TABLE @tenant@.a, @default@.b CASCADE; DROP SCHEMA s;
  ALTER TYPE t RENAME TO u; SELECT f(1); CALL p(); DO ''''; DROP FUNCTION g; TRUNCATE @tenant@.posts', true);
-- names: by placeholders, by search_path, unusual ones
SELECT * FROM judged('CREATE INDEX ON posts (a); CREATE INDEX ON #{prefix()}.posts (a); CREATE INDEX ON @default@.posts (a); CREATE INDEX ON "a.b"."c""d" (a)', true);
-- what a statement creates, nobody uses yet
SELECT * FROM judged('CREATE TABLE n (id int); CREATE INDEX ON n (id); ALTER TABLE n ADD x int REFERENCES o; INSERT INTO n VALUES (1); CREATE TABLE m AS SELECT 1 AS a; ALTER TABLE m ADD b serial');

\c :home
DROP DATABASE ashmig_hazards;
