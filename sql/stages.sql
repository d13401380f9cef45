-- Public migrations that take away what tenants refer to: stages, tenants that lag, rolling back.
\set database ashmig_stages
\i sql/include/opening.sql

-- A tenant's table that references a public one, under the names of three generations
CREATE FUNCTION public_table(name text, type text DEFAULT 'uuid') RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$ SELECT resource(name, id('id', type), attr('email', 'text')) $$;
CREATE FUNCTION tenant_table(target text DEFAULT NULL, type text DEFAULT 'uuid', VARIADIC more jsonb[] DEFAULT '{}') RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT resource('posts', VARIADIC ARRAY[id()]
  || CASE WHEN target IS NULL THEN '{}' ELSE ARRAY[ref('user_id', target || '.id', '{}', type)] END || more) || strategy('context')
$$;
CREATE FUNCTION generate(snapshots jsonb, name text, renames jsonb DEFAULT '[]', drop_tables boolean DEFAULT false)
RETURNS TABLE (scope text, migration text)
LANGUAGE sql AS $$ SELECT scope, migration FROM ashmig_generate(snapshots, name => name, renames => renames, drop_tables => drop_tables) $$;
CREATE FUNCTION migrate_all(except_tenants text[] DEFAULT NULL)
RETURNS TABLE (scope text, schema_name text, applied integer, status text)
LANGUAGE sql AS $$ SELECT scope, schema_name, applied, status FROM ashmig_migrate_all(except_tenants => except_tenants) ORDER BY 1, 2 $$;
-- Messages without the numbers that each run has anew
CREATE FUNCTION attempt(command text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE command;
  RETURN 'no error';
EXCEPTION WHEN SQLSTATE 'MG036' THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN regexp_replace(concat_ws(E'\n', SQLERRM, detail, hint), '\d{14}', 'VERSION', 'g');
END
$$;
SELECT ashmig_create_tenant(t) FROM unnest('{t1,t2}'::text[]) AS t;

-- Two generations pending at once: a foreign key, then the table that it points to gets another name.
SELECT * FROM apply(jsonb_build_array(public_table('users'), tenant_table()));
SELECT * FROM generate(jsonb_build_array(public_table('users'), tenant_table('users')), 'posts have a user');
SELECT * FROM generate(jsonb_build_array(public_table('people'), tenant_table('people')), 'users are people',
                       '[{"table": "users", "to": "people"}]', true);
SELECT * FROM migrate_all();
SELECT definition FROM structure('t1') WHERE kind = 'constraint' AND name = 'posts_user_id_fkey';
SELECT law FROM laws(jsonb_build_array(public_table('people'), tenant_table('people'))) AS law;

-- Rolling back mirrors it: public first, as the tenants' foreign key points to what it renames.
SELECT count(*) FROM ashmig_rollback_tenants();
SELECT count(*) FROM ashmig_rollback();
SELECT count(*) FROM ashmig_rollback_tenants();
SELECT * FROM migrate_all();

-- The key of a public table changes in three generations that are all pending: references away, the key, references back.
SELECT * FROM generate(jsonb_build_array(public_table('people'), tenant_table(NULL, 'uuid', attr('user_id', 'uuid'))), 'away');
SELECT * FROM generate(jsonb_build_array(public_table('people', 'text'), tenant_table(NULL, 'uuid', attr('user_id', 'text'))), 'key');
SELECT * FROM generate(jsonb_build_array(public_table('people', 'text'), tenant_table('people', 'text')), 'back');
SELECT * FROM migrate_all();
SELECT law FROM laws(jsonb_build_array(public_table('people', 'text'), tenant_table('people', 'text'))) AS law;
-- Each step back waits for the one that came after it in the other scope.
SELECT attempt('SELECT ashmig_rollback()');
SELECT count(*) FROM ashmig_rollback_tenants(step => 2);
SELECT attempt('SELECT ashmig_rollback_tenants()');
SELECT count(*) FROM ashmig_rollback();
SELECT count(*) FROM ashmig_rollback_tenants();
SELECT name, kind, definition FROM structure('t1') WHERE name IN ('user_id', 'posts_user_id_fkey');
SELECT * FROM migrate_all();

-- A tenant that lags behind holds public back, before public is changed, ...
INSERT INTO t2.posts (id) VALUES ('00000000-0000-0000-0000-000000000001');
SELECT * FROM generate(jsonb_build_array(public_table('people', 'text'), public_table('tags'),
  tenant_table('people', 'text', attr('title', 'text', '{"allow_nil?": false}'), ref('tag_id', 'tags.id'))), 'a title');
SELECT * FROM generate(jsonb_build_array(public_table('people', 'text'), public_table('labels'),
  tenant_table('people', 'text', attr('title', 'text', '{"allow_nil?": false}'), ref('tag_id', 'labels.id'))), 'labels',
  '[{"table": "tags", "to": "labels"}]', true);
SELECT * FROM generate(tenant_table('people', 'text', attr('title', 'text', '{"allow_nil?": false}'), ref('tag_id', 'labels.id'),
  attr('body', 'text')), 'a body');
SET ashmig.workers = 1;
SET client_min_messages = error;
SELECT scope, schema_name, applied, status, split_part(error, E'\n', 1) AS error FROM ashmig_migrate_all(on_error => 'report') ORDER BY 1, 2;
RESET client_min_messages;
SET ashmig.workers = 0;
SELECT attempt('SELECT ashmig_migrate()');
SELECT to_regclass('public.tags'), to_regclass('public.labels');
-- ... unless it is excluded.  Left behind, it can still catch up, to the newest version alone.
SELECT * FROM migrate_all(except_tenants => '{t2}');
DELETE FROM t2.posts;
SELECT attempt(format('SELECT ashmig_migrate_tenants(to_version => %s)', max(version))) FROM ashmig.migrations WHERE name = 'a title';
SELECT * FROM migrate_all();
SELECT * FROM difference('t2', facts_of('t1', false), facts_of('t2', false));
SELECT name, definition FROM structure('t2') WHERE kind = 'constraint' ORDER BY name;

-- A hand-written migration makes new tenants replay history, which names the tables as they were.
SELECT ashmig_add_migration(NULL, 'a comment', 'COMMENT ON TABLE @tenant@.posts IS ''what people write''', 'SELECT 1', tenant => true) > 0;
SELECT * FROM migrate_all();
SELECT ashmig_create_tenant('t3') > 0;
SELECT * FROM difference('t3', facts_of('t1', false), facts_of('t3', false));

-- What replays history leaves out the foreign key to a table that is renamed since, and finds it missing when it is to be
-- dropped, however the name of the foreign key is written.
CREATE FUNCTION papers(VARIADIC columns jsonb[]) RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource('papers', VARIADIC id() || columns) || strategy('context') $$;
SELECT * FROM generate(jsonb_build_array(public_table('desks'), papers(ref('@tenant@', 'desks.id'), ref('a "desk"', 'desks.id'))), 'papers');
SELECT * FROM generate(papers(attr('@tenant@', 'uuid'), attr('a "desk"', 'uuid')), 'no desks');
SELECT * FROM generate(public_table('tables'), 'tables', '[{"table": "desks", "to": "tables"}]');
SELECT statement FROM ashmig.migrations AS m, unnest(m.up) AS statement WHERE m.name = 'no desks';
SELECT * FROM migrate_all();
SELECT ashmig_create_tenant('t4') > 0;
SELECT * FROM difference('t4', facts_of('t1', false), facts_of('t4', false));
SELECT ashmig_drop_tenant('t4', true);

-- Hand-written migrations are ordered like generated ones.
SELECT ashmig_add_migration(NULL, 'a view', 'CREATE VIEW @tenant@.emails AS SELECT email FROM @default@.people',
                            'DROP VIEW @tenant@.emails', tenant => true) > 0;
SELECT ashmig_add_migration(NULL, 'no view', 'DROP VIEW @tenant@.emails', 'CREATE VIEW @tenant@.emails AS SELECT email FROM @default@.people',
                            tenant => true) > 0;
SELECT ashmig_add_migration(NULL, 'mail', 'ALTER TABLE @default@.people RENAME email TO mail',
                            'ALTER TABLE @default@.people RENAME mail TO email') > 0;
SELECT * FROM migrate_all();
SELECT attempt('SELECT ashmig_rollback_tenants()');

-- Names that are written with doubled quotes or with escapes are found as well.
CREATE FUNCTION notes(VARIADIC columns jsonb[]) RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource('notes', VARIADIC id() || columns) || strategy('context') $$;
SELECT * FROM generate(jsonb_build_array(public_table('a "list"'), public_table('@tenant@s'),
  notes(ref('list_id', 'a "list".id'), ref('firm_id', '@tenant@s.id'))), 'odd names');
SELECT * FROM generate(notes(attr('list_id', 'uuid'), attr('firm_id', 'uuid')), 'no references');
SELECT * FROM generate(public_table('lists'), 'lists', '[{"table": "a \"list\"", "to": "lists"}]');
SELECT * FROM migrate_all();
SELECT attempt('SELECT ashmig_rollback_tenants()');
SELECT count(*) FROM ashmig_rollback();
SELECT * FROM generate(public_table('firms'), 'firms', '[{"table": "@tenant@s", "to": "firms"}]');
SELECT * FROM migrate_all();
SELECT count(*) FROM ashmig_rollback(step => 2);
SELECT count(*) FROM ashmig_rollback_tenants(step => 2);
SELECT * FROM migrate_all();
SELECT attempt('SELECT ashmig_rollback_tenants()');
\c :home
DROP DATABASE ashmig_stages;
