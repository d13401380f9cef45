--
-- Generations: names, dev, check, squash, merged snapshots, several repos.
--
\set database ashmig_generations
\i sql/include/opening.sql

SELECT ashmig_create_tenant(t) FROM unnest('{t1,t2}'::text[]) AS t;
CREATE FUNCTION posts(VARIADIC names text[]) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('posts', VARIADIC id() || ARRAY(SELECT attr(n, 'text') FROM unnest(names) AS n)) || strategy('context'))
$$;
CREATE VIEW migrations AS SELECT scope, name, dev, transactional, cardinality(up) FROM ashmig.migrations ORDER BY version;
CREATE VIEW recorded AS SELECT scope, table_name, dev, jsonb_array_length(snapshot -> 'attributes') FROM ashmig.snapshots ORDER BY table_name, version;

-- Names: as given, or made up from the changes
SELECT scope, migration, statements FROM ashmig_generate(posts('title'));
SELECT scope, migration, statements FROM ashmig_generate(posts('title', 'body') || jsonb_build_array(resource('plans', id())), name => 'add body');
SELECT scope, migration FROM ashmig_generate(posts('title', 'body'), name => 'nothing new');
SELECT schema_name, applied, status FROM ashmig_migrate_all();

-- Three dev generations, two of them applied in one tenant only, then a named one
SELECT migration FROM ashmig_generate(posts('title', 'body', 'a'), dev => true);
SELECT migration FROM ashmig_generate(posts('title', 'body', 'a', 'b'), dev => true);
SELECT schema_name, applied FROM ashmig_migrate_tenants(only_tenants => '{t1}');
SELECT migration FROM ashmig_generate(posts('title', 'body', 'c'), dev => true, drop_columns => true);
TABLE migrations;
TABLE recorded;
\set VERBOSITY terse
SELECT ashmig_check(posts('title', 'body', 'c'));
\set VERBOSITY default
-- a bad snapshot changes nothing
SELECT ashmig_generate(posts('title', 'body', 'c', 'c'), name => 'bad');
SELECT ashmig_generate(posts('headline', 'body', 'c'), name => 'open question');
SELECT count(*) FROM migrations WHERE dev;
SELECT s.name FROM structure('t1') AS s WHERE kind = 'column';
SELECT scope, schema_name, applied, status FROM ashmig_apply(posts('title', 'body', 'c'), name => 'squashed');
TABLE migrations;
TABLE recorded;
SELECT s.name FROM structure('t1') AS s WHERE kind = 'column';
SELECT ashmig_check(posts('title', 'body', 'c'));
SELECT laws(posts('title', 'body', 'c') || jsonb_build_array(resource('plans', id())), posts('title', 'body', 'c'));

-- ashmig_check raises an error with what is pending
SELECT ashmig_check(posts('title', 'body', 'c', 'd'));
SELECT ashmig_check((SELECT jsonb_agg(resource('t' || n, id(), attr('x', 'text'))) FROM generate_series(1, 12) AS n));
SELECT ashmig_check('[]', drop_tables => true, renames => '[]');

-- One snapshot of each table is enough
SELECT ashmig_squash_snapshots();
TABLE recorded;
SELECT ashmig_squash_snapshots();
SELECT count(*) FROM ashmig_plan(posts('title', 'body', 'c'));
SELECT schema_name, status FROM ashmig_rollback_tenants();

-- Several snapshots of one table
CREATE FUNCTION users(VARIADIC attributes jsonb[]) RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource('users', VARIADIC attributes) $$;
SELECT up FROM planned(jsonb_build_array(
  users(id(), attr('name', 'string', '{"size": 10, "allow_nil?": false, "default": "\"x\""}'), attr('mail', 'text', '{"allow_nil?": false, "default": "\"m\""}'))
    || '{"identities": [{"name": "a", "keys": ["mail"]}], "custom_indexes": [{"fields": ["name"]}]}',
  users(id(), attr('name', 'string', '{"size": 20, "allow_nil?": false, "default": "\"y\""}'), attr('org_id', 'uuid', '{"allow_nil?": false}'))
    || '{"identities": [{"name": "b", "keys": ["mail"]}], "custom_indexes": [{"fields": ["name"]}, {"fields": ["org_id"]}], "has_create_action": false}'));
-- a column unknown to one that creates rows is nullable
SELECT up FROM planned(jsonb_build_array(users(id(), attr('a', 'text', '{"allow_nil?": false}')), users(id(), attr('b', 'text', '{"allow_nil?": false}'))));
SELECT ashmig_plan(jsonb_build_array(users(id(), attr('a', 'text')), users(id(), attr('a', 'uuid'))));
SELECT ashmig_plan(jsonb_build_array(users(id('a')), users(id('b'))));
SELECT ashmig_plan(jsonb_build_array(users(id(), ref('a', 'plans.id')), users(id(), ref('a', 'plans.id', '{"on_delete": "delete"}'))));
SELECT ashmig_plan(jsonb_build_array(users(id(), ref('a', 'plans.id', '{"on_delete": "restrict"}')), users(id(), ref('a', 'plans.id', '{"on_delete": "delete"}'))));
-- a size that one of them lacks is dropped
SELECT up FROM planned(jsonb_build_array(
  users(id(), attr('a', 'decimal', '{"precision": 10, "scale": 2}'), attr('b', 'decimal', '{"precision": 10, "scale": 2}')),
  users(id(), attr('a', 'decimal'), attr('b', 'decimal', '{"precision": 12, "scale": 1}'))));
-- identities with the same index: the first name, unless another one has the index already
CREATE FUNCTION names(VARIADIC names text[]) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_agg(resource('named', id(), attr('mail', 'text')) || jsonb_build_object('identities',
  jsonb_build_array(jsonb_build_object('name', n, 'index_name', 'by_' || n, 'keys', '["mail"]'::jsonb)))) FROM unnest(names) AS n
$$;
SELECT up FROM planned(names('d', 'a', 'b'));
SELECT status FROM apply(names('d'));
SELECT up FROM planned(names('d', 'a', 'b'));
SELECT status FROM apply(names('d', 'a', 'b'));
SELECT snapshot -> 2 IS NOT NULL AS all_of_them, state FROM ashmig.snapshots WHERE table_name = 'named';
SELECT up FROM planned(names('a', 'd', 'b', 'c'));
SELECT up FROM planned(names('b', 'a'));
SELECT status FROM apply(jsonb_build_array(names('d') -> 0 || '{"has_create_action": false}', names('a') -> 0));
SELECT name FROM structure('public') WHERE table_name = 'named' AND kind = 'index';
-- all_tenants? tells two identities apart only where there is a tenant's column
CREATE FUNCTION twice(rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT resource('twice', id(), attr('org_id', 'uuid'), attr('mail', 'text')) || rest
  || '{"identities": [{"name": "a", "index_name": "a", "keys": ["mail"]}, {"name": "b", "index_name": "b", "keys": ["mail"], "all_tenants?": true}]}'
$$;
SELECT subject FROM ashmig_plan(twice()) WHERE operation = 'add_unique_index';
SELECT subject FROM ashmig_plan(twice(strategy('context'))) WHERE operation = 'add_unique_index';
SELECT subject FROM ashmig_plan(twice(strategy('attribute', 'org_id'))) WHERE operation = 'add_unique_index';
-- of two primary keys the recorded one wins; the other becomes an identity
SELECT status FROM apply(users(id('a'), attr('b', 'uuid', '{"allow_nil?": false}')));
SELECT replace(up, ' NULLS NOT DISTINCT', '') FROM planned(jsonb_build_array(users(id('a'), attr('b', 'uuid')), users(attr('a', 'uuid'), id('b'))));

-- Several repos: separate histories, and a table that moves from one to the other
CREATE FUNCTION of_repo(snapshot jsonb, repo text) RETURNS jsonb LANGUAGE sql AS $$ SELECT snapshot || jsonb_build_object('repo', repo) $$;
SELECT repo, scope FROM ashmig_generate(jsonb_build_array(of_repo(resource('x', id()), 'Elixir.A.Repo'), of_repo(resource('y', id()), 'Elixir.B.Repo')), name => 'two');
SELECT operation, repo, table_name FROM ashmig_plan(of_repo(resource('z', id()), 'Elixir.A.Repo'), drop_tables => true, renames => '[]');
SELECT ashmig_plan(jsonb_build_array(of_repo(resource('z', id()), 'Elixir.A.Repo'), of_repo(resource('z', id()), 'Elixir.B.Repo')));
SELECT repo, applied, status FROM (SELECT 'B.Repo' AS repo, * FROM ashmig_migrate(repo => 'B.Repo')) AS m;
SELECT name FROM structure('public') WHERE kind = 'constraint';
SET client_min_messages = warning;
SELECT operation, repo, table_name, up FROM ashmig_plan(of_repo(resource('y', id(), attr('new', 'text')), 'Elixir.A.Repo'));
SELECT schema_name, status FROM ashmig_apply(of_repo(resource('y', id(), attr('new', 'text')), 'Elixir.A.Repo'));
SELECT repo, table_name, snapshot IS NULL AS gone FROM ashmig.snapshots WHERE table_name = 'y' ORDER BY version, repo;
-- a table that passes to another repo of the same call is not dropped with drop_tables, and its snapshots go along
CREATE FUNCTION shared(y_repo text) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(of_repo(resource('x', id()), 'Elixir.A.Repo'), of_repo(resource('y', id(), attr('new', 'text')), y_repo),
  of_repo(resource('w', id()), 'Elixir.B.Repo'))
$$;
SELECT schema_name, status FROM ashmig_apply(shared('Elixir.A.Repo'), drop_tables => true, renames => '[]');
INSERT INTO public.y VALUES (gen_random_uuid(), 'kept');
SELECT operation, table_name FROM ashmig_plan(shared('Elixir.B.Repo'), drop_tables => true, renames => '[]');
SELECT schema_name, status FROM ashmig_apply(shared('Elixir.B.Repo'), drop_tables => true, renames => '[]');
TABLE public.y \gset y_
SELECT :'y_new';
SELECT count(*) FROM ashmig_plan(shared('Elixir.B.Repo'), drop_tables => true, renames => '[]');
SELECT operation, table_name FROM ashmig_plan(of_repo(resource('x', id()), 'Elixir.A.Repo'), drop_tables => true, renames => '[]');
SELECT repo, snapshot IS NULL AS gone FROM ashmig.snapshots WHERE table_name = 'y' ORDER BY version, repo;
-- with a change of its own, and back
SELECT repo, operation, up FROM ashmig_plan(jsonb_set(shared('Elixir.A.Repo'), '{1,attributes,2}', attr('newer', 'text')), drop_tables => true, renames => '[]');
SELECT schema_name, status FROM ashmig_apply(shared('Elixir.A.Repo'), drop_tables => true, renames => '[]');
SELECT count(*) FROM ashmig_plan(shared('Elixir.A.Repo'), drop_tables => true, renames => '[]');
SELECT repo, snapshot IS NULL AS gone FROM ashmig.snapshots WHERE table_name = 'y' ORDER BY version, repo;

\c :home
DROP DATABASE ashmig_generations;
