--
-- A generation that fails everywhere is forgotten again; what a schema has stays.
--
\set database ashmig_forget
\i sql/include/opening.sql

SET ashmig.workers = 2;
SET ashmig.lock_retries = 0;
SELECT ashmig_create_tenant(t) FROM unnest('{t1,t2}'::text[]) AS t;
-- versions come after this one, so that messages are the same each time
SELECT ashmig_add_migration(20290101000000, 'begin', 'SELECT', 'SELECT');
-- "bad" rows in each schema, which some of these checks do not allow
CREATE FUNCTION things(name text, check_sql text, rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT resource(things.name, id(), attr('name', 'text')) || rest
  || jsonb_build_object('check_constraints', jsonb_build_array(jsonb_build_object('name', 'c', 'check', check_sql, 'attribute', 'name')))
$$;
CREATE FUNCTION plans(check_sql text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_array(things('plans', check_sql)) $$;
CREATE FUNCTION items(check_sql text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_array(things('items', check_sql, strategy('context'))) $$;
CREATE FUNCTION fails(code text, name text) RETURNS boolean
LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = name; END $$;
CREATE VIEW recorded AS
SELECT m.repo, m.scope, m.version - 20290101000000 AS version, m.name, m.dev,
       (SELECT string_agg(v.schema_name, ',' ORDER BY v.schema_name) FROM ashmig.versions AS v WHERE v.version = m.version) AS applied
  FROM ashmig.migrations AS m ORDER BY m.version;
CREATE VIEW snapshots AS SELECT repo, scope, table_name, version - 20290101000000 FROM ashmig.snapshots ORDER BY version, table_name, repo;
SELECT scope, schema_name, status FROM ashmig_apply(plans('true') || items('true'), name => 'tables');
INSERT INTO public.plans VALUES (gen_random_uuid(), 'bad');
INSERT INTO t1.items VALUES (gen_random_uuid(), 'bad');
INSERT INTO t2.items VALUES (gen_random_uuid(), 'bad');

-- Tenants alone: it fails in each of them
SELECT scope, schema_name, status FROM ashmig_apply(items('name <> ''bad'''), name => 'wrong');
TABLE recorded;
TABLE snapshots;
SELECT ashmig_create_tenant('t3') > 0;
SELECT scope, schema_name, status FROM ashmig_apply(items('name <> ''worse'''), name => 'right');
TABLE recorded;

-- Public fails: the tenants' part goes as well, and extensions
SELECT scope, schema_name, status FROM ashmig_apply(jsonb_build_object('snapshots', plans('name <> ''bad''') || items('name <> ''x'''),
  'extensions', '{"installed": ["ash-functions"]}'::jsonb), name => 'both');
SET client_min_messages = notice;
SELECT scope, schema_name, status FROM ashmig_apply(plans('name <> ''bad''') || items('name <> ''x'''), name => 'both', on_error => 'report');
SET client_min_messages = warning;
SELECT scope, schema_name, status FROM ashmig_apply(plans('name <> ''bad''') || items('name <> ''x'''), dev => true, on_error => 'stop');
TABLE recorded;
TABLE snapshots;
SELECT count(*) FROM pg_proc WHERE proname = 'ash_elixir_or';

-- One tenant has it: it stays
SELECT scope, schema_name, status FROM ashmig_apply(items('name <> ''bad'''), name => 'all but two');
TABLE recorded;
UPDATE t1.items SET name = 'good';
UPDATE t2.items SET name = 'good';
SELECT scope, schema_name, status FROM ashmig_migrate_all();

-- Public has it, the tenants do not: it stays, and the HINT says how to be rid of the tenants' part
INSERT INTO t3.items VALUES (gen_random_uuid(), 'good');
SELECT scope, schema_name, status FROM ashmig_apply(plans('name <> ''good''') || items('name <> ''good'''), name => 'in halves');
TABLE recorded;
-- what is pending from before stays; what a call recorded in vain goes
SELECT scope, schema_name, status FROM ashmig_apply(items('name <> ''ugly'''), name => 'more');
TABLE recorded;
SELECT scope, schema_name, status FROM ashmig_apply(items('name <> ''good'''), name => 'nothing new');
SELECT ashmig_remove_migration(max(version), tenant => true) FROM ashmig.migrations;
SELECT scope, schema_name, status FROM ashmig_apply(items('name <> ''ugly'''), name => 'the other half');

-- These do not say that it fails everywhere: some tenants alone, locks, a cancel
SELECT scope, schema_name, status FROM ashmig_apply(items('name <> ''good'''), name => 'some', only_tenants => '{t1}');
SELECT ashmig_remove_migration(max(version), tenant => true) FROM ashmig.migrations;
SELECT scope, schema_name, status FROM ashmig_apply(plans('tools.fails(''55P03'', name)'), name => 'locked');
SELECT ashmig_remove_migration(max(version)) FROM ashmig.migrations;
SELECT scope, schema_name, status FROM ashmig_apply(plans('tools.fails(''57014'', name)'), name => 'canceled');
TABLE recorded;
SELECT ashmig_remove_migration(max(version)) FROM ashmig.migrations;

-- In the caller's transaction nothing is left in any case
SELECT scope, schema_name, status FROM ashmig_apply(plans('name <> ''bad'''), name => 'atomic', atomic => true);
-- two repos, one of which takes a table over
SELECT scope, schema_name, status FROM ashmig_apply(jsonb_build_array(plans('name <> ''bad''') -> 0 || '{"repo": "Elixir.Other.Repo"}',
  resource('more', id())), name => 'repos', renames => '[]');
TABLE recorded;
TABLE snapshots;
SELECT count(*) FROM ashmig_plan(plans('name <> ''good''') || items('name <> ''ugly'''));

\c :home
DROP DATABASE ashmig_forget;
