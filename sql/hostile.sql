--
-- Hostile settings, search_path and roles.
--
\set database ashmig_hostile
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
CREATE FUNCTION wanted(rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(
  resource('plans', id('id', 'bigserial'), attr('name', 'string', '{"default": "\"back\\\\slash it''s\""}'), attr('at', 'utc_datetime', '{"default": "fragment(\"now()\")"}')) || rest,
  resource('Order', id('id', 'identity'), attr('tags', 'text', '{"type": ["array", "text"], "default": "[\"a\"]"}'), attr('data', 'map', '{"default": "%{\"a\" => 1}"}'),
           ref('plan', 'plans.id', type => 'bigint')) || strategy('context')
    || '{"identities": [{"name": "plan", "keys": ["plan"], "where": "plan > 0"}], "check_constraints": [{"name": "c", "check": "coalesce(plan, 1) + 0 = plan", "attribute": []}]}')
$$;
-- The structure under default settings
SELECT apply(wanted());
SELECT set_config('test.wanted', ARRAY(SELECT everything())::text, false) IS NOT NULL;
SELECT count(*) FROM ashmig_rollback_tenants(all_versions => true), ashmig_rollback(all_versions => true);
DELETE FROM ashmig.migrations;
DELETE FROM ashmig.snapshots;
SELECT set_config('test.statements', (SELECT jsonb_agg(o)::text FROM ashmig_operations('[]', wanted()) AS o), false) IS NOT NULL;

-- Settings that change what SQL text means, or how it is printed
CREATE FUNCTION same_as_wanted() RETURNS SETOF text
LANGUAGE sql AS $$
SELECT 'printed otherwise' WHERE (SELECT jsonb_agg(o)::text FROM ashmig_operations('[]', wanted()) AS o) <> current_setting('test.statements')
UNION ALL SELECT lawful(wanted())
UNION ALL SELECT difference('made otherwise', current_setting('test.wanted')::text[], ARRAY(SELECT everything()))
$$;
CREATE PROCEDURE start_again() LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ashmig_rollback_tenants(all_versions => true);
  PERFORM ashmig_rollback(all_versions => true);
  DELETE FROM ashmig.migrations;
  DELETE FROM ashmig.snapshots;
END
$$;
SELECT wanted() AS snapshots \gset
SET standard_conforming_strings = off;
SELECT count(*) FROM ashmig_apply(:'snapshots');
SELECT count(*) FROM ashmig_plan(:'snapshots');
RESET standard_conforming_strings;
SELECT difference('made otherwise', current_setting('test.wanted')::text[], ARRAY(SELECT everything()));
CALL start_again();
SET backslash_quote = off;
SELECT same_as_wanted();
CALL start_again();
RESET backslash_quote;
SET quote_all_identifiers = on;
SELECT count(*) FROM ashmig_apply(wanted());
RESET quote_all_identifiers;
SELECT difference('made otherwise', current_setting('test.wanted')::text[], ARRAY(SELECT everything()));
CALL start_again();
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'iso_8601';
SET TimeZone = 'Asia/Kathmandu';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET xmloption = 'document';
SET transform_null_equals = on;
SET default_transaction_isolation = 'serializable';
SELECT same_as_wanted();
CALL start_again();
RESET ALL;
SET search_path = tools, public;
SET ashmig.workers = 0;
SET client_min_messages = warning;
SELECT set_config('test.wanted', '{}', false) = '{}';

-- Functions and operators found before PostgreSQL's own
CREATE SCHEMA evil;
CREATE TABLE evil.touched (what text);
CREATE FUNCTION evil.touch(what text) RETURNS void LANGUAGE sql AS $$ INSERT INTO evil.touched VALUES (what) $$;
DO $$
DECLARE
  f record;
BEGIN
  -- every function of simple types, under the same name
  FOR f IN SELECT proname, pg_get_function_identity_arguments(oid) AS arguments, format_type(prorettype, NULL) AS result FROM pg_proc
            WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset AND provariadic = 0
              AND proname IN ('max', 'min', 'count', 'unnest', 'now', 'clock_timestamp', 'jsonb_typeof', 'jsonb_build_array', 'jsonb_array_elements', 'cardinality',
                'format', 'length', 'lower', 'quote_ident', 'set_config', 'current_setting', 'setval', 'nextval', 'to_regclass', 'substring', 'hashtext', 'sha256',
                'encode', 'convert_to', 'pg_advisory_xact_lock', 'array_to_string', 'int8', 'text', 'textcat', 'texteq', 'md5')
  LOOP
    BEGIN
      EXECUTE format($f$CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS $body$BEGIN PERFORM evil.touch(%L); RETURN NULL; END$body$ $f$,
                     f.proname, f.arguments, f.result, f.proname);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END
$$;
CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('text = text'); RETURN true; END $$;
CREATE FUNCTION evil.equal(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('name = text'); RETURN true; END $$;
CREATE FUNCTION evil.less(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('bigint < bigint'); RETURN true; END $$;
CREATE FUNCTION evil.arrow(jsonb, text) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('jsonb -> text'); RETURN NULL; END $$;
CREATE FUNCTION evil.join(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('text || text'); RETURN ''; END $$;
CREATE FUNCTION evil.join(jsonb, jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.touch('jsonb || jsonb'); RETURN '{}'; END $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.equal);
CREATE OPERATOR evil.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.less);
CREATE OPERATOR evil.> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.less);
CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.less);
CREATE OPERATOR evil.-> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = evil.arrow);
CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.join);
CREATE OPERATOR evil.|| (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = evil.join);
CREATE TYPE evil.bigint AS (x integer);
CREATE DOMAIN evil.jsonb AS text;
CREATE TABLE evil.migrations ();
SELECT wanted() AS snapshots, wanted('{"check_constraints": [{"name": "n", "check": "true", "attribute": []}]}') AS changed,
       (wanted('{"check_constraints": [{"name": "n", "check": "true", "attribute": []}]}') #- '{0,attributes,1}') AS dropped \gset
SELECT count(*) > 20 AS traps FROM pg_proc WHERE pronamespace = 'evil'::regnamespace;
SET search_path = evil, pg_catalog;
SELECT step, operation FROM tools.ashmig_plan(:'snapshots'::pg_catalog.jsonb);
SELECT tools.ashmig_create_tenant('t2');
SELECT schema_name, applied, status FROM tools.ashmig_apply(:'snapshots'::pg_catalog.jsonb, name => 'one');
SELECT schema_name, applied, status FROM tools.ashmig_apply(:'changed'::pg_catalog.jsonb, name => 'two', dev => true);
SELECT schema_name, applied, status FROM tools.ashmig_apply(:'dropped'::pg_catalog.jsonb, name => 'three', renames => '[]', drop_columns => false);
SELECT step FROM tools.ashmig_plan(:'dropped'::pg_catalog.jsonb, drop_tables => true, renames => '[]');
SELECT tools.ashmig_check(:'dropped'::pg_catalog.jsonb);
SELECT name, applied, pending FROM tools.ashmig_migrations();
SELECT schema_name, pending FROM tools.ashmig_status();
SELECT scope, migration FROM tools.ashmig_drop_retired();
SELECT schema_name, status FROM tools.ashmig_migrate_all();
SELECT tools.ashmig_squash_snapshots();
SELECT schema_name, status FROM tools.ashmig_rollback_tenants(all_versions => true);
SELECT schema_name, status FROM tools.ashmig_rollback(all_versions => true);
SELECT tools.ashmig_drop_tenant('t2');
SET search_path = pg_catalog;
SELECT DISTINCT what FROM evil.touched ORDER BY what;

-- A role without rights can read and run nothing; rights on the functions alone do not help
\set VERBOSITY sqlstate
CREATE ROLE ashmig_test_visitor;
SET ROLE ashmig_test_visitor;
SELECT tools.ashmig_plan('[]');
SELECT tools.ashmig_apply('[]');
SELECT tools.ashmig_drop_retired();
SELECT tools.ashmig_squash_snapshots();
SELECT * FROM ashmig.snapshots;
RESET ROLE;
GRANT USAGE ON SCHEMA tools TO ashmig_test_visitor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tools TO ashmig_test_visitor;
SET ROLE ashmig_test_visitor;
SELECT count(*) FROM tools.ashmig_operations('[]', :'snapshots');
SELECT tools.ashmig_plan(:'snapshots');
SELECT tools.ashmig_apply(:'snapshots');
RESET ROLE;
DROP OWNED BY ashmig_test_visitor;
DROP ROLE ashmig_test_visitor;

\c :home
DROP DATABASE ashmig_hostile;
