--
-- What random walks need beside sql/setup.sql
--

-- What the next check rolls back to
CREATE TABLE tools.walk (before text[], since bigint);

CREATE FUNCTION tools.obeys(wrong text[]) RETURNS void
LANGUAGE plpgsql AS $$ BEGIN IF wrong <> '{}' THEN RAISE '%', array_to_string(wrong, E'\n'); END IF; END $$;

-- Give a table a row; false where one is not that easily found.
CREATE FUNCTION tools.fill(schema text, table_name text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  columns text;
  vals text;
BEGIN
  SELECT string_agg(quote_ident(attname), ', '), string_agg(
           CASE WHEN typcategory = 'S' THEN quote_literal('x') WHEN typcategory = 'N' THEN '1' WHEN typcategory = 'B' THEN 'true'
                WHEN typcategory = 'D' THEN 'now()' WHEN typcategory = 'A' THEN quote_literal('{}') WHEN typname = 'uuid' THEN 'gen_random_uuid()'
                WHEN typname = 'jsonb' THEN quote_literal('{}') WHEN typname = 'bytea' THEN quote_literal('x') WHEN typname = 'inet' THEN quote_literal('::1')
                WHEN typcategory = 'E' THEN (SELECT quote_literal(min(enumlabel)) FROM pg_enum WHERE enumtypid = t.oid) END, ', ')
    INTO columns, vals
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = atttypid
   WHERE attrelid = format('%I.%I', schema, table_name)::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = ''
     AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = attrelid AND contype = 'f' AND attnum = ANY (conkey));
  EXECUTE format('INSERT INTO %I.%I (%s) VALUES (%s)', schema, table_name, columns, vals);
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  RETURN false;
END
$$;

-- Take all rows of a schema's tables.
CREATE FUNCTION tools.empty(schema text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  tables text;
BEGIN
  SELECT string_agg(oid::regclass::text, ', ') INTO tables FROM pg_class WHERE relkind = 'r' AND relnamespace = format('%I', schema)::regnamespace;
  IF tables IS NOT NULL THEN
    EXECUTE 'TRUNCATE ' || tables || ' CASCADE';
  END IF;
END
$$;

-- What is recorded: two databases with the same migrations have the same, whatever order these came in.
-- The text of a statement is not compared: a file does without the semicolon at its end.
CREATE FUNCTION tools.recorded() RETURNS SETOF text LANGUAGE sql AS $$
  (SELECT concat_ws(' ', version, scope, kind, transactional, covered, name, down IS NULL) FROM ashmig.migrations ORDER BY version, scope, repo)
  UNION ALL
  (SELECT concat_ws(' ', version, scope, schema_name, table_name, base, base_versions, md5(concat(snapshot, state, brought)))
     FROM ashmig.snapshots ORDER BY version, scope, schema_name, table_name) $$;

-- The snapshots that are current
CREATE FUNCTION tools.newest_snapshots() RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(snapshot ORDER BY table_name, schema_name) FROM (
    SELECT DISTINCT ON (repo, scope, schema_name, table_name) table_name, schema_name, snapshot
      FROM ashmig.snapshots ORDER BY repo, scope, schema_name, table_name, dev DESC, version DESC) AS s WHERE snapshot IS NOT NULL $$;
