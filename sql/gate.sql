--
-- Which hazards may pass: the argument allow, and ashmig.allow; and how much of
-- the database a step concerns.
--
\set database ashmig_gate
\i sql/include/opening.sql

CREATE FUNCTION refused(command text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE command;
  RETURN 'passed';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, regexp_replace(nullif(detail, ''), '\d{14}', 'VERSION', 'g'), substring(hint FROM 'To let .*|Hazards are .*|Write .*'));
END
$$;
CREATE TABLE wanted (snapshots jsonb);
CREATE FUNCTION want(VARIADIC attributes jsonb[]) RETURNS void
LANGUAGE sql AS $$
DELETE FROM wanted;
INSERT INTO wanted VALUES (jsonb_build_array(resource('users', id(), attr('email', 'text')),
  resource('posts', VARIADIC id() || attributes) || strategy('context')))
$$;
SELECT ashmig_create_tenant('t' || i) IS NULL FROM generate_series(1, 3) AS i;
SELECT want(attr('title', 'text'), attr('rank', 'integer'), attr('old', 'text'));
-- what only creates passes any gate
SELECT scope, schema_name, status FROM wanted, ashmig_apply(snapshots, name => 'base', allow => '{}');
INSERT INTO t1.posts SELECT gen_random_uuid(), 'x', i, 'o' FROM generate_series(1, 1000) AS i;
INSERT INTO t2.posts SELECT gen_random_uuid(), 'x', i, 'o' FROM generate_series(1, 500) AS i;
ANALYZE t1.posts, t2.posts;

-- Steps with other hazards are named; nothing is recorded
SELECT want(attr('title', 'text', '{"allow_nil?": false}'), attr('rank', 'bigint'), attr('new', 'text'));
SELECT refused('SELECT ashmig_generate(snapshots, name => ''more'', renames => ''[]'', drop_columns => true, allow => ''{}'') FROM wanted');
SELECT refused('SELECT ashmig_generate(snapshots, name => ''more'', renames => ''[]'', drop_columns => true, allow => ''{rewrite,type,drop}'') FROM wanted');
SELECT refused('SELECT ashmig_apply(snapshots, name => ''more'', renames => ''[]'', allow => ''{rewrite,type}'') FROM wanted');
SELECT refused('SELECT ashmig_apply(snapshots, name => ''more'', dev => true, allow => ''{rewrite,type}'') FROM wanted');
SELECT count(*) FROM ashmig.migrations;
-- the plan says what would pass, and how much is concerned
SELECT step, operation, subject, hazards, allowed, schemas, rows, bytes > 0 AS has_bytes
  FROM wanted, ashmig_plan(snapshots, renames => '[]', drop_columns => true, allow => '{rewrite,type}');
SELECT step, locks, notice, safer FROM wanted, ashmig_plan(snapshots, renames => '[]', drop_columns => true);
-- no hazard, and not the word for all of them
SELECT refused('SELECT ashmig_generate(snapshots, allow => ''{rewrites}'') FROM wanted');
SELECT refused('SELECT ashmig_generate(snapshots, allow => ''{NULL}'') FROM wanted');

-- The setting, for generations and for what is written by hand
SET ashmig.allow = '';
SELECT refused('SELECT ashmig_generate(snapshots, name => ''more'', renames => ''[]'') FROM wanted');
SELECT refused($$SELECT ashmig_add_migration(NULL, 'fill', 'CREATE TABLE @tenant@.x (); UPDATE @tenant@.posts SET title = ''x''; DROP TABLE @tenant@.y', tenant => true)$$);
SET ashmig.allow = 'data_change, Drop, data_loss';
SELECT refused($$SELECT ashmig_add_migration(NULL, 'fill', 'UPDATE @tenant@.posts SET title = ''x''; DROP TABLE @tenant@.y', tenant => true)$$);
SET ashmig.allow = 'data_change, dorp';
SELECT refused($$SELECT ashmig_add_migration(NULL, 'fill', 'UPDATE @tenant@.posts SET title = ''y''', tenant => true)$$);
SET ashmig.allow = 'data_change,,';
SELECT refused($$SELECT ashmig_add_migration(NULL, 'fill', 'UPDATE @tenant@.posts SET title = ''y''', tenant => true)$$);
-- the argument is stronger, in both directions
SET ashmig.allow = '';
SELECT scope, schema_name, status FROM wanted, ashmig_apply(snapshots, name => 'more', renames => '[]', allow => '{all}', except_tenants => '{t1,t2,t3}');
RESET ashmig.allow;
-- recorded, and applied nowhere: for CI
SELECT refused('SELECT ashmig_check(snapshots) FROM wanted');
SELECT refused('SELECT ashmig_check(snapshots, allow => ''{data_loss,drop,scan}'') FROM wanted');
SELECT refused('SELECT ashmig_check(snapshots, allow => ''{data_loss,drop,scan,type,rewrite,not_null,data_change}'') FROM wanted');
-- to allow a loss does not cause it
SELECT want(attr('title', 'text'), attr('rank', 'bigint'));
SELECT operation, subject, destroys FROM wanted, ashmig_plan(snapshots, renames => '[]', allow => '{all}');
-- retired columns that are dropped
SET ashmig.allow = 'drop';
SELECT refused('SELECT ashmig_drop_retired()');
RESET ashmig.allow;

--
-- The facts go along with a migration, and are there without them
--
CREATE TABLE facts AS SELECT version, hazards FROM ashmig.migrations WHERE kind = 'generated' AND hazards <> '[]';
SELECT count(*) > 0 AS any FROM facts;
SELECT ashmig_export_migration(version, tenant => true) LIKE '%hazards => $ashmig$[{"lock"%' AS exported FROM facts;
SELECT version AS changed FROM facts \gset
SELECT path IS NOT NULL AS known, content AS file, path AS path FROM ashmig_export_files(ARRAY[:changed]) \gset
SELECT ashmig_remove_migration(:changed, tenant => true);
SELECT status FROM ashmig_import_files(jsonb_build_object(:'path', :'file'));
-- read off the statements again: "rank" might be of any type before
SELECT jsonb_agg(h - 'notice' - 'safer' - 'lock') FROM ashmig.migrations, jsonb_array_elements(hazards) AS h WHERE version = :changed;
SELECT ashmig_import_migration(20200101000000, 'odd', '', '{SELECT 1}', hazards => '{"rewrite": true}');
SELECT ashmig_import_migration(20200101000000, 'odd', '', '{SELECT 1}', hazards => '1');

\c :home
DROP DATABASE ashmig_gate;
