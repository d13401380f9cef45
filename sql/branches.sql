-- Branches: databases that start from the same history change the same tables.
-- Their migrations are exported, and imported elsewhere in any order.
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_branch_base;
\c ashmig_branch_base
SET client_min_messages = warning;
CREATE EXTENSION ashmig;

-- A snapshot of a tenant table: attributes by name, and further members
CREATE FUNCTION snap(name text, attributes jsonb, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('table', name, 'repo', 'Elixir.B.Repo', 'multitenancy', '{"strategy": "context"}'::jsonb,
    'attributes', '[{"source": "id", "type": "bigint", "generated?": true, "primary_key?": true, "allow_nil?": false}]'::jsonb
      || (SELECT coalesce(jsonb_agg(jsonb_build_object('source', key, 'type', 'text') || value), '[]') FROM jsonb_each(attributes))) || more $$;
-- Generate with this version
CREATE FUNCTION generate(wanted bigint, snapshots jsonb, drops boolean DEFAULT false, renames jsonb DEFAULT '[]') RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO ashmig.settings VALUES ('last_version', wanted - 1) ON CONFLICT (name) DO UPDATE SET value = excluded.value;
  PERFORM * FROM ashmig_generate(snapshots, name => 'm' || wanted % 100, drop_columns => drops, drop_tables => drops, renames => renames);
END $$;
-- The call that imports a migration elsewhere
CREATE FUNCTION script(version bigint) RETURNS text LANGUAGE sql AS $$
  SELECT replace(ashmig_export_migration(version, tenant => true), E'\\set ON_ERROR_STOP on\n', '') $$;
-- What is recorded, as one hash; the newest snapshot of a table, part by part
CREATE FUNCTION recorded() RETURNS text LANGUAGE sql AS $$
  SELECT md5(string_agg((scope, table_name, version, snapshot, state, brought, base, base_versions)::text, E'\n' ORDER BY version, table_name)) FROM ashmig.snapshots $$;
CREATE FUNCTION parts(wanted text) RETURNS TABLE (list text, part jsonb) LANGUAGE sql AS $$
  SELECT list, part FROM (SELECT snapshot FROM ashmig.snapshots WHERE table_name = wanted ORDER BY dev DESC, version DESC LIMIT 1) s,
    unnest('{attributes,identities,custom_indexes,check_constraints,custom_statements}'::text[]) WITH ORDINALITY AS l (list, n),
    jsonb_array_elements(snapshot -> list) WITH ORDINALITY AS p (part, m) ORDER BY l.n, p.m $$;
-- The structure of a tenant but for retired columns
CREATE FUNCTION structure(tenant text) RETURNS TABLE (object text) LANGUAGE sql AS $$
  SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, replace(column_default, tenant, '*')) FROM information_schema.columns c
    WHERE table_schema = tenant AND NOT EXISTS (SELECT FROM ashmig.retired_columns r WHERE (r.table_name, r.column_name) = (c.table_name, c.column_name))
  UNION ALL SELECT replace(indexdef, tenant, '*') FROM pg_indexes WHERE schemaname = tenant
  UNION ALL SELECT replace(conname || ' ' || pg_get_constraintdef(oid), tenant, '*') FROM pg_constraint WHERE connamespace = tenant::regnamespace AND contype <> 'n'
  ORDER BY 1 $$;

SELECT generate(30000101000001, jsonb_build_array(
  snap('tags', '{"name": {}, "old": {}, "size": {"type": "bigint"}, "kind": {}}', '{"identities": [{"name": "name", "keys": ["name"]}]}'),
  snap('notes', '{"body": {}}')));
\c :home
CREATE DATABASE ashmig_branch_a TEMPLATE ashmig_branch_base;
CREATE DATABASE ashmig_branch_b TEMPLATE ashmig_branch_base;
CREATE DATABASE ashmig_branch_ab TEMPLATE ashmig_branch_base;
CREATE DATABASE ashmig_branch_ba TEMPLATE ashmig_branch_base;

-- Branch a: "old" goes, "size" gets a default, "alpha" is new and has an index;
-- then it is required, and there is another table
\c ashmig_branch_a
SET client_min_messages = warning;
SELECT generate(30000201000001, jsonb_build_array(
  snap('tags', '{"name": {}, "size": {"type": "bigint", "default": "1"}, "kind": {}, "alpha": {"default": "\"\""}}',
    '{"identities": [{"name": "name", "keys": ["name"]}], "custom_indexes": [{"fields": ["alpha"]}]}')));
SELECT generate(30000201000005, jsonb_build_array(
  snap('tags', '{"name": {}, "size": {"type": "bigint", "default": "1"}, "kind": {}, "alpha": {"default": "\"\"", "allow_nil?": false}}',
    '{"identities": [{"name": "name", "keys": ["name"]}], "custom_indexes": [{"fields": ["alpha"]}]}'),
  snap('only_a', '{"x": {}}')));
SELECT script(30000201000001) AS a1, script(30000201000005) AS a2 \gset

-- Branch b: "size" is required, "beta" refers to another table, there are
-- another identity, a check and statements
\c ashmig_branch_b
SET client_min_messages = warning;
SELECT generate(30000201000003, jsonb_build_array(
  snap('tags', '{"name": {}, "old": {}, "size": {"type": "bigint", "allow_nil?": false}, "kind": {},
    "beta": {"type": "bigint", "references": {"table": "notes", "destination_attribute": "id", "multitenancy": {"strategy": "context"}}}}',
    '{"identities": [{"name": "kind", "keys": ["kind"]}, {"name": "name", "keys": ["name"]}],
      "check_constraints": [{"name": "size_ok", "attribute": ["size"], "check": "size > 0"}],
      "custom_statements": [{"name": "v", "up": "CREATE VIEW \"#{prefix()}\".v AS SELECT kind FROM \"#{prefix()}\".tags", "down": "DROP VIEW \"#{prefix()}\".v"}]}')));
SELECT script(30000201000003) AS b1 \gset

-- Both, in both orders: t1 has run the base, and then all that comes
\c ashmig_branch_ab
SET client_min_messages = warning;
SELECT ashmig_create_tenant('t1') > 0 AS created;
:a1
:a2
SELECT recorded() AS a_alone \gset
:b1
:b1
SELECT recorded() AS ab \gset
SELECT version, base_versions, brought IS NOT NULL AS merged FROM ashmig.snapshots WHERE table_name = 'tags' ORDER BY version;
SELECT * FROM parts('tags');
SELECT table_name, column_name FROM ashmig.retired_columns;
SELECT schema_name, applied, status FROM ashmig_migrate_tenants();
SELECT ashmig_create_tenant('t2') > 0 AS created;
SELECT * FROM structure('t1');
SELECT array(SELECT structure('t1')) = array(SELECT structure('t2')) AS same;
SELECT count(*) FROM ashmig_plan((SELECT jsonb_agg(snapshot ORDER BY table_name) FROM (SELECT DISTINCT ON (table_name) table_name, snapshot FROM ashmig.snapshots ORDER BY table_name, version DESC) s));
SELECT * FROM ashmig_check_migrations();

\c ashmig_branch_ba
SET client_min_messages = warning;
SELECT ashmig_create_tenant('t1') > 0 AS created;
:b1
-- not without what it builds on
:a2
SELECT schema_name, applied, status FROM ashmig_migrate_tenants();
:a1
:a2
SELECT recorded() = :'ab' AS same;
SELECT schema_name, applied, status FROM ashmig_migrate_tenants();
SELECT ashmig_create_tenant('t2') > 0 AS created;
SELECT array(SELECT structure('t1')) = array(SELECT structure('t2')) AS same;
SELECT md5(array(SELECT structure('t2'))::text) AS structure \gset

-- What is removed leaves what was recorded before
SELECT schema_name, applied, status FROM ashmig_rollback_tenants(all_versions => true);
SELECT ashmig_remove_migration(30000201000001, tenant => true);
SELECT ashmig_remove_migration(30000201000003, tenant => true);
SELECT recorded() = :'a_alone' AS same;
:b1
SELECT recorded() = :'ab' AS same;

-- The next generation builds on both, and goes to both branches
SELECT generate(30000301000001, jsonb_build_array((SELECT jsonb_set(snapshot, '{attributes,3,type}', '"integer"') FROM ashmig.snapshots WHERE table_name = 'tags' AND version = 30000201000005)));
SELECT version, base_versions, brought IS NOT NULL AS merged FROM ashmig.snapshots WHERE table_name = 'tags' ORDER BY version;
SELECT script(30000301000001) AS both \gset
SELECT ashmig_remove_migration(30000201000003, tenant => true);
SELECT recorded() AS all_of_them \gset
\c ashmig_branch_a
SET client_min_messages = warning;
:both
:b1
:both
SELECT recorded() = :'all_of_them' AS same;
SELECT * FROM ashmig_check_migrations();

-- The same thing in two branches: the error says which, and nothing is recorded
\c ashmig_branch_b
SET client_min_messages = warning;
SELECT recorded() AS b_alone \gset
\c :home
DROP DATABASE ashmig_branch_a;
CREATE DATABASE ashmig_branch_a TEMPLATE ashmig_branch_base;
\c ashmig_branch_a
SET client_min_messages = warning;
-- the tables of the base, but for one member
CREATE FUNCTION base_with(path text[], value jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(CASE WHEN table_name = 'tags' THEN jsonb_set(snapshot, path, value) ELSE snapshot END ORDER BY table_name) FROM ashmig.snapshots $$;
-- a generation of its own, whose script is all that stays
CREATE FUNCTION script_of(snapshots jsonb, drops boolean DEFAULT false, renames jsonb DEFAULT '[]') RETURNS text LANGUAGE plpgsql AS $$ DECLARE result text; BEGIN
  PERFORM generate(30000201000002, snapshots, drops, renames);
  result := script(30000201000002);
  PERFORM ashmig_remove_migration(30000201000002, tenant => true);
  RETURN result;
END $$;
SELECT script_of(base_with('{attributes,-1}', '{"source": "size", "type": "integer"}')) AS size_type,
  script_of(base_with('{attributes,-1}', '{"source": "size", "type": "integer", "primary_key?": false, "default": "2", "allow_nil?": false}')) AS size_all,
  script_of(base_with('{attributes,-1}', '{"source": "size", "type": "bigint", "allow_nil?": false}')) AS size_required,
  script_of(base_with('{check_constraints}', '[{"name": "size_ok", "attribute": ["size"], "check": "size > 10"}]')) AS check_size,
  script_of(base_with('{attributes,2}', '{"source": "cind", "type": "text"}'), renames => '[{"table": "tags", "column": "kind", "to": "cind"}]') AS rename_kind,
  script_of(base_with('{identities}', '[]')) AS without_name,
  script_of(jsonb_build_array(snap('tags', '{"name": {}, "old": {}, "size": {"type": "bigint"}, "kind": {}}')), drops => true) AS without_notes,
  script_of(jsonb_build_array(snap('notes', '{"body": {}}')), drops => true) AS without_tags,
  script_of(base_with('{table}', '"labels"'), true, '[{"table": "tags", "to": "labels"}]') AS rename_tags,
  script_of(base_with('{custom_indexes}', '[{"name": "tags_kind_unique_index", "fields": ["old"]}]')) AS same_index,
  script_of(jsonb_build_array(snap('only_a', '{"y": {}}'))) AS another_a \gset
\c ashmig_branch_b
SET client_min_messages = warning;
:size_all
:size_required
:check_size
:rename_kind
:without_notes
:without_tags
:rename_tags
:same_index
SELECT recorded() = :'b_alone' AS same;
-- that is something else
:without_name
SELECT * FROM parts('tags') WHERE list = 'identities';
SELECT ashmig_remove_migration(30000201000002, tenant => true);
SELECT recorded() = :'b_alone' AS same;
:another_a
:a1
:a2

-- Development generations stay the newest ones until a named one replaces them
\c ashmig_branch_ab
SET client_min_messages = warning;
SELECT ashmig_remove_migration(30000201000003, tenant => true) FROM ashmig_rollback_tenants(all_versions => true) LIMIT 1;
SELECT count(*) FROM ashmig_generate(jsonb_build_array((SELECT jsonb_set(snapshot, '{attributes,1,default}', '"\"k\""') FROM ashmig.snapshots WHERE table_name = 'tags' AND version = 30000201000005)), dev => true);
:b1
SELECT base_versions, dev, brought IS NOT NULL AS merged, (SELECT count(*) FROM jsonb_array_elements(snapshot -> 'attributes')) FROM ashmig.snapshots WHERE table_name = 'tags' ORDER BY dev, version;

-- Squashed: what was merged stands for itself; what is older cannot be merged any more
\c ashmig_branch_ba
SET client_min_messages = warning;
SELECT ashmig_remove_migration(30000301000001, tenant => true);
SELECT ashmig_squash_snapshots();
SELECT version, base_versions, brought FROM ashmig.snapshots WHERE table_name = 'tags';
:without_name
SELECT * FROM ashmig_check_migrations();

-- A renamed table: snapshots that refer to it go along, though their tables need no statement
\c :home
CREATE DATABASE ashmig_branch_c TEMPLATE ashmig_branch_base;
CREATE DATABASE ashmig_branch_d TEMPLATE ashmig_branch_base;
\c ashmig_branch_c
SET client_min_messages = warning;
CREATE FUNCTION reference(target text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT snap('refers', jsonb_build_object('note', jsonb_build_object('type', 'bigint', 'references',
    jsonb_build_object('table', target, 'destination_attribute', 'id', 'multitenancy', '{"strategy": "context"}'::jsonb)))) $$;
SELECT generate(30000201000001, jsonb_build_array(reference('notes')));
SELECT generate(30000201000002, jsonb_build_array(reference('papers'), snap('papers', '{"body": {}}'),
  (SELECT snapshot FROM ashmig.snapshots WHERE table_name = 'tags')), true, '[{"table": "notes", "to": "papers"}]');
SELECT table_name, version, base_versions, snapshot IS NULL AS gone FROM ashmig.snapshots ORDER BY 2, 1;
SELECT script(30000201000001) AS c1, script(30000201000002) AS c2 \gset
\c ashmig_branch_d
SET client_min_messages = warning;
:c1
:c2
SELECT ashmig_create_tenant('t') > 0 AS created;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'refers_note_fkey';
SELECT * FROM ashmig_check_migrations();

-- One branch refers to a column, to which the other gives another type
\c :home
CREATE DATABASE ashmig_branch_e TEMPLATE ashmig_branch_base;
\c ashmig_branch_e
SET client_min_messages = warning;
SELECT generate(30000201000001, jsonb_build_array(snap('refers', '{"tag": {"references":
  {"table": "tags", "destination_attribute": "name", "primary_key?": false, "multitenancy": {"strategy": "context"}}}}')));
SELECT script(30000201000001) AS reference \gset
SELECT ashmig_remove_migration(30000201000001, tenant => true);
SELECT generate(30000201000002, (SELECT jsonb_set(snapshot, '{attributes,3,type}', '"uuid"') FROM ashmig.snapshots WHERE table_name = 'tags'));
SELECT script(30000201000002) AS type \gset
:reference
SELECT ashmig_remove_migration(30000201000002, tenant => true);
:reference
:type
SELECT table_name, version FROM ashmig.snapshots ORDER BY 2, 1;

-- or whose unique key the other removes, in either order
SELECT ashmig_remove_migration(30000201000001, tenant => true);
SELECT generate(30000201000003, (SELECT jsonb_build_array(snapshot - 'identities') FROM ashmig.snapshots WHERE table_name = 'tags'));
SELECT script(30000201000003) AS keyless \gset
:reference
SELECT ashmig_remove_migration(30000201000003, tenant => true);
:reference
:keyless
SELECT table_name, version FROM ashmig.snapshots ORDER BY 2, 1;
-- unless something by hand makes it
SELECT ashmig_add_migration(30000201000002, 'key', 'CREATE UNIQUE INDEX ON @tenant@.tags (name)', tenant => true) > 0 AS added;
:keyless

-- A script without a base, as scripts were before: the newest version counts
\c ashmig_branch_a
SET client_min_messages = warning;
SELECT regexp_replace(:'size_type', '"base": \{[^}]*\}, ', '') AS without_base \gset
:without_base
SELECT version, base_versions, base FROM ashmig.snapshots WHERE table_name = 'tags' ORDER BY version;

-- What builds on a generation of the same snapshots under another version
SELECT ashmig_remove_migration(30000201000002, tenant => true), ashmig_remove_migration(30000101000001, tenant => true);
SELECT generate(30000101000005, jsonb_build_array(
  snap('notes', '{"body": {}}'),
  snap('tags', '{"name": {}, "kind": {}, "size": {"type": "bigint"}, "old": {}}', '{"identities": [{"name": "name", "keys": ["name"]}]}')));
:a1
SELECT table_name, version, base_versions FROM ashmig.snapshots ORDER BY 1, 2;
SELECT ashmig_remove_migration(30000201000001, tenant => true);

-- What was changed by hand does not go unnoticed
:size_required
UPDATE ashmig.snapshots SET snapshot = jsonb_set(snapshot, '{attributes,1,type}', '"citext"') WHERE table_name = 'tags' AND version = 30000101000005;
SELECT version, name, problem, left(recorded, 8) AS recorded, left(actual, 8) AS actual FROM ashmig_check_migrations();

\c :home
DROP DATABASE ashmig_branch_a;
DROP DATABASE ashmig_branch_b;
DROP DATABASE ashmig_branch_c;
DROP DATABASE ashmig_branch_d;
DROP DATABASE ashmig_branch_e;
DROP DATABASE ashmig_branch_ab;
DROP DATABASE ashmig_branch_ba;
DROP DATABASE ashmig_branch_base;
