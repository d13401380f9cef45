-- Sample snapshots of any size, and the same migrations without ashmig.

-- One attribute, in the newest form of the format.
CREATE FUNCTION bench_attribute(source text, type jsonb, extra jsonb DEFAULT '{}') RETURNS jsonb
  LANGUAGE sql IMMUTABLE AS
$$
  SELECT jsonb_build_object('source', source, 'type', type, 'default', 'nil', 'allow_nil?', true,
    'generated?', false, 'primary_key?', false, 'references', NULL,
    'size', NULL, 'precision', NULL, 'scale', NULL) || extra
$$;

-- So many tables of so many columns, each with a key, an identity, an index
-- and, but for the first, a reference to the table before; a tenant's tables
-- also have one to public.owners. The second generation adds a column with an
-- index to each, and loosens another.
CREATE FUNCTION bench_snapshots(tables integer, columns integer, tenant boolean, generation integer DEFAULT 1)
  RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$
  WITH types (n, type) AS (VALUES (0, '"text"'::jsonb), (1, '"bigint"'), (2, '"utc_datetime_usec"'),
    (3, '"boolean"'), (4, '["array", "text"]'), (5, '"map"'), (6, '"decimal"')),
  multitenancy AS (
    SELECT jsonb_build_object('strategy', CASE WHEN tenant THEN 'context' END, 'attribute', NULL, 'global', NULL) AS m)
  SELECT jsonb_agg(jsonb_build_object('table', 'table_' || t, 'schema', NULL, 'repo', 'Elixir.Bench.Repo',
    'multitenancy', m, 'base_filter', NULL, 'has_create_action', true,
    'custom_statements', '[]'::jsonb, 'check_constraints', '[]'::jsonb,
    'identities', jsonb_build_array(jsonb_build_object('name', 'unique_label', 'keys', '["label"]'::jsonb,
      'index_name', 'table_' || t || '_unique_label_index', 'base_filter', NULL)),
    'custom_indexes', jsonb_build_array(jsonb_build_object('fields', '["label", "column_4"]'::jsonb))
      || CASE generation WHEN 1 THEN '[]' ELSE '[{"fields": ["added"]}]'::jsonb END,
    'attributes', jsonb_build_array(
        bench_attribute('id', '"uuid"', '{"primary_key?": true, "allow_nil?": false, "default": "fragment(\"gen_random_uuid()\")"}'),
        bench_attribute('label', '"text"', jsonb_build_object('allow_nil?', generation > 1)))
      || CASE WHEN t > 1 THEN jsonb_build_array(bench_attribute('previous_id', '"uuid"', jsonb_build_object(
           'references', jsonb_build_object('table', 'table_' || t - 1, 'schema', 'public', 'destination_attribute', 'id',
             'name', 'table_' || t || '_previous_id_fkey', 'multitenancy', m)))) ELSE '[]' END
      || CASE WHEN tenant THEN jsonb_build_array(bench_attribute('owner_id', '"uuid"', jsonb_build_object(
           'references', jsonb_build_object('table', 'owners', 'schema', 'public', 'destination_attribute', 'id',
             'name', 'table_' || t || '_owner_id_fkey',
             'multitenancy', '{"strategy": null, "attribute": null, "global": null}'::jsonb)))) ELSE '[]' END
      || (SELECT jsonb_agg(bench_attribute('column_' || c, type) ORDER BY c)
            FROM generate_series(4, columns) AS c JOIN types ON n = c % 7)
      || CASE generation WHEN 1 THEN '[]' ELSE jsonb_build_array(bench_attribute('added', '"bigint"',
           '{"default": "0", "allow_nil?": false}')) END
    ) ORDER BY t)
    FROM generate_series(1, tables) AS t, multitenancy
$$;

-- The public table that the tenants' tables point to.
CREATE FUNCTION bench_public() RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$
  SELECT jsonb_build_array(jsonb_build_object('table', 'owners', 'schema', NULL, 'repo', 'Elixir.Bench.Repo',
    'attributes', jsonb_build_array(bench_attribute('id', '"uuid"', '{"primary_key?": true, "allow_nil?": false}'))))
$$;

-- The statements of the tenant migrations after a version, for one tenant.
CREATE FUNCTION bench_statements(tenant text, after bigint) RETURNS SETOF text LANGUAGE sql STABLE AS
$$
  SELECT replace(replace(statement, '@tenant@', quote_ident(tenant)), '@default@', 'public')
    FROM ashmig.migrations, unnest(up) WITH ORDINALITY AS u (statement, n)
   WHERE scope = 'tenant' AND version > after
   ORDER BY version, n
$$;

-- What one would write without ashmig: a loop, a commit a tenant where asked.
CREATE PROCEDURE bench_loop(after bigint, commits boolean) LANGUAGE plpgsql AS
$$
DECLARE
  tenant text;
  statement text;
BEGIN
  FOR tenant IN SELECT schema_name FROM ashmig.tenants ORDER BY 1 LOOP
    PERFORM set_config('search_path', quote_ident(tenant) || ', public', true);
    FOR statement IN SELECT * FROM public.bench_statements(tenant, after) LOOP
      EXECUTE statement;
    END LOOP;
    IF commits THEN COMMIT; END IF;
  END LOOP;
END
$$;

-- This session's memory: what the process holds, in kB.
CREATE FUNCTION bench_memory() RETURNS bigint LANGUAGE sql VOLATILE AS
$$
  SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s*(\d+)')::bigint
$$;
