--
-- Functions called in ways that they are not made for: triggers on any table,
-- arguments of any value.  Each call is a clean error, or does what it says; none
-- ends the server or is an internal error.  What there is to call is read from
-- pg_proc, so that a new function is tried as well.
--
\set database ashmig_odd_calls
\i sql/include/opening.sql

SELECT count(*) FROM apply(jsonb_build_array(resource('users', id()), resource('posts', id(), attr('title', 'text')) || strategy('context')));
SELECT ashmig_create_tenant('t1') > 0 AS created;
CREATE VIEW functions AS
  SELECT p.oid, p.oid::regprocedure AS signature, p.prokind, p.proargnames, p.proargmodes, p.proargtypes::oid[] AS types, p.pronargs, p.pronargdefaults, p.prorettype, p.proisstrict
    FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
   WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ashmig');

-- Try a statement and undo it: its SQLSTATE, or 00000
CREATE FUNCTION outcome(VARIADIC statements text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  statement text;
BEGIN
  FOREACH statement IN ARRAY statements LOOP
    EXECUTE statement;
  END LOOP;
  RAISE SQLSTATE 'ZZ000';
EXCEPTION
  WHEN SQLSTATE 'ZZ000' THEN RETURN '00000';
  WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm;
END
$$;

--
-- Triggers
--

-- Tables with the columns that ashmig's own have, with other types or none
CREATE TABLE other (schema_name int, schema_oid text, relation text, template int, owner int, slug text);
CREATE TABLE empty ();
CREATE TABLE parts (schema_name text, schema_oid text, owner text) PARTITION BY LIST (schema_name);
CREATE TABLE part PARTITION OF parts DEFAULT;
CREATE TABLE heir (more int) INHERITS (ashmig.tenants);
CREATE VIEW look AS SELECT * FROM other;
CREATE TEMP TABLE outcomes (what text, outcome text);
INSERT INTO outcomes
  SELECT f.signature::text,
         outcome(format('CREATE TRIGGER t %s ON %s FOR EACH %s EXECUTE FUNCTION %s', event, relation, level, f.signature::text),
                 format('INSERT INTO %s DEFAULT VALUES', relation),
                 CASE WHEN relation NOT IN ('empty', 'ashmig.settings') THEN format('UPDATE %s SET schema_name = schema_name', relation) ELSE 'SELECT 1' END,
                 format('DELETE FROM %s', relation),
                 CASE WHEN relation <> 'look' THEN format('TRUNCATE %s', relation) ELSE 'SELECT 1' END)
    FROM functions AS f,
         (VALUES ('other'), ('empty'), ('parts'), ('heir'), ('look'), ('ashmig.settings'), ('ashmig.managed_tables'), ('ashmig.tenants')) AS r (relation),
         (VALUES ('BEFORE INSERT OR UPDATE OR DELETE', 'ROW'), ('AFTER INSERT OR UPDATE OR DELETE', 'ROW'), ('BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE', 'STATEMENT'),
                 ('AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE', 'STATEMENT'), ('INSTEAD OF INSERT OR UPDATE OR DELETE', 'ROW')) AS e (event, level)
   WHERE f.prorettype = 'trigger'::regtype;
-- beside what PostgreSQL says of tables without such triggers, or of rows that break constraints
SELECT what, outcome, count(*) FROM outcomes WHERE outcome !~ '^(42809|23502|0A000|42P17|42601)' GROUP BY what, outcome ORDER BY what, outcome COLLATE "C";
-- in full, with the remedy
\set VERBOSITY default
CREATE TRIGGER odd BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION ashmig.tenant_registered();
INSERT INTO other VALUES (1);
DROP TRIGGER odd ON tools.other;
\set VERBOSITY terse
-- as no trigger, and as an event trigger
SELECT f.signature, outcome(format('SELECT %s', f.signature)) FROM functions AS f WHERE f.prorettype = 'trigger'::regtype ORDER BY 1;
SELECT f.signature, outcome(format('SELECT %s', f.signature)) FROM functions AS f WHERE f.prorettype = 'event_trigger'::regtype ORDER BY 1;

--
-- Arguments
--

CREATE TABLE plain (id int PRIMARY KEY, slug text);
CREATE SEQUENCE seq;
CREATE MATERIALIZED VIEW stored AS SELECT 1 AS slug;
CREATE TYPE pair AS (slug text);
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE far (slug text) SERVER nowhere;
CREATE INDEX ON parts (owner);
CREATE TEMP TABLE short (slug text);
CREATE TABLE gone (slug text);
SELECT 'gone'::regclass::oid AS gone \gset
DROP TABLE gone;
-- Values of a type, as expressions
CREATE TABLE odd_values (type regtype, value text);
INSERT INTO odd_values VALUES
  ('boolean', 'NULL'), ('boolean', 'true'), ('boolean', 'false'),
  ('integer', 'NULL'), ('integer', '0'), ('integer', '-1'), ('integer', '1'), ('integer', '2147483647'), ('integer', '-2147483648'),
  ('bigint', 'NULL'), ('bigint', '0'), ('bigint', '-1'), ('bigint', '1'), ('bigint', '20260101000000'), ('bigint', '99999999999999'), ('bigint', '100000000000000'),
  ('bigint', '9223372036854775807'), ('bigint', '-9223372036854775808'),
  ('interval', 'NULL'), ('interval', '''0'''), ('interval', '''-1 s'''), ('interval', '''1 us'''), ('interval', '''178000000 years'''), ('interval', '''-178000000 years'''),
  ('interval', '''2147483647 days'''), ('interval', CASE WHEN current_setting('server_version_num')::int >= 170000 THEN '''infinity''' ELSE '''2 s''' END),
  ('interval', CASE WHEN current_setting('server_version_num')::int >= 170000 THEN '''-infinity''' ELSE '''3 s''' END),
  ('timestamptz', 'NULL'), ('timestamptz', '''infinity'''), ('timestamptz', '''-infinity'''), ('timestamptz', '''4713-01-01 BC'''), ('timestamptz', '''294276-12-31'''), ('timestamptz', '''epoch'''),
  ('text', 'NULL'), ('text', ''''''), ('text', ''' '''), ('text', '''x'''), ('text', '''t1'''), ('text', 'repeat(''é'', 40)'), ('text', 'repeat(''x'', 64)'), ('text', 'repeat(''x'', 100000)'),
  ('text', 'E''a\nb\tc'''), ('text', '''"'''), ('text', ''''''''''), ('text', '''\'''), ('text', '''%s%n%I'''), ('text', '''$1'''), ('text', '''$$'''), ('text', '''@tenant@'''),
  ('text', '''#{prefix()}'''), ('text', '''pg_catalog'''), ('text', '''ashmig'''), ('text', '''../..'''), ('text', '''SELECT 1'''), ('text', '''SELECT 1;'''), ('text', ''';;'''),
  ('text', '''/*'''), ('text', 'chr(128512)'), ('text', 'chr(1)'),
  ('text[]', 'NULL'), ('text[]', '''{}'''), ('text[]', '''{NULL}'''), ('text[]', '''{a,NULL}'''), ('text[]', '''{{a,b},{c,d}}'''), ('text[]', '''{{NULL}}'''), ('text[]', '''[5:6]={a,b}'''),
  ('text[]', '''{""}'''), ('text[]', '''{a,a}'''), ('text[]', 'ARRAY[repeat(''x'', 100000)]'), ('text[]', 'array_fill(''x''::text, ARRAY[10000])'), ('text[]', '''{:}'''), ('text[]', '''{:slug,:slug}'''),
  ('text[]', 'ARRAY[repeat(''é'', 40)]'),
  ('bigint[]', 'NULL'), ('bigint[]', '''{}'''), ('bigint[]', '''{NULL}'''), ('bigint[]', '''{0,-1}'''), ('bigint[]', '''{{1,2},{3,4}}'''), ('bigint[]', '''[5:6]={1,1}'''),
  ('bigint[]', '''{9223372036854775807,-9223372036854775808}'''),
  ('jsonb', 'NULL'), ('jsonb', '''null'''), ('jsonb', '''1'''), ('jsonb', '''-1e1000'''), ('jsonb', '''"x"'''), ('jsonb', '''{}'''), ('jsonb', '''[]'''), ('jsonb', '''[null]'''), ('jsonb', '''[[]]'''),
  ('jsonb', '''[{}]'''), ('jsonb', '''{"snapshots": null}'''), ('jsonb', '''{"snapshots": [1]}'''), ('jsonb', '''{"snapshots": [], "extensions": 1}'''), ('jsonb', '''{"snapshots": {}, "extensions": {}}'''),
  ('jsonb', '''[{"table": "", "repo": "", "attributes": []}]'''), ('jsonb', '(repeat(''['', 5000) || repeat('']'', 5000))::jsonb'), ('jsonb', '''[{"table": null, "to": null}]'''),
  ('regclass', 'NULL'), ('regclass', '0'), ('regclass', '4294967295'), ('regclass', '''pg_class'''), ('regclass', '''ashmig.tenants'''), ('regclass', '''look'''), ('regclass', '''plain_pkey'''),
  ('regclass', '''seq'''), ('regclass', '''stored'''), ('regclass', '''pair'''), ('regclass', '''far'''), ('regclass', '''part'''), ('regclass', '''parts'''), ('regclass', '''parts_owner_idx'''),
  ('regclass', '''short'''), ('regclass', '''plain'''), ('regclass', '(SELECT reltoastrelid FROM pg_class WHERE oid = ''plain''::regclass)'), ('regclass', :'gone'),
  ('regclass', '''pg_stat_activity'''), ('regclass', '''information_schema.tables''');
-- What the other arguments are meanwhile
CREATE TABLE usual_values (type regtype, value text);
INSERT INTO usual_values VALUES ('boolean', 'false'), ('integer', '1'), ('bigint', '20260101000000'), ('interval', '''1 s'''), ('timestamptz', '''infinity'''), ('text', '''x'''), ('text[]', '''{:slug}'''), ('bigint[]', '''{20260101000000}'''), ('jsonb', '''[]'''), ('regclass', '''plain''');

CREATE VIEW arguments AS
  SELECT f.signature, f.prokind, a.n, f.proargnames[a.n] AS name, a.type::regtype AS type, a.n <= f.pronargs - f.pronargdefaults AS required
    FROM functions AS f, unnest(f.types) WITH ORDINALITY AS a (type, n) WHERE f.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype);
-- a type that the lists above lack
SELECT DISTINCT type FROM arguments WHERE type NOT IN (SELECT type FROM odd_values) OR type NOT IN (SELECT type FROM usual_values);
-- A call for each argument and value: with the other required arguments, and with all of them.  (Procedures,
-- which commit, are called by t/043_odd_calls.pl.)
CREATE VIEW calls AS
  SELECT a.signature, a.prokind,
         format('%s(%s)', a.signature::regproc, string_agg(format('%I => %s', o.name, CASE WHEN o.n = a.n THEN format('(%s)::%s', v.value, a.type) ELSE format('%s::%s', u.value, u.type) END), ', ' ORDER BY o.n)) AS call
    FROM arguments AS a JOIN odd_values AS v ON v.type = a.type AND (a.name, v.value) <> ('log_sql', 'true')
    JOIN arguments AS o ON o.signature = a.signature
    JOIN usual_values AS u ON u.type = o.type
    CROSS JOIN (VALUES (true), (false)) AS e (every)
   WHERE o.required OR o.n = a.n OR e.every
   GROUP BY a.signature, a.prokind, a.name, a.n, a.type, v.value, e.every;
SELECT count(*) > 2000 AS many FROM calls WHERE prokind = 'f';
SELECT left(call, 200), outcome FROM (SELECT call, outcome('SELECT * FROM ' || call) FROM calls WHERE prokind = 'f') AS c
 WHERE outcome !~ '^(00000|MG...|22...|42...|0A000|3F000|54...|2BP01|55000|58P01|58000) ?';

-- A function acts as its caller; one that is not in C pins the search path.
SELECT f.signature FROM functions AS f JOIN pg_proc AS p USING (oid)
   WHERE p.prosecdef OR p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c') AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false);

--
-- Schemas that are no place for public migrations
--
\set VERBOSITY default
SELECT ashmig_migrate(prefix => 'pg_catalog');
SELECT ashmig_migrate(prefix => 'information_schema');
SELECT ashmig_rollback(prefix => 'ashmig');
SELECT ashmig_migrate(prefix => 'pg_temp');
SELECT ashmig_migrate(prefix => 'pg_toast');
SELECT ashmig_migrate(prefix => '');
SELECT ashmig_migrate(prefix => repeat('é', 32));
SELECT ashmig_migrate(prefix => 'a"b');
SET ashmig.default_schema = 'pg_catalog';
SET ashmig.default_schema = 'pg_temp_3';
SET ashmig.default_schema = 'information_schema';
SET ashmig.default_schema = 'ashmig';
SET ashmig.default_schema = '';
\set VERBOSITY terse
SELECT schema_name FROM ashmig.versions WHERE scope = 'public';

--
-- Functions made SECURITY DEFINER: what they run is their owner's, in the transaction of the call
--
CREATE ROLE ashmig_low;
CREATE ROLE ashmig_definer;
GRANT CREATE ON DATABASE ashmig_odd_calls TO ashmig_definer;
GRANT USAGE ON SCHEMA tools TO ashmig_low, ashmig_definer;
GRANT USAGE ON SCHEMA ashmig TO ashmig_definer;
GRANT ALL ON ALL TABLES IN SCHEMA ashmig TO ashmig_definer;
GRANT ALL ON ALL SEQUENCES IN SCHEMA ashmig TO ashmig_definer;
ALTER SCHEMA t1 OWNER TO ashmig_definer;
ALTER TABLE t1.posts OWNER TO ashmig_definer;
INSERT INTO t1.posts (id) VALUES (gen_random_uuid());
SET ashmig.workers = 2;
SELECT DISTINCT 'ALTER FUNCTION ' || signature || ' OWNER TO ashmig_definer' FROM functions WHERE signature::text ~ 'ashmig_(migrate_all|apply|rollback_tenants)\(' \gexec
SELECT DISTINCT 'ALTER FUNCTION ' || signature || ' SECURITY DEFINER' FROM functions WHERE signature::text ~ 'ashmig_(migrate_all|apply|rollback_tenants)\(' \gexec
GRANT EXECUTE ON FUNCTION ashmig_migrate_all, ashmig_apply, ashmig_rollback_tenants TO ashmig_low;
SELECT ashmig_add_migration(NULL, 'defined', 'CREATE TABLE @tenant@.defined (id int)', 'DROP TABLE @tenant@.defined', tenant => true) > 0 AS added;
SELECT ashmig_add_migration(NULL, 'outside', 'CREATE INDEX CONCURRENTLY ON @tenant@.posts (title)', tenant => true, transactional => false) > 0 AS added;
SET SESSION AUTHORIZATION ashmig_low;
SELECT schema_name, applied, status FROM ashmig_migrate_all(step => 1);
\set VERBOSITY sqlstate
SELECT schema_name, applied, status FROM ashmig_migrate_all();
\set VERBOSITY terse
RESET SESSION AUTHORIZATION;
SELECT relowner::regrole FROM pg_class WHERE oid = 't1.defined'::regclass;
SELECT count(*) FROM ashmig.runs WHERE started_by = 'ashmig_definer';
SET SESSION AUTHORIZATION ashmig_low;
SELECT schema_name, applied, status FROM ashmig_rollback_tenants(step => 1);
RESET SESSION AUTHORIZATION;
-- a superuser's session, and a migration that would be the superuser
SELECT ashmig_remove_migration((SELECT max(version) FROM ashmig.migrations), tenant => true);
SELECT ashmig_add_migration(NULL, 'becomes', 'RESET ROLE', tenant => true) > 0 AS added;
SELECT schema_name, status FROM ashmig_migrate_all(on_error => 'report');
SELECT ashmig_remove_migration((SELECT max(version) FROM ashmig.migrations), tenant => true);
SELECT ashmig_add_migration(NULL, 'becomes', 'SET SESSION AUTHORIZATION DEFAULT', tenant => true) > 0 AS added;
SELECT schema_name, status FROM ashmig_migrate_all(on_error => 'report');

\c :home
DROP DATABASE ashmig_odd_calls;
DROP ROLE ashmig_low, ashmig_definer;
