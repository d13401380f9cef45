-- The sample application, from an empty database to its second generation.
-- Variables: generation_1 and generation_2, directories that the server can read.

\set ON_ERROR_STOP on
\set QUIET on
\pset linestyle unicode
\pset border 1
\pset null '·'
\pset footer off
SET client_min_messages = warning;

\echo
\echo '━━ The extension'
\echo
\echo 'CREATE EXTENSION ashmig;'
CREATE EXTENSION ashmig;

\echo
\echo '━━ Five tenants, still without tables'
\echo
SELECT ashmig_create_tenant(name)
  FROM unnest('{org_acme,org_birch,org_cedar,org_delta,org_elm}'::text[]) AS name
\g (format=unaligned tuples_only=on) /dev/null
SELECT * FROM ashmig_all_tenants();

\echo
\echo '━━ The first generation: what ashmig would do (ashmig_plan only shows it)'
\echo
SELECT ashmig_load(:'generation_1') AS snapshots \gset
SELECT scope, table_name, string_agg(operation, ', ' ORDER BY step) AS operations
  FROM (SELECT scope, table_name, min(step) AS step,
               operation || CASE count(*) WHEN 1 THEN '' ELSE ' ×' || count(*) END AS operation
          FROM ashmig_plan(:'snapshots')
         GROUP BY scope, table_name, operation) AS steps
 GROUP BY scope, table_name
 ORDER BY min(step);

\echo
\echo '━━ ashmig_apply: generate the migrations and run them, in public and in every tenant'
\echo
SELECT * FROM ashmig_apply(:'snapshots', name => 'first tables');

\echo
\echo '━━ ashmig_status'
\echo
SELECT scope, schema_name, version, applied, pending FROM ashmig_status();

\echo
\echo '━━ The application writes some rows: two organizations, and tickets of one tenant'
\echo
INSERT INTO plans (code, name, monthly_price) VALUES ('team', 'Team', 49);
INSERT INTO organizations (slug, name, billing_email, plan_id)
  SELECT slug, new.name, slug || '@example.com', plans.id
    FROM plans, (VALUES ('acme', 'Acme'), ('birch', 'Birch & Sons')) AS new (slug, name);
INSERT INTO users (organization_id, email, full_name)
  SELECT id, 'ann@' || slug || '.example', 'Ann of ' || name FROM organizations;
INSERT INTO org_acme.tickets (subject, body, reporter_id)
  SELECT subject, 'Since this morning.', users.id
    FROM users JOIN organizations ON organizations.id = organization_id AND slug = 'acme',
         unnest('{"The printer is on fire","No coffee"}'::text[]) AS subject;
SELECT number, subject, body, status, priority FROM org_acme.tickets;

\echo
\echo '━━ The second generation: a column renamed, another retired, tables added, checks changed'
\echo
SELECT ashmig_load(:'generation_2') AS snapshots \gset
\echo 'Where a table loses a column and gains another, ashmig asks instead of guessing:'
\echo
\set ON_ERROR_STOP off
SELECT * FROM ashmig_plan(:'snapshots');
\set ON_ERROR_STOP on
\set renames '[{"table": "tickets", "column": "body", "to": "description"}, {"table": "organizations", "column": "billing_email", "to": null}]'
\echo
\echo 'The answers:' :renames
\echo
SELECT scope, table_name, operation, subject, lock, scans, destroys
  FROM ashmig_plan(:'snapshots', renames => :'renames');
\echo
\echo 'The SQL for tickets, up and down:'
\echo
\pset format unaligned
\pset tuples_only on
SELECT up FROM ashmig_plan(:'snapshots', renames => :'renames') WHERE table_name = 'tickets' ORDER BY step;
\echo
SELECT down FROM ashmig_plan(:'snapshots', renames => :'renames') WHERE table_name = 'tickets' ORDER BY step DESC;
\pset tuples_only off
\pset format aligned

\echo
\echo '━━ ashmig_apply'
\echo
SELECT * FROM ashmig_apply(:'snapshots', name => 'describe tickets', renames => :'renames');

\echo
\echo '━━ ashmig_status'
\echo
SELECT scope, schema_name, version, applied, pending FROM ashmig_status();

\echo
\echo '━━ The rows are still there, under the new column name'
\echo
SELECT number, subject, description, sla_minutes FROM org_acme.tickets;

\echo
\echo '━━ A removed attribute keeps its column until you ask to drop it'
\echo
SELECT table_name, column_name, version AS retired_by FROM ashmig.retired_columns;

\echo
\echo '━━ A second run has nothing to do, and ashmig_check agrees'
\echo
SELECT count(*) AS "schemas with something to do" FROM ashmig_migrate_all();
SELECT ashmig_check(:'snapshots') AS "up to date";

\echo
\echo '━━ A new tenant has the same structure as the others'
\echo
SELECT 'org_fir' AS tenant, ashmig_create_tenant('org_fir') AS version;
SELECT nspname AS schema_name, count(*) FILTER (WHERE relkind = 'r') AS tables,
       count(*) FILTER (WHERE relkind = 'i') AS indexes,
       (SELECT count(*) FROM pg_constraint WHERE connamespace = pg_namespace.oid AND contype = 'f') AS foreign_keys,
       (SELECT count(*) FROM pg_constraint WHERE connamespace = pg_namespace.oid AND contype = 'c') AS checks
  FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid
 WHERE nspname IN ('org_acme', 'org_fir')
 GROUP BY pg_namespace.oid, nspname ORDER BY nspname;

\echo
\echo '━━ ashmig_migrations'
\echo
SELECT scope, version, name, kind, applied, pending FROM ashmig_migrations();

-- Fail if the output above is not what it should be.
DO $$
BEGIN
  IF EXISTS (SELECT FROM ashmig_status() WHERE pending <> 0 OR error IS NOT NULL)
     OR (SELECT count(*) FROM ashmig_status() WHERE scope = 'tenant') <> 6
     OR (SELECT count(description) FROM org_acme.tickets) <> 2
     OR EXISTS (SELECT FROM ashmig_migrate_all()) THEN
    RAISE EXCEPTION 'the sample application is not in the expected state';
  END IF;
END
$$;
\echo
\echo 'Done: two generations, in public and in six tenants.'
