-- A walk of two branches that meet, at times three: whatever order their migrations come in,
-- the result is the same, or they are refused.
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_branches_walk;
\c ashmig_branches_walk
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
SELECT setseed(0.5);

CREATE FUNCTION pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql AS $$ SELECT choices[1 + floor(random() * cardinality(choices))::int] $$;
CREATE FUNCTION attribute(name text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('source', name, 'type', pick('text', 'bigint'), 'default', 'nil', 'allow_nil?', true) $$;

-- One change of a snapshot; names that are new come from few, so that branches meet
CREATE FUNCTION change(s jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  n int := jsonb_array_length(s -> 'attributes');
  at text := (1 + floor(random() * (n - 1)))::int;
  one jsonb := s #> ARRAY['attributes', at];
  name text := one ->> 'source';
  list text := pick('identities', 'custom_indexes', 'check_constraints');
  new text := pick('p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z') || floor(random() * 3);
BEGIN
  CASE pick('add', 'add', 'remove', 'default', 'null', 'type', 'part', 'part', 'less')
  WHEN 'add' THEN
    IF NOT s -> 'attributes' @> jsonb_build_array(jsonb_build_object('source', new)) THEN
      RETURN jsonb_set(s, '{attributes}', (s -> 'attributes') || attribute(new));
    END IF;
  WHEN 'remove' THEN
    IF n > 3 AND NOT (s - 'attributes')::text LIKE '%' || name || '%' THEN
      RETURN s #- ARRAY['attributes', at];
    END IF;
  WHEN 'default' THEN
    RETURN jsonb_set(s, ARRAY['attributes', at, 'default'], to_jsonb(CASE one ->> 'type' WHEN 'text' THEN pick('nil', '"a"', '"b"') ELSE pick('nil', '1', '2') END));
  WHEN 'null' THEN
    RETURN jsonb_set(s, ARRAY['attributes', at, 'allow_nil?'], to_jsonb(random() < 0.5));
  WHEN 'type' THEN
    IF one ->> 'type' <> 'text' THEN
      RETURN jsonb_set(s, ARRAY['attributes', at, 'type'], to_jsonb(pick('bigint', 'numeric', 'integer')));
    END IF;
  WHEN 'part' THEN
    RETURN jsonb_set(s, ARRAY[list], (SELECT coalesce(jsonb_agg(p), '[]') FROM jsonb_array_elements(s -> list) p WHERE p ->> 'name' <> list || new)
      || (jsonb_build_object('name', list || new) || CASE list
         WHEN 'identities' THEN jsonb_build_object('keys', jsonb_build_array(name))
         WHEN 'custom_indexes' THEN jsonb_build_object('fields', jsonb_build_array(name))
         ELSE jsonb_build_object('attribute', jsonb_build_array(name), 'check', name || ' IS NOT NULL') END));
  ELSE
    RETURN s #- ARRAY[list, '0'];
  END CASE;
  RETURN s;
END $$;

-- A branch: the scripts of some generations after each other
CREATE FUNCTION branch(first bigint, base jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  s jsonb := base;
  scripts text[] := '{}';
  versions bigint[] := '{}';
  v bigint;
BEGIN
  FOR g IN 0 .. floor(random() * 3)::int LOOP
    UPDATE ashmig.settings SET value = first + 3 * g - 1 WHERE name = 'last_version';
    s := change(change(s));
    FOR v IN SELECT version FROM ashmig_generate(s, name => 'walk', renames => '[]', drop_columns => random() < 0.3) LOOP
      scripts := scripts || replace(ashmig_export_migration(v, tenant => true), E'\\set ON_ERROR_STOP on\n', '');
      versions := v || versions;
    END LOOP;
  END LOOP;
  FOREACH v IN ARRAY versions LOOP
    PERFORM ashmig_remove_migration(v, tenant => true);
  END LOOP;
  RETURN scripts;
END $$;

CREATE FUNCTION recorded() RETURNS text LANGUAGE sql AS $$
  SELECT md5(string_agg((version, snapshot, state, brought, base, base_versions)::text, E'\n' ORDER BY version)) FROM ashmig.snapshots $$;
CREATE FUNCTION structure(tenant text) RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(o ORDER BY o COLLATE "C") FROM (
    SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, replace(pg_get_expr(adbin, adrelid), tenant, '*')) AS o
      FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
      WHERE attrelid = (tenant || '.walked')::regclass AND attnum > 0 AND NOT attisdropped
      AND attname NOT IN (SELECT column_name FROM ashmig.retired_columns)
    UNION ALL SELECT replace(indexdef, tenant, '*') FROM pg_indexes WHERE schemaname = tenant
    UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = (tenant || '.walked')::regclass AND contype <> 'n') s $$;

-- Import; false where it is refused as of another branch
CREATE FUNCTION import(scripts text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  script text;
BEGIN
  FOREACH script IN ARRAY scripts LOOP
    EXECUTE script;
  END LOOP;
  RETURN true;
EXCEPTION WHEN SQLSTATE 'MG054' THEN
  RETURN false;
END $$;

-- One step: what is wrong, or "merged" or "refused"; everything is undone
CREATE FUNCTION walk() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  base jsonb := '{"table": "walked", "repo": "Elixir.W.Repo", "multitenancy": {"strategy": "context"}, "identities": [], "custom_indexes": [], "check_constraints": []}';
  a text[];
  b text[];
  before text;
  forth text;
  state text;
BEGIN
  base := base || jsonb_build_object('attributes', '[{"source": "id", "type": "bigint", "generated?": true, "primary_key?": true, "allow_nil?": false}]'::jsonb
    || attribute('c1') || attribute('c2') || attribute('c3') || attribute('c4'));
  FOR i IN 1 .. 2 LOOP
    base := change(base);
  END LOOP;
  PERFORM ashmig_generate(base, name => 'base');
  PERFORM ashmig_create_tenant('walk_1');
  PERFORM ashmig_create_tenant('walk_2');
  a := branch(90000101000000, base);
  b := branch(90000101000001, base);
  IF random() < 0.4 THEN
    b := branch(90000101000002, base) || b;
  END IF;
  before := recorded();
  BEGIN
    IF import(a || b) THEN
      forth := recorded();
      PERFORM ashmig_migrate_tenants(only_tenants => '{walk_1}', atomic => true);
      PERFORM ashmig_create_tenant('walk_3');
      IF structure('walk_1') <> structure('walk_3') THEN state := 'differs: ' || structure('walk_1')::text || structure('walk_3')::text; END IF;
      IF EXISTS (SELECT FROM ashmig_plan((SELECT snapshot FROM ashmig.snapshots ORDER BY version DESC LIMIT 1))) THEN state := 'plan is not empty'; END IF;
      IF EXISTS (SELECT FROM ashmig_check_migrations()) THEN state := (SELECT string_agg(problem, ', ') FROM ashmig_check_migrations()); END IF;
    END IF;
    RAISE SQLSTATE 'UNDO1';
  EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
  END;
  IF state IS NOT NULL THEN RETURN state; END IF;
  BEGIN
    IF import(b) THEN
      PERFORM ashmig_migrate_tenants(only_tenants => '{walk_2}', atomic => true);
      IF import(a) THEN
        IF recorded() IS DISTINCT FROM forth THEN state := 'order of import matters'; END IF;
        PERFORM ashmig_migrate_tenants(only_tenants => '{walk_2}', atomic => true);
        PERFORM ashmig_create_tenant('walk_3');
        IF structure('walk_2') <> structure('walk_3') THEN state := 'differs: ' || structure('walk_2')::text || structure('walk_3')::text; END IF;
        PERFORM ashmig_rollback_tenants(to_version => (SELECT min(version) FROM ashmig.migrations WHERE version >= 90000101000000), atomic => true);
        PERFORM ashmig_remove_migration(version, tenant => true) FROM (SELECT DISTINCT ON (generation) version FROM ashmig.migrations WHERE version >= 90000101000000 ORDER BY generation DESC) m;
        IF recorded() <> before THEN state := 'not as before'; END IF;
        IF structure('walk_2') <> structure('walk_1') THEN state := 'structure not as before'; END IF;
      ELSIF forth IS NOT NULL THEN state := 'refused in one order';
      END IF;
    END IF;
    RAISE SQLSTATE 'UNDO1';
  EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
  END;
  RETURN coalesce(state, CASE WHEN forth IS NULL THEN 'refused' ELSE 'merged' END);
END $$;
-- The same, and the base is undone, too
CREATE FUNCTION step() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  BEGIN
    result := walk();
    RAISE SQLSTATE 'UNDO2';
  EXCEPTION WHEN SQLSTATE 'UNDO2' THEN
  END;
  RETURN result;
END $$;

CREATE TABLE steps AS SELECT step() AS result FROM generate_series(1, 30);
SELECT DISTINCT result FROM steps ORDER BY 1;
SELECT count(*) FROM ashmig.migrations;
\c :home
DROP DATABASE ashmig_branches_walk;
