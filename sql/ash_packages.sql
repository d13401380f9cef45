-- Extensions that Ash packages bring, a team's own, and those that snapshots
-- cannot do without.
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_packages;
\c ashmig_packages
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE FUNCTION money_objects() RETURNS SETOF text LANGUAGE sql AS $$
SELECT pg_describe_object(classid, objid, 0) AS object FROM (
  SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND (proname LIKE 'money\_%' AND proname <> 'money_objects' OR prokind = 'a')
  UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprnamespace = 'public'::regnamespace
  UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typname = 'money_with_currency') o (classid, objid)
ORDER BY pg_describe_object(classid, objid, 0) COLLATE "C"
$$;

-- ash_money, from each version to the next: how many objects each has
SELECT name FROM ashmig_install_extensions('{ash_money_v1}');
SELECT status FROM ashmig_migrate();
SELECT * FROM money_objects();
SELECT name FROM ashmig_install_extensions('{ash_money_v2}');
SELECT name FROM ashmig_install_extensions('{ash_money_v3}');
SELECT name FROM ashmig_install_extensions('{ash_money_v4}');
SELECT status, applied FROM ashmig_migrate();
SELECT count(*) FROM money_objects();
CREATE TABLE prices (item text, price money_with_currency);
INSERT INTO prices VALUES ('a', ('EUR', 3)), ('b', ('EUR', 4.5)), ('none', NULL);
SELECT item, price >= ('EUR', 3)::money_with_currency AS wrong FROM prices ORDER BY item;
SELECT name FROM ashmig_install_extensions('{ash_money}');
SELECT name FROM ashmig_install_extensions('{ash_money_v5,ash_money_v2}');
SELECT status FROM ashmig_migrate();
SELECT item, price >= ('EUR', 3)::money_with_currency AS money, price >= 3 AS number, price > ('EUR', 3)::money_with_currency AS gt,
  price < 4 AS lt, price <= ('EUR', 3)::money_with_currency AS lte FROM prices ORDER BY item;
SET search_path = '';
SELECT pg_catalog.count(*), public.sum(price), public.min(price), public.max(price) FROM public.prices;
SELECT price OPERATOR(public.+) price AS plus, price OPERATOR(public.-) price AS minus, OPERATOR(public.-) price AS negated,
  2 OPERATOR(public.*) price AS times, price OPERATOR(public.*) 0.5 AS half FROM public.prices ORDER BY item;
RESET search_path;
DO $$ BEGIN PERFORM ('EUR', 3)::money_with_currency > ('USD', 4)::money_with_currency;
EXCEPTION WHEN OTHERS THEN RAISE WARNING '% %', SQLSTATE, SQLERRM; END $$;
\set SHOW_CONTEXT never
INSERT INTO prices VALUES ('dollars', ('USD', 1));
SELECT sum(price) FROM prices;
SELECT max(price) FROM prices;
SELECT status FROM ashmig_rollback();
SELECT price >= 3 AS wrong FROM prices WHERE item = 'a';
DROP TABLE prices;
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT count(*) FROM money_objects();
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;

-- All at once gives the same, and a type that was there stays
CREATE TYPE money_with_currency AS (currency_code char(3), amount numeric);
SELECT name FROM ashmig_install_extensions('{ash_money_v5}');
SELECT status FROM ashmig_migrate();
SELECT count(*) FROM money_objects();
SELECT status FROM ashmig_rollback();
SELECT * FROM money_objects();
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;
DROP TYPE money_with_currency;
CREATE TYPE money_with_currency AS (code text);
SELECT name FROM ashmig_install_extensions('{ash_money}');
DROP TYPE money_with_currency;
SELECT name FROM ashmig_install_extensions('{ash_money_v6}');

-- ash-uuid shares a function with ash-functions, which has one owner
SELECT name FROM ashmig_install_extensions('{ash-functions}', 3);
SELECT name FROM ashmig_install_extensions('{ash-uuid_v1}');
SELECT name FROM ashmig_install_extensions('{ash-functions,ash-uuid_v2}');
SELECT name, up[1] ~ '^-- ash-functions 6' AS marked, array_to_string(up || down, '') LIKE '%uuid_generate_v7%' AS uuid FROM ashmig.migrations ORDER BY version;
SELECT status, applied FROM ashmig_migrate();
SELECT timestamp_from_uuid_v7('01941f29-7c00-7000-8000-000000000000') AT TIME ZONE current_setting('TimeZone') AT TIME ZONE 'UTC' AS utc;
SELECT abs(extract(epoch FROM timestamp_from_uuid_v7(uuid_generate_v7()) - localtimestamp)) < 60 AS now;
SELECT status FROM ashmig_rollback();
SELECT uuid_generate_v7() IS NOT NULL AS still_there;
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;

-- Names that are none of an extension: all in one error, and nothing is recorded
SELECT * FROM ashmig_install_extensions('{citext,our-search_v2,no_such}');
SELECT * FROM ashmig_generate('{"extensions": {"installed": ["our-search_v2"]}, "snapshots": [{"table": "t", "attributes": [{"source": "id", "type": "uuid", "primary_key?": true}]}]}', name => 'x');
SELECT count(*) FROM ashmig.migrations;

-- A team's own, version by version
SELECT ashmig_define_extension('our-search', 1, up => 'CREATE FUNCTION @default@.search() RETURNS int LANGUAGE sql AS ''SELECT 1''; COMMENT ON FUNCTION @default@.search IS ''v1''',
  down => 'DROP FUNCTION @default@.search()');
SELECT ashmig_define_extension('our-search', 2, up => 'COMMENT ON FUNCTION @default@.search IS ''v2''',
  down => 'COMMENT ON FUNCTION @default@.search IS ''v1''');
SELECT name FROM ashmig_install_extensions('{our-search_v1}');
SELECT name FROM ashmig_install_extensions('{our-search_v2,our-search}');
SELECT name FROM ashmig_install_extensions('{our-search_v2}');
SELECT status, applied FROM ashmig_migrate();
SELECT obj_description('search()'::regprocedure);
SELECT status FROM ashmig_rollback();
SELECT obj_description('search()'::regprocedure);
SELECT * FROM ashmig_install_extensions('{our-search_v3}');
-- the same again is fine, another text is not where a migration has it
SELECT ashmig_define_extension('our-search', 2, up => 'COMMENT ON FUNCTION @default@.search IS ''v2''',
  down => 'COMMENT ON FUNCTION @default@.search IS ''v1''');
SELECT ashmig_define_extension('our-search', 2, up => 'SELECT 1');
SELECT ashmig_define_extension('ash_money', 6, up => 'SELECT 1');
SELECT ashmig_define_extension('citext', 1, up => 'SELECT 1');
SELECT ashmig_define_extension('our-search_v3', 1, up => 'SELECT 1');
SELECT ashmig_define_extension('our search', 1, up => 'SELECT 1');
SELECT ashmig_define_extension('our-search', 0, up => 'SELECT 1');
SELECT ashmig_define_extension('our-search', 3, up => '');
SELECT ashmig_define_extension('our-search', 3, up => 'SELEC 1');
SELECT name, version FROM ashmig.extensions ORDER BY version;
SELECT status, applied FROM ashmig_rollback(all_versions => true);
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;

-- What snapshots cannot do without comes with them
SET client_min_messages = notice;
\set snapshots '[{"table": "items", "repo": "Elixir.A.Repo", "attributes": [{"source": "id", "type": "uuid", "default": "fragment(\\"uuid_generate_v7()\\")", "primary_key?": true}, {"source": "name", "type": "citext"}, {"source": "price", "type": "money_with_currency"}, {"source": "old_prices", "type": ["array", "money_with_currency"]}, {"source": "title", "type": "text"}], "custom_indexes": [{"fields": ["title gin_trgm_ops"], "using": "GIN", "name": "items_title"}]}]'
SELECT operation, subject FROM ashmig_plan(:'snapshots');
SELECT schema_name, applied, status FROM ashmig_apply(:'snapshots', name => 'items');
SELECT ashmig_check(:'snapshots');
INSERT INTO items (name, price) VALUES ('Apple', ('EUR', 2));
SELECT count(*), sum(price) FROM items WHERE name = 'APPLE';
SELECT applied, status FROM ashmig_rollback(all_versions => true);
SELECT count(ashmig_remove_migration(version, repo => repo)) FROM ashmig.migrations WHERE kind = 'extension';
SELECT count(ashmig_remove_migration(version, repo => repo)) FROM ashmig.migrations;
-- but not what the list has, or a hand-written migration or a statement makes
SELECT subject FROM ashmig_plan('{"extensions": ["citext"], "snapshots": [{"table": "t", "attributes": [{"source": "id", "type": "citext", "primary_key?": true}]}]}');
SELECT subject FROM ashmig_plan('[{"table": "t", "attributes": [{"source": "id", "type": "bigint", "primary_key?": true}, {"source": "note", "type": "text", "default": "\"citext\""}], "custom_statements": [{"name": "s", "up": "CREATE TYPE ltree AS ENUM ()", "down": "DROP TYPE ltree"}]}, {"table": "u", "attributes": [{"source": "path", "type": "ltree", "primary_key?": true}]}]');
SELECT count(ashmig_add_migration(NULL, 'money', 'CREATE TYPE money_with_currency AS (currency_code text, amount numeric)', 'DROP TYPE money_with_currency'));
SELECT subject FROM ashmig_plan('{"table": "t", "attributes": [{"source": "id", "type": "bigint", "primary_key?": true}, {"source": "price", "type": "money_with_currency"}]}');
SELECT count(ashmig_remove_migration(version)) FROM ashmig.migrations;

-- AshSqlite's snapshots, as they are
SELECT schema_name, applied, status FROM ashmig_apply('{"attributes": [{"default": "nil", "size": null, "type": "uuid", "source": "id", "references": null, "generated?": false, "primary_key?": true, "allow_nil?": false}, {"default": "nil", "size": null, "type": "citext", "source": "email", "references": null, "generated?": false, "primary_key?": false, "allow_nil?": true}, {"default": "nil", "size": null, "type": ["varchar", 40], "source": "name", "references": null, "generated?": false, "primary_key?": false, "allow_nil?": true}, {"default": "nil", "size": null, "type": "blob", "source": "photo", "references": null, "generated?": false, "primary_key?": false, "allow_nil?": true}], "table": "people", "hash": "0", "repo": "Elixir.A.SqliteRepo", "strict?": true, "identities": [{"name": "email", "keys": ["email"], "base_filter": null, "nils_distinct?": true, "index_name": "people_email_index"}], "custom_indexes": [], "base_filter": null, "custom_statements": [], "multitenancy": {"global": null, "attribute": null, "strategy": null}, "has_create_action": true}', name => 'people');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum > 0 ORDER BY attnum;

\c :home
DROP DATABASE ashmig_packages;
