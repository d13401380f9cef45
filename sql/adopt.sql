--
-- Taking over a database that Ecto has migrated
--
\set database ashmig_adopt
\i sql/include/opening.sql
SET ashmig.workers = 2;

-- What AshPostgres has described, and Ecto made
SELECT jsonb_build_object('extensions', '{"installed": ["ash-functions"]}'::jsonb, 'snapshots', jsonb_build_array(
  resource('orgs', id(), attr('name', 'text')),
  resource('posts', id(), attr('title', 'text', '{"allow_nil?": false, "default": "\"untitled\""}'), attr('rank', 'bigint', '{"default": "0"}'),
    ref('org_id', 'orgs.id')) || strategy('context')
  || '{"identities": [{"name": "title", "keys": ["title"], "index_name": "posts_title_index"}],
       "custom_indexes": [{"fields": ["rank"]}],
       "check_constraints": [{"attribute": ["rank"], "name": "rank_ok", "check": "rank > 0"}]}'))::text AS snapshots \gset
-- what a release of the application has left in the database: its own tables and ash-functions
CREATE TABLE public.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp);
INSERT INTO public.schema_migrations VALUES (20240101000000);
CREATE TABLE public.orgs (id uuid PRIMARY KEY, name text);
CREATE PROCEDURE ecto(schema text, migrations integer) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE replace($sql$
    CREATE SCHEMA @;
    CREATE TABLE @.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp);
    CREATE TABLE @.oban_jobs (id bigint);
    CREATE TABLE @.posts (id uuid NOT NULL, title text NOT NULL DEFAULT 'untitled', rank bigint DEFAULT 0,
      org_id uuid CONSTRAINT posts_org_id_fkey REFERENCES public.orgs, CONSTRAINT posts_pkey PRIMARY KEY (id),
      CONSTRAINT rank_ok CHECK (rank > 0));
    CREATE UNIQUE INDEX posts_title_index ON @.posts (title);
    CREATE INDEX posts_rank_index ON @.posts (rank)$sql$, '@', quote_ident(schema));
  EXECUTE format('INSERT INTO %I.schema_migrations SELECT 20240200000000 + i FROM generate_series(1, %s) AS i', schema, migrations);
END
$$;
CALL ecto('acme', 3);
CALL ecto('birch', 3);
CALL ecto('cedar', 3);
CALL ecto('late', 1);
CALL ecto('odd', 3);

-- By a role that owns the schemas and no more
CREATE ROLE regress_ashmig_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_ashmig_owner', current_database()) \gexec
GRANT USAGE ON SCHEMA tools, ashmig TO regress_ashmig_owner;
GRANT ALL ON ALL TABLES IN SCHEMA ashmig TO regress_ashmig_owner;
GRANT ALL ON ALL SEQUENCES IN SCHEMA ashmig TO regress_ashmig_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tools TO regress_ashmig_owner;
SELECT format('ALTER %s %s OWNER TO regress_ashmig_owner', kind, name)
  FROM (SELECT 'SCHEMA' AS kind, nspname::text AS name FROM pg_namespace WHERE nspname IN ('public', 'acme', 'birch', 'cedar', 'late', 'odd')
        UNION ALL SELECT 'TABLE', c.oid::regclass::text FROM pg_class AS c WHERE relkind = 'r'
          AND relnamespace::regnamespace::text IN ('public', 'acme', 'birch', 'cedar', 'late', 'odd')) AS o ORDER BY kind, name COLLATE "C" \gexec
SET ROLE regress_ashmig_owner;

-- Without adopting
SELECT status, split_part(error, E'\n', 1) FROM ashmig_apply((:'snapshots'::jsonb - 'extensions'), on_error => 'report');
SELECT ashmig_create_tenant('acme');
SELECT ashmig_attach_tenant('acme');

-- ash-functions are missing, two tenants differ, one lags behind, one is missing
ALTER TABLE odd.posts RENAME CONSTRAINT posts_pkey TO mine;
DROP INDEX odd.posts_rank_index;
ALTER TABLE birch.posts ADD COLUMN note text;
CREATE TABLE cedar.hand_made (id bigint);
SELECT schema_name, status, table_name, object_kind, object_name, difference, expected, actual, error
  FROM ashmig_adopt(:'snapshots', tenants => '{acme,birch,cedar,late,odd,gone}', dry_run => true) WHERE object_kind IS DISTINCT FROM 'function';
SELECT count(*) > 0 AS missing FROM ashmig_adopt(:'snapshots', dry_run => true) WHERE object_kind = 'function';
-- Ecto's table may have another name: the repo's migration_source
BEGIN;
SELECT format('ALTER TABLE %s RENAME TO our_versions', c.oid::regclass) FROM pg_class AS c WHERE relname = 'schema_migrations' ORDER BY 1 \gexec
SELECT schema_name, status FROM ashmig_adopt(:'snapshots', dry_run => true) WHERE status = 'behind';
SET LOCAL ashmig.ecto_migration_source = 'our_versions';
SELECT schema_name, status, object_name, expected, actual FROM ashmig_adopt(:'snapshots', dry_run => true) WHERE status = 'behind';
SELECT DISTINCT schema_name FROM ashmig_adopt(:'snapshots', dry_run => true) WHERE schema_name <> 'public' ORDER BY 1;
ROLLBACK;
SELECT count(*) FROM ashmig.migrations;
SELECT * FROM ashmig_adopt(:'snapshots' :: jsonb - 'extensions');
SELECT * FROM ashmig_adopt(:'snapshots', on_drift => 'nonsense');
SELECT * FROM ashmig_adopt(:'snapshots', tenants => '{"no tenant"}');
SELECT schema_name, status, error FROM ashmig_adopt(:'snapshots', on_drift => 'repair');
SELECT * FROM ashmig_drift();
SELECT scope, name, kind, reversible, applied, pending FROM ashmig_migrations();
SELECT schema_name, scope, ecto_version FROM ashmig.adopted_schemas ORDER BY 1;
SELECT count(*) FROM public.orgs WHERE (1 || NULL) IS NULL;

-- From here on it is a database like any other
SELECT ashmig_check(:'snapshots');
SELECT * FROM ashmig_migrate_all();
SELECT ashmig_create_tenant('fir') > 0 AS created;
SELECT replace(:'snapshots', '"source": "rank"', '"source": "score"') AS later \gset
SELECT replace(replace(:'later', '["rank"]', '["score"]'), 'rank > 0', 'score > 0') AS later \gset
SELECT scope, schema_name, status FROM ashmig_apply(:'later', renames => '[{"table": "posts", "column": "rank", "to": "score"}]');
SELECT * FROM ashmig_drift();

-- Who was behind comes later, at the version that it has
SELECT schema_name, status FROM ashmig_adopt(:'later');
INSERT INTO late.schema_migrations VALUES (20240200000002), (20240200000003);
SELECT schema_name, status FROM ashmig_adopt(:'later');
SELECT schema_name, applied, pending FROM ashmig_status() WHERE schema_name IN ('late', 'fir');
SELECT schema_name, status FROM ashmig_migrate_all();
SELECT schema_name, status FROM ashmig_adopt(:'later');
SELECT * FROM ashmig_drift();
SELECT * FROM ashmig_adopt(:'snapshots');

-- Given back to Ecto, which runs each file whose version a schema lacks: its own
-- files and the exported ones, none is run, also where ashmig has built the tenant
SELECT scope, count(*), min(version), max(version) FROM ashmig.ecto_versions GROUP BY scope ORDER BY scope;
CREATE FUNCTION public.ecto_runs(schema text) RETURNS TABLE (lacks bigint[]) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT ARRAY(SELECT f.version FROM files AS f WHERE f.scope = %2$L'
    ' AND NOT EXISTS (SELECT FROM %1$I.schema_migrations AS m WHERE m.version = f.version) ORDER BY 1)',
    schema, CASE schema WHEN 'public' THEN 'public' ELSE 'tenant' END);
END
$$;
BEGIN;
CREATE TEMP TABLE files AS
  SELECT 'public' AS scope, 20240101000000 AS version UNION ALL SELECT 'tenant', 20240200000000 + i FROM generate_series(1, 3) AS i
  UNION ALL SELECT scope, version FROM ashmig.migrations WHERE kind <> 'adopted';
SET LOCAL ashmig.ecto_schema_migrations = on;
SELECT ashmig_create_tenant('elm') > 0 AS created;
SELECT * FROM public.ecto_runs('elm');
SELECT schema_name, written FROM ashmig_release();
SELECT s AS schema, e.lacks FROM unnest('{public,acme,birch,elm,fir,late}'::text[]) AS s, public.ecto_runs(s) AS e;
SELECT sum(written) FROM ashmig_release();
ROLLBACK;
DROP FUNCTION public.ecto_runs;

-- Rolling back stops at the base
SELECT count(*) FROM ashmig_rollback_tenants();
\set VERBOSITY sqlstate
SELECT count(*) FROM ashmig_rollback_tenants();
SELECT * FROM ashmig_drift();

-- Single schemas
CALL ecto('gum', 3);
SELECT ashmig_attach_tenant('gum', 20200101000000);
SELECT ashmig_attach_tenant('gum', (SELECT max(version) FROM ashmig.migrations WHERE scope = 'tenant'));
\set VERBOSITY default
SELECT ashmig_attach_tenant('gum') = (SELECT min(version) FROM ashmig.migrations WHERE scope = 'tenant') AS base;
SELECT ashmig_attach_tenant('gum');
SELECT ashmig_attach_tenant('nobody');
CALL ecto('holly', 3);
ALTER TABLE holly.posts DROP COLUMN title, ALTER COLUMN rank SET NOT NULL;
SELECT ashmig_attach_tenant('holly');
RESET ROLE;
CREATE SCHEMA ivy;
SET ROLE regress_ashmig_owner;
SELECT ashmig_attach_tenant('ivy');

-- Differences that are left as they are
CALL ecto('juniper', 3);
DROP INDEX juniper.posts_title_index;
SELECT schema_name, status FROM ashmig_adopt(:'later', on_drift => 'record');
SELECT * FROM ashmig_drift();
SELECT schema_name, object_name, difference FROM ashmig.known_drift;
DROP INDEX juniper.posts_rank_index;
SELECT schema_name, object_name FROM ashmig_drift();
SELECT ashmig_rename_tenant('juniper', 'juniper_2');
SELECT schema_name, object_name FROM ashmig_drift();
SELECT ashmig_drop_tenant('juniper_2', cascade => true);
SELECT count(*) FROM ashmig.known_drift;
RESET ROLE;
\c :home
DROP DATABASE ashmig_adopt;
DROP ROLE regress_ashmig_owner;
