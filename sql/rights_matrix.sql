-- Every function and every trigger function of ashmig, called by each of five
-- roles.  The list comes from pg_proc, so that none is forgotten.
SELECT current_database() AS home \gset
CREATE ROLE ashmig_dba;
CREATE ROLE ashmig_deployer;
CREATE ROLE ashmig_application;
CREATE ROLE ashmig_nobody;
CREATE DATABASE ashmig_rights_matrix OWNER ashmig_dba;
\c ashmig_rights_matrix
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
CREATE TABLE orgs (id int, slug text);
GRANT SELECT, INSERT ON orgs TO ashmig_application;
SELECT count(*) FROM ashmig_grant('ashmig_deployer');
SELECT ashmig_add_migration(20260101000001, 'one', 'CREATE TABLE t (id int)', 'DROP TABLE t', tenant => true);
SELECT ashmig_manage_tenant('orgs', '{org_,:slug}', on_delete => 'drop');
SET ROLE ashmig_application;
INSERT INTO orgs VALUES (1, 'one');
RESET ROLE;

-- everything that ashmig knows and has made
CREATE FUNCTION state() RETURNS text LANGUAGE sql AS $$
  SELECT md5(concat(
    (SELECT string_agg(m::text, ',' ORDER BY m::text) FROM ashmig.migrations AS m),
    (SELECT string_agg(v::text, ',' ORDER BY v::text) FROM ashmig.versions AS v),
    (SELECT string_agg(t::text, ',' ORDER BY t::text) FROM ashmig.tenants AS t),
    (SELECT string_agg(s::text, ',' ORDER BY s::text) FROM ashmig.settings AS s),
    (SELECT string_agg(m::text, ',' ORDER BY m::text) FROM ashmig.managed_tables AS m),
    (SELECT string_agg(n::text, ',' ORDER BY n::text) FROM pg_namespace AS n),
    (SELECT string_agg(r::text, ',' ORDER BY r::text) FROM pg_authid AS r),
    (SELECT string_agg(concat(oid, relacl), ',' ORDER BY oid) FROM pg_class WHERE relname !~ '^pg_toast')))
$$;
REVOKE EXECUTE ON FUNCTION state FROM PUBLIC;

CREATE TABLE call AS
  SELECT p.oid::regprocedure::text AS routine, p.proname AS name, p.prorettype = 'trigger'::regtype AS is_trigger,
    CASE WHEN p.prorettype = 'trigger'::regtype THEN format('SELECT %s', p.oid::regproc)
      ELSE concat(CASE p.prokind WHEN 'p' THEN 'CALL ' ELSE 'SELECT ' END, p.oid::regproc, '(',
        (SELECT string_agg(format(CASE WHEN NOT p.proisstrict THEN 'NULL::%s'
             ELSE (SELECT format('%L::%%s', value) FROM (VALUES ('text', 'none'), ('bigint', '1'), ('boolean', 'false'), ('regclass', 'orgs'),
               ('jsonb', '[]')) AS s (type, value) WHERE type = t::regtype::text) END, t::regtype), ', ' ORDER BY position)
         FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, position)), ')') END AS sql
  FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'ashmig';
CREATE TABLE outcome (routine text, role text, outcome text);

-- Calls everything as a role, and takes all of it back.  (Strict functions get
-- values, as with a NULL they would not be called.)
CREATE FUNCTION try_all(role text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  call call;
  result text;
BEGIN
  FOR call IN SELECT * FROM call ORDER BY name LOOP
    BEGIN
      EXECUTE format('SET LOCAL ROLE %I', role);
      IF call.is_trigger THEN
        CREATE TEMPORARY TABLE own (id int, slug text) ON COMMIT DROP;
        EXECUTE format('CREATE TRIGGER own BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION %s()', substr(call.sql, 8));
        INSERT INTO own VALUES (1, 'own');
      ELSE
        EXECUTE call.sql;
      END IF;
      RAISE EXCEPTION USING errcode = 'ZZ000';
    EXCEPTION WHEN OTHERS THEN
      result := CASE WHEN sqlstate = '42501' AND sqlerrm ~ '^permission denied for (function|procedure|schema)'
        THEN 'denied' ELSE 'called' END;
    END;
    INSERT INTO outcome VALUES (call.name, role, result);
  END LOOP;
END $$;
SELECT state() AS before \gset
SELECT try_all(current_user::text), try_all('ashmig_dba'), try_all('ashmig_deployer'), try_all('ashmig_application'), try_all('ashmig_nobody');
UPDATE outcome SET role = 'superuser' WHERE role = current_user;
SELECT state() = :'before' AS unchanged;

-- who may call what
SELECT callers, CASE WHEN count(*) < 10 THEN string_agg(routine, ', ' ORDER BY routine COLLATE "C") ELSE 'all others' END AS routines
FROM (SELECT routine, string_agg(replace(role, 'ashmig_', ''), ', ' ORDER BY role COLLATE "C") FILTER (WHERE outcome = 'called') AS callers
      FROM outcome GROUP BY routine) AS o
GROUP BY callers ORDER BY callers COLLATE "C";
SELECT count(*) = 5 * (SELECT count(*) FROM call) AS complete FROM outcome;

-- The tables of ashmig
SELECT r.rolname AS role, string_agg(concat(c.relname, ' ', p.privilege), ', ' ORDER BY c.relname COLLATE "C", p.privilege COLLATE "C") AS may
FROM pg_class AS c CROSS JOIN pg_roles AS r CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS p (privilege)
WHERE c.relnamespace = 'ashmig'::regnamespace AND c.relkind IN ('r', 'v')
  AND r.rolname IN ('ashmig_dba', 'ashmig_application', 'ashmig_nobody') AND has_table_privilege(r.oid, c.oid, p.privilege)
GROUP BY 1;

\c :home
DROP DATABASE ashmig_rights_matrix;
DROP ROLE ashmig_dba, ashmig_deployer, ashmig_application, ashmig_nobody;
