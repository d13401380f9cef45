--
-- What the tests of code generation share.  Each of them works in a copy of
-- this database (include/opening.sql).
--
SET client_min_messages = warning;
CREATE SCHEMA tools;
CREATE EXTENSION ashmig SCHEMA tools;
SET search_path = tools, public;

-- Snapshots from a few pieces: resource('posts', id(), attr('title', 'text')) || '{"identities": [...]}'
CREATE FUNCTION attr(name text, type text, rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_build_object('source', name, 'type', type, 'default', 'nil', 'allow_nil?', true) || rest
$$;
CREATE FUNCTION id(name text DEFAULT 'id', type text DEFAULT 'uuid') RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT attr(name, type, '{"primary_key?": true, "allow_nil?": false}')
$$;
-- A column that references "name.column"; rest goes into the reference
CREATE FUNCTION ref(name text, target text, rest jsonb DEFAULT '{}', type text DEFAULT 'uuid') RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT attr(name, type, jsonb_build_object('references',
  jsonb_build_object('table', split_part(target, '.', 1), 'destination_attribute', split_part(target, '.', 2),
    'primary_key?', split_part(target, '.', 2) = 'id',
    'multitenancy', '{"strategy": null, "attribute": null, "global": null}'::jsonb) || rest))
$$;
CREATE FUNCTION resource(name text, VARIADIC attributes jsonb[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_build_object('table', name, 'repo', 'Elixir.Test.Repo', 'attributes', to_jsonb(attributes))
$$;
CREATE FUNCTION strategy(strategy text, attribute text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_build_object('multitenancy', jsonb_build_object('strategy', strategy, 'attribute', attribute, 'global', false))
$$;

-- The structure of one schema, one fact per row, with unqualified names
CREATE FUNCTION structure(schema text) RETURNS TABLE (table_name name, kind text, name name, definition text)
LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off -- the tests leave the catalogs full of dead rows
AS $$
#variable_conflict use_column
DECLARE
  path text := current_setting('search_path');
BEGIN
  PERFORM set_config('search_path', quote_ident(schema), true);
  RETURN QUERY
  WITH rel AS (
    SELECT c.oid, relname, relkind FROM pg_class AS c
     WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = schema)
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
  )
  SELECT relname, 'table', ''::name, CASE relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(oid) ELSE '' END
    FROM rel WHERE relkind IN ('r', 'p')
  UNION ALL
  SELECT relname, 'column', attname, concat_ws(' ', format_type(atttypid, atttypmod),
           CASE attidentity WHEN 'd' THEN 'IDENTITY' WHEN 'a' THEN 'IDENTITY ALWAYS' END,
           CASE WHEN attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(adbin, adrelid))
    FROM rel JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
   WHERE relkind IN ('r', 'p')
  UNION ALL
  SELECT relname, 'constraint', conname, pg_get_constraintdef(c.oid, true) || CASE WHEN convalidated THEN '' ELSE ' (not validated)' END
    FROM rel JOIN pg_constraint AS c ON conrelid = rel.oid WHERE contype <> 'n'
  UNION ALL
  SELECT relname, 'index', i.indexrelid::regclass::text::name,
         replace(regexp_replace(pg_get_indexdef(i.indexrelid, 0, true), '^(CREATE (UNIQUE )?)INDEX .* USING ', '\2'), 'CREATE ', '')
           || CASE WHEN indisvalid THEN '' ELSE ' (invalid)' END
    FROM rel JOIN pg_index AS i ON indrelid = rel.oid
   WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x'))
  UNION ALL
  SELECT coalesce((SELECT refobjid::regclass::text::name FROM pg_depend
                    WHERE classid = 'pg_class'::regclass AND objid = rel.oid AND deptype IN ('a', 'i') AND refobjsubid > 0), 'nobody'),
         'sequence', relname, format_type(seqtypid, NULL) || coalesce((SELECT ' of ' || attname FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
                    WHERE classid = 'pg_class'::regclass AND objid = rel.oid AND deptype IN ('a', 'i') AND refobjsubid > 0), '')
    FROM rel JOIN pg_sequence ON seqrelid = rel.oid
  UNION ALL
  SELECT relname, 'trigger', tgname, pg_get_triggerdef(t.oid, true)
    FROM rel JOIN pg_trigger AS t ON tgrelid = rel.oid WHERE NOT tgisinternal
  UNION ALL
  SELECT '', CASE relkind WHEN 'v' THEN 'view' ELSE 'relation' END, relname, ''
    FROM rel WHERE relkind NOT IN ('r', 'p', 'i', 'I', 'S')
  UNION ALL
  SELECT '', 'enum', typname, (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
    FROM pg_type AS t
   WHERE typtype = 'e' AND typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = schema)
     AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = t.oid AND deptype = 'e')
  ORDER BY 1, 2, 3, 4;
  PERFORM set_config('search_path', path, true);
END
$$;

-- Apply, and show what does not change from run to run: scope, schema and status
CREATE FUNCTION apply(snapshots jsonb, renames jsonb DEFAULT '[]', drop_columns boolean DEFAULT true, drop_tables boolean DEFAULT false)
RETURNS TABLE (scope text, schema_name text, status text)
LANGUAGE sql AS $$
SELECT scope, schema_name, status
  FROM ashmig_apply(CASE jsonb_typeof(snapshots) WHEN 'array' THEN snapshots ELSE jsonb_build_array(snapshots) END,
                    renames => renames, drop_columns => drop_columns, drop_tables => drop_tables)
$$;

-- The statements of a plan, up and down
CREATE FUNCTION planned(snapshots jsonb, renames jsonb DEFAULT '[]', drop_columns boolean DEFAULT true, drop_tables boolean DEFAULT false)
RETURNS TABLE (scope text, up text, down text)
LANGUAGE sql AS $$
SELECT scope, up, down FROM ashmig_plan(snapshots, renames => renames, drop_columns => drop_columns, drop_tables => drop_tables) ORDER BY step
$$;

--
-- The laws that hold after every generation
--

-- The whole database, one fact per row.  "bare" leaves out what depends on the
-- history: retired columns, and the names of keys and sequences, which a renamed
-- table keeps.
CREATE FUNCTION everything(bare boolean DEFAULT false) RETURNS SETOF text
LANGUAGE sql AS $$
SELECT concat_ws(' ', nspname, s.table_name, s.kind,
         CASE WHEN NOT bare OR s.kind <> 'sequence' AND s.definition NOT LIKE 'PRIMARY KEY%' THEN s.name::text END,
         CASE WHEN bare THEN regexp_replace(s.definition, 'nextval\(''.*''::regclass\)', 'nextval()') ELSE s.definition END)
  FROM pg_namespace, LATERAL structure(nspname) AS s
 WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'ashmig', 'tools')
   AND EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid)
   AND NOT (bare AND EXISTS (
     SELECT FROM ashmig.retired_columns AS r
      WHERE s.table_name IN (r.table_name, quote_ident(r.table_name))
        AND CASE WHEN r.scope = 'tenant' THEN nspname IN (SELECT t.schema_name FROM ashmig.tenants AS t)
                 ELSE nspname = coalesce(nullif(r.schema_name, ''), current_setting('ashmig.default_schema')) END
        AND (s.kind = 'column' AND s.name = r.column_name
             OR s.kind = 'sequence' AND s.definition LIKE '% of ' || r.column_name)))
$$;

CREATE FUNCTION difference(law text, wanted text[], found text[]) RETURNS SETOF text
LANGUAGE sql AS $$
SELECT law || ': - ' || f FROM (SELECT unnest(wanted) EXCEPT ALL SELECT unnest(found)) AS lost (f)
UNION ALL
SELECT law || ': + ' || f FROM (SELECT unnest(found) EXCEPT ALL SELECT unnest(wanted)) AS come (f)
ORDER BY 1
$$;

-- The facts of one tenant, without its name
CREATE FUNCTION facts_of(schema text, bare boolean DEFAULT true) RETURNS text[]
LANGUAGE sql AS $$
SELECT array_agg(substr(f, length(schema) + 2)) FROM everything(bare) AS f WHERE starts_with(f, schema || ' ')
$$;

-- Run a rollback, and before it what the hints say has to be rolled back first.
CREATE FUNCTION roll_back(command text, depth integer DEFAULT 0) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  LOOP
    BEGIN
      EXECUTE command;
      RETURN;
    EXCEPTION WHEN SQLSTATE 'MG036' THEN
      GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
      IF depth > 20 OR hint !~ '^First: .*\.$' THEN
        RAISE;
      END IF;
    END;
    depth := depth + 1;
    PERFORM roll_back(substring(hint FROM '^First: (.*)\.$'), depth);
  END LOOP;
END
$$;

-- Roll back what is newer than "since" and migrate again: the structure must be "before", and then what it is now.
CREATE FUNCTION down_and_up(since bigint, before text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  after text[] := ARRAY(SELECT everything());
  lowest bigint;
BEGIN
  SELECT min(version) INTO lowest FROM ashmig.versions WHERE version > since AND scope = 'tenant';
  IF lowest IS NOT NULL THEN
    PERFORM roll_back(format('SELECT * FROM ashmig_rollback_tenants(to_version => %s)', lowest));
  END IF;
  SELECT min(version) INTO lowest FROM ashmig.versions WHERE version > since AND scope = 'public';
  IF lowest IS NOT NULL THEN
    PERFORM roll_back(format('SELECT * FROM ashmig_rollback(to_version => %s)', lowest));
  END IF;
  RETURN QUERY SELECT difference('down', before, ARRAY(SELECT everything()));
  PERFORM ashmig_migrate_all();
  RETURN QUERY SELECT difference('up again', after, ARRAY(SELECT everything()));
END
$$;

-- The structure that the snapshots give on an empty database with the same tenants; rolled back
CREATE FUNCTION afresh(snapshots jsonb) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
  facts text[];
  schema text;
  enum jsonb;
  enums jsonb := (SELECT jsonb_agg(DISTINCT jsonb_build_object('name', f.name, 'tenant', t.schema_name IS NOT NULL, 'labels',
      (SELECT jsonb_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = format('%I.%I', nspname, f.name)::regtype)))
    FROM pg_namespace LEFT JOIN ashmig.tenants AS t ON t.schema_name = nspname, LATERAL structure(nspname) AS f
   WHERE f.kind = 'enum' AND (nspname = 'public' OR t.schema_name IS NOT NULL)
     -- not those that a statement of the snapshots makes
     AND NOT EXISTS (SELECT FROM ashmig.migrations AS m
                      WHERE m.kind = 'generated' AND m.scope = CASE WHEN t.schema_name IS NULL THEN 'public' ELSE 'tenant' END
                        AND position('CREATE TYPE ' || f.name IN m.up::text) > 0));
BEGIN
  BEGIN
    FOR schema IN SELECT nspname FROM pg_namespace
                   WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'ashmig', 'tools') LOOP
      EXECUTE format('DROP SCHEMA %I CASCADE', schema);
    END LOOP;
    CREATE SCHEMA public;
    FOR schema IN SELECT schema_name FROM ashmig.tenants LOOP
      EXECUTE format('CREATE SCHEMA %I', schema);
    END LOOP;
    DELETE FROM ashmig.migrations;
    DELETE FROM ashmig.versions;
    DELETE FROM ashmig.schema_versions;
    DELETE FROM ashmig.snapshots;
    FOR enum IN SELECT jsonb_array_elements(enums) LOOP
      PERFORM ashmig_create_enum(enum ->> 'name', ARRAY(SELECT jsonb_array_elements_text(enum -> 'labels')), tenant => (enum -> 'tenant')::boolean);
    END LOOP;
    PERFORM ashmig_apply(snapshots, renames => '[]');
    facts := ARRAY(SELECT everything(true));
    RAISE EXCEPTION 'enough' USING ERRCODE = 'ZZ000';
  EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN facts;
  END;
END
$$;

-- The structure must follow from "newest", whatever path led here.
CREATE FUNCTION laws(newest jsonb, given jsonb DEFAULT NULL) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT 'plan: ' || up
    FROM ashmig_plan(coalesce(given, newest), renames => '[]', drop_columns => true);
  RETURN QUERY SELECT difference('afresh', afresh(newest), ARRAY(SELECT everything(true)));
  BEGIN
    PERFORM ashmig_create_tenant('newest');
    RETURN QUERY SELECT difference('new tenant', facts_of(t.schema_name), facts_of('newest'))
                   FROM ashmig.tenants AS t WHERE t.schema_name <> 'newest';
    PERFORM ashmig_drop_tenant('newest', true);
  EXCEPTION WHEN OTHERS THEN
    RETURN NEXT 'new tenant: ' || SQLERRM;
  END;
END
$$;

-- Apply a generation and check all laws: one row per fact that breaks one
CREATE FUNCTION lawful(newest jsonb, given jsonb DEFAULT NULL, renames jsonb DEFAULT '[]',
                       drop_columns boolean DEFAULT true, drop_tables boolean DEFAULT false)
RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  before text[] := ARRAY(SELECT everything());
  since bigint := coalesce((SELECT max(version) FROM ashmig.migrations WHERE NOT dev), 0);
BEGIN
  IF EXISTS (SELECT FROM ashmig.migrations WHERE dev) THEN
    before := current_setting('test.before')::text[];
  END IF;
  PERFORM ashmig_apply(coalesce(given, newest), renames => renames, drop_columns => drop_columns, drop_tables => drop_tables);
  RETURN QUERY SELECT down_and_up(since, before);
  RETURN QUERY SELECT laws(newest, given);
  PERFORM set_config('test.before', ARRAY(SELECT everything())::text, false);
END
$$;

-- Show the statements of a generation, apply it and check all laws
CREATE FUNCTION step(snapshots jsonb, renames jsonb DEFAULT '[]', drop_columns boolean DEFAULT true, drop_tables boolean DEFAULT false) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT concat_ws(' | ', nullif(scope, 'public'), nullif(up, ''), nullif(down, ''))
                 FROM planned(snapshots, renames, drop_columns, drop_tables);
  RETURN QUERY SELECT lawful(snapshots, renames => renames, drop_columns => drop_columns, drop_tables => drop_tables);
END
$$;
