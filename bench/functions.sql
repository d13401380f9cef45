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
-- and, but for the first, a reference to the table before. "more" names further
-- columns, each with an index. With "owned", each table also has a reference to
-- public.owners; PostgreSQL reads all of a table's keys anew with each that is
-- added, so a public table with many tenants gets slower, whoever runs the
-- statements.
CREATE FUNCTION bench_snapshots(tables integer, columns integer, tenant boolean,
  more text[] DEFAULT '{}', owned boolean DEFAULT false) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
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
      || (SELECT coalesce(jsonb_agg(jsonb_build_object('fields', jsonb_build_array(c)) ORDER BY n), '[]')
            FROM unnest(more) WITH ORDINALITY AS m (c, n)),
    'attributes', jsonb_build_array(
        bench_attribute('id', '"uuid"', '{"primary_key?": true, "allow_nil?": false, "default": "fragment(\"gen_random_uuid()\")"}'),
        bench_attribute('label', '"text"', '{"allow_nil?": false}'))
      || CASE WHEN t > 1 THEN jsonb_build_array(bench_attribute('previous_id', '"uuid"', jsonb_build_object(
           'references', jsonb_build_object('table', 'table_' || t - 1, 'schema', 'public', 'destination_attribute', 'id',
             'name', 'table_' || t || '_previous_id_fkey', 'multitenancy', m)))) ELSE '[]' END
      || CASE WHEN owned THEN jsonb_build_array(bench_attribute('owner_id', '"uuid"', jsonb_build_object(
           'references', jsonb_build_object('table', 'owners', 'schema', 'public', 'destination_attribute', 'id',
             'name', 'table_' || t || '_owner_id_fkey',
             'multitenancy', '{"strategy": null, "attribute": null, "global": null}'::jsonb)))) ELSE '[]' END
      || (SELECT jsonb_agg(bench_attribute('column_' || c, type) ORDER BY c)
            FROM generate_series(4, columns) AS c JOIN types ON n = c % 7)
      || (SELECT coalesce(jsonb_agg(bench_attribute(c, '"bigint"', '{"default": "0", "allow_nil?": false}') ORDER BY n), '[]')
            FROM unnest(more) WITH ORDINALITY AS m (c, n))
    ) ORDER BY t)
    FROM generate_series(1, tables) AS t, multitenancy
$$;

-- The public table that the tenants' tables point to.
CREATE FUNCTION bench_public() RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$
  SELECT jsonb_build_array(jsonb_build_object('table', 'owners', 'schema', NULL, 'repo', 'Elixir.Bench.Repo',
    'attributes', jsonb_build_array(bench_attribute('id', '"uuid"', '{"primary_key?": true, "allow_nil?": false}'))))
$$;

-- The very statements of a migration, to run them without ashmig.
CREATE TABLE bench_statements (down boolean, n bigint, statement text);

CREATE FUNCTION bench_copy(copied bigint) RETURNS void LANGUAGE sql AS
$$
  INSERT INTO bench_statements
  SELECT d.down, n, replace(statement, '@default@', 'public')
    FROM ashmig.migrations AS m,
         LATERAL (VALUES (false, m.up), (true, m.down)) AS d (down, statements),
         unnest(d.statements) WITH ORDINALITY AS u (statement, n)
   WHERE m.scope = 'tenant' AND m.version = copied
$$;

-- What one would write without ashmig: a loop, with a commit a tenant or not.
CREATE PROCEDURE bench_loop(back boolean, commits boolean) LANGUAGE plpgsql AS
$$
DECLARE
  statements text[] := (SELECT array_agg(statement ORDER BY n) FROM bench_statements WHERE down = back);
  tenant text;
  statement text;
BEGIN
  FOR tenant IN SELECT schema_name FROM ashmig.tenants ORDER BY 1 LOOP
    PERFORM pg_catalog.set_config('search_path', quote_ident(tenant) || ', public', true);
    FOREACH statement IN ARRAY statements LOOP
      EXECUTE replace(statement, '@tenant@', quote_ident(tenant));
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
