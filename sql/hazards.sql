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
  SELECT bool_or(pg_relation_filenode(oid) IS DISTINCT FROM filenode) FILTER (WHERE EXISTS (SELECT FROM pg_class WHERE pg_class.oid = seen.oid)),
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
           attr('a', 'text'), attr('b', 'integer'), attr('c', 'uuid'), attr('d', 'utc_datetime', '{"default": "fragment(\"now()\")", "allow_nil?": false}'),
           attr('n', 'bigint', '{"generated?": true}')),
  posts(attr('a', 'citext')) - 'x'));
TABLE tools.held ORDER BY step;
